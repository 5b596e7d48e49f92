import { historyTests } from './historyChecker/suite.ts';

historyTests(0, 2);

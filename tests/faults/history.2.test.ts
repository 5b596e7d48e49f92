import { historyTests } from './historyChecker/suite.ts';

historyTests(1, 2);

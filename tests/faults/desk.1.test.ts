import { deskTests } from './deskChecker/suite.ts';

deskTests(0, 2);

import { deskTests } from './deskChecker/suite.ts';

deskTests(1, 2);

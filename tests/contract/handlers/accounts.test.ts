import { startDesk } from '../../support/inProcess.ts';
import { accountSuite } from '../suites/accounts.ts';
import { oneSystem } from '../suites/start.ts';

accountSuite(oneSystem(startDesk));

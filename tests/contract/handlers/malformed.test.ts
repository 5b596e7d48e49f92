import { startDesk } from '../../support/inProcess.ts';
import { malformedSuite } from '../suites/malformed.ts';
import { oneSystem } from '../suites/start.ts';

malformedSuite(oneSystem(startDesk));

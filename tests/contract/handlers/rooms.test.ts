import { startDesk } from '../../support/inProcess.ts';
import { crowdSuite } from '../suites/crowd.ts';
import { historySuite } from '../suites/history.ts';
import { lifecycleSuite } from '../suites/lifecycle.ts';
import { roomSuite } from '../suites/rooms.ts';
import { oneSystem } from '../suites/start.ts';

const start = oneSystem(startDesk);

roomSuite(start);
historySuite(start);
lifecycleSuite(start);
crowdSuite(start, { each: 20, rivals: 10 });

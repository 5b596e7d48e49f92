import { browserAt } from '../../client/support/browser.ts';
import { throughClient } from '../../client/support/carried.ts';
import { startDesk } from '../../support/inProcess.ts';
import { crowdSuite } from '../suites/crowd.ts';
import { historySuite } from '../suites/history.ts';
import { lifecycleSuite } from '../suites/lifecycle.ts';
import { roomSuite } from '../suites/rooms.ts';
import { oneSystem } from '../suites/start.ts';

/** The suites of `rooms.test.ts`, where the client package stands between. */
const start = oneSystem(async () => {
  const started = await startDesk();
  const { gateway } = started.system;
  return throughClient(started, { httpUrl: 'http://localhost', websocketUrl: 'ws://localhost', ...browserAt(gateway) });
});

roomSuite(start);
historySuite(start);
lifecycleSuite(start);
crowdSuite(start, { each: 20, rivals: 10 });

import { browserAt } from '../../client/support/browser.ts';
import { type InProcess, startDesk } from '../../support/inProcess.ts';
import { talkingSuite } from '../suites/talking.ts';

let system: InProcess | undefined;
afterAll(() => system?.stop());

talkingSuite(async () => {
  const started = await startDesk();
  system = started.system;
  return {
    ...started,
    reach: { httpUrl: 'http://localhost', websocketUrl: 'ws://localhost', ...browserAt(system.gateway) },
  };
});

import { historySuite } from '../contract/suites/history.ts';
import { lifecycleSuite } from '../contract/suites/lifecycle.ts';
import { roomSuite } from '../contract/suites/rooms.ts';
import { oneSystem } from '../contract/suites/start.ts';
import { type Deployed, fromPackage } from './deployed.ts';
import { startPackagedDesk } from './packaged.ts';
import { type PackagedService, packagedService } from './packaging.ts';
import { walkThrough } from './walkThrough.ts';

/**
 * The contract, by the packages as Lambda runs them: alone in a folder, with their role's rights, frozen between
 * invocations. What was left to do after an answer is not done, or done in the middle of the next invocation.
 */

let packaged: PackagedService;
let deployed: Deployed;

beforeAll(async () => {
  packaged = await packagedService();
  deployed = await fromPackage(packaged.folder);
}, 310_000);

const start = oneSystem(() => startPackagedDesk(deployed));
afterAll(() => packaged?.remove());

it('walks through, instances frozen between invocations', () => walkThrough(deployed), 120_000);

it('walks through, every instance killed once it has answered', () => walkThrough(deployed, 'never'), 300_000);

roomSuite(start);
historySuite(start);
lifecycleSuite(start);

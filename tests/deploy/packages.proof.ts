import { historySuite } from '../contract/suites/history.ts';
import { lifecycleSuite } from '../contract/suites/lifecycle.ts';
import { roomSuite } from '../contract/suites/rooms.ts';
import { oneSystem } from '../contract/suites/start.ts';
import { type Deployed, fromPackage } from './deployed.ts';
import { startPackagedDesk } from './packaged.ts';
import { type PackagedService, packagedService } from './packaging.ts';
import { servePages } from './pages.ts';
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
});

const start = oneSystem(() => startPackagedDesk(deployed));
afterAll(() => packaged?.remove());

it('walks through, instances frozen between invocations', () => walkThrough(deployed));

it('walks through, every instance killed once it has answered', () => walkThrough(deployed, 'never'));

it('serves console, widget and documents where they are switched on', () => servePages(deployed));

it('answers though it was frozen in the middle of its start, and what it had begun is lost', async () => {
  const { system, desk } = await startPackagedDesk(deployed);
  try {
    const candidate = await desk.candidate();
    const prepare = (name: string) => system.fleet.prepare(name, system.aws.leaveUnanswered(name));
    // Long enough to know that it was frozen, and too short for the read to be given up before it is waited for.
    const aWhile = () => new Promise((resolve) => setTimeout(resolve, 1_500));
    await Promise.all(['auth', 'websocket'].map(prepare));
    await aWhile();
    expect(await desk.ok('GET', '/auth/me', candidate.token)).toEqual(candidate.user);
    await prepare('auth');
    await aWhile();
    expect(await desk.login(candidate.email, candidate.password)).toMatchObject({ user: candidate.user });
    (await desk.connect(candidate)).close();
  } finally {
    await system.stop();
  }
});

it('loses no frame though its sockets were reset while it was frozen', async () => {
  const { system, desk } = await startPackagedDesk(deployed);
  try {
    const { candidate, agent, conversation } = await desk.assigned('m1');
    const { id: conversationId } = conversation;
    const [c, a] = await Promise.all([desk.join(candidate, conversationId), desk.join(agent, conversationId)]);
    for (const content of ['m2', 'm3', 'm4']) {
      await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content });
      await a.next('NEW_MESSAGE', (message) => message.content === content);
      await system.gateway.idle();
      system.aws.cutSockets();
    }
    expect(system.fleet.log.filter((line) => line.includes('post failed'))).toEqual([]);
  } finally {
    await system.stop();
  }
}, 60_000);

roomSuite(start);
historySuite(start);
lifecycleSuite(start);

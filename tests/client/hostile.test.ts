import { createClient } from '../../client/src/index.ts';
import { numberFromEnv, seeds } from '../faults/seeds.ts';
import { startDesk } from '../support/inProcess.ts';
import { playSeed } from './hostile/play.ts';
import { Browser } from './hostile/tab.ts';

/** Seeds played at the same time: most of each is waiting. */
const LANES = 4;

it(
  'through a hostile network, what is handed to the application is what is stored, in order',
  async () => {
    const world = await startDesk({ MAX_CONNECTIONS_PER_USER: '1000', ACCESS_TOKEN_TTL_SECONDS: '86400' });
    const { desk, system } = world;
    const waiting = seeds(0, 1, { few: 6, soak: 60 });
    const total = waiting.length;
    const failures: string[] = [];
    const lane = async () => {
      const supervisor = await desk.supervisor();
      const people = {
        supervisor,
        candidate: await signedIn(new Browser(await desk.candidate(), await desk.candidate('Gus Guest'))),
        agent: await signedIn(new Browser(await desk.agent(supervisor))),
      };
      for (let seed = waiting.shift(); seed !== undefined && failures.length === 0; seed = waiting.shift()) {
        const complaints = await playSeed(world, people, seed);
        if (complaints.length > 0)
          failures.push(
            [`seed ${seed}; again: SEED=${seed} npm test -- tests/client/hostile`, ...complaints].join('\n'),
          );
        if (process.env['PROGRESS'] && waiting.length % 50 === 0)
          process.stderr.write(`${total - waiting.length} of ${total} seeds\n`);
      }
    };
    try {
      await Promise.all(Array.from({ length: Math.min(LANES, total) }, lane));
      expect(failures.join('\n\n')).toBe('');
    } finally {
      await system.gateway.idle();
      await system.stop();
    }
  },
  2 * numberFromEnv('SOAK_MS', 150_000),
);

/** The session of a browser is kept for every page that it opens. */
async function signedIn(browser: Browser): Promise<Browser> {
  const client = createClient({
    httpUrl: 'http://unused',
    websocketUrl: 'ws://unused',
    storage: browser.storage.tab(),
    fetch: () => Promise.reject(new Error('unused')),
  });
  await client.session.use(browser.owner.session);
  client.close();
  return browser;
}

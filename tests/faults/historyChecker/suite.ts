import { eventually } from '../../support/deadline.ts';
import { numberFromEnv, seeds } from '../seeds.ts';
import { check } from './check.ts';
import { commandsSeen } from './disturbance.ts';
import { Play } from './play.ts';
import { scenario } from './scenario.ts';
import { type Players, startWorld, type World } from './world.ts';

/** Scenarios played at the same time: most of each is waiting. */
const LANES = 5;

/** Declares the tests of one part. */
export function historyTests(part: number, parts: number): void {
  describe(`histories, part ${part + 1} of ${parts}`, () => {
    let world: World;
    beforeAll(async () => {
      world = await startWorld();
    });
    afterAll(() => world.stop());

    it(
      'nothing lost, nothing doubled, nothing out of order',
      async () => {
        const waiting = seeds(part, parts, { few: 8, soak: 200 });
        const total = waiting.length;
        const failures: string[] = [];
        const lane = async (players: Players) => {
          for (let seed = waiting.shift(); seed !== undefined && failures.length === 0; seed = waiting.shift()) {
            const failure = await playSeed(world, players, seed);
            if (failure) failures.push(failure);
            const left = waiting.length;
            if (process.env['PROGRESS'] && left % 50 === 0) {
              process.stderr.write(`part ${part + 1}: ${total - left} of ${total} seeds\n`);
            }
          }
        };
        const teams: Players[] = [];
        while (teams.length < Math.min(LANES, total)) teams.push(await world.players());
        await Promise.all(teams.map(lane));
        expect(failures.join('\n\n')).toBe('');
      },
      numberFromEnv('SOAK_MS', 300_000),
    );

    it('the faults had database commands to strike', () => {
      expect(commandsSeen).toBeGreaterThan(0);
    });

    it('every active copy expires', async () => {
      const copies = world.witness.database.collection('active_messages');
      await eventually('the active copies to expire', async () => (await copies.countDocuments({})) === 0);
    });
  });
}

/** What is wrong with a seed's history, how to see it again, and what was done; `undefined` when nothing is wrong. */
async function playSeed(world: World, players: Players, seed: number): Promise<string | undefined> {
  const play = await Play.start(world, players, scenario(seed));
  let complaints: string[];
  try {
    await play.run();
    complaints = check(play.history, await play.finish());
  } catch (error) {
    complaints = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  } finally {
    await play.leave();
  }
  if (complaints.length === 0) return undefined;
  return [
    `seed ${seed}; again: SEED=${seed} npm test -- tests/faults/history`,
    ...complaints.map((complaint) => `  ✗ ${complaint}`),
    ...play.history.trace,
  ].join('\n');
}

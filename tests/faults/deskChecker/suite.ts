import { numberFromEnv, seeds } from '../seeds.ts';
import { check } from './check.ts';
import { Play } from './play.ts';
import { dying, scenario } from './scenario.ts';
import { startWorld, type World } from './world.ts';

/** Declares the tests of one part. */
export function deskTests(part: number, parts: number): void {
  describe(`desks, part ${part + 1} of ${parts}`, () => {
    let world: World;
    beforeAll(async () => {
      world = await startWorld();
    });
    afterAll(() => world.stop());

    it(
      'nobody is given too much, nothing is given twice, and nothing waits that somebody has room for',
      async () => {
        const all = seeds(part, parts, { few: 2, soak: 100 });
        for (const [index, seed] of all.entries()) {
          expect(await complaintsOf(world, seed)).toBe('');
          if (process.env['PROGRESS'] && index % 25 === 24) {
            process.stderr.write(`desks, part ${part + 1}: ${index + 1} of ${all.length} seeds\n`);
          }
        }
      },
      numberFromEnv('SOAK_MS', 300_000),
    );

    it.each((['clock', 'dispatcher'] as const).filter((_who, index) => index % parts === part))(
      'a %s that dies on its way leaves what the next tick sets right',
      async (who) => {
        const isFull = process.env['SOAK'] === '1';
        let steps = 0;
        for (let at = 1, wasStruck = true; wasStruck; at += isFull ? 1 : 11) {
          for (const when of isFull ? (['before', 'after'] as const) : ([at % 2 === 0 ? 'before' : 'after'] as const)) {
            const play = await Play.start(world, dying(who, { kind: 'crash', at, when, times: 1 }));
            expect(await judged(play, `${who}, dead ${when} effect ${at}`)).toBe('');
            wasStruck = play.wasStruck;
            steps = at;
          }
        }
        expect(steps).toBeGreaterThan(20);
      },
    );
  });
}

/** What is wrong with a seed's history, how to see it again, and what was done; empty when nothing is wrong. */
async function complaintsOf(world: World, seed: number): Promise<string> {
  return judged(
    await Play.start(world, scenario(seed)),
    `seed ${seed}; again: SEED=${seed} npm test -- tests/faults/desk`,
  );
}

async function judged(play: Play, title: string): Promise<string> {
  let complaints: string[];
  try {
    await play.run();
    complaints = check(await play.finish());
  } catch (error) {
    complaints = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  } finally {
    await play.leave();
  }
  if (complaints.length === 0) return '';
  return [title, ...complaints.slice(0, 10).map((complaint) => `  ✗ ${complaint}`), ...play.trace].join('\n');
}

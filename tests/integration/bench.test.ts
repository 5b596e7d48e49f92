import { prepareEnvironment } from '../../bench/harness/contestants.ts';
import { Progress } from '../../bench/harness/progress.ts';
import { measureDesk } from '../../bench/measures/desk.ts';
import { measureSend } from '../../bench/measures/send.ts';
import { itInFull } from '../support/inFull.ts';

/** The benchmark's servers, each in a process of its own, as `npm run bench` starts them. */

const progress = new Progress();
progress.at = () => undefined;
beforeAll(() => prepareEnvironment(process.env['TEST_MONGODB_URI'] ?? ''));

itInFull('measures every contestant, and each has delivered everything once (SOAK=1)', async () => {
  // Throws unless both sides have seen every message, once.
  const { runs } = await measureSend(progress, { messages: 5, runs: 2, warmUp: 0 });
  expect(runs).toHaveLength(2);
  for (const { bare, bareTransaction, contestants } of runs) {
    expect(bare.p50).toBeGreaterThanOrEqual(bareTransaction.p50);
    expect(contestants.map(({ name }) => name)).toEqual([
      'Bare',
      'Live Support',
      'Classic',
      'Socket.IO + Mongo',
      'Socket.IO + Mongo, counter w: 1',
    ]);
    for (const { acknowledged, seen } of contestants) {
      expect(acknowledged.p50).toBeGreaterThan(0);
      expect(seen.p50).toBeGreaterThan(0);
    }
  }
});

itInFull('measures desks beside each other, and each has done the work (SOAK=1)', async () => {
  const sizes = [
    { waiting: 10, agents: 2, watchers: 1 },
    { waiting: 30, agents: 4, watchers: 2 },
  ];
  // Throws unless every watcher was told, ten were read, and every agent was given one.
  const desks = await measureDesk(progress, { sizes, rounds: 2, ticks: 1, warmUp: 0 });
  expect(desks.sizes.map(({ waiting, assigned }) => [waiting, assigned])).toEqual([
    [10, 2],
    [30, 4],
  ]);
  for (const { open, told, watch, assign, given, tick, idleTick } of desks.sizes) {
    for (const { p50 } of [open, told, watch, assign, given, tick, idleTick]) expect(p50).toBeGreaterThan(0);
  }
});

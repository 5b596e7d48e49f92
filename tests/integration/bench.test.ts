import { prepareEnvironment } from '../../bench/harness/contestants.ts';
import { Progress } from '../../bench/harness/progress.ts';
import { measureSend } from '../../bench/measures/send.ts';

/** The benchmark's servers, each in a process of its own, as `npm run bench` starts them. */

it('measures every contestant, and each has delivered everything once', async () => {
  prepareEnvironment(process.env['TEST_MONGODB_URI'] ?? '');
  const progress = new Progress();
  progress.at = () => undefined;
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

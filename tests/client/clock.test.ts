import { systemClock } from '../../client/src/clock.ts';

/** A platform's timer holds 2³¹ − 1 ms, and one that is longer runs at once. */

it('a timer that the platform can’t hold waits all the same', () => {
  const { setTimeout: real } = globalThis;
  const armed: { readonly ms: number; readonly run: () => void }[] = [];
  const ran: string[] = [];
  globalThis.setTimeout = ((run: () => void, ms: number) => {
    armed.push({ ms, run });
    return real(() => undefined, 0);
  }) as typeof real;
  try {
    systemClock.after(2 ** 31 + 4, () => ran.push('long'));
    armed[0]?.run();
    expect([armed.map(({ ms }) => ms), ran]).toEqual([[2 ** 31 - 1, 5], []]);
    armed[1]?.run();
    expect(ran).toEqual(['long']);
    systemClock.after(Number.POSITIVE_INFINITY, () => ran.push('never'));
    armed[2]?.run();
    expect([armed[3]?.ms, ran]).toEqual([2 ** 31 - 1, ['long']]);
  } finally {
    globalThis.setTimeout = real;
  }
});

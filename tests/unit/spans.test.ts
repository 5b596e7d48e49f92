import fc from 'fast-check';
import { cover, DAY_MS, QUARTER_MS, type Range } from '../../lib/domain/spans.ts';

const YEARS_MS = 10 * 366 * DAY_MS;
const instant = fc.oneof(
  fc.integer({ min: 0, max: YEARS_MS }),
  fc.integer({ min: 0, max: 3_660 }).map((day) => day * DAY_MS),
  fc.integer({ min: 0, max: 3_660 * 96 }).map((quarter) => quarter * QUARTER_MS),
);

/** All parts in their order, each with the length of its spans; 1 where it has none. */
function partsOf(range: Range): (Range & { length: number })[] {
  const { spans, quarters, rest } = cover(range);
  return [
    ...spans.map(({ days, from, to }) => ({ from, to, length: days * DAY_MS })),
    ...quarters.map((part) => ({ ...part, length: QUARTER_MS })),
    ...rest.map((part) => ({ ...part, length: 1 })),
  ].sort((a, b) => a.from - b.from);
}

it('covers a time without a gap or an overlap, in whole spans, few of them', () => {
  fc.assert(
    fc.property(instant, instant, (one, other) => {
      const range = { from: Math.min(one, other), to: Math.max(one, other) };
      const parts = partsOf(range);
      let at = range.from;
      for (const { from, to, length } of parts) {
        expect(from).toBe(at);
        expect([from % length, to % length]).toEqual([0, 0]);
        at = to;
      }
      expect(at).toBe(range.to);
      const spans = parts.filter(({ length }) => length >= DAY_MS).map(({ from, to, length }) => (to - from) / length);
      expect(spans.reduce((sum, count) => sum + count, 0)).toBeLessThan(3 + 4 * 31 + 1);
      const rest = parts.filter(({ length }) => length === 1);
      expect(rest.every(({ from, to }) => to - from < 2 * QUARTER_MS)).toBe(true);
    }),
  );
});

it('covers all time with the longest spans alone, and a time without an end from its beginning on', () => {
  const [never, ever] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  expect(cover({ from: never, to: ever })).toEqual({
    spans: [{ days: 1024, from: never, to: ever }],
    quarters: [],
    rest: [],
  });
  const parts = partsOf({ from: DAY_MS + 1, to: ever });
  expect(parts.map(({ length }) => length)).toEqual([1, QUARTER_MS, DAY_MS, 32 * DAY_MS, 1024 * DAY_MS]);
  expect([parts[0]?.from, parts.at(-1)?.to]).toEqual([DAY_MS + 1, ever]);
});

it('covers nothing where the end is not after the beginning', () => {
  for (const to of [5, 4]) expect(cover({ from: 5, to })).toEqual({ spans: [], quarters: [], rest: [] });
});

/**
 * Time is cut into spans that are counted as a whole. Quarters of an hour make up the days of every time zone; days, 32
 * days and 1,024 days make a long time a handful of spans. Every span begins at a whole multiple of its length since
 * 1970, in UTC.
 */
export const QUARTER_MS = 15 * 60 * 1000;
export const HOUR_MS = 4 * QUARTER_MS;
export const DAY_MS = 24 * 3600 * 1000;

/** The lengths of spans made of days, the longest first. */
export const LEVELS = [1024, 32, 1] as const;
export type Days = (typeof LEVELS)[number];

/** Returns the start of the span of this length that has an instant in it. */
export const spanStart = (at: number, length: number): number => Math.floor(at / length) * length;

/** Returns in which quarter of an hour of its UTC day an instant is, from 0. */
export const quarterOf = (at: number): number => Math.floor((at - spanStart(at, DAY_MS)) / QUARTER_MS);

/** A time from `from` on and before `to`, in epoch milliseconds; infinite where it has no bound. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** A time, cut into whole spans of each length and the parts that are left. */
export interface Cover {
  readonly spans: readonly (Range & { readonly days: Days })[];
  /** Whole quarters beside the whole days. */
  readonly quarters: readonly Range[];
  /** Parts of quarters: at most two. */
  readonly rest: readonly Range[];
}

/** Cuts a time into the fewest spans: some thirty of each length at either end. */
export function cover(range: Range): Cover {
  const spans: (Range & { days: Days })[] = [];
  let left = isEmpty(range) ? [] : [range];
  for (const days of LEVELS) {
    const { whole, rest } = cut(left, days * DAY_MS);
    spans.push(...whole.map((part) => ({ days, ...part })));
    left = rest;
  }
  const { whole: quarters, rest } = cut(left, QUARTER_MS);
  return { spans, quarters, rest };
}

function cut(ranges: readonly Range[], length: number): { whole: Range[]; rest: Range[] } {
  const whole: Range[] = [];
  const rest: Range[] = [];
  for (const { from, to } of ranges) {
    const [first, last] = [Math.ceil(from / length) * length, Math.floor(to / length) * length];
    if (first < last) {
      whole.push({ from: first, to: last });
      rest.push({ from, to: first }, { from: last, to });
    } else {
      rest.push({ from, to });
    }
  }
  return { whole, rest: rest.filter((part) => !isEmpty(part)) };
}

const isEmpty = ({ from, to }: Range): boolean => !(from < to);

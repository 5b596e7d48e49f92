/** The statistics of the benchmark. Each throws where there is nothing to compute from. */

const sorted = (values: readonly number[]): number[] => {
  if (values.length === 0) throw new RangeError('no values');
  return values.toSorted((a, b) => a - b);
};

/** The smallest value that `share` of all values don't exceed (nearest rank): `percentile(times, 0.95)`. */
export function percentile(values: readonly number[], share: number): number {
  const all = sorted(values);
  return all[Math.max(0, Math.ceil(share * all.length) - 1)] as number;
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const all = sorted(values);
  const middle = Math.floor(all.length / 2);
  const upper = all[middle] as number;
  return all.length % 2 === 1 ? upper : ((all[middle - 1] as number) + upper) / 2;
}

/**
 * The median of the ratios that each run has by itself. What else the machine did during a run falls on both of its
 * numbers; the ratio of two medians would mix the runs.
 */
export function medianRatio(runs: readonly { readonly of: number; readonly to: number }[]): number {
  return median(runs.map(({ of, to }) => of / to));
}

export interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export const spread = (values: readonly number[]): Spread => ({
  p50: percentile(values, 0.5),
  p95: percentile(values, 0.95),
  p99: percentile(values, 0.99),
});

/** Rounds to three significant digits, so that a committed result doesn't claim more than was measured. */
export const rounded = (value: number): number => Number(value.toPrecision(3));

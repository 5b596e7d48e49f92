/**
 * Durations, counted by their logarithm. The sum of two histograms is the histogram of both, and the median can be read
 * from one. That median is within `ERROR` of the true one, plus half a millisecond of rounding; for 0 ms it is 0. The
 * buckets are those of DDSketch: https://arxiv.org/abs/1908.10693
 */
export type Histogram = Record<string, number>;

export const ERROR = 0.01;
const GROWTH = (1 + ERROR) / (1 - ERROR);

/**
 * Returns the bucket of a duration in milliseconds. A bucket stands for one value, and all durations in it are at most
 * `ERROR` away from that value.
 */
export const bucketOf = (ms: number): number => (ms < 1 ? 0 : 1 + Math.ceil(Math.log(ms) / Math.log(GROWTH)));

const standsFor = (bucket: number): number => (bucket === 0 ? 0 : (2 * GROWTH ** (bucket - 1)) / (GROWTH + 1));

/** Adds the second counts to the first, or with -1 takes them away. */
export function addCounts(
  to: Record<string, number>,
  counts: Readonly<Record<string, number>>,
  times: 1 | -1 = 1,
): void {
  for (const key in counts) to[key] = (to[key] ?? 0) + times * (counts[key] ?? 0);
}

/**
 * Returns the median in milliseconds: of an even number, between the two in the middle. `null` for an empty histogram.
 */
export function medianOf(histogram: Histogram): number | null {
  const buckets = Object.keys(histogram)
    .map(Number)
    .sort((a, b) => a - b);
  const total = buckets.reduce((sum, bucket) => sum + (histogram[bucket] ?? 0), 0);
  if (total === 0) return null;
  /** From 0. */
  const at = (place: number): number => {
    let seen = 0;
    for (const bucket of buckets) {
      seen += histogram[bucket] ?? 0;
      if (seen > place) return standsFor(bucket);
    }
    throw new Error('a place beyond the end');
  };
  return (at(Math.floor((total - 1) / 2)) + at(Math.floor(total / 2))) / 2;
}

/** Returns the exact median of durations in milliseconds. `null` where there are none. */
export function exactMedian(durations: readonly number[]): number | null {
  const sorted = durations.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

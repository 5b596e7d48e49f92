// What a crash left half done is finished by the sweep. What fails there is set back: others come first, and it is tried
// again later, the later the more often it failed.

const MINUTE_MS = 60_000;
/** Less than the five minutes between two sweeps: a first failure is tried again by the next one. */
const SOONEST_MS = 4 * MINUTE_MS;
const LATEST_MS = 6 * 60 * MINUTE_MS;

/** Work that never failed yet, or work that was set back. */
export type Attempt = 'first' | 'again';

/** When what has failed `failures` times before, and now once more, is tried again. */
export const retryAt = (failures = 0): Date =>
  new Date(Date.now() + Math.min(LATEST_MS, SOONEST_MS * 2 ** Math.min(failures, 10)));

/** The filter on the time that `retryAt` gave. */
export const dueFor = (attempt: Attempt): Record<string, unknown> =>
  attempt === 'first' ? { $exists: false } : { $lte: new Date() };

/** What of one kind is due, a page of it. */
export interface Due {
  readonly attempt: Attempt;
  /** Only what waits since before. */
  readonly before?: Date;
  /** Nothing that has waited longer. */
  readonly from: Date | undefined;
  readonly most: number;
}

/** The filter on the time since which something waits. */
export const waitsSince = ({ before, from }: Due): Record<string, unknown> => ({
  $gte: from ?? new Date(0),
  ...(before && { $lt: before }),
});

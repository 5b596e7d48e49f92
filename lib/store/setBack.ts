// The sweep finishes work that a crash left half done. Work that fails there is set back: other work comes first, and it is
// tried again later, each time after a longer pause.

const MINUTE_MS = 60_000;
/** Less than the five minutes between two sweeps, so that the next sweep tries a first failure again. */
const SOONEST_MS = 4 * MINUTE_MS;
const LATEST_MS = 6 * 60 * MINUTE_MS;

/** A pass of the sweep: `first` takes work that never failed, `again` takes work that was set back. */
export type Pass = 'first' | 'again';

/** Returns when to try again, after `failures` earlier failures and one more. */
export const retryAt = (failures = 0): Date =>
  new Date(Date.now() + Math.min(LATEST_MS, SOONEST_MS * 2 ** Math.min(failures, 10)));

/** The filter on the time that `retryAt` returned. */
export const dueFor = (pass: Pass): Record<string, unknown> =>
  pass === 'first' ? { $exists: false } : { $lte: new Date() };

/** Which due work of one kind to read: one page. */
export interface Due {
  readonly pass: Pass;
  /** Only work that has waited since before this time. */
  readonly before?: Date;
  /** No work that has waited since before this time. */
  readonly from: Date | undefined;
  readonly most: number;
}

/** The filter on the time since which work waits. */
export const waitsSince = ({ before, from }: Due): Record<string, unknown> => ({
  $gte: from ?? new Date(0),
  ...(before && { $lt: before }),
});

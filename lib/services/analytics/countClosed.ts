import { addRatingsToSums, addToSums, sumsAreComplete } from '../../store/closedSums.ts';
import { transaction } from '../../store/database.ts';

/** Conversations that one transaction adds to the sums. */
const ADDED_AT_ONCE = 500;

/**
 * Adds closed conversations and their ratings to the analytics' sums, until none is left or it is `until`, in epoch milliseconds. Returns how
 * many it has added. Any number may run at once.
 */
export async function countClosed(until: number): Promise<number> {
  // Before everything was counted once, the index may not be there to find what isn't.
  if (!(await sumsAreComplete())) return 0;
  const closed = await countAll(addToSums, until);
  return closed + (await countAll(addRatingsToSums, until));
}

/** Adds until nothing is left, or it is `until`. */
async function countAll(add: typeof addToSums, until: number): Promise<number> {
  for (let counted = 0; ; ) {
    if (Date.now() > until) return counted;
    const added = await transaction((session) => add(ADDED_AT_ONCE, session));
    counted += added;
    if (added < ADDED_AT_ONCE) return counted;
  }
}

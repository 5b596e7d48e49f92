import { errorFields, logger } from '../../runtime/logger.ts';
import { findLapsedVisitors, putOffVisitor, removeVisitors } from '../../store/customers.ts';
import { liveSessionEnds } from '../../store/sessions.ts';

const PAGE = 500;

/**
 * Removes visitors who have opened no conversation and whose session has ended. Returns how many. Never throws: the next sweep
 * removes who is left.
 */
export async function removeLapsedVisitors(until: number): Promise<number> {
  let removed = 0;
  try {
    for (;;) {
      const page = Date.now() > until ? [] : await findLapsedVisitors(PAGE);
      if (page.length === 0) return removed;
      const ends = await liveSessionEnds(page);
      // They have refreshed it.
      for (const [id, end] of ends) await putOffVisitor(id, end);
      removed += await removeVisitors(page.filter((id) => !ends.has(id)));
    }
  } catch (error) {
    logger.error('could not remove visitors', errorFields(error));
    return removed;
  }
}

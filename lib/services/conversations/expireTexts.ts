import { config } from '../../config.ts';
import { errorFields, logger } from '../../logger.ts';
import { deleteMessages } from '../../store/messages.ts';
import { findExpired, noteExpired, reckonRetention } from '../../store/retention.ts';

const RECKONED_AT_ONCE = 1_000;
const PAGE = 100;

/**
 * Brings closed conversations in line with `MESSAGE_RETENTION_DAYS` as it is now, those archived under another value
 * included, and deletes the messages and the subject of those whose time is up. What the analytics count stays. Answers how
 * many were deleted.
 */
export async function expireTexts(until: number): Promise<number> {
  const days = config().MESSAGE_RETENTION_DAYS;
  let reckoned = RECKONED_AT_ONCE;
  while (reckoned === RECKONED_AT_ONCE && Date.now() < until) reckoned = await reckonRetention(days, RECKONED_AT_ONCE);
  let expired = 0;
  while (Date.now() < until) {
    const page = await findExpired(PAGE);
    let gone = 0;
    for (const { _id, lastSeq } of page) {
      if (Date.now() > until) return expired;
      try {
        await deleteMessages(_id, lastSeq);
        await noteExpired(_id);
        gone += 1;
      } catch (error) {
        logger.error('could not delete expired messages', { conversationId: _id, ...errorFields(error) });
      }
    }
    expired += gone;
    // Where a whole page fails, the next run tries again.
    if (page.length < PAGE || gone === 0) break;
  }
  return expired;
}

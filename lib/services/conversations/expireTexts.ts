import { config } from '../../runtime/config.ts';
import { errorFields, logger } from '../../runtime/logger.ts';
import { deleteMessages } from '../../store/messages.ts';
import { deleteNotes } from '../../store/notes.ts';
import { eraseExpiredSubject, findExpired, reckonRetention } from '../../store/retention.ts';
import { inSlices } from './slices.ts';

const RECKONED_AT_ONCE = 1_000;
const PAGE = 100;
/** This many failures in one run are not the fault of single conversations. */
const MOST_FAILURES = 1_000;

/**
 * Brings closed conversations in line with `MESSAGE_RETENTION_DAYS` as it is now, those archived under another value
 * included. Deletes the messages and the subject of those whose time is up. The analytics' counts stay. Returns how
 * many conversations lost their texts.
 */
export async function expireTexts(until: number): Promise<number> {
  const days = config().MESSAGE_RETENTION_DAYS;
  let reckoned = RECKONED_AT_ONCE;
  while (reckoned === RECKONED_AT_ONCE && Date.now() < until) reckoned = await reckonRetention(days, RECKONED_AT_ONCE);
  let expired = 0;
  const failed: string[] = [];
  while (Date.now() < until && failed.length < MOST_FAILURES) {
    const page = await findExpired(PAGE, failed);
    for (const { _id, lastSeq } of page) {
      if (Date.now() > until) return expired;
      try {
        if (!(await inSlices({ from: 0, lastSeq, until }, (from, to) => deleteMessages(_id, from, to)))) return expired;
        await deleteNotes(_id);
        await eraseExpiredSubject(_id);
        // One of a machine whose clock is behind. From now on the record says that it is too late.
        await deleteNotes(_id);
        expired += 1;
      } catch (error) {
        // One failure must not keep the others from being deleted. The next run tries again.
        failed.push(_id);
        logger.error('could not delete expired messages', { conversationId: _id, ...errorFields(error) });
      }
    }
    if (page.length < PAGE) break;
  }
  return expired;
}

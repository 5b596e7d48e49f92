import { errorFields, logger } from '../../runtime/logger.ts';
import { erasePerson } from '../../store/audit.ts';
import { type ConversationRecord, findConversation } from '../../store/conversations.ts';
import { eraseMerged, findMergedInto } from '../../store/customers.ts';
import { eraseSubject, findUnerased, idsOfCandidate, saveErasedThrough } from '../../store/erasing.ts';
import { eraseMessages } from '../../store/messages.ts';
import { deleteNotes } from '../../store/notes.ts';
import { forgetMarks } from '../../store/reads.ts';
import { completeErasing } from '../../store/users.ts';
import { finishMerging } from '../auth/mergeVisitor.ts';
import { closeAs } from '../conversations/closeConversation.ts';
import { finishClosing } from '../conversations/finishClosing.ts';
import { inSlices } from '../conversations/slices.ts';
import { changed, handOn } from '../desk/changes.ts';

const PAGE = 50;
/** How long the handler erases. The sweep does the rest. */
const HANDLER_ERASES_MS = 3_000;

/** By then every command of the candidate that was under way at the erasure has ended, and can leave nothing behind. */
const SETTLED_MS = 60_000;

/** Erases after the handler has answered. The sweep tries again what fails here. Never throws. */
export async function tryFinishErasing(userId: string): Promise<void> {
  try {
    await finishErasing(userId, Date.now() + HANDLER_ERASES_MS);
  } catch (error) {
    logger.warn('erasing left to the sweep', { userId, ...errorFields(error) });
  }
}

/**
 * Erases every text of an erased candidate's conversations, those of others in them included, from where it stopped.
 * Closes a running conversation first. The analytics' counts stay. A conversation that can't be erased doesn't keep the
 * others from it; its error is thrown at the end. Returns whether nothing is left, nor can come.
 */
export async function finishErasing(userId: string, until: number): Promise<boolean> {
  if (!(await eraseFormerVisitors(userId, until))) return false;
  let failed: unknown;
  for (let last = ''; ; ) {
    const page = await findUnerased(userId, last, PAGE);
    for (const conversation of page) {
      if (Date.now() > until) return false;
      try {
        if (!(await erase(conversation, until))) return false;
      } catch (error) {
        logger.error('could not erase', { conversationId: conversation._id, ...errorFields(error) });
        failed ??= error;
      }
    }
    const end = page.at(-1);
    if (!end) break;
    last = end._id;
  }
  // Do what can be done first: a conversation that can't be erased must not keep anything else.
  await forgetMarks(userId);
  // A note of a command that was under way came in after its conversation was erased, where that command died.
  await deleteNotes(...(await idsOfCandidate(userId)));
  const isForgotten = await erasePerson(userId, until);
  if (failed !== undefined) throw failed;
  return isForgotten && completeErasing(userId, new Date(Date.now() - SETTLED_MS));
}

/**
 * Erases the visitors who turned out to be this candidate, once all their conversations are the candidate's. Returns whether it
 * was done in time.
 */
async function eraseFormerVisitors(userId: string, until: number): Promise<boolean> {
  for (;;) {
    const page = await findMergedInto(userId, PAGE);
    if (page.length === 0) return true;
    for (const visitorId of page) {
      if (Date.now() > until || !(await finishMerging(visitorId, until))) return false;
      await forgetMarks(visitorId);
      if (!(await erasePerson(visitorId, until))) return false;
      await eraseMerged(visitorId);
    }
  }
}

/** Erases a conversation. Returns whether it was done in time. */
async function erase(conversation: ConversationRecord, until: number): Promise<boolean> {
  const closed = await closeOnBehalf(conversation);
  // Archive first: an archive under way would bring back erased texts.
  if (!(await finishClosing(closed, { until }))) return false;
  const { _id: id, lastSeq, erasedThrough = 0 } = closed;
  const isErased = await inSlices({ from: erasedThrough, lastSeq, until }, async (from, to) => {
    await eraseMessages(id, from, to);
    if (to < lastSeq) await saveErasedThrough(id, to);
  });
  if (isErased) {
    await deleteNotes(id);
    await eraseSubject(id);
  }
  return isErased;
}

const ATTEMPTS = 10;

/** Closes a running conversation in the name of its candidate, who is gone, whatever others do with it meanwhile. */
async function closeOnBehalf(conversation: ConversationRecord): Promise<ConversationRecord> {
  let now: ConversationRecord | null = conversation;
  for (let attempt = 0; now && attempt < ATTEMPTS; attempt += 1) {
    if (now.status === 'closed') return now;
    const closed = await closeAs({ userId: now.candidateId, role: null, sourceIp: null }, now);
    if (closed) {
      await handOn({ changes: [changed(now, 'closed')] });
      return closed;
    }
    now = await findConversation(now._id);
  }
  throw new Error(`conversation ${conversation._id} could not be closed`);
}

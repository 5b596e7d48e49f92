import { errorFields, logger } from '../../logger.ts';
import { erasePerson } from '../../store/audit.ts';
import { type ConversationRecord, eraseSubject, findUnerased } from '../../store/conversations.ts';
import { eraseMessages } from '../../store/messages.ts';
import { noteErased } from '../../store/users.ts';
import { closeAs } from '../conversations/closeConversation.ts';
import { finishClosing } from '../conversations/finishClosing.ts';

const PAGE = 50;
/** How long the handler goes on before it leaves the rest to the sweep. */
const HANDLER_ERASES_MS = 3_000;

/** A command of theirs that was under way at the erasure has come to its end by then, and can leave nothing behind. */
const SETTLED_MS = 60_000;

/** As `finishErasing`, for a handler that has answered already: what fails, the sweep tries again. */
export async function beginErasing(userId: string): Promise<void> {
  try {
    await finishErasing(userId, Date.now() + HANDLER_ERASES_MS);
  } catch (error) {
    logger.warn('erasing left to the sweep', { userId, ...errorFields(error) });
  }
}

/**
 * Takes every text out of an erased candidate's conversations, what was said to them included, from wherever it
 * stopped; a running one is closed first. What the analytics count stays. Answers whether nothing is left, nor can come.
 */
export async function finishErasing(userId: string, until: number): Promise<boolean> {
  for (;;) {
    const page = await findUnerased(userId, PAGE);
    if (page.length === 0) break;
    for (const conversation of page) {
      if (Date.now() > until || !(await erase(conversation, until))) return false;
    }
  }
  await erasePerson(userId);
  return noteErased(userId, new Date(Date.now() - SETTLED_MS));
}

async function erase(conversation: ConversationRecord, until: number): Promise<boolean> {
  const closed = conversation.status === 'closed' ? conversation : await closeOnBehalf(conversation);
  // Changed meanwhile: the next round reads it again.
  if (!closed) return true;
  // An archive under way would bring back what is erased before it: it comes first.
  if (!(await finishClosing(closed, { until }))) return false;
  await eraseMessages(closed._id, closed.lastSeq);
  await eraseSubject(closed._id);
  return true;
}

/** Nobody closed it, and the candidate is gone: it is closed in their name. */
const closeOnBehalf = (conversation: ConversationRecord): Promise<ConversationRecord | null> =>
  closeAs({ userId: conversation.candidateId, role: null, sourceIp: null }, conversation);

import { errorFields, logger } from '../../runtime/logger.ts';
import { erasePerson } from '../../store/audit.ts';
import { type ConversationRecord, eraseSubject, findConversation, findUnerased } from '../../store/conversations.ts';
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
 * stopped; a running one is closed first. What the analytics count stays. One that can't be erased doesn't keep the
 * others from it, and is thrown at the end. Answers whether nothing is left, nor can come.
 */
export async function finishErasing(userId: string, until: number): Promise<boolean> {
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
  // First what can be done: a conversation that can't be erased keeps nothing else of theirs.
  await erasePerson(userId);
  if (failed !== undefined) throw failed;
  return noteErased(userId, new Date(Date.now() - SETTLED_MS));
}

/** Whether it got to the end in time. */
async function erase(conversation: ConversationRecord, until: number): Promise<boolean> {
  const closed = await closeOnBehalf(conversation);
  // An archive under way would bring back what is erased before it: it comes first.
  if (!(await finishClosing(closed, { until }))) return false;
  await eraseMessages(closed);
  await eraseSubject(closed._id);
  return true;
}

const ATTEMPTS = 10;

/** Nobody closed it, and the candidate is gone: it is closed in their name, whatever others do with it meanwhile. */
async function closeOnBehalf(conversation: ConversationRecord): Promise<ConversationRecord> {
  let now: ConversationRecord | null = conversation;
  for (let attempt = 0; now && attempt < ATTEMPTS; attempt += 1) {
    if (now.status === 'closed') return now;
    const closed = await closeAs({ userId: now.candidateId, role: null, sourceIp: null }, now);
    if (closed) return closed;
    now = await findConversation(now._id);
  }
  throw new Error(`conversation ${conversation._id} could not be closed`);
}

import type { ServerData } from '../../protocol/events.ts';
import { broadcast } from '../../realtime/broadcast.ts';
import { config } from '../../runtime/config.ts';
import { errorFields, logger } from '../../runtime/logger.ts';
import { markAnnounced, markArchived, markReleased, restartArchive, saveProgress } from '../../store/closing.ts';
import { stillConnected } from '../../store/connections.ts';
import type { ConversationRecord } from '../../store/conversations.ts';
import { copyToPermanent, countPermanent, releaseActive } from '../../store/messages.ts';
import { retainFor } from '../../store/retention.ts';
import { isFresh, roomOf } from '../../store/room.ts';
import type { Closed } from './closeConversation.ts';
import { inSlices } from './slices.ts';

/** How long a handler archives after a close. The sweep does the rest. */
export const HANDLER_ARCHIVES_MS = 3_000;

/** When to stop, and which connection was told already. */
export interface FinishOptions {
  /** Epoch milliseconds after which no batch begins. */
  readonly until: number;
  readonly except?: string | undefined;
}

/**
 * Does the work that follows a close, from where it stopped. Tells those who were in the room, copies the messages to the
 * permanent collection, counts the copies, and only then lets the active messages expire. Every step may be repeated,
 * by two processes at once too. Returns whether nothing is left.
 */
export async function finishClosing(conversation: ConversationRecord, options: FinishOptions): Promise<boolean> {
  const { closing } = conversation;
  if (!closing) return true;
  let { archivedAt } = conversation;
  let { step, through } = closing;
  if (step === 'announce') {
    await announce(conversation, options.except);
    step = 'archive';
    through = 0;
  }
  if (step === 'archive') {
    archivedAt = await archive(conversation, through, options.until);
    through = 0;
  }
  return archivedAt !== null && release(conversation, archivedAt, through, options.until);
}

/** Finishes a close after the handler has answered. The sweep tries again what fails here. Never throws. */
export async function tryFinishClosing({ record }: Closed, except?: string): Promise<void> {
  try {
    await finishClosing(record, { until: Date.now() + HANDLER_ARCHIVES_MS, except });
  } catch (error) {
    logger.warn('archiving left to the sweep', { conversationId: record._id, ...errorFields(error) });
  }
}

export function closedNotice(conversation: ConversationRecord): ServerData<'CONVERSATION_CLOSED'> {
  const { _id: id, closedAt, closedBy, lastSeq } = conversation;
  if (closedAt === null || closedBy === null) throw new Error(`conversation ${id} is not closed`);
  return { conversationId: id, closedAt: closedAt.toISOString(), closedBy, lastSeq };
}

async function announce(conversation: ConversationRecord, except: string | undefined): Promise<void> {
  const closed = roomOf(conversation);
  const room = isFresh(conversation.closedAt?.getTime() ?? 0)
    ? closed
    : { ...closed, connectionIds: await stillConnected(closed.connectionIds) };
  await broadcast(
    { room, except, afterAnswers: true },
    { event: 'CONVERSATION_CLOSED', data: closedNotice(conversation) },
  );
  await markAnnounced(conversation._id);
}

/** Returns since when the archive is complete; `null` when the time was up before. */
async function archive(conversation: ConversationRecord, through: number, until: number): Promise<Date | null> {
  const { _id: id, lastSeq } = conversation;
  const isCopied = await inSlices({ from: through, lastSeq, until }, async (from, to) => {
    await copyToPermanent(id, from, to);
    await saveProgress(id, 'archive', to);
  });
  if (!isCopied) return null;
  const archived = await countPermanent(id, 0, lastSeq);
  if (archived !== lastSeq) {
    // Nothing expires, and the next attempt copies from the start.
    await restartArchive(id);
    throw new Error(`conversation ${id}: ${archived} of ${lastSeq} messages archived`);
  }
  return markArchived(id, retainFor(config().MESSAGE_RETENTION_DAYS));
}

async function release(
  { _id: id, lastSeq }: ConversationRecord,
  archivedAt: Date,
  through: number,
  until: number,
): Promise<boolean> {
  const expiresAt = new Date(archivedAt.getTime() + config().ACTIVE_MESSAGE_TTL_SECONDS * 1000);
  const isReleased = await inSlices({ from: through, lastSeq, until }, async (from, to) => {
    await releaseActive(id, from, to, expiresAt);
    await saveProgress(id, 'release', to);
  });
  if (isReleased) await markReleased(id);
  return isReleased;
}

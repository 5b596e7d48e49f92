import type { Caller } from '../../domain/permissions.ts';
import { limitReads } from '../../limits/rateLimits.ts';
import type { ReadMark } from '../../protocol/objects/conversations.ts';
import { broadcast } from '../../realtime/broadcast.ts';
import { errorFields, logger } from '../../runtime/logger.ts';
import { findConversation } from '../../store/conversations.ts';
import { othersUpTo } from '../../store/messages.ts';
import { moveMark } from '../../store/reads.ts';
import { isFresh, type Room, roomOf } from '../../store/room.ts';
import { ownConversation } from './ownConversation.ts';

/** Up to where somebody has read, and the room that is to hear of it: `null` where nothing has changed. */
export interface Marked {
  readonly mark: ReadMark;
  readonly room: Room | null;
}

/**
 * Moves the caller's mark in a conversation of theirs: never back, never beyond the last message. Throws `NOT_FOUND`,
 * `RATE_LIMITED`.
 */
export async function markRead(
  { userId }: Pick<Caller, 'userId'>,
  conversationId: string,
  wanted: number,
): Promise<Marked> {
  await limitReads(userId);
  const readAt = Date.now();
  const conversation = await ownConversation(userId, conversationId);
  const seq = Math.min(wanted, conversation.lastSeq);
  const side = userId === conversation.candidateId ? 'candidate' : 'agent';
  const others = await othersUpTo(conversation, side, seq);
  const { mark, moved } = await moveMark({ conversationId, userId, seq, others });
  // Who was in the room long ago may not be any more.
  const now = moved && !isFresh(readAt) ? await findConversation(conversationId) : conversation;
  return {
    mark: { conversationId, userId, seq: mark.seq, readAt: mark.readAt.toISOString() },
    room: moved && now ? roomOf(now) : null,
  };
}

/** Tells the room up to where somebody has read; `except` is told as an answer. Never throws. */
export async function tellRead({ mark, room }: Marked, except?: string): Promise<void> {
  if (!room) return;
  try {
    await broadcast({ room, except }, { event: 'MESSAGES_READ', data: mark });
  } catch (error) {
    logger.warn('could not tell what was read', { conversationId: mark.conversationId, ...errorFields(error) });
  }
}

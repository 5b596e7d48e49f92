import { decide } from '../../domain/conversation.ts';
import type { Caller } from '../../domain/permissions.ts';
import { AppError } from '../../protocol/errors.ts';
import type { Conversation } from '../../protocol/objects.ts';
import { type ConversationRecord, close, toConversation } from '../../store/conversations.ts';
import { refusalOfLost } from './lostRace.ts';
import { requireVisible } from './readConversations.ts';

/** A conversation just closed, and the same as stored, for `finishClosing` to go on with. */
export interface Closed {
  readonly conversation: Conversation;
  readonly record: ConversationRecord;
}

/**
 * Closes a conversation: from the commit on nothing more is accepted. What follows, telling the room and archiving, is
 * `finishClosing`'s, here or, should this process die, in the sweep. Throws `NOT_FOUND`, `CONVERSATION_CLOSED`,
 * `CONVERSATION_ASSIGNED`, `CONFLICT`.
 */
export async function closeConversation(caller: Caller, conversationId: string): Promise<Closed> {
  const before = await requireVisible(caller, conversationId);
  const command = { type: 'close', userId: caller.userId, role: caller.role } as const;
  const decision = decide(before, command);
  if (!decision.allowed) throw new AppError(decision.refusal);
  const closed = await close(conversationId, before, caller.userId);
  if (!closed) throw await refusalOfLost(conversationId, command);
  return { conversation: toConversation(closed), record: closed };
}

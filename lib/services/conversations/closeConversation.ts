import { decide } from '../../domain/conversation.ts';
import type { Caller } from '../../domain/permissions.ts';
import { AppError } from '../../protocol/errors.ts';
import type { Conversation } from '../../protocol/objects.ts';
import { type Actor, audit } from '../../store/audit.ts';
import { type ConversationRecord, close, toConversation } from '../../store/conversations.ts';
import { transaction } from '../../store/database.ts';
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
  const closed = await closeAs(caller, before);
  if (!closed) throw await refusalOfLost(conversationId, command);
  return { conversation: toConversation(closed), record: closed };
}

/** Closes it if it is still as expected, and puts that on record. */
export async function closeAs(
  actor: Actor & { readonly userId: string },
  expected: ConversationRecord,
): Promise<ConversationRecord | null> {
  return transaction(async (session) => {
    const closed = await close(expected._id, expected, actor.userId, session);
    if (closed) await audit(actor, 'conversation_closed', expected._id, {}, session);
    return closed;
  });
}

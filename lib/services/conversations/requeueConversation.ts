import { decide } from '../../domain/conversation.ts';
import type { Caller } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import type { Conversation } from '../../protocol/objects/conversations.ts';
import { broadcast } from '../../realtime/broadcast.ts';
import { errorFields, logger } from '../../runtime/logger.ts';
import { type Actor, audit } from '../../store/audit.ts';
import { emptyRoom } from '../../store/connections.ts';
import { type ConversationRecord, requeue, toConversation } from '../../store/conversations.ts';
import { type Transaction, transaction } from '../../store/database.ts';
import { releaseSlot, restoreSlot } from '../../store/users.ts';
import { showOut } from '../rooms/showOut.ts';
import { requireVisible } from './getConversation.ts';
import { refusalOfLost } from './lostRace.ts';
import { namesIn } from './present.ts';

/** A conversation just given back, and who had it. */
export interface Requeued {
  readonly conversation: Conversation;
  readonly formerAgentId: string;
}

/**
 * Gives a conversation back: it is open again, and its agent out of the room from the commit on. Telling them is
 * `tellRequeued`'s. Throws `NOT_FOUND`, `CONVERSATION_CLOSED`, `CONFLICT`.
 */
export async function requeueConversation(caller: Caller, conversationId: string): Promise<Requeued> {
  const before = await requireVisible(caller, conversationId);
  const command = { type: 'requeue', userId: caller.userId, role: caller.role } as const;
  const decision = decide(before, command);
  if (!decision.allowed) throw new AppError(decision.refusal);
  const names = await namesIn([before], caller);
  const requeued = await transaction((session) => requeueAs(caller, before, session));
  if (!requeued || before.agentId === null) throw await refusalOfLost(conversationId, command);
  return { conversation: toConversation(requeued, names), formerAgentId: before.agentId };
}

/** Gives it back if it is still as expected, and puts that on record, within a transaction. */
export async function requeueAs(
  actor: Actor,
  expected: ConversationRecord,
  session: Transaction,
  details: Readonly<Record<string, string>> = {},
): Promise<ConversationRecord | null> {
  const { _id: id, agentId } = expected;
  if (agentId === null) return null;
  await releaseSlot(agentId, session);
  const requeued = await requeue(id, expected, session);
  if (!requeued) {
    await restoreSlot(agentId, session);
    return null;
  }
  // With the same commit: later it could throw out somebody who was given it again and has joined.
  await emptyRoom(id, agentId, session);
  await audit(actor, 'conversation_requeued', id, { agentId, ...details }, session);
  return requeued;
}

/**
 * Tells the room, and the agent who had it wherever they are. A join of theirs that was under way beside the commit is
 * undone first, as in `tellAssigned`. Never throws.
 */
export async function tellRequeued({ conversation, formerAgentId }: Requeued): Promise<void> {
  try {
    const isOut = await showOut(conversation.id, formerAgentId);
    await broadcast(
      {
        room: conversation.id,
        // Given it again meanwhile, they have newer news: this must not be what they hear last.
        users: isOut ? [formerAgentId] : [],
        afterAnswers: true,
        stillNews: () => showOut(conversation.id, formerAgentId),
      },
      { event: 'CONVERSATION_REQUEUED', data: { conversation } },
    );
  } catch (error) {
    // It is open all the same, and the lists say so.
    logger.warn('could not tell of a requeue', { conversationId: conversation.id, ...errorFields(error) });
  }
}

import { decide } from '../../domain/conversation.ts';
import type { Caller } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { limitStaffWrites } from '../../limits/rateLimits.ts';
import type { HeldConversation } from '../../protocol/objects/conversations.ts';
import { errorFields, logger } from '../../runtime/logger.ts';
import { releaseSlot, restoreSlot } from '../../store/agents.ts';
import { type Actor, audit } from '../../store/audit.ts';
import { type ConversationRecord, toConversation } from '../../store/conversations.ts';
import { type Transaction, transaction } from '../../store/database.ts';
import { requeue } from '../../store/lifecycle.ts';
import { roomOf } from '../../store/room.ts';
import { refusalOfLost } from './lostRace.ts';
import { peopleIn, presenterFor } from './present.ts';
import { requireVisible } from './requireVisible.ts';
import { type Handover, tellAgents } from './tellAgents.ts';

/** A conversation that is open again. */
export interface Requeued {
  readonly conversation: HeldConversation;
  readonly before: ConversationRecord;
  readonly change: Handover;
}

/**
 * Gives a conversation back: it is open again, and its agent is out of the room from the commit on. `tellRequeued`
 * tells the people concerned. Throws `NOT_FOUND`, `CONVERSATION_CLOSED`, `CONFLICT`, `RATE_LIMITED`.
 */
export async function requeueConversation(caller: Caller, conversationId: string): Promise<Requeued> {
  await limitStaffWrites(caller.userId);
  const before = await requireVisible(caller, conversationId);
  const command = { type: 'requeue', userId: caller.userId, role: caller.role } as const;
  const decision = decide(before, command);
  if (!decision.allowed) throw new AppError(decision.refusal);
  const { people, staffAnswer } = await presenterFor(caller, [before]);
  const requeued = await transaction((session) => requeueAs(caller, before, session));
  if (!requeued || before.agentId === null) throw await refusalOfLost(conversationId, command);
  return {
    conversation: await staffAnswer(requeued),
    before,
    change: {
      conversation: toConversation(requeued, people),
      room: roomOf(requeued),
      formerAgentId: before.agentId,
    },
  };
}

/**
 * Gives a conversation back if it is still as expected, with an entry in the audit trail. Call it inside a transaction.
 * Returns `null` when the conversation isn't as expected.
 */
export async function requeueAs(
  actor: Actor,
  expected: ConversationRecord,
  session: Transaction,
  details: Readonly<Record<string, string>> = {},
): Promise<ConversationRecord | null> {
  const { _id: id, agentId } = expected;
  if (agentId === null) return null;
  const availability = await releaseSlot(agentId, session);
  const requeued = await requeue(id, expected, { agentId, availability }, session);
  if (!requeued) {
    await restoreSlot(agentId, session);
    return null;
  }
  await audit(actor, 'conversation_requeued', id, { agentId, ...details }, session);
  return requeued;
}

/** Tells of a conversation that was given back by a rule: see `tellRequeued`. Never throws. */
export async function tellGivenBack(record: ConversationRecord, formerAgentId: string): Promise<void> {
  try {
    const conversation = toConversation(record, await peopleIn([record]));
    await tellRequeued({ conversation, room: roomOf(record), formerAgentId });
  } catch (error) {
    logger.warn('could not tell of a requeue', { conversationId: record._id, ...errorFields(error) });
  }
}

/** Tells the room, and the former agent wherever they are: see `tellAgents`. Never throws. */
export async function tellRequeued(change: Handover): Promise<void> {
  try {
    await tellAgents('CONVERSATION_REQUEUED', change);
  } catch (error) {
    // The conversation is open all the same, and the lists say so.
    logger.warn('could not tell of a requeue', { conversationId: change.conversation.id, ...errorFields(error) });
  }
}

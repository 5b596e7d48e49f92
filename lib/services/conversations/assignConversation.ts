import { decide, MOST_ASSIGNED } from '../../domain/conversation.ts';
import type { Caller } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { limitStaffWrites } from '../../limits/rateLimits.ts';
import type { HeldConversation } from '../../protocol/objects/conversations.ts';
import { errorFields, logger } from '../../runtime/logger.ts';
import { releaseSlot, reserveSlot, restoreSlot } from '../../store/agents.ts';
import { audit } from '../../store/audit.ts';
import { type ConversationRecord, findConversation, toConversation } from '../../store/conversations.ts';
import { transaction } from '../../store/database.ts';
import { type Assignment, assign } from '../../store/lifecycle.ts';
import { roomOf } from '../../store/room.ts';
import { refusalOfLost } from './lostRace.ts';
import { presenterFor } from './present.ts';
import { requireVisible } from './requireVisible.ts';
import { type Handover, tellAgents } from './tellAgents.ts';

/** A conversation that is with the agent now. */
export interface Assigned {
  readonly conversation: HeldConversation;
  readonly before: ConversationRecord;
  /** The change to tell; `null` when the agent had the conversation already. */
  readonly change: Handover | null;
}

/**
 * Assigns a conversation to an agent of the supervisor's, for the first time or from another agent, who is out of the
 * room from the commit on. Assigning to the agent who has it changes nothing. `tellAssigned` tells the people
 * concerned. Throws `NOT_FOUND`, `CONVERSATION_CLOSED`, `AGENT_NOT_AVAILABLE`, `CONFLICT`,
 * `RATE_LIMITED`.
 */
export async function assignConversation(caller: Caller, conversationId: string, agentId: string): Promise<Assigned> {
  await limitStaffWrites(caller.userId);
  const before = await requireVisible(caller, conversationId);
  const command = { type: 'assign', supervisorId: caller.userId, agentId } as const;
  const decision = decide(before, command);
  if (!decision.allowed) throw new AppError(decision.refusal);
  const { people, staffAnswer } = await presenterFor(caller, [before, { ...before, agentId }]);
  const unchanged = async (now: ConversationRecord) => ({
    conversation: await staffAnswer(now),
    before: now,
    change: null,
  });
  if (decision.next.agentId === before.agentId) return unchanged(before);
  const outcome = await assignAs(caller, before, command);
  if (outcome.is === 'assigned') {
    const { record } = outcome;
    return {
      conversation: await staffAnswer(record),
      before,
      change: { conversation: toConversation(record, people), room: roomOf(record), formerAgentId: before.agentId },
    };
  }
  // Another command won. If it was the same assignment, this one's wish is done.
  const { now } = outcome;
  if (now && isDone(now, command)) return unchanged(now);
  switch (outcome.is) {
    case 'unavailable':
      throw new AppError('AGENT_NOT_AVAILABLE');
    case 'full':
      throw new AppError(
        'AGENT_NOT_AVAILABLE',
        `This agent has ${MOST_ASSIGNED} conversations already. More is too many.`,
      );
    case 'overtaken':
      throw await refusalOfLost(conversationId, command);
  }
}

/**
 * `full` and `unavailable`: the agent can't take it. `overtaken`: somebody else has changed the conversation. `now` is the
 * conversation as this transaction sees it.
 */
type Outcome =
  | { readonly is: 'assigned'; readonly record: ConversationRecord }
  | { readonly is: 'full' | 'unavailable' | 'overtaken'; readonly now: ConversationRecord | null };

/** Assigns the conversation if it is still as expected and the agent has a slot, and puts that on record. */
function assignAs(caller: Caller, expected: ConversationRecord, to: Assignment): Promise<Outcome> {
  const { _id: id, agentId: formerAgentId } = expected;
  const { agentId, supervisorId } = to;
  return transaction(async (session) => {
    const slot = await reserveSlot(agentId, supervisorId, MOST_ASSIGNED, session);
    if (slot !== 'reserved') return { is: slot, now: await findConversation(id, session) };
    const lost =
      formerAgentId === null
        ? null
        : { agentId: formerAgentId, availability: await releaseSlot(formerAgentId, session) };
    const assigned = await assign(id, expected, { agentId, supervisorId, lost }, session);
    if (!assigned) {
      await releaseSlot(agentId, session);
      if (lost) await restoreSlot(lost.agentId, session);
      return { is: 'overtaken', now: await findConversation(id, session) };
    }
    const details = { agentId, ...(formerAgentId !== null && { formerAgentId }) };
    await audit(caller, 'conversation_assigned', id, details, session);
    return { is: 'assigned', record: assigned };
  });
}

const isDone = ({ status, agentId, supervisorId }: ConversationRecord, wanted: Assignment): boolean =>
  status === 'assigned' && agentId === wanted.agentId && supervisorId === wanted.supervisorId;

/** Tells the room, and both agents wherever they are, about a new agent: see `tellAgents`. Never throws. */
export async function tellAssigned(change: Handover | null): Promise<void> {
  if (!change) return;
  try {
    await tellAgents('CONVERSATION_ASSIGNED', change);
  } catch (error) {
    // The conversation is assigned all the same, and both agents' lists say so.
    logger.warn('could not tell of an assignment', { conversationId: change.conversation.id, ...errorFields(error) });
  }
}

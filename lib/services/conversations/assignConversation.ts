import { decide, MOST_ASSIGNED } from '../../domain/conversation.ts';
import type { Caller } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import type { Conversation } from '../../protocol/objects/conversations.ts';
import { broadcast } from '../../realtime/broadcast.ts';
import { errorFields, logger } from '../../runtime/logger.ts';
import { audit } from '../../store/audit.ts';
import { emptyRoom } from '../../store/connections.ts';
import { assign, type ConversationRecord, findConversation, toConversation } from '../../store/conversations.ts';
import { transaction } from '../../store/database.ts';
import { releaseSlot, reserveSlot } from '../../store/users.ts';
import { showOut } from '../rooms/showOut.ts';
import { requireVisible } from './getConversation.ts';
import { refusalOfLost } from './lostRace.ts';
import { namesIn, present } from './present.ts';

/** A conversation that is with the agent now. */
export interface Assigned {
  readonly conversation: Conversation;
  /** The change to tell; `null` when the agent had the conversation already. */
  readonly change: { readonly formerAgentId: string | null } | null;
}

/**
 * Assigns a conversation to an agent of the supervisor's, for the first time or from another agent, who is out of the
 * room from the commit on. Assigning to the agent who has it changes nothing. `tellAssigned` tells the people
 * concerned. Throws `NOT_FOUND`, `CONVERSATION_CLOSED`, `AGENT_NOT_AVAILABLE`, `CONFLICT`.
 */
export async function assignConversation(caller: Caller, conversationId: string, agentId: string): Promise<Assigned> {
  const before = await requireVisible(caller, conversationId);
  const command = { type: 'assign', supervisorId: caller.userId, agentId } as const;
  const decision = decide(before, command);
  if (!decision.allowed) throw new AppError(decision.refusal);
  if (decision.next.agentId === before.agentId) return { conversation: await present(before), change: null };
  const names = await namesIn([before, { ...before, agentId }]);
  const { assigned, now, agent } = await transaction(async (session) => {
    const lost = async (outcome: 'lost' | 'full' | 'unavailable') => ({
      assigned: null,
      now: await findConversation(conversationId, session),
      agent: outcome,
    });
    const taken = await reserveSlot(agentId, caller.userId, MOST_ASSIGNED, session);
    if (taken !== 'reserved') return lost(taken);
    const done = await assign(conversationId, before, command, session);
    if (!done) {
      await releaseSlot(agentId, session);
      return lost('lost');
    }
    if (before.agentId !== null) {
      await releaseSlot(before.agentId, session);
      // In the same commit: later, this could remove an agent who got the conversation again and has joined.
      await emptyRoom(conversationId, before.agentId, session);
    }
    const details = { agentId, ...(before.agentId !== null && { formerAgentId: before.agentId }) };
    await audit(caller, 'conversation_assigned', conversationId, details, session);
    return { assigned: done, now: done, agent: taken };
  });
  if (assigned) {
    return { conversation: toConversation(assigned, names), change: { formerAgentId: before.agentId } };
  }
  // Another command won. If it was the same assignment, this one's wish is done.
  if (now && isDone(now, command)) return { conversation: toConversation(now, names), change: null };
  if (agent === 'unavailable') throw new AppError('AGENT_NOT_AVAILABLE');
  if (agent === 'full') {
    throw new AppError(
      'AGENT_NOT_AVAILABLE',
      `This agent has ${MOST_ASSIGNED} conversations already. More is too many.`,
    );
  }
  throw await refusalOfLost(conversationId, command);
}

const isDone = (
  { status, agentId, supervisorId }: ConversationRecord,
  wanted: { readonly agentId: string; readonly supervisorId: string },
): boolean => status === 'assigned' && agentId === wanted.agentId && supervisorId === wanted.supervisorId;

/**
 * Tells the room, and both agents wherever they are, about a new agent. First undoes a join of the former agent that
 * was under way beside the commit, because the commit didn't see it. Never throws.
 */
export async function tellAssigned({ conversation, change }: Assigned): Promise<void> {
  if (!change) return;
  const { formerAgentId } = change;
  try {
    const isOut = async () => formerAgentId === null || showOut(conversation.id, formerAgentId);
    // A former agent who got it again meanwhile has newer news: this must not be the last frame they get.
    const users = [conversation.agentId, (await isOut()) ? formerAgentId : null].filter((id) => id !== null);
    await broadcast(
      { room: conversation.id, users, afterAnswers: true, stillNews: isOut },
      { event: 'CONVERSATION_ASSIGNED', data: { conversation } },
    );
  } catch (error) {
    // The conversation is assigned all the same, and both agents' lists say so.
    logger.warn('could not tell of an assignment', { conversationId: conversation.id, ...errorFields(error) });
  }
}

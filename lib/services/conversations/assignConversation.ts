import { decide } from '../../domain/conversation.ts';
import type { Caller } from '../../domain/permissions.ts';
import { errorFields, logger } from '../../logger.ts';
import { AppError } from '../../protocol/errors.ts';
import type { Conversation } from '../../protocol/objects.ts';
import { broadcast } from '../../realtime/broadcast.ts';
import { audit } from '../../store/audit.ts';
import { emptyRoom } from '../../store/connections.ts';
import { assign, toConversation } from '../../store/conversations.ts';
import { transaction } from '../../store/database.ts';
import { isAvailable } from '../../store/users.ts';
import { showOut } from '../rooms/showOut.ts';
import { refusalOfLost } from './lostRace.ts';
import { requireVisible } from './readConversations.ts';

/** A conversation just assigned, and whom it was taken from. */
export interface Assigned {
  readonly conversation: Conversation;
  readonly formerAgentId: string | null;
}

/**
 * Gives a conversation to an agent of the supervisor's, for the first time or from another agent, who is out of the
 * room from the commit on. Telling them is `tellAssigned`'s. Throws `NOT_FOUND`, `CONVERSATION_CLOSED`,
 * `AGENT_NOT_AVAILABLE`, `CONFLICT`.
 */
export async function assignConversation(caller: Caller, conversationId: string, agentId: string): Promise<Assigned> {
  const before = await requireVisible(caller, conversationId);
  const command = { type: 'assign', supervisorId: caller.userId, agentId } as const;
  const decision = decide(before, command);
  if (!decision.allowed) throw new AppError(decision.refusal);
  const assigned = await transaction(async (session) => {
    // Read, not written: everything given to one agent would stand in one line.
    if (!(await isAvailable(agentId, caller.userId, session))) throw new AppError('AGENT_NOT_AVAILABLE');
    const done = await assign(conversationId, before, command, session);
    const details = { agentId, ...(before.agentId !== null && { formerAgentId: before.agentId }) };
    if (done) {
      // With the same commit: later it could throw out somebody who was given it back and has joined again.
      if (before.agentId !== null) await emptyRoom(conversationId, before.agentId, session);
      await audit(caller, 'conversation_assigned', conversationId, details, session);
    }
    return done;
  });
  if (!assigned) throw await refusalOfLost(conversationId, command);
  return { conversation: toConversation(assigned), formerAgentId: before.agentId };
}

/**
 * Tells the room, and both agents wherever they are. A join of the former agent's that was under way beside the commit is
 * undone first: the commit didn't see it. Never throws.
 */
export async function tellAssigned({ conversation, formerAgentId }: Assigned): Promise<void> {
  const users = [conversation.agentId, formerAgentId].filter((id) => id !== null);
  try {
    if (formerAgentId !== null) await showOut(conversation.id, formerAgentId);
    await broadcast(
      { room: conversation.id, users, afterAnswers: true },
      { event: 'CONVERSATION_ASSIGNED', data: { conversation } },
    );
  } catch (error) {
    // It is assigned all the same, and both agents' lists say so.
    logger.warn('could not tell of an assignment', { conversationId: conversation.id, ...errorFields(error) });
  }
}

import { decide } from '../../domain/conversation.ts';
import type { Caller } from '../../domain/permissions.ts';
import { AppError } from '../../protocol/errors.ts';
import type { Conversation } from '../../protocol/objects.ts';
import { broadcast } from '../../realtime/broadcast.ts';
import { audit } from '../../store/audit.ts';
import { emptyRoom } from '../../store/connections.ts';
import { assign, toConversation } from '../../store/conversations.ts';
import { transaction } from '../../store/database.ts';
import { findUser } from '../../store/users.ts';
import { refusalOfLost } from './lostRace.ts';
import { requireVisible } from './readConversations.ts';

/**
 * Gives a conversation to an agent of the supervisor's, for the first time or from another agent, who is out of the
 * room from the commit on. Throws `NOT_FOUND`, `CONVERSATION_CLOSED`, `AGENT_NOT_AVAILABLE`, `CONFLICT`.
 */
export async function assignConversation(
  caller: Caller,
  conversationId: string,
  agentId: string,
): Promise<Conversation> {
  const before = await requireVisible(caller, conversationId);
  const command = { type: 'assign', supervisorId: caller.userId, agentId } as const;
  const decision = decide(before, command);
  if (!decision.allowed) throw new AppError(decision.refusal);
  await requireAvailable(agentId, caller.userId);
  const assigned = await transaction(async (session) => {
    const done = await assign(conversationId, before, command, session);
    const details = { agentId, ...(before.agentId !== null && { formerAgentId: before.agentId }) };
    if (done) await audit(caller, 'conversation_assigned', conversationId, details, session);
    return done;
  });
  if (!assigned) throw await refusalOfLost(conversationId, command);
  const conversation = toConversation(assigned);
  await tellAssigned(conversation, before.agentId);
  return conversation;
}

async function requireAvailable(agentId: string, supervisorId: string): Promise<void> {
  const agent = await findUser(agentId);
  if (agent?.role !== 'agent' || !agent.active || agent.supervisorId !== supervisorId) {
    throw new AppError('AGENT_NOT_AVAILABLE');
  }
}

async function tellAssigned(conversation: Conversation, formerAgentId: string | null): Promise<void> {
  const users = [conversation.agentId, formerAgentId].filter((id) => id !== null);
  if (formerAgentId !== null) await emptyRoom(conversation.id, formerAgentId);
  await broadcast({ room: conversation.id, users }, { event: 'CONVERSATION_ASSIGNED', data: { conversation } });
}

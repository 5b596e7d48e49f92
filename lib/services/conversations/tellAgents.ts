import { isParticipant } from '../../domain/permissions.ts';
import type { Conversation } from '../../protocol/objects/conversations.ts';
import { broadcast } from '../../realtime/broadcast.ts';
import { findConversation } from '../../store/conversations.ts';
import type { Room } from '../../store/room.ts';

/** A change of who has a conversation. */
export interface Handover {
  readonly conversation: Conversation;
  /** The room as the change has left it. */
  readonly room: Room;
  readonly formerAgentId: string | null;
}

/**
 * Tells the room, and the agents concerned wherever they are, who has a conversation now. Throws where nobody could be told.
 */
export async function tellAgents(
  event: 'CONVERSATION_ASSIGNED' | 'CONVERSATION_REQUEUED',
  { conversation, room, formerAgentId }: Handover,
): Promise<void> {
  const isOut = async () => formerAgentId === null || !(await hasAgain(conversation.id, formerAgentId));
  // A former agent who got it again meanwhile has newer news: this must not be the last frame they get.
  const users = [conversation.agentId, (await isOut()) ? formerAgentId : null].filter((id) => id !== null);
  await broadcast({ room, users, afterAnswers: true, stillNews: isOut }, { event, data: { conversation } });
}

async function hasAgain(conversationId: string, userId: string): Promise<boolean> {
  const now = await findConversation(conversationId);
  return !!now && now.status !== 'closed' && isParticipant(userId, now);
}

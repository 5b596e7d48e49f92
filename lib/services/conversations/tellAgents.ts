import type { Conversation } from '../../protocol/objects/conversations.ts';
import { broadcast } from '../../realtime/broadcast.ts';
import { showOut } from '../rooms/showOut.ts';

/**
 * Tells the room, and the agents concerned wherever they are, who has a conversation now. First undoes a join of the former
 * agent that was under way beside the commit, because the commit didn't see it. Throws where nobody could be told.
 */
export async function tellAgents(
  event: 'CONVERSATION_ASSIGNED' | 'CONVERSATION_REQUEUED',
  conversation: Conversation,
  formerAgentId: string | null,
): Promise<void> {
  const isOut = async () => formerAgentId === null || showOut(conversation.id, formerAgentId);
  // A former agent who got it again meanwhile has newer news: this must not be the last frame they get.
  const users = [conversation.agentId, (await isOut()) ? formerAgentId : null].filter((id) => id !== null);
  await broadcast(
    { room: conversation.id, users, afterAnswers: true, stillNews: isOut },
    { event, data: { conversation } },
  );
}

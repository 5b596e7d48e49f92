import { isParticipant } from '../../domain/permissions.ts';
import { removeFromRoom } from '../../store/connections.ts';
import { findConversation } from '../../store/conversations.ts';
import { transaction } from '../../store/database.ts';

/**
 * Takes a user's connections out of a room where they have no place any more. A user who got the conversation again
 * meanwhile stays: they may have joined again, and been told so. Returns whether the user is out.
 */
export async function showOut(conversationId: string, userId: string): Promise<boolean> {
  return transaction(async (session) => {
    const now = await findConversation(conversationId, session);
    const belongs = now && now.status !== 'closed' && isParticipant(userId, now);
    if (!belongs) await removeFromRoom(conversationId, userId, session);
    return !belongs;
  });
}

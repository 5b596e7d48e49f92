import { isParticipant } from '../../domain/permissions.ts';
import { emptyRoom } from '../../store/connections.ts';
import { findConversation } from '../../store/conversations.ts';
import { transaction } from '../../store/database.ts';

/**
 * Takes a user's connections out of a room they have no place in any more. Who has been given it back meanwhile stays:
 * they may have joined anew, and been told so. Answers whether they are out.
 */
export async function showOut(conversationId: string, userId: string): Promise<boolean> {
  return transaction(async (session) => {
    const now = await findConversation(conversationId, session);
    const belongs = now && now.status !== 'closed' && isParticipant(userId, now);
    if (!belongs) await emptyRoom(conversationId, userId, session);
    return !belongs;
  });
}

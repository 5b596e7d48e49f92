import { isParticipant } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { type ConversationRecord, findConversation } from '../../store/conversations.ts';

/** Finds a conversation that the user takes part in. Throws `NOT_FOUND`. */
export async function ownConversation(userId: string, conversationId: string): Promise<ConversationRecord> {
  const found = await findConversation(conversationId);
  if (!found || !isParticipant(userId, found)) throw new AppError('NOT_FOUND');
  return found;
}

import { type Caller, maySeeConversation } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { type ConversationRecord, findConversation } from '../../store/conversations.ts';

/** Reads the stored conversation, if the caller may see it. Throws `NOT_FOUND` otherwise. */
export async function requireVisible(caller: Caller, conversationId: string): Promise<ConversationRecord> {
  const found = await findConversation(conversationId);
  if (!found || !maySeeConversation(caller, found)) throw new AppError('NOT_FOUND');
  return found;
}

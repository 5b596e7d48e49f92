import { type Caller, maySeeConversation } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import type { HeldConversation, OwnConversation } from '../../protocol/objects/conversations.ts';
import { type ConversationRecord, findConversation } from '../../store/conversations.ts';
import { presenterFor } from './present.ts';

/** Reads one conversation that the caller may see. Throws `NOT_FOUND`. */
export async function getConversation(
  caller: Caller,
  conversationId: string,
): Promise<OwnConversation | HeldConversation> {
  const found = await requireVisible(caller, conversationId);
  return (await presenterFor(caller, [found])).answer(found);
}

/** Reads the stored conversation, if the caller may see it. Throws `NOT_FOUND` otherwise. */
export async function requireVisible(caller: Caller, conversationId: string): Promise<ConversationRecord> {
  const found = await findConversation(conversationId);
  if (!found || !maySeeConversation(caller, found)) throw new AppError('NOT_FOUND');
  return found;
}

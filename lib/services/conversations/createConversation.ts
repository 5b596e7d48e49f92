import { limitConversations } from '../../auth/limits.ts';
import type { Caller } from '../../domain/permissions.ts';
import type { Conversation } from '../../protocol/objects.ts';
import { findConversation, insertConversation, toConversation } from '../../store/conversations.ts';
import { transaction } from '../../store/database.ts';
import { newId } from '../../store/ids.ts';
import { storeMessage } from '../rooms/storeMessage.ts';

/** Opens a conversation, with its first message where there is one: both or neither. Throws `RATE_LIMITED`. */
export async function createConversation(
  caller: Caller,
  { subject, message }: { readonly subject: string; readonly message?: string | undefined },
): Promise<Conversation> {
  await limitConversations(caller.userId);
  const id = newId();
  const created = await transaction(async (session) => {
    const empty = await insertConversation({ id, candidateId: caller.userId, subject }, session);
    if (message === undefined) return empty;
    await storeMessage(caller, { conversationId: id, content: message }, session);
    return findConversation(id, session);
  });
  if (!created) throw new Error(`conversation ${id} vanished within its own transaction`);
  return toConversation(created);
}

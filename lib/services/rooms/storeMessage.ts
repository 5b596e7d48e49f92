import type { Caller } from '../../domain/permissions.ts';
import type { Message } from '../../protocol/objects/conversations.ts';
import { takeSeq } from '../../store/conversations.ts';
import type { Transaction } from '../../store/database.ts';
import { newId } from '../../store/ids.ts';
import { insertMessage } from '../../store/messages.ts';

export interface Draft {
  readonly conversationId: string;
  readonly content: string;
  readonly clientMessageId?: string | undefined;
  /** The `clientMessageId` of the sender's message that comes before this one. */
  readonly after?: string | undefined;
}

/**
 * Gives a message its place and stores it. Call it inside a transaction: when the insert is refused, the place is free
 * again. Returns `null` when the conversation is closed, gone or not the sender's. A repeated `clientMessageId` throws
 * a duplicate key.
 */
export async function storeMessage(caller: Caller, draft: Draft, session: Transaction): Promise<Message | null> {
  const taken = await takeSeq(draft.conversationId, caller, session);
  if (!taken) return null;
  const message: Message = {
    id: newId(),
    conversationId: draft.conversationId,
    seq: taken.seq,
    senderId: caller.userId,
    senderRole: caller.role,
    senderName: caller.name,
    content: draft.content,
    clientMessageId: draft.clientMessageId ?? null,
    sentAt: taken.sentAt.toISOString(),
  };
  await insertMessage(message, session);
  return message;
}

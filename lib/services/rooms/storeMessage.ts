import type { Caller } from '../../domain/permissions.ts';
import type { Message } from '../../protocol/objects/conversations.ts';
import { type Room, takeSeq } from '../../store/conversations.ts';
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

/** Who sends a message: through a connection, or with the conversation that it opens. */
export type Sender = Pick<Caller, 'userId' | 'role' | 'name'> & { readonly connectionId?: string };

/** A message and who hears it. */
export interface Stored {
  readonly message: Message;
  readonly room: Room;
}

/**
 * Gives a message its place and stores it. Call it inside a transaction: when the insert is refused, the place is free
 * again. Returns `null` when the conversation is closed, gone or not the sender's, or the sender is not in the room. A
 * repeated `clientMessageId` throws a duplicate key.
 */
export async function storeMessage(sender: Sender, draft: Draft, session: Transaction): Promise<Stored | null> {
  const taken = await takeSeq(draft.conversationId, sender, session);
  if (!taken) return null;
  const message: Message = {
    id: newId(),
    conversationId: draft.conversationId,
    seq: taken.seq,
    senderId: sender.userId,
    senderRole: sender.role,
    senderName: sender.name,
    content: draft.content,
    clientMessageId: draft.clientMessageId ?? null,
    sentAt: taken.sentAt.toISOString(),
  };
  await insertMessage(message, session);
  return { message, room: taken.room };
}

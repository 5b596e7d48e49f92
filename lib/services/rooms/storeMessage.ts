import { type Caller, isParticipant } from '../../domain/permissions.ts';
import type { Message } from '../../protocol/objects/conversations.ts';
import type { Transaction } from '../../store/database.ts';
import { newId } from '../../store/ids.ts';
import { insertMessage, wasSentByCandidate } from '../../store/messages.ts';
import type { Room } from '../../store/room.ts';
import { type Placed, takeSeq } from '../../store/seq.ts';

export interface Draft {
  readonly conversationId: string;
  readonly content: string;
  readonly clientMessageId?: string | undefined;
  /** The `clientMessageId` of the sender's message that comes before this one. */
  readonly after?: string | undefined;
}

/** Who sends a message. */
export type Sender = Pick<Caller, 'userId' | 'role' | 'name'>;

/** A message has no place in the conversation: see `storeMessage`. */
export class NotInPlace extends Error {
  override readonly name = 'NotInPlace';
}

/** The sender's side has stored a message under this `clientMessageId` before. */
export class SentBefore extends Error {
  override readonly name = 'SentBefore';
}

/** A message and who hears it. */
export interface Stored {
  readonly message: Message;
  readonly room: Room;
}

/**
 * Gives a message its place and stores it. Call it inside a transaction: when the insert is refused, or the sender is, the
 * place is free again. Throws `NotInPlace` when the conversation is closed, gone or not the sender's, or the connection is not
 * in the room. A repeated `clientMessageId` throws a duplicate key, or `SentBefore` in a conversation that was a visitor's. The
 * sender may be found meanwhile.
 */
export async function storeMessage(
  placed: Placed,
  isFound: Sender | Promise<Sender>,
  draft: Draft,
  session: Transaction,
): Promise<Stored> {
  const taken = await takeSeq(draft.conversationId, placed, session);
  const sender = await isFound;
  // Thrown, so that the transaction takes back what it may have taken.
  if (!taken || !isParticipant(sender.userId, taken)) throw new NotInPlace();
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
  const { fromCandidate, merged } = taken;
  const isCandidates = sender.userId === taken.candidateId;
  const { conversationId, clientMessageId } = draft;
  if (merged && isCandidates && clientMessageId !== undefined) {
    if (await wasSentByCandidate(conversationId, clientMessageId, session)) throw new SentBefore();
  }
  await insertMessage(
    message,
    fromCandidate === undefined || isCandidates ? fromCandidate : taken.seq - fromCandidate,
    session,
  );
  return { message, room: taken.room };
}

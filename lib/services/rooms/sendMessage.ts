import { isParticipant } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { limitMessages } from '../../limits/rateLimits.ts';
import type { ServerData } from '../../protocol/events.ts';
import type { Message } from '../../protocol/objects/conversations.ts';
import { broadcast } from '../../realtime/broadcast.ts';
import { errorFields, logger } from '../../runtime/logger.ts';
import { metrics } from '../../runtime/metrics.ts';
import { poll } from '../../runtime/poll.ts';
import { findSocketCaller, type SocketCaller } from '../../store/connections.ts';
import { findConversation } from '../../store/conversations.ts';
import { DURABLE_MS, isDuplicateKey, transaction } from '../../store/database.ts';
import { findNamed, findSentMessage, noteBroadcast } from '../../store/messages.ts';
import { inOrder } from './order.ts';
import { type Draft, storeMessage } from './storeMessage.ts';

/** A message that is durably stored: by this send, or, `duplicate`, by an earlier one with its `clientMessageId`. */
export interface Sent {
  readonly message: Message;
  readonly duplicate: boolean;
}

/**
 * Stores a message, once per `clientMessageId`, and after the one it names by `after`; it is acknowledged by a majority
 * when this returns. Telling the room is `tellRoom`'s. Throws `NOT_FOUND`, `NOT_JOINED`, `CONVERSATION_CLOSED`,
 * `OUT_OF_ORDER`, `RATE_LIMITED`, `UNAVAILABLE`.
 */
export async function sendMessage(caller: SocketCaller, draft: Draft): Promise<Sent> {
  await limitMessages(caller.userId);
  const isIn = caller.rooms.includes(draft.conversationId);
  const earlier = isIn && draft.after !== undefined ? await itsTurn(caller, draft, draft.after) : 'its turn';
  if (earlier !== 'its turn') return earlier;
  const stored = isIn ? await storeOnce(caller, draft) : null;
  if (stored === 'stored before') return { message: await durable(caller, draft), duplicate: true };
  if (stored === null) return earlierSend(caller, draft);
  metrics({ MessagesAccepted: 1 });
  return { message: stored, duplicate: false };
}

export function accepted({ message, duplicate }: Sent): ServerData<'MESSAGE_ACCEPTED'> {
  const { conversationId, id, seq, clientMessageId, sentAt } = message;
  return { conversationId, messageId: id, seq, clientMessageId, sentAt, duplicate };
}

/**
 * Sends the message to everyone in the room, once. A repeated send waits for the first one to have done so, and does
 * it in its place when that one evidently died in between. Never throws.
 */
export async function tellRoom({ message, duplicate }: Sent): Promise<void> {
  try {
    if (duplicate && (await toldBefore(message))) return;
    await broadcast({ room: message.conversationId }, { event: 'NEW_MESSAGE', data: message });
    await noteBroadcast(message.id);
  } catch (error) {
    // The message is stored and acknowledged all the same; a repeated send tells the room again.
    logger.warn('could not note a broadcast', { conversationId: message.conversationId, ...errorFields(error) });
  }
}

/** Waits until the message is the next one; what it repeats, where it does. */
async function itsTurn(caller: SocketCaller, draft: Draft, after: string): Promise<Sent | 'its turn'> {
  const { conversationId, clientMessageId = after } = draft;
  const { userId } = caller;
  return inOrder<Sent | 'its turn'>({
    userId,
    conversationId,
    counted: 1,
    look: async () => {
      const found = await findNamed(conversationId, userId, [after, clientMessageId]);
      const itself = draft.clientMessageId === undefined ? undefined : found.get(draft.clientMessageId);
      if (itself) return { message: itself, duplicate: true };
      return found.has(after) ? 'its turn' : null;
    },
    review: async (now) =>
      now && now.status !== 'closed' && isParticipant(userId, now) ? null : earlierSend(caller, draft),
    readmit: () => requireStillIn(caller, conversationId),
  });
}

/** The connection may have been cut, or left the room, since the caller was found. */
async function requireStillIn({ connectionId, sourceIp }: SocketCaller, conversationId: string): Promise<void> {
  const now = await findSocketCaller(connectionId, sourceIp);
  if (!now) throw new AppError('INVALID_TOKEN');
  if (!now.rooms.includes(conversationId)) throw new AppError('NOT_JOINED');
}

async function storeOnce(caller: SocketCaller, draft: Draft): Promise<Message | 'stored before' | null> {
  try {
    return await transaction((session) => storeMessage(caller, draft, session));
  } catch (error) {
    if (isDuplicateKey(error, 'clientMessageId')) return 'stored before';
    throw error;
  }
}

/**
 * The message this one repeats, once a majority has it: the primary refuses the second of two sends as soon as it has
 * the first itself, which a failover could still take back. Throws `UNAVAILABLE` when that takes too long.
 */
async function durable(caller: SocketCaller, { conversationId, clientMessageId = '' }: Draft): Promise<Message> {
  const earlier = await poll(DURABLE_MS, () => findSentMessage(conversationId, caller.userId, clientMessageId));
  if (!earlier) throw new AppError('UNAVAILABLE');
  return earlier.message;
}

/** The message this one repeats; where there is none, the reason why it wasn't stored. */
async function earlierSend(caller: SocketCaller, draft: Draft): Promise<Sent> {
  const conversation = await findConversation(draft.conversationId);
  if (!conversation || !isParticipant(caller.userId, conversation)) throw new AppError('NOT_FOUND');
  if (draft.clientMessageId !== undefined) {
    const earlier = await findSentMessage(draft.conversationId, caller.userId, draft.clientMessageId);
    if (earlier) return { message: earlier.message, duplicate: true };
  }
  if (conversation.status === 'closed') throw new AppError('CONVERSATION_CLOSED');
  if (!caller.rooms.includes(draft.conversationId)) throw new AppError('NOT_JOINED');
  throw new AppError('CONFLICT');
}

/** After this long a broadcast that isn't noted as done isn't under way any more: its posts have a time limit. */
const BROADCAST_ENDS_MS = 3_000;

async function toldBefore({ conversationId, senderId, clientMessageId }: Message): Promise<boolean> {
  if (clientMessageId === null) return true;
  // Counted from here, not from `sentAt`, which is another machine's clock.
  return poll(BROADCAST_ENDS_MS, async () => {
    const sent = await findSentMessage(conversationId, senderId, clientMessageId);
    return !sent || sent.broadcast;
  });
}

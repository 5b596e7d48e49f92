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

/** A message that is durably stored. `duplicate`: an earlier send with its `clientMessageId` stored it. */
export interface Sent {
  readonly message: Message;
  readonly duplicate: boolean;
}

/**
 * Stores a message, once per `clientMessageId`, and after the message that `after` names. A majority has it when this
 * returns. `tellRoom` tells the room. Throws `NOT_FOUND`, `NOT_JOINED`, `CONVERSATION_CLOSED`, `OUT_OF_ORDER`,
 * `RATE_LIMITED`, `UNAVAILABLE`.
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
 * Sends the message to everyone in the room, once. A repeated send waits until the first send has told the room, and
 * tells it itself when the first one evidently died before that. Never throws.
 */
export async function tellRoom({ message, duplicate }: Sent): Promise<void> {
  try {
    if (duplicate && (await toldBefore(message))) return;
    await broadcast({ room: message.conversationId }, { event: 'NEW_MESSAGE', data: message });
    await noteBroadcast(message.id);
  } catch (error) {
    // The message is stored and acknowledged all the same. A repeated send tells the room again.
    logger.warn('could not note a broadcast', { conversationId: message.conversationId, ...errorFields(error) });
  }
}

/** Waits until it is the message's turn. Returns the earlier send, if the message repeats one. */
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

/** Throws where the connection was cut, or left the room, since the caller was found. */
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
 * Returns the message that this send repeats, once a majority has it. The primary refuses the second of two sends as
 * soon as it has the first one itself, and a failover could still take that back. Throws `UNAVAILABLE` when it takes
 * too long.
 */
async function durable(caller: SocketCaller, { conversationId, clientMessageId = '' }: Draft): Promise<Message> {
  const earlier = await poll(DURABLE_MS, () => findSentMessage(conversationId, caller.userId, clientMessageId));
  if (!earlier) throw new AppError('UNAVAILABLE');
  return earlier.message;
}

/** Returns the message that this send repeats. Where there is none, throws the reason why the message wasn't stored. */
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

/** After this long a broadcast that isn't noted as done is not under way any more, because posts have a time limit. */
const BROADCAST_ENDS_MS = 3_000;

async function toldBefore({ conversationId, senderId, clientMessageId }: Message): Promise<boolean> {
  if (clientMessageId === null) return true;
  // The time counts from here, not from `sentAt`, which is another machine's clock.
  return poll(BROADCAST_ENDS_MS, async () => {
    const sent = await findSentMessage(conversationId, senderId, clientMessageId);
    return !sent || sent.broadcast;
  });
}

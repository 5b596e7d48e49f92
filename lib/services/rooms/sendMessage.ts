import { isParticipant } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { limitMessages } from '../../limits/rateLimits.ts';
import type { ServerData } from '../../protocol/events.ts';
import type { Message } from '../../protocol/objects/conversations.ts';
import { broadcast, prepareBroadcast } from '../../realtime/broadcast.ts';
import { errorFields, logger } from '../../runtime/logger.ts';
import { metrics } from '../../runtime/metrics.ts';
import { poll } from '../../runtime/poll.ts';
import { type SocketCaller, stillConnected } from '../../store/connections.ts';
import { findConversation } from '../../store/conversations.ts';
import { DURABLE_MS, isDuplicateKey, transaction } from '../../store/database.ts';
import { findByClientIds, findSentMessage, type MessageSender, markBroadcast } from '../../store/messages.ts';
import { isFresh, type Room, roomOf } from '../../store/room.ts';
import { isMember } from '../../store/rooms.ts';
import { inOrder } from './order.ts';
import { ownConversation } from './ownConversation.ts';
import { type Draft, NotInPlace, SentBefore, storeMessage } from './storeMessage.ts';

/**
 * A message that is durably stored, and who hears it. A repeat has no room: an earlier send with its `clientMessageId`
 * stored the message.
 */
export interface Sent {
  readonly message: Message;
  readonly room: Room | null;
  /** When its commit began, or when it was found to be stored, in epoch milliseconds. */
  readonly at: number;
}

/** Who sends through a connection: it takes a moment to find out who speaks, and whether they may. */
export interface Speaking {
  readonly connectionId: string;
  /** Rejects where they may not. */
  readonly caller: Promise<SocketCaller>;
}

/**
 * Stores a message, once per `clientMessageId`, and after the message that `after` names. A majority has it when this
 * returns what `prepare` made of it. Throws `NOT_FOUND`, `NOT_JOINED`, `CONVERSATION_CLOSED`, `OUT_OF_ORDER`,
 * `RATE_LIMITED`, `UNAVAILABLE`, and what `caller` rejects with.
 *
 * The message takes its place while the caller is found, and is inserted while their messages are counted. Nothing is
 * committed before both are known to be in order.
 *
 * `prepare` makes ready what follows, while the database commits. It may only make ready: the commit may fail, and what was made
 * is then dropped. It may be called again, for another attempt.
 */
export async function sendMessage<T extends object>(
  speaking: Speaking,
  draft: Draft,
  prepare: (sent: Sent) => T,
): Promise<T> {
  const limited = speaking.caller.then(({ userId }) => limitMessages(userId));
  // Whoever awaits it handles it.
  limited.catch(() => undefined);
  if (draft.after !== undefined) {
    await limited;
    const caller = await speaking.caller;
    // Who isn't in the room waits for nothing.
    const earlier = caller.rooms.includes(draft.conversationId) ? null : await earlierSend(caller, draft);
    if (earlier) return prepare(earlier);
    const place = await awaitPlace(caller, draft, draft.after);
    if (place.is === 'taken') return prepare(place.sent);
  }
  // A majority may not have yet what refused the message: what is read of it then is no reason to refuse it.
  const prepared = await poll(DURABLE_MS, () => trySending(speaking, draft, limited, prepare));
  if (!prepared) throw new AppError('CONFLICT');
  return prepared;
}

/** Stores the message, or finds the one that it repeats. Returns `null` where it was refused, and no reason is to be seen. */
async function trySending<T extends object>(
  speaking: Speaking,
  draft: Draft,
  limited: Promise<void>,
  prepare: (sent: Sent) => T,
): Promise<T | null> {
  const outcome = await storeOnce(speaking, draft, limited, prepare);
  if (outcome.is === 'stored') {
    metrics({ MessagesAccepted: 1 });
    return outcome.prepared;
  }
  const caller = await speaking.caller;
  // A repeat counts too: it was found before the count may have been.
  await limited;
  const earlier = outcome.is === 'repeated' ? repeated(await durable(caller, draft)) : await earlierSend(caller, draft);
  return earlier && prepare(earlier);
}

const senderOf = ({ userId, role }: SocketCaller): MessageSender => ({ senderId: userId, senderRole: role });

const repeated = (message: Message): Sent => ({ message, room: null, at: Date.now() });

export function accepted({ message, room }: Sent): ServerData<'MESSAGE_ACCEPTED'> {
  const { conversationId, id, seq, clientMessageId, sentAt } = message;
  return { conversationId, messageId: id, seq, clientMessageId, sentAt, duplicate: room === null };
}

/**
 * Makes ready to send the message to everyone in the room, once, and returns what does it. A repeated send waits until the
 * first send has told the room, and tells it itself when the first one evidently died before that. Never throws.
 */
export function prepareToTell({ message, room, at }: Sent): () => Promise<void> {
  const frame = { event: 'NEW_MESSAGE', data: message } as const;
  const tellRoom = room && prepareBroadcast(room, frame);
  return async () => {
    try {
      if (room === null && (await toldBefore(message))) return;
      if (tellRoom && isFresh(at)) await tellRoom();
      else await broadcast({ room: await roomNow(message) }, frame);
      await markBroadcast(message.id);
    } catch (error) {
      // The message is stored and acknowledged all the same. A repeated send tells the room again.
      logger.warn('could not note a broadcast', { conversationId: message.conversationId, ...errorFields(error) });
    }
  };
}

async function roomNow({ conversationId }: Message): Promise<Room> {
  const conversation = await findConversation(conversationId);
  if (!conversation) throw new Error(`conversation ${conversationId} is gone`);
  return roomOf(conversation);
}

/** Whether the place after the named message is free. `taken`: this send repeats a stored message. */
type Place = { readonly is: 'free' } | { readonly is: 'taken'; readonly sent: Sent };

/** Waits until the message that this one follows is stored. Throws what `inOrder` throws. */
async function awaitPlace(caller: SocketCaller, draft: Draft, after: string): Promise<Place> {
  const { conversationId, clientMessageId = after } = draft;
  const { userId } = caller;
  return inOrder<Place>({
    userId,
    conversationId,
    counted: 1,
    look: async () => {
      const found = await findByClientIds(conversationId, senderOf(caller), [after, clientMessageId]);
      const itself = draft.clientMessageId === undefined ? undefined : found.get(draft.clientMessageId);
      if (itself) return { is: 'taken', sent: repeated(itself) };
      return found.has(after) ? { is: 'free' } : null;
    },
    review: async (now) => {
      if (now && now.status !== 'closed' && isParticipant(userId, now)) return null;
      const sent = await earlierSend(caller, draft);
      return sent && { is: 'taken', sent };
    },
    // A repeat is answered wherever the caller is: they are out of the room of a conversation that was closed.
    recheck: (came) => (came?.is === 'taken' ? requireConnected(caller) : requireStillIn(caller, conversationId)),
  });
}

/** Throws where the connection was cut, or left the room, since the caller was found. */
async function requireStillIn(caller: SocketCaller, conversationId: string): Promise<void> {
  await requireConnected(caller);
  const now = await findConversation(conversationId);
  if (!now || !isMember(now, caller.connectionId)) throw new AppError('NOT_JOINED');
}

async function requireConnected({ connectionId }: SocketCaller): Promise<void> {
  if ((await stillConnected([connectionId])).length === 0) throw new AppError('INVALID_TOKEN');
}

/** What became of a message: `repeated`, its `clientMessageId` is used already; `refused`, see `storeMessage`. */
type Outcome<T> = { readonly is: 'stored'; readonly prepared: T } | { readonly is: 'repeated' | 'refused' };

/** Stores the message, unless the caller may not, or `limited` rejects. */
async function storeOnce<T>(
  { connectionId, caller }: Speaking,
  draft: Draft,
  limited: Promise<void>,
  prepare: (sent: Sent) => T,
): Promise<Outcome<T>> {
  try {
    let attempts = 0;
    const prepared = await transaction(async (session) => {
      // Only the first attempt begins before it is known that the message may be stored: no refused one waits for its turn.
      if (attempts > 0) await limited;
      attempts += 1;
      const inPlace = await storeMessage({ connectionId }, caller, draft, session);
      await limited;
      const at = Date.now();
      // The order to commit is on its way by then. What belongs to an attempt that fails is dropped with it.
      return whenIdle(() => prepare({ ...inPlace, at }));
    });
    return { is: 'stored', prepared: prepared() };
  } catch (error) {
    if (error instanceof NotInPlace) return { is: 'refused' };
    if (error instanceof SentBefore || isDuplicateKey(error, 'clientMessageId')) return { is: 'repeated' };
    throw error;
  }
}

/** Makes something once the process waits for others, or when it is asked for, whichever comes first. */
function whenIdle<T>(make: () => T): () => T {
  let made: { readonly it: T } | undefined;
  const get = () => {
    made ??= { it: make() };
    return made.it;
  };
  setImmediate(() => {
    try {
      get();
    } catch {
      // Whoever asks for it meets the error.
    }
  });
  return get;
}

/**
 * Returns the message that this send repeats, once a majority has it. The primary refuses the second of two sends as
 * soon as it has the first one itself, and a failover could still take that back. Throws `UNAVAILABLE` when it takes
 * too long.
 */
async function durable(caller: SocketCaller, { conversationId, clientMessageId = '' }: Draft): Promise<Message> {
  const earlier = await poll(DURABLE_MS, () => findSentMessage(conversationId, senderOf(caller), clientMessageId));
  if (!earlier) throw new AppError('UNAVAILABLE');
  return earlier.message;
}

/**
 * Returns the message that this send repeats. Where there is none, throws the reason why the message isn't stored; `null`
 * where there is no reason any more.
 */
async function earlierSend(caller: SocketCaller, draft: Draft): Promise<Sent | null> {
  const conversation = await ownConversation(caller.userId, draft.conversationId);
  if (draft.clientMessageId !== undefined) {
    const earlier = await findSentMessage(draft.conversationId, senderOf(caller), draft.clientMessageId);
    if (earlier) return repeated(earlier.message);
  }
  if (conversation.status === 'closed') throw new AppError('CONVERSATION_CLOSED');
  if (!isMember(conversation, caller.connectionId)) throw new AppError('NOT_JOINED');
  return null;
}

/** After this long a broadcast that isn't noted as done is not under way any more, because posts have a time limit. */
const BROADCAST_ENDS_MS = 3_000;

async function toldBefore({ conversationId, senderId, senderRole, clientMessageId }: Message): Promise<boolean> {
  if (clientMessageId === null) return true;
  // The time counts from here, not from `sentAt`, which is another machine's clock.
  return poll(BROADCAST_ENDS_MS, async () => {
    const sent = await findSentMessage(conversationId, { senderId, senderRole }, clientMessageId);
    return !sent || sent.broadcast;
  });
}

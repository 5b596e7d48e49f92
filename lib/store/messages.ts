import type { SchemaDefinition } from 'mongoose';
import type { Role } from '../domain/roles.ts';
import type { Message } from '../protocol/objects/conversations.ts';
import { logger } from '../runtime/logger.ts';
import { ageMs } from './backlog.ts';
import { type ConversationRecord, ERASED, isExpired } from './conversations.ts';
import { isDuplicateKey, type Transaction, trusted } from './database.ts';
import { defineModel, type Index, native } from './model.ts';
import { ERASED_NAME, peopleOf } from './people.ts';

export interface MessageRecord {
  _id: string;
  conversationId: string;
  seq: number;
  senderId: string;
  senderRole: Role;
  /**
   * The sender's name when they sent this. Absent in messages of an earlier release, until `migrate` has named them.
   */
  senderName?: string;
  content: string;
  clientMessageId: string | null;
  sentAt: Date;
  /**
   * How many messages of its own side there are up to this one: so `seq - place` are the other side's. Absent in messages of an
   * earlier release.
   */
  place?: number;
}

/**
 * A message of a running conversation. Without `expiresAt` the TTL monitor can't touch it; it gets one when the
 * permanent collection has a copy.
 */
interface ActiveMessageRecord extends MessageRecord {
  /** When the room was told. Until then a repeated send tells it again. */
  broadcastAt: Date | null;
  expiresAt?: Date;
}

/** A message of a closed conversation, which lasts until the conversation's `messagesExpireAt`. */
type PermanentMessageRecord = MessageRecord;

const fields = () =>
  ({
    _id: { type: String, required: true },
    conversationId: { type: String, required: true },
    seq: { type: Number, required: true },
    senderId: { type: String, required: true },
    senderRole: { type: String, required: true },
    senderName: { type: String, required: false },
    content: { type: String, required: true },
    clientMessageId: { type: String, default: null },
    sentAt: { type: Date, required: true },
    place: { type: Number, required: false },
  }) as const;

/** Both collections have messages under the same keys. */
const defineMessages = <R extends MessageRecord>(
  name: string,
  collection: string,
  all: () => SchemaDefinition<R>,
  more: readonly Index[] = [],
) =>
  defineModel<R>(name, collection, all(), [
    ...more,
    [{ conversationId: 1, seq: 1 }, { unique: true }],
    [
      { conversationId: 1, senderId: 1, clientMessageId: 1 },
      { unique: true, partialFilterExpression: { clientMessageId: { $type: 'string' } } },
    ],
  ]);

export const activeMessageModel = /* @__PURE__ */ defineMessages<ActiveMessageRecord>(
  'ActiveMessage',
  'active_messages',
  () => ({ ...fields(), broadcastAt: { type: Date, default: null }, expiresAt: { type: Date, required: false } }),
  [
    [{ expiresAt: 1 }, { expireAfterSeconds: 0, sparse: true }],
    // For `oldestUnarchivedMs`.
    [{ expiresAt: 1, sentAt: 1 }],
  ],
);

export const messageModel = /* @__PURE__ */ defineMessages<PermanentMessageRecord>('Message', 'messages', fields);

export function toMessage(record: MessageRecord): Message {
  return {
    id: record._id,
    conversationId: record.conversationId,
    seq: record.seq,
    senderId: record.senderId,
    senderRole: record.senderRole,
    senderName: record.senderName ?? '',
    content: record.content,
    clientMessageId: record.clientMessageId,
    sentAt: record.sentAt.toISOString(),
  };
}

/** Stores a message of a running conversation, with its place among its side's. A repeated `clientMessageId` throws a duplicate key. */
export async function insertMessage(message: Message, place: number | undefined, session: Transaction): Promise<void> {
  const { id: _id, sentAt, ...rest } = message;
  await native(activeMessageModel()).insertOne(
    { _id, ...rest, sentAt: new Date(sentAt), ...(place !== undefined && { place }), broadcastAt: null },
    { session },
  );
}

export interface SentMessage {
  readonly message: Message;
  /** Whether the room was told. Always true once the conversation is archived. */
  readonly broadcast: boolean;
}

/** Who has sent a message, or sends one. */
export type MessageSender = Pick<MessageRecord, 'senderId' | 'senderRole'>;

/** By what a sender's message is known when it is sent again. */
const BY_CLIENT_ID = { conversationId: 1, senderId: 1, clientMessageId: 1 } as const;

/**
 * The filter of a sender's messages. The candidate's side is one sender: what a visitor has sent is the customer's whom the
 * visitor turned out to be. The index then is asked once for each sender of the conversation.
 */
const sentBy = ({ senderId, senderRole }: MessageSender) =>
  senderRole === 'candidate' ? { senderRole } : { senderId };

/** Finds the message that a sender stored under a `clientMessageId`, in either collection. */
export async function findSentMessage(
  conversationId: string,
  sender: MessageSender,
  clientMessageId: string,
): Promise<SentMessage | null> {
  // `$type` as in the index. Without it the server doesn't use the index, and reads the whole conversation.
  const key: Record<string, unknown> = trusted({
    conversationId,
    ...sentBy(sender),
    clientMessageId: { $eq: clientMessageId, $type: 'string' },
  });
  const active = await activeMessageModel().findOne(key).hint(BY_CLIENT_ID).lean();
  if (active) return { message: toMessage(active), broadcast: active.broadcastAt !== null };
  const permanent = await messageModel().findOne(key).hint(BY_CLIENT_ID).lean();
  return permanent && { message: toMessage(permanent), broadcast: true };
}

/**
 * Whether the candidate's side has sent a message under this `clientMessageId` to a running conversation. For a conversation that
 * was a visitor's: the unique index has the visitor's messages under the visitor's id. The visitor sends no more.
 */
export async function wasSentByCandidate(
  conversationId: string,
  clientMessageId: string,
  session: Transaction,
): Promise<boolean> {
  const key: Record<string, unknown> = trusted({
    conversationId,
    senderRole: 'candidate',
    clientMessageId: { $eq: clientMessageId, $type: 'string' },
  });
  return (await activeMessageModel().findOne(key, { _id: 1 }).hint(BY_CLIENT_ID).session(session).lean()) !== null;
}

/** Finds the messages of a running conversation that a sender stored under these names. Returns them by name. */
export async function findByClientIds(
  conversationId: string,
  sender: MessageSender,
  clientMessageIds: readonly string[],
): Promise<ReadonlyMap<string, Message>> {
  const named: Record<string, unknown> = trusted({
    conversationId,
    ...sentBy(sender),
    clientMessageId: { $in: [...clientMessageIds], $type: 'string' },
  });
  const rows = await activeMessageModel().find(named).hint(BY_CLIENT_ID).lean();
  return new Map(rows.map((row) => [row.clientMessageId ?? '', toMessage(row)]));
}

/** The part of a conversation that its messages are counted by. */
type Counted = Pick<ConversationRecord, '_id' | 'lastSeq' | 'fromCandidate' | 'archivedAt'>;

/** Who reads: the candidate, or the agent. The other side's messages are what is unread. */
export type Side = 'candidate' | 'agent';

/** Returns how many messages of the other side there are up to `seq`. One read at most, but for those of an earlier release. */
export async function othersUpTo(conversation: Counted, side: Side, seq: number): Promise<number> {
  const { _id: conversationId, lastSeq, fromCandidate } = conversation;
  if (seq === 0) return 0;
  if (seq === lastSeq && fromCandidate !== undefined) return ofOthers(side, seq, fromCandidate);
  const which = { conversationId, seq };
  const fields = { senderRole: 1, place: 1 } as const;
  for (const find of [
    () => activeMessageModel().findOne(which, fields).lean(),
    () => messageModel().findOne(which, fields).lean(),
  ]) {
    const found = await find();
    if (!found) continue;
    if (found.place === undefined) break;
    return ofOthers(side, seq, found.senderRole === 'candidate' ? found.place : seq - found.place);
  }
  return ofOthers(side, seq, await countCandidates(conversation, seq));
}

const ofOthers = (side: Side, all: number, fromCandidate: number): number =>
  side === 'agent' ? fromCandidate : all - fromCandidate;

/** Counts the candidate's messages up to `seq`, one by one: for conversations of an earlier release. */
export async function countCandidates(
  { _id: conversationId, archivedAt }: Omit<Counted, 'lastSeq' | 'fromCandidate'>,
  seq: number,
  session?: Transaction,
): Promise<number> {
  const theirs = trusted({ conversationId, senderRole: 'candidate' as const, seq: { $lte: seq } });
  return archivedAt
    ? messageModel()
        .countDocuments(theirs)
        .session(session ?? null)
    : activeMessageModel()
        .countDocuments(theirs)
        .session(session ?? null);
}

/** Marks a message as told to the room. A lost mark only costs a second telling, so one node's word is enough. */
export async function markBroadcast(messageId: string): Promise<void> {
  await native(activeMessageModel()).updateOne(
    { _id: messageId },
    { $set: { broadcastAt: new Date() } },
    { writeConcern: { w: 1 } },
  );
}

/**
 * Reads the messages with `afterSeq < seq ≤ lastSeq`, at most `limit`, oldest first, without a hole, from either
 * collection: a conversation can be archived, and its active copies expire, while it is read. Throws where a message is
 * missing from both.
 */
export async function readMessages(
  conversation: Pick<ConversationRecord, '_id' | 'lastSeq' | 'archivedAt' | 'messagesExpireAt'>,
  afterSeq: number,
  limit: number,
): Promise<Message[]> {
  const expected = Math.max(0, Math.min(limit, conversation.lastSeq - afterSeq));
  if (expected === 0) return [];
  if (isExpired(conversation)) return [];
  const range = trusted({ conversationId: conversation._id, seq: { $gt: afterSeq, $lte: afterSeq + expected } });
  const active = () => activeMessageModel().find(range).sort({ seq: 1 }).lean();
  const permanent = () => messageModel().find(range).sort({ seq: 1 }).lean();
  for (const read of conversation.archivedAt ? [permanent] : [active, permanent]) {
    const rows = await read();
    if (rows.length === expected) return rows.map(toMessage);
  }
  throw new Error(`conversation ${conversation._id}: messages missing after ${afterSeq}`);
}

/**
 * Returns the age of the oldest message that the permanent collection is not known to have, in milliseconds; 0 where
 * there is none.
 */
export async function oldestUnarchivedMs(): Promise<number> {
  const oldest = await activeMessageModel()
    .findOne(trusted({ expiresAt: { $exists: false } }), { sentAt: 1 })
    .sort({ sentAt: 1 })
    .lean();
  return ageMs(oldest?.sentAt);
}

// Archiving. Each of these may be repeated, or stopped half way, without harm.

/** So many messages are read at once, and so many inserted, while they are copied: memory has twice as many. */
const COPIED_AT_ONCE = 500;

/**
 * Copies the active messages with `from < seq ≤ to` to the permanent collection. Copies that exist stay as they are.
 */
export async function copyToPermanent(conversationId: string, from: number, to: number): Promise<void> {
  const range = { conversationId, seq: { $gt: from, $lte: to } };
  const messages = native(activeMessageModel()).find(range, {
    projection: { broadcastAt: 0, expiresAt: 0 },
    batchSize: COPIED_AT_ONCE,
    // With the limit the server knows which message is the last, and that nothing comes after it.
    limit: to - from,
  });
  try {
    // This takes the server half as long as a `$merge`, which looks for each message before it writes it.
    let inserted: Promise<unknown> = Promise.resolve();
    while (await messages.hasNext()) {
      const copies = messages.readBufferedDocuments();
      await inserted;
      inserted = native(messageModel()).insertMany(copies);
      // The next ones are read meanwhile. Whoever awaits it handles it.
      inserted.catch(() => undefined);
    }
    await inserted;
  } catch (error) {
    // Another process, or one that died, has copied some.
    if (!isDuplicateKey(error)) throw error;
    await mergeIntoPermanent(range);
  } finally {
    await messages.close();
  }
}

async function mergeIntoPermanent(range: object): Promise<void> {
  await activeMessageModel().aggregate([
    { $match: range },
    { $unset: ['broadcastAt', 'expiresAt'] },
    {
      $merge: {
        into: messageModel().collection.name,
        on: '_id',
        whenMatched: 'keepExisting',
        whenNotMatched: 'insert',
      },
    },
  ]);
}

/** Counts the conversation's messages with `from < seq ≤ to` in the permanent collection. */
export async function countPermanent(conversationId: string, from: number, to: number): Promise<number> {
  return messageModel().countDocuments(trusted({ conversationId, seq: { $gt: from, $lte: to } }));
}

/** Lets the active copies with `from < seq ≤ to` expire then. Only after the copies were counted. */
export async function releaseActive(conversationId: string, from: number, to: number, expiresAt: Date): Promise<void> {
  await native(activeMessageModel()).updateMany(
    { conversationId, seq: { $gt: from, $lte: to }, expiresAt: { $exists: false } },
    { $set: { expiresAt } },
    // By itself the server goes by the index of expiries, and through every copy that is not released yet for each slice.
    { hint: { conversationId: 1, seq: 1 } },
  );
}

const NAME_BATCH = 1_000;

/** Erases the text of a conversation's messages after `from`, up to `to`, and the candidate's name, in both collections. */
export async function eraseMessages(conversationId: string, from: number, to: number): Promise<void> {
  const filter = trusted({ conversationId, seq: { $gt: from, $lte: to } });
  // A visitor's too, who turned out to be this candidate.
  const theirs = { $eq: ['$senderRole', 'candidate'] };
  const erased = [
    {
      $set: {
        content: ERASED,
        clientMessageId: null,
        senderName: { $cond: [theirs, ERASED_NAME, '$senderName'] },
      },
    },
  ];
  await activeMessageModel().updateMany(filter, erased, { updatePipeline: true });
  await messageModel().updateMany(filter, erased, { updatePipeline: true });
}

/** For migrations: gives messages without one the name that their sender has now, some at a time. */
export async function nameAllSenders(): Promise<void> {
  // In this order, because a message that is archived meanwhile takes its name along.
  await nameSenders(activeMessageModel().collection);
  await nameSenders(messageModel().collection);
}

type Collection = ReturnType<typeof messageModel>['collection'];

async function nameSenders(collection: Collection): Promise<void> {
  let named = 0;
  for (let last: unknown = ''; ; ) {
    const rows = await collection
      .find({ _id: { $gt: last as never } }, { projection: { senderId: 1, senderName: 1 } })
      .sort({ _id: 1 })
      .limit(NAME_BATCH)
      .toArray();
    if (rows.length === 0) return;
    const waiting = rows.filter((row) => row['senderName'] === undefined);
    const people = await peopleOf(waiting.map((row) => String(row['senderId'])));
    if (waiting.length > 0) {
      await collection.bulkWrite(
        waiting.map(({ _id, senderId }) => ({
          updateOne: {
            // Unless it has a name by now: the name of somebody erased meanwhile must not come back.
            filter: { _id, senderName: { $exists: false } },
            update: { $set: { senderName: people.get(String(senderId))?.name ?? ERASED_NAME } },
          },
        })),
        { ordered: false },
      );
    }
    last = rows.at(-1)?._id;
    named += waiting.length;
    logger.info('naming senders', { collection: collection.name, named });
  }
}

/** Deletes a conversation's messages with `from < seq <= to`, in both collections. */
export async function deleteMessages(conversationId: string, from: number, to: number): Promise<void> {
  const filter = trusted({ conversationId, seq: { $gt: from, $lte: to } });
  await activeMessageModel().deleteMany(filter);
  await messageModel().deleteMany(filter);
}

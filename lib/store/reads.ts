import { isDuplicateKey, type Transaction } from './database.ts';
import { defineModel, native } from './model.ts';

/** Up to where somebody has read a conversation. A mark of its own, so that marking never waits for a message, nor a message for it. */
export interface ReadRecord {
  /** `readId`. */
  _id: string;
  conversationId: string;
  userId: string;
  seq: number;
  /** How many messages of the other side there are up to `seq`: so the unread ones are a difference, and are not counted. */
  others: number;
  readAt: Date;
}

/** For queries that join read marks from another collection. */
export const READS = 'reads';

export const readModel = /* @__PURE__ */ defineModel<ReadRecord>(
  'Read',
  READS,
  {
    _id: { type: String, required: true },
    conversationId: { type: String, required: true },
    userId: { type: String, required: true },
    seq: { type: Number, required: true },
    others: { type: Number, required: true },
    readAt: { type: Date, required: true },
  },
  // For erasures, and for what goes with a conversation.
  [[{ userId: 1 }], [{ conversationId: 1 }]],
);

export const readId = (conversationId: string, userId: string): string => `${conversationId}/${userId}`;

/** A mark, and whether this has moved it. */
export interface Marked {
  readonly mark: ReadRecord;
  readonly moved: boolean;
}

/** Moves a mark forward, never back. Before the first message it is made, and has not moved. `others`: how many messages of the other side there are up to `seq`. */
export async function moveMark({
  conversationId,
  userId,
  seq,
  others,
}: Omit<ReadRecord, '_id' | 'readAt'>): Promise<Marked> {
  const _id = readId(conversationId, userId);
  try {
    const mark = await native(readModel()).findOneAndUpdate(
      { _id, seq: { $lt: seq } },
      { $set: { conversationId, userId, seq, others }, $currentDate: { readAt: true } },
      { upsert: true, returnDocument: 'after' },
    );
    if (mark) return { mark, moved: seq > 0 };
  } catch (error) {
    // It is there, and as far, or further.
    if (!isDuplicateKey(error)) throw error;
  }
  const mark = await native(readModel()).findOne({ _id });
  if (!mark) throw new Error(`no read mark ${_id}`);
  return { mark, moved: false };
}

/** Gives a visitor's marks in these conversations to the customer whom the visitor turned out to be. */
export async function giveMarks(
  visitorId: string,
  customerId: string,
  conversationIds: readonly string[],
  session: Transaction,
): Promise<void> {
  const which = { _id: { $in: conversationIds.map((id) => readId(id, visitorId)) } };
  const marks = await native(readModel()).find(which, { session }).toArray();
  if (marks.length === 0) return;
  await native(readModel()).deleteMany(which, { session });
  await native(readModel()).insertMany(
    marks.map((mark) => ({ ...mark, _id: readId(mark.conversationId, customerId), userId: customerId })),
    { session },
  );
}

/** Forgets somebody's marks. */
export async function forgetMarks(userId: string, session?: Transaction): Promise<void> {
  await readModel().deleteMany({ userId }, session && { session });
}

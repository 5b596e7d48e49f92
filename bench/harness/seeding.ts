import mongoose from 'mongoose';
import { CONTENT, type Ours } from './contestants.ts';
import { openFrames } from './link.ts';

type Database = ReturnType<InstanceType<typeof mongoose.mongo.MongoClient>['db']>;

/** Opens the database of a server that is measured. */
export async function openDatabase(uri: string): Promise<{ db: Database; close(): Promise<void> }> {
  const client = await new mongoose.mongo.MongoClient(uri, { writeConcern: { w: 'majority' } }).connect();
  return { db: client.db(), close: () => client.close() };
}

const BATCH = 10_000;

/** The collection of a running conversation's messages. */
export const ACTIVE = 'active_messages';

/**
 * Makes a conversation of `count` messages. One is sent; the others are copies of what it left in the database, under their own
 * keys, because sending a hundred thousand takes a quarter of an hour.
 */
export async function longConversation(ours: Ours, db: Database, count: number) {
  const pair = await ours.pair();
  const { conversationId } = pair;
  const candidate = await openFrames(ours.address, pair.candidate.token);
  const agent = await openFrames(ours.address, pair.agent.token);
  for (const link of [candidate, agent]) await link.join(conversationId);
  await candidate.send(conversationId, CONTENT, 'message 1');
  await ours.server.ask('idle');
  const active = db.collection<{ _id: string }>(ACTIVE);
  const sent = await active.findOne({ conversationId } as never);
  if (!sent) throw new Error('the message is not where it was');
  for (let from = 2; from <= count; from += BATCH) {
    const copies = Array.from({ length: Math.min(BATCH, count - from + 1) }, (_, index) => ({
      ...sent,
      _id: `${conversationId}-${from + index}`,
      seq: from + index,
      clientMessageId: `message ${from + index}`,
    }));
    await active.insertMany(copies, { ordered: false });
  }
  await db
    .collection<{ _id: string }>('conversations')
    .updateOne({ _id: conversationId }, { $set: { lastSeq: count } });
  return { ...pair, candidate, agent, people: pair };
}

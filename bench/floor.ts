import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import mongoose from 'mongoose';
import type { Message } from '../lib/protocol/objects/conversations.ts';
import { Gateway } from '../tests/support/gateway.ts';
import { listen } from './harness/front.ts';
import { serve } from './harness/serve.ts';

/**
 * The floor: what one message asks of the database and of `@connections` at the least, without any code of the service and with
 * nothing checked. A transaction makes the conversation's next `seq`, on condition that it isn't closed and the sender takes
 * part, and inserts the message; the acknowledgement and the message are posted over sockets that are kept open. It stands
 * behind the same gateway as the service.
 */

/** As many posts at once as the service makes. */
const MOST_POSTS = 50;

const client = await new mongoose.mongo.MongoClient(process.env['MONGODB_URI'] ?? '', {
  writeConcern: { w: 'majority' },
  readConcernLevel: 'majority',
}).connect();
const conversations = client.db().collection<{ _id: string; lastSeq: number }>('conversations');
const messages = client.db().collection<{ _id: string }>('active_messages');
await messages.createIndex({ conversationId: 1, seq: 1 }, { unique: true });
await messages.createIndex(
  { conversationId: 1, senderId: 1, clientMessageId: 1 },
  { unique: true, partialFilterExpression: { clientMessageId: { $type: 'string' } } },
);
await messages.createIndex({ expiresAt: 1 }, { expireAfterSeconds: 0, sparse: true });
await conversations.createIndex({ candidateId: 1 });

interface Draft {
  readonly conversationId: string;
  readonly content: string;
  readonly clientMessageId: string;
}

/** Stores a message as one transaction. */
async function bareTransaction(
  senderId: string,
  { conversationId, content, clientMessageId }: Draft,
): Promise<Message> {
  const session = client.startSession();
  try {
    session.startTransaction();
    const conversation = await conversations.findOneAndUpdate(
      { _id: conversationId, status: { $ne: 'closed' }, $or: [{ candidateId: senderId }, { agentId: senderId }] },
      [{ $set: { lastSeq: { $add: ['$lastSeq', 1] }, lastMessageAt: '$$NOW' } }],
      { session, returnDocument: 'after', projection: { lastSeq: 1 } },
    );
    const id = randomUUID();
    const sentAt = new Date();
    const rest = {
      conversationId,
      seq: conversation?.lastSeq ?? 0,
      senderId,
      senderRole: 'candidate' as const,
      senderName: 'Kim Candidate',
      content,
      clientMessageId,
    };
    await messages.insertOne({ _id: id, ...rest, sentAt } as never, { session });
    await session.commitTransaction();
    return { id, ...rest, sentAt: sentAt.toISOString() };
  } finally {
    await session.endSession();
  }
}

const agent = new Agent({ keepAlive: true, maxSockets: MOST_POSTS });

/** Posts a frame to a connection. Fulfils when the gateway has answered. */
function barePost(connectionId: string, frame: string): Promise<void> {
  return new Promise((fulfil, reject) => {
    const post = request(
      `${gateway.endpoint}/@connections/${connectionId}`,
      {
        agent,
        method: 'POST',
        // The gateway refuses what isn't signed. That it was signed well it can't tell.
        headers: { authorization: 'AWS4-HMAC-SHA256 bare', 'content-length': Buffer.byteLength(frame) },
      },
      (response) => response.resume().once('end', fulfil),
    );
    post.once('error', reject).end(frame);
  });
}

async function barePosts(connectionIds: Iterable<string>, frame: string): Promise<void> {
  const waiting = [...connectionIds];
  const work = async () => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) await barePost(id, frame);
  };
  await Promise.all(Array.from({ length: MOST_POSTS }, work));
}

interface Times {
  readonly transactionMs: number;
  readonly postMs: number;
}

let times: Times[] = [];
const rooms = new Map<string, Set<string>>();
let gateway: Gateway;

interface GatewayEvent {
  readonly requestContext: { readonly routeKey: string; readonly connectionId: string };
  readonly body?: string;
}

async function handle({ requestContext: { routeKey, connectionId }, body = '' }: GatewayEvent): Promise<void> {
  if (routeKey.startsWith('$')) return;
  const { data } = JSON.parse(body) as { data: Draft };
  const room = rooms.get(data.conversationId) ?? new Set();
  rooms.set(data.conversationId, room);
  switch (routeKey) {
    case 'JOIN_CONVERSATION':
      room.add(connectionId);
      await conversations.updateOne(
        { _id: data.conversationId },
        { $setOnInsert: { status: 'assigned', candidateId: 'candidate', agentId: 'agent', lastSeq: 0 } as never },
        { upsert: true },
      );
      return barePost(connectionId, frameOf('CONVERSATION_JOINED', { conversation: null, messages: [] }));
    case 'SEND_MESSAGE':
      return onMessage(connectionId, room, data);
    // For the fan-out: posts without a message stored, the sender first.
    case 'CLOSE_CONVERSATION':
      return barePosts(
        [...room].sort((a) => (a === connectionId ? 1 : -1)),
        frameOf('NEW_MESSAGE', data),
      );
    default:
  }
}

async function onMessage(connectionId: string, room: ReadonlySet<string>, draft: Draft): Promise<void> {
  const begun = performance.now();
  const message = await bareTransaction('candidate', draft);
  const stored = performance.now();
  const { id: messageId, conversationId, seq, clientMessageId, sentAt } = message;
  // Alone: beside other posts it would take longer than a bare one does.
  await barePost(
    connectionId,
    frameOf('MESSAGE_ACCEPTED', { conversationId, messageId, seq, clientMessageId, sentAt, duplicate: false }),
  );
  times.push({ transactionMs: stored - begun, postMs: performance.now() - stored });
  await barePosts(room, frameOf('NEW_MESSAGE', message));
}

const frameOf = (event: string, data: unknown): string => JSON.stringify({ event, data });

gateway = await Gateway.start(async (_file, event) => {
  await handle(event as GatewayEvent);
  return { statusCode: 200 };
});
gateway.keepsPosts = false;
serve(await listen(gateway), {
  idle: () => gateway.idle(),
  /** How long the transactions and first posts took since this was asked last. */
  times: (): Times[] => {
    const all = times;
    times = [];
    return all;
  },
});

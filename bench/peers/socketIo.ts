import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import mongoose from 'mongoose';
import { Server } from 'socket.io';
import { type AccessTokenClaims, verifyAccessToken } from '../../lib/auth/tokens.ts';
import type { Message } from '../../lib/protocol/objects/conversations.ts';
import { bearerTokenOf } from '../harness/front.ts';
import { serve } from '../harness/serve.ts';

/**
 * Socket.IO and MongoDB in one process that is always on. Each message takes its `seq` from a counter and is stored before the
 * acknowledgement, both with MongoDB's default write concern, a majority. `COUNTER_W=1` lets the counter wait for one node only:
 * the insert that follows waits for the majority anyway. Recovery of connections is on. A repeated send is stored again, and who
 * may write is asked when they connect, never afterwards.
 */

const client = await new mongoose.mongo.MongoClient(process.env['MONGODB_URI'] ?? '', {
  writeConcern: { w: 'majority' },
}).connect();
const counters = client.db().collection<{ _id: string; seq: number }>('counters');
const messages = client.db().collection<{ _id: string; conversationId: string; seq: number }>('messages');
await messages.createIndex({ conversationId: 1, seq: 1 }, { unique: true });
const counterConcern = process.env['COUNTER_W'] === '1' ? { writeConcern: { w: 1 } } : {};

const server = createServer();
const io = new Server<
  Record<string, (data: Draft, answer: (data: unknown) => void) => void>,
  Record<string, (data: unknown) => void>,
  Record<string, never>,
  { caller: AccessTokenClaims }
>(server, { connectionStateRecovery: {} });

type Draft = Pick<Message, 'conversationId' | 'content' | 'clientMessageId'>;

io.use(async (socket, next) => {
  const caller = await verifyAccessToken(bearerTokenOf(socket.request) ?? '');
  if (!caller) return next(new Error('INVALID_TOKEN'));
  socket.data.caller = caller;
  return next();
});

io.on('connection', (socket) => {
  socket.on('JOIN_CONVERSATION', async ({ conversationId }, answer) => {
    await socket.join(conversationId);
    answer({ conversation: null, messages: [], nextAfterSeq: null });
  });
  socket.on('SEND_MESSAGE', async (draft, answer) => {
    const message = await store(socket.data.caller, draft);
    const { id: messageId, conversationId, seq, clientMessageId, sentAt } = message;
    answer({ conversationId, messageId, seq, clientMessageId, sentAt, duplicate: false });
    io.to(conversationId).emit('NEW_MESSAGE', message);
  });
});

async function store(
  { userId, role }: AccessTokenClaims,
  { conversationId, content, clientMessageId }: Draft,
): Promise<Message> {
  const counter = await counters.findOneAndUpdate(
    { _id: conversationId },
    { $inc: { seq: 1 } },
    { upsert: true, returnDocument: 'after', ...counterConcern },
  );
  const sentAt = new Date();
  const rest = {
    conversationId,
    seq: counter?.seq ?? 1,
    senderId: userId,
    senderRole: role,
    senderName: 'Kim Candidate',
    content,
    clientMessageId,
  };
  const id = randomUUID();
  await messages.insertOne({ _id: id, ...rest, sentAt } as never);
  return { id, ...rest, sentAt: sentAt.toISOString() };
}

server.listen(0, '127.0.0.1', () => serve(`127.0.0.1:${(server.address() as AddressInfo).port}`));

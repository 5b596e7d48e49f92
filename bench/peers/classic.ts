import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import mongoose from 'mongoose';
import { type WebSocket, WebSocketServer } from 'ws';
import { type AccessTokenClaims, verifyAccessToken } from '../../lib/auth/tokens.ts';
import type { Message } from '../../lib/protocol/objects/conversations.ts';
import { bearerTokenOf } from '../harness/front.ts';
import { serve } from '../harness/serve.ts';

/**
 * The classic: Express and `ws` in one process that is always on. Messages are in its memory until the conversation is closed,
 * and then go to MongoDB. A crash loses every message of a running conversation, and a second process would not know the rooms.
 */

interface Room {
  readonly members: Set<WebSocket>;
  readonly messages: Message[];
}

const rooms = new Map<string, Room>();
const client = await new mongoose.mongo.MongoClient(process.env['MONGODB_URI'] ?? '').connect();
const messages = client.db().collection<{ _id: string }>('messages');

function roomOf(conversationId: string): Room {
  const room = rooms.get(conversationId) ?? { members: new Set(), messages: [] };
  rooms.set(conversationId, room);
  return room;
}

const tell = (to: WebSocket, event: string, data: unknown, requestId?: string) =>
  to.send(JSON.stringify({ event, data, requestId }));

function onFrame(socket: WebSocket, caller: AccessTokenClaims, text: string): void {
  const { event, data, requestId } = JSON.parse(text);
  const room = roomOf(data.conversationId);
  switch (event) {
    case 'JOIN_CONVERSATION':
      room.members.add(socket);
      socket.once('close', () => room.members.delete(socket));
      tell(socket, 'CONVERSATION_JOINED', { conversation: null, messages: [], nextAfterSeq: null }, requestId);
      break;
    case 'SEND_MESSAGE':
      onMessage(socket, caller, room, data, requestId);
      break;
    default:
      tell(socket, 'ERROR', { code: 'VALIDATION_FAILED' }, requestId);
  }
}

function onMessage(
  socket: WebSocket,
  { userId, role }: AccessTokenClaims,
  room: Room,
  { conversationId, content, clientMessageId }: Pick<Message, 'conversationId' | 'content' | 'clientMessageId'>,
  requestId: string,
): void {
  const message: Message = {
    id: randomUUID(),
    conversationId,
    seq: room.messages.length + 1,
    senderId: userId,
    senderRole: role,
    senderName: 'Kim Candidate',
    content,
    clientMessageId,
    sentAt: new Date().toISOString(),
  };
  room.messages.push(message);
  const { id: messageId, seq, sentAt } = message;
  tell(
    socket,
    'MESSAGE_ACCEPTED',
    { conversationId, messageId, seq, clientMessageId, sentAt, duplicate: false },
    requestId,
  );
  const frame = JSON.stringify({ event: 'NEW_MESSAGE', data: message });
  for (const member of room.members) member.send(frame);
}

const app = express();
app.post('/conversations/:id/close', async (request, response) => {
  const room = roomOf(request.params.id);
  rooms.delete(request.params.id);
  if (room.messages.length > 0) {
    await messages.insertMany(room.messages.map(({ id, ...rest }) => ({ _id: id, ...rest })));
  }
  response.json({ stored: room.messages.length });
});

const server = createServer(app);
const sockets = new WebSocketServer({ noServer: true });
server.on('upgrade', async (request, raw, head) => {
  const caller = await verifyAccessToken(bearerTokenOf(request) ?? '');
  if (!caller) return void raw.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
  return sockets.handleUpgrade(request, raw, head, (socket) => {
    socket.on('message', (data) => onFrame(socket, caller, data.toString()));
  });
});
server.listen(0, '127.0.0.1', () => serve(`127.0.0.1:${(server.address() as AddressInfo).port}`));

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import mongoose from 'mongoose';
import { conversationModel, findOpened } from '../../lib/store/conversations.ts';
import { activeMessageModel, findByClientIds, findSentMessage } from '../../lib/store/messages.ts';
import { databaseUri } from '../../local/mongod.ts';
import { STORED } from '../../tools/load.ts';
import { eventually } from '../support/deadline.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Desk } from '../support/system.ts';

/** docs/scale.md says what a message asks of the database, and how large it is there. */

const document = readFileSync(new URL('../../docs/scale.md', import.meta.url), 'utf8');

let system: InProcess;
let desk: Desk;
beforeAll(async () => {
  const uri = databaseUri(process.env['TEST_MONGODB_URI'] ?? '', `test_${randomBytes(6).toString('hex')}`);
  const MONGODB_URI = `${uri}${uri.includes('?') ? '&' : '?'}monitorCommands=true`;
  ({ system, desk } = await startDesk({ MONGODB_URI, RATE_LIMITS: 'on' }));
});
afterAll(() => system.stop());

it('sends the database the documented commands for a message', async () => {
  const { candidate, conversation } = await desk.assigned('How it is stored');
  const socket = await desk.join(candidate, conversation.id);
  await system.gateway.idle();
  const seen: string[] = [];
  mongoose.connection.getClient().on('commandStarted', ({ commandName, command }) => {
    const collection: unknown = command[commandName];
    seen.push(typeof collection === 'string' ? `${commandName} ${collection}` : commandName);
  });
  await socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId: conversation.id, content: 'x' });
  await system.gateway.idle();
  const [, list = ''] = document.split(/<!-- \/?commands -->/);
  const documented = [...list.matchAll(/^\| `([^`]+)` \|/gm)].map(([, command]) => command);
  expect(seen.toSorted()).toEqual(documented.toSorted());
});

it('stores a message and a conversation in the documented number of bytes', async () => {
  const { candidate, agent, conversation } = await desk.assigned('s'.repeat(50));
  const socket = await desk.join(candidate, conversation.id);
  await socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', {
    conversationId: conversation.id,
    content: 'x'.repeat(200),
    clientMessageId: 'c'.repeat(36),
  });
  // That the room was told is noted last, and not waited for by a majority.
  await eventually('the note that the room was told', async () => {
    const [last] = await activeMessageModel().find({ conversationId: conversation.id }).sort({ seq: -1 }).lean();
    return last?.broadcastAt;
  });
  const size = { $project: { bytes: { $bsonSize: '$$ROOT' } } };
  const [message] = await activeMessageModel().aggregate([
    { $match: { conversationId: conversation.id } },
    { $sort: { seq: -1 } },
    size,
  ]);
  await desk.ok('POST', `/conversations/${conversation.id}/close`, agent.token);
  await system.gateway.idle();
  const [record] = await conversationModel().aggregate([{ $match: { _id: conversation.id } }, size]);
  expect({ message: message.bytes, conversation: record.bytes }).toEqual(STORED);
});

it('finds a sent message without walking through its conversation', async () => {
  const { candidate, conversation } = await desk.assigned();
  const socket = await desk.join(candidate, conversation.id);
  const send = (clientMessageId: string) =>
    socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', {
      conversationId: conversation.id,
      content: 'x',
      clientMessageId,
    });
  for (let index = 0; index < 20; index += 1) await send(`message-${index}`);
  // What is still telling the room would be in the profile, too.
  await system.gateway.idle();
  const db = mongoose.connection.db;
  await db?.command({ profile: 2 });
  const found = await findSentMessage(conversation.id, candidate.user.id, 'message-19');
  const named = await findByClientIds(conversation.id, candidate.user.id, ['message-19', 'message-20']);
  await db?.command({ profile: 0 });
  expect(found?.message.seq).toBe(20);
  expect(named.get('message-19')?.seq).toBe(20);
  expect(await db?.collection('system.profile').find({ op: 'query' }).toArray()).toMatchObject([
    { docsExamined: 1 },
    { docsExamined: 1 },
  ]);
  await db?.collection('system.profile').drop();
});

it('finds a conversation opened before without walking through its candidate’s', async () => {
  const { token, user } = await desk.candidate();
  for (let index = 0; index < 20; index += 1) {
    await desk.ok('POST', '/conversations', token, { subject: 'x', clientConversationId: `conversation-${index}` });
  }
  await system.gateway.idle();
  const db = mongoose.connection.db;
  await db?.command({ profile: 2 });
  const found = await findOpened(user.id, 'conversation-7');
  await db?.command({ profile: 0 });
  expect(found?.candidateId).toBe(user.id);
  expect(await db?.collection('system.profile').find({ op: 'query' }).toArray()).toMatchObject([{ docsExamined: 1 }]);
});

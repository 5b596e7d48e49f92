import { readFileSync } from 'node:fs';
import mongoose from 'mongoose';
import { conversationModel, findOpened } from '../../lib/store/conversations.ts';
import { activeMessageModel, findByClientIds, findSentMessage } from '../../lib/store/messages.ts';
import { STORED } from '../../tools/load.ts';
import { type Listener, listening, nameOf, WATCHED } from '../support/commands.ts';
import { eventually } from '../support/deadline.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Desk } from '../support/system.ts';

/** docs/scale.md says what a message asks of the database, and how large it is there. */

const document = readFileSync(new URL('../../docs/scale.md', import.meta.url), 'utf8');

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk({ ...WATCHED, RATE_LIMITS: 'on' })));
afterAll(() => system.stop());

/** The commands that the database was sent meanwhile, as `<name> <collection>`, in the order in which they were sent and answered. */
async function commandsOf(work: () => Promise<unknown>): Promise<{ sent: string[]; log: string[] }> {
  const [sent, log, names]: [string[], string[], Map<number, string>] = [[], [], new Map()];
  const listener: Listener = {
    started: (event) => {
      const name = nameOf(event);
      names.set(event.requestId, name);
      sent.push(name);
      log.push(`> ${name}`);
    },
    succeeded: ({ requestId }) => void log.push(`< ${names.get(requestId)}`),
  };
  await listening(listener, async () => {
    await work();
    await system.gateway.idle();
  });
  return { sent, log };
}

it('sends the database the documented commands for a message', async () => {
  const { candidate, conversation } = await desk.assigned('How it is stored');
  const socket = await desk.join(candidate, conversation.id);
  await system.gateway.idle();
  const { sent } = await commandsOf(() =>
    socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId: conversation.id, content: 'x' }),
  );
  const [, list = ''] = document.split(/<!-- \/?commands -->/);
  const documented = [...list.matchAll(/^\| `([^`]+)` \|/gm)].map(([, command]) => command);
  expect(sent.toSorted()).toEqual(documented.toSorted());
});

it('takes three of them one after the other before it acknowledges a message, and reads nothing before it tells the room', async () => {
  const { candidate, agent, conversation } = await desk.assigned('How it is stored');
  const [socket, other] = [await desk.join(candidate, conversation.id), await desk.join(agent, conversation.id)];
  await system.gateway.idle();
  const before = system.gateway.posts.length;
  const heard = other.next('NEW_MESSAGE');
  const { log } = await commandsOf(() =>
    Promise.all([
      heard,
      socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId: conversation.id, content: 'x' }),
    ]),
  );
  expect(system.gateway.posts.length - before).toBe(3);
  const aside = ['connections', 'rate_limits'];
  expect(log.filter((line) => !aside.some((name) => line.endsWith(name)))).toEqual([
    '> findAndModify conversations',
    '< findAndModify conversations',
    '> insert active_messages',
    '< insert active_messages',
    '> commitTransaction',
    '< commitTransaction',
    // The posts, and then the note.
    '> update active_messages',
    '< update active_messages',
  ]);
  const at = (line: string) => log.indexOf(line);
  // The caller is found beside the first, their messages are counted beside the second. The commit waits for both.
  expect(at('> findAndModify connections')).toBeLessThan(at('< findAndModify conversations'));
  expect(at('> findAndModify rate_limits')).toBeLessThan(at('< insert active_messages'));
  expect(at('< findAndModify rate_limits')).toBeLessThan(at('> commitTransaction'));
});

it('sends few commands for everything that is done often', async () => {
  const { candidate, agent, conversation } = await desk.assigned('How it is stored');
  const inRoom = await desk.join(candidate, conversation.id);
  const data = { conversationId: conversation.id };
  let socket = inRoom;
  const counts: Record<string, number> = {};
  const count = async (what: string, work: () => Promise<unknown>) => {
    await system.gateway.idle();
    counts[what] = (await commandsOf(work)).sent.length;
  };
  await count('connect', async () => {
    socket = await desk.connect(agent);
  });
  await count('join', () => socket.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', data));
  await count('leave', () => socket.expect('CONVERSATION_LEFT', 'LEAVE_CONVERSATION', data));
  await count('read a conversation', () => desk.ok('GET', `/conversations/${conversation.id}`, agent.token));
  await count('read its messages', () => desk.ok('GET', `/conversations/${conversation.id}/messages`, agent.token));
  await count('list conversations', () => desk.ok('GET', '/conversations?status=assigned', agent.token));
  const { sent: closing } = await commandsOf(() => socket.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', data));
  counts['close'] = closing.indexOf('commitTransaction') + 1;
  expect(counts).toEqual({
    connect: 7,
    // The last one is after the answer: it ends the turn, and nothing waits for it.
    join: 4,
    leave: 3,
    'read a conversation': 3,
    'read its messages': 3,
    'list conversations': 3,
    close: 5,
  });
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
  const sender = { senderId: candidate.user.id, senderRole: 'candidate' } as const;
  const found = await findSentMessage(conversation.id, sender, 'message-19');
  const named = await findByClientIds(conversation.id, sender, ['message-19', 'message-20']);
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

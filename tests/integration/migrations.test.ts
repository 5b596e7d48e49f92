import mongoose from 'mongoose';
import type { Message } from '../../lib/protocol/objects/conversations.ts';
import { resetConfig } from '../../lib/runtime/config.ts';
import { sweep } from '../../lib/services/operations/sweep.ts';
import { conversationModel, importRoom } from '../../lib/store/conversations.ts';
import { trusted } from '../../lib/store/database.ts';
import { activeMessageModel, messageModel } from '../../lib/store/messages.ts';
import { fillQueue } from '../../lib/store/migrations/fillQueue.ts';
import { fillRooms } from '../../lib/store/migrations/fillRooms.ts';
import { migrate } from '../../lib/store/migrations.ts';
import { knownOriginModel, loginAttemptsModel } from '../../lib/store/signInAttempts.ts';
import { userModel } from '../../lib/store/users.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { tapStdout } from '../support/stdout.ts';
import type { Desk, Person } from '../support/system.ts';

/** Data as an earlier release left it, brought to the form of today. */

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk()));
afterAll(() => system.stop());

/** As if no migration had been run yet. */
const forget = () => userModel().db.collection('migrations').deleteMany({});
const indexesOf = async (collection: { indexes(): Promise<{ name?: string }[]> }) =>
  (await collection.indexes()).map(({ name }) => name);

it('runs each migration once', async () => {
  await forget();
  expect((await migrate()).migrations.length).toBeGreaterThan(0);
  expect((await migrate()).migrations).toEqual([]);
});

it('takes the address from users the first release erased, and from nobody else', async () => {
  const users = userModel().collection;
  await users.dropIndex('unique_email');
  await users.createIndex({ emailKey: 1 }, { unique: true });
  const erased = await Promise.all([desk.candidate(), desk.candidate()]);
  for (const { user } of erased) {
    const email = `erased-${user.id}@erased.invalid`;
    await userModel().updateOne({ _id: user.id }, { $set: { name: 'Erased', email, emailKey: email, active: false } });
  }
  const lookalike = { name: 'Kim', email: 'erased-somebody@erased.invalid', password: 'correct horse battery' };
  const { user: bystander } = await desk.ok('POST', '/auth/register', undefined, lookalike);
  await desk.ok('PATCH', `/users/${bystander.id}`, desk.admin.token, { active: false });
  await forget();

  await migrate();

  for (const { user } of erased) {
    const record = await userModel().findById(user.id).lean();
    expect(record).toMatchObject({ email: null, emailKey: null, erasedAt: expect.any(Date) });
    // What an erasure takes today is more than it was: the sweep does it again.
    expect(record?.erasingSince).toEqual(expect.any(Date));
  }
  expect(await userModel().findById(bystander.id).lean()).toMatchObject({ email: lookalike.email });
  expect(await indexesOf(users)).toEqual(expect.not.arrayContaining(['emailKey_1']));
  expect((await desk.call('POST', '/auth/register', undefined, lookalike)).body.code).toBe('EMAIL_TAKEN');
});

it('gives what is archived already a date to go by, and its messages none of their own', async () => {
  const messages = messageModel().collection;
  await messages.createIndex({ expiresAt: 1 }, { expireAfterSeconds: 0, sparse: true });
  const closedAt = new Date(Date.now() - 10_000);
  const inDays = (days: number) => new Date(closedAt.getTime() + days * 24 * 3600_000);
  const closed = { status: 'closed', subject: 'x', candidateId: 'x', lastSeq: 1, createdAt: closedAt, closedAt };
  await conversationModel().insertMany([
    { ...closed, _id: 'for-ever', archivedAt: closedAt },
    { ...closed, _id: 'for-a-month', archivedAt: closedAt, messagesExpireAt: inDays(30) },
    { ...closed, _id: 'not-archived' },
  ]);
  await forget();
  await migrate();
  expect(await indexesOf(messages)).toEqual(expect.not.arrayContaining(['expiresAt_1']));
  const days = async (id: string) => (await conversationModel().findById(id).lean())?.retentionDays;
  expect([await days('for-ever'), await days('for-a-month'), await days('not-archived')]).toEqual([0, 30, undefined]);
});

it('drops attempts and origins under keys that tell whose they are', async () => {
  const [expiresAt, countedAt] = [new Date(Date.now() + 3600_000), new Date()];
  const attempt = { failures: 1, countedAt, countedLast: 'x', expiresAt };
  const keys = ['0a1b@203.0.113.7', '@203.0.113.7', '0a1b@', '0a1b/2c3d', '/2c3d'];
  await loginAttemptsModel().insertMany(keys.map((_id) => ({ ...attempt, _id })));
  await knownOriginModel().insertMany(['0a1b@203.0.113.7', '4e5f'].map((_id) => ({ _id, expiresAt })));
  await forget();
  await migrate();
  expect((await loginAttemptsModel().find().sort({ _id: 1 }).lean()).map(({ _id }) => _id)).toEqual([
    '/2c3d',
    '0a1b/2c3d',
  ]);
  expect((await knownOriginModel().find().lean()).map(({ _id }) => _id)).toEqual(['4e5f']);
});

it('finds who signs in by the index of addresses', async () => {
  const plan = await userModel().find({ emailKey: 'kim@example.com' }).explain('queryPlanner');
  expect(JSON.stringify(plan)).toContain('"indexName":"unique_email"');
});

it('counts what agents hold, and has what nobody could answer given back, or put under who the agent is with now', async () => {
  const [gone, moved] = [await desk.assigned(), await desk.assigned()];
  const to = await desk.supervisor();
  // As the first release left them: neither was followed by what they had.
  await userModel().updateOne({ _id: gone.agent.user.id }, { $set: { active: false }, $unset: { assignedCount: 1 } });
  await userModel().updateOne({ _id: gone.supervisor.user.id }, { $set: { active: false } });
  await userModel().updateOne({ _id: moved.agent.user.id }, { $set: { supervisorId: to.user.id, assignedCount: -3 } });
  await forget();

  await migrate();

  for (const { agent } of [gone, moved]) {
    expect(await userModel().findById(agent.user.id).lean()).toMatchObject({ assignedCount: 1 });
  }
  await sweep(Date.now() + 60_000, 0);
  const record = ({ conversation }: { conversation: { id: string } }) =>
    conversationModel().findById(conversation.id).lean();
  expect(await record(gone)).toMatchObject({ status: 'open', agentId: null, supervisorId: null });
  expect(await record(moved)).toMatchObject({ status: 'assigned', supervisorId: to.user.id });
  expect(await userModel().findById(gone.agent.user.id).lean()).toMatchObject({ assignedCount: 0 });
});

it('gives messages without one the names of who sent them, wherever they are', async () => {
  const { candidate, agent, conversation } = await desk.assigned('from the candidate');
  const a = await desk.join(agent, conversation.id);
  await a.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId: conversation.id, content: 'from the agent' });
  await desk.ok('POST', `/conversations/${conversation.id}/close`, agent.token);
  await system.gateway.idle();
  const collections = [activeMessageModel(), messageModel()];
  for (const model of collections) await model.updateMany({}, { $unset: { senderName: 1 } });
  const path = `/conversations/${conversation.id}/messages`;
  const names = async () =>
    (await desk.ok('GET', path, candidate.token)).items.map(({ senderName }: Message) => senderName);
  expect(await names()).toEqual(['', '']);
  await desk.ok('PATCH', `/users/${agent.user.id}`, desk.admin.token, { name: 'Alex Newname' });
  await forget();

  await migrate();

  expect(await names()).toEqual(['Kim Candidate', 'Alex Newname']);
  for (const model of collections)
    expect(await model.countDocuments(trusted({ senderName: { $exists: false } }))).toBe(0);
});

it('mends, on request, what an earlier release left that was at work again', async () => {
  const [supervisor, gone] = await Promise.all([desk.supervisor(), desk.supervisor()]);
  const [agent, inactive, stranded] = await Promise.all([
    desk.agent(supervisor),
    desk.agent(supervisor),
    desk.agent(gone),
  ]);
  await migrate();
  const held = { status: 'assigned', subject: 'x', candidateId: 'x', lastSeq: 1, createdAt: new Date() };
  const closed = { ...held, status: 'closed', closedAt: new Date(), archivedAt: new Date() };
  await conversationModel().insertMany([
    { ...held, _id: 'held', agentId: inactive.user.id, supervisorId: supervisor.user.id },
    { ...closed, _id: 'archived-by-it' },
  ]);
  await userModel().updateOne({ _id: agent.user.id }, { $set: { assignedCount: 190 } });
  await userModel().updateOne({ _id: inactive.user.id }, { $set: { active: false } });
  await userModel().updateOne({ _id: gone.user.id }, { $set: { active: false } });
  process.env['LOG_LEVEL'] = 'info';
  resetConfig();
  const lines: { message: string; userId?: string }[] = [];
  const stop = tapStdout((text) => lines.push(JSON.parse(text)) > 0);

  await migrate({ recount: true });

  stop();
  process.env['LOG_LEVEL'] = 'silent';
  resetConfig();
  expect(await userModel().findById(agent.user.id).lean()).toMatchObject({ assignedCount: 0 });
  expect(await userModel().findById(inactive.user.id).lean()).toMatchObject({
    assignedCount: 1,
    handingOverSince: expect.any(Date),
  });
  expect((await conversationModel().findById('archived-by-it').lean())?.retentionDays).toEqual(expect.any(Number));
  const warned = lines.filter(({ message }) => message === 'agent without an active supervisor');
  expect(warned.map(({ userId }) => userId)).toEqual([stranded.user.id]);
});

it('gives everybody a salt but the erased, and no second one', async () => {
  const [without, erased, salted] = await Promise.all([desk.candidate(), desk.candidate(), desk.candidate()]);
  const staff = await desk.supervisor();
  const saltOf = async ({ user }: { readonly user: { readonly id: string } }) =>
    (await userModel().findById(user.id).lean())?.salt;
  await desk.ok('POST', `/users/${erased.user.id}/erase`, desk.admin.token);
  for (const { user } of [without, staff]) await userModel().updateOne({ _id: user.id }, { $unset: { salt: 1 } });
  const before = await saltOf(salted);
  expect(before).toEqual(expect.any(String));
  await forget();
  await migrate();
  const given = [await saltOf(without), await saltOf(staff)];
  expect(given).toEqual([expect.any(String), expect.any(String)]);
  expect(new Set(given).size).toBe(2);
  expect([await saltOf(salted), await saltOf(erased)]).toEqual([before, undefined]);
});

it('forgets what conversations were called whose texts had their time before', async () => {
  const candidate = await desk.candidate();
  const named = async (clientConversationId: string, subject: string) => {
    const made = { subject, clientConversationId };
    return (await desk.ok('POST', '/conversations', candidate.token, made)).id as string;
  };
  const [expired, kept, lookalike] = [
    await named('gone', 'x'),
    await named('kept', 'x'),
    await named('alike', '(erased)'),
  ];
  const closed = { status: 'closed' as const, closedAt: new Date(0), archivedAt: new Date(0) };
  const past = new Date(1);
  await conversationModel().updateOne(
    { _id: expired },
    { $set: { ...closed, subject: '(erased)', messagesExpireAt: past } },
  );
  await conversationModel().updateOne(
    { _id: kept },
    { $set: { ...closed, retentionDays: 30, messagesExpireAt: past } },
  );
  // Where the one before hasn't been through, that has the sweep do it.
  await userModel()
    .db.collection('migrations')
    .deleteOne({ _id: '0023-expired-names-forgotten' as never });
  await migrate();
  const nameOf = async (id: string) => (await conversationModel().findById(id).lean())?.clientConversationId;
  expect([await nameOf(expired), await nameOf(kept), await nameOf(lookalike)]).toEqual([undefined, 'kept', 'alike']);
});

describe('sockets opened before conversations knew who is in their rooms', () => {
  const connections = () => mongoose.connection.collection<{ _id: string }>('connections');
  const conversations = () => mongoose.connection.collection<{ _id: string }>('conversations');

  /** As an earlier release has it: two people talk. */
  async function talking() {
    const { candidate, agent, conversation } = await desk.assigned();
    const [c, a] = [await desk.join(candidate, conversation.id), await desk.join(agent, conversation.id)];
    await system.gateway.idle();
    const of = { _id: { $in: [c, a].map((socket) => system.gateway.connectionId(socket)) } };
    await connections().updateMany(of, {
      $set: { rooms: [conversation.id] },
      $unset: { role: 1, name: 1, supervisorId: 1, notedRooms: 1, frames: 1 },
    });
    await conversations().updateOne({ _id: conversation.id }, { $unset: { room: 1, turns: 1 } });
    return { c, a, conversationId: conversation.id };
  }

  it.each(['migrated', 'not migrated yet'])('are in them, and hear what is said and done: %s', async (when) => {
    const { c, a, conversationId } = await talking();
    if (when === 'migrated') await fillRooms();
    await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'as before' });
    await a.next('NEW_MESSAGE', ({ content }) => content === 'as before');
    await a.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'and back' });
    await c.next('NEW_MESSAGE', ({ content, senderRole }) => content === 'and back' && senderRole === 'agent');
    await a.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', { conversationId });
    await c.next('CONVERSATION_CLOSED');
  });

  it('hear of a close though nobody has said anything since', async () => {
    const { c, a, conversationId } = await talking();
    await a.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', { conversationId });
    await c.next('CONVERSATION_CLOSED');
  });

  it.each(['migrated', 'known to the room alone'])('go with their sessions, as others do: %s', async (how) => {
    const { c, a, conversationId } = await talking();
    if (how === 'migrated') await fillRooms();
    else await importRoom(conversationId);
    // Its socket can't be cut.
    system.gateway.fault(a, 'forbidden');
    const { userId } = (await connections().findOne({ _id: system.gateway.connectionId(a) })) as unknown as {
      userId: string;
    };
    await desk.ok('PATCH', `/users/${userId}`, desk.admin.token, { active: false });
    system.gateway.fault(a, undefined);
    await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'alone' });
    await system.gateway.idle();
    expect(a.frames('NEW_MESSAGE')).toEqual([]);
  });
});

describe('conversations from before there was a queue', () => {
  const conversations = () => conversationModel().collection;
  const asBefore = () =>
    conversations().updateMany(
      {},
      { $unset: { revision: 1, urgency: 1, requeues: 1, answeredAt: 1, tags: 1, lostBy: 1 } },
    );
  const record = ({ id }: { id: string }) => conversationModel().findById(id).lean();
  const say = async (agent: Person, { id }: { id: string }) => {
    const socket = await desk.join(agent, id);
    await socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId: id, content: 'yes?' });
    socket.close();
  };

  it('get a place in it, and those whose agent has said something since they have them are answered', async () => {
    const [answered, silent, given] = [await desk.assigned(), await desk.assigned('hello'), await desk.assigned()];
    const [first, second] = [await desk.conversation(silent.candidate), await desk.conversation(silent.candidate)];
    await say(answered.agent, answered.conversation);
    await say(given.agent, given.conversation);
    await desk.assign(given.supervisor, given.conversation.id, await desk.agent(given.supervisor));
    await asBefore();
    await conversations().updateOne({ _id: first.id as never }, { $set: { revision: 3 } });
    await forget();

    await migrate();

    const message = await activeMessageModel().findOne({ conversationId: answered.conversation.id }).lean();
    expect(await record(answered.conversation)).toMatchObject({ revision: 0, urgency: 1, answeredAt: message?.sentAt });
    for (const { conversation } of [silent, given]) {
      const { answeredAt, ...rest } = (await record(conversation)) ?? {};
      expect(rest).toMatchObject({ status: 'assigned', revision: 0, urgency: 1, requeues: 0 });
      expect(answeredAt ?? null).toBeNull();
    }
    // What has changed since the new code runs stays.
    expect(await record(first)).toMatchObject({ revision: 3, urgency: 1, requeues: 0 });
    const watcher = await desk.connect(desk.admin);
    const watched = await watcher.expect('QUEUE_WATCHED', 'WATCH_QUEUE', {});
    expect(watched.conversations.map(({ id }) => id).slice(-2)).toEqual([first.id, second.id]);
    watcher.close();
  });

  it.each(['migrated', 'not migrated yet'])('are given out, edited, given back and closed: %s', async (when) => {
    const supervisor = await desk.supervisor();
    const [agent, candidate] = [await desk.agent(supervisor), await desk.candidate()];
    const { id } = await desk.conversation(candidate, 'hello');
    await asBefore();
    if (when === 'migrated') await fillQueue();
    const routing = { mode: 'automatic', requeueAfterSeconds: null, answerWithinSeconds: null };
    await desk.ok('PUT', '/routing', supervisor.token, routing);
    await desk.ok('PUT', `/users/${agent.user.id}/capacity`, supervisor.token, { maxConversations: 100 });
    const socket = await desk.connect(agent);
    await socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'available' });
    await socket.next('CONVERSATION_ASSIGNED', ({ conversation }) => conversation.id === id);
    const path = `/conversations/${id}`;
    expect(await desk.ok('GET', path, agent.token)).toMatchObject({ priority: 'normal', revision: 1, requeues: 0 });
    const edited = await desk.ok('PATCH', path, agent.token, { priority: 'high', addTags: ['old'] });
    expect(edited).toMatchObject({ priority: 'high', tags: ['old'], revision: 2 });
    await socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'away' });
    expect(await desk.ok('POST', `${path}/requeue`, agent.token)).toMatchObject({ requeues: 1, revision: 3 });
    expect(await desk.ok('POST', `${path}/close`, supervisor.token)).toMatchObject({ status: 'closed', revision: 4 });
    await system.gateway.idle();
    socket.close();
  });
});

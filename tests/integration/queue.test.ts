import { conversationModel } from '../../lib/store/conversations.ts';
import { findWatchers } from '../../lib/store/watchers.ts';
import { eventually } from '../support/deadline.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Socket } from '../support/socket.ts';
import type { Desk, Person } from '../support/system.ts';

/** The live queue: who is told what, and that telling delays nobody. */

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk()));
afterAll(() => system.stop());

const watching = new Set<Socket>();
afterEach(async () => {
  for (const socket of watching) socket.close();
  watching.clear();
  await system.gateway.idle();
  await conversationModel().updateMany({ status: 'open' }, { $set: { status: 'closed' } });
});

async function watch(person: Person): Promise<Socket> {
  // Of what came before nobody is told any more.
  await system.gateway.idle();
  const socket = await desk.connect(person);
  watching.add(socket);
  await socket.expect('QUEUE_WATCHED', 'WATCH_QUEUE', {});
  return socket;
}

/** Everybody has been told, and has received what they were told. */
async function told(...sockets: Socket[]): Promise<void> {
  await system.gateway.idle();
  await Promise.all(sockets.map((socket) => socket.settle()));
}

const ofQueue = ({ received }: Socket) =>
  received.flatMap((frame) => {
    if (frame.event === 'QUEUE_CHANGED') return [`${frame.data.reason} ${frame.data.conversation.id}`];
    if (frame.event === 'QUEUE_REMOVED') return [`removed ${frame.data.conversationId}`];
    return frame.event === 'QUEUE_STALE' ? ['stale'] : [];
  });

const edit = (person: Person, id: string, change: object) =>
  desk.ok('PATCH', `/conversations/${id}`, person.token, change);

describe('watching', () => {
  it('begins with what waits: the most urgent first, then the oldest', async () => {
    const [supervisor, candidate] = [await desk.supervisor(), await desk.candidate()];
    const ids: string[] = [];
    for (let opened = 0; opened < 5; opened += 1) ids.push((await desk.conversation(candidate)).id);
    const [first, second, third, fourth, fifth] = ids as [string, string, string, string, string];
    await edit(supervisor, third, { priority: 'urgent' });
    await edit(supervisor, first, { priority: 'low' });
    await edit(supervisor, fifth, { priority: 'high' });
    const socket = await desk.connect(supervisor);
    const { conversations, nextCursor } = await socket.expect('QUEUE_WATCHED', 'WATCH_QUEUE', {});
    expect(conversations.map(({ id }) => id)).toEqual([third, fifth, second, fourth, first]);
    expect(nextCursor).toBeNull();
    expect(conversations[0]).toMatchObject({
      candidate: { id: candidate.user.id, name: 'Kim Candidate', email: candidate.email },
      priority: 'urgent',
      revision: 1,
      requeues: 0,
      tags: [],
      context: null,
    });
    socket.close();
  });

  it('goes on page by page, and every page fits a frame', async () => {
    const [supervisor, candidate] = [await desk.supervisor(), await desk.candidate()];
    const context = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`key-${index}`, 'x'.repeat(500)]));
    const ids: string[] = [];
    for (let opened = 0; opened < 8; opened += 1) {
      const body = { subject: 'It does not work', context };
      ids.push((await desk.ok('POST', '/conversations', candidate.token, body)).id);
    }
    const socket = await desk.connect(supervisor);
    const seen: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await socket.expect('QUEUE_WATCHED', 'WATCH_QUEUE', cursor === undefined ? {} : { cursor });
      expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(32 * 1024);
      expect(page.conversations[0]?.context).toEqual(context);
      seen.push(...page.conversations.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(ids);
    socket.close();
  });

  it.each(['nonsense', Buffer.from('[1,2]').toString('base64url'), Buffer.from('[1,"x","y"]').toString('base64url')])(
    'refuses a cursor that is none: %s',
    async (cursor) => {
      const socket = await desk.connect(await desk.supervisor());
      expect(await socket.refused('WATCH_QUEUE', { cursor })).toMatchObject({
        code: 'VALIDATION_FAILED',
        errors: [{ pointer: '/data/cursor', detail: 'is not a cursor of ours' }],
      });
      socket.close();
    },
  );
});

describe('told', () => {
  it('is every watcher, of each new conversation', async () => {
    const people = [await desk.supervisor(), await desk.supervisor(), await desk.supervisor(), desk.admin];
    const sockets = await Promise.all(people.map(watch));
    const candidate = await desk.candidate();
    const opened = await Promise.all(Array.from({ length: 4 }, () => desk.conversation(candidate)));
    await told(...sockets);
    const due = opened.map(({ id }) => `opened ${id}`).toSorted();
    for (const socket of sockets) expect(ofQueue(socket).toSorted()).toEqual(due);
  });

  it('is nobody who may not see it any more, but that it is gone', async () => {
    const [mine, other] = [await desk.supervisor(), await desk.supervisor()];
    const [agent, candidate] = [await desk.agent(mine), await desk.candidate()];
    const [mineSocket, otherSocket, adminSocket] = await Promise.all([watch(mine), watch(other), watch(desk.admin)]);
    const sockets = [mineSocket, otherSocket, adminSocket] as const;
    const { id } = await desk.conversation(candidate, 'hello');
    await told(...sockets);
    await desk.assign(mine, id, agent);
    await told(...sockets);
    await edit(agent, id, { addTags: ['secret'] });
    await told(...sockets);
    await desk.ok('POST', `/conversations/${id}/requeue`, agent.token);
    await told(...sockets);
    await desk.assign(mine, id, agent);
    await told(...sockets);
    await desk.ok('POST', `/conversations/${id}/close`, agent.token);
    await told(...sockets);
    const all = ['opened', 'assigned', 'edited', 'requeued', 'assigned', 'closed'].map((reason) => `${reason} ${id}`);
    expect(ofQueue(mineSocket)).toEqual(all);
    expect(ofQueue(adminSocket)).toEqual(all);
    expect(ofQueue(otherSocket)).toEqual([`opened ${id}`, `removed ${id}`, `requeued ${id}`, `removed ${id}`]);
    const revisions = adminSocket.frames('QUEUE_CHANGED').map(({ conversation }) => conversation.revision);
    expect(revisions).toEqual([0, 1, 2, 3, 4, 5]);
    expect(otherSocket.frames('QUEUE_REMOVED').map(({ revision }) => revision)).toEqual([1, 4]);
  });

  it('is the new supervisor when it moves with its agent, and the old one that it is gone', async () => {
    const { supervisor, agent, conversation } = await desk.assigned('hello');
    const next = await desk.supervisor();
    const [old, now] = await Promise.all([watch(supervisor), watch(next)]);
    await desk.ok('PATCH', `/users/${agent.user.id}`, desk.admin.token, { supervisorId: next.user.id });
    await told(old, now);
    expect(ofQueue(old)).toEqual([`removed ${conversation.id}`]);
    expect(ofQueue(now)).toEqual([`moved ${conversation.id}`]);
  });

  it('of a conversation closed while open is who closed it; others that it is gone', async () => {
    const [mine, other] = [await desk.supervisor(), await desk.supervisor()];
    const { id } = await desk.conversation(await desk.candidate());
    const [mineSocket, otherSocket] = await Promise.all([watch(mine), watch(other)]);
    await desk.ok('POST', `/conversations/${id}/close`, mine.token);
    await told(mineSocket, otherSocket);
    expect(ofQueue(mineSocket)).toEqual([`closed ${id}`]);
    expect(ofQueue(otherSocket)).toEqual([`removed ${id}`]);
  });

  it('of an edit is its agent, watching or not', async () => {
    const { supervisor, agent, conversation } = await desk.assigned();
    const socket = await desk.connect(agent);
    await edit(supervisor, conversation.id, { priority: 'high' });
    await told(socket);
    expect(socket.frames('QUEUE_CHANGED')).toMatchObject([{ reason: 'edited', conversation: { priority: 'high' } }]);
    socket.close();
  });

  it('of more than 20 changes at once is that much has changed', async () => {
    const [supervisor, candidate] = [await desk.supervisor(), await desk.candidate()];
    const agent = await desk.agent(supervisor);
    for (let held = 0; held < 21; held += 1)
      await desk.assign(supervisor, (await desk.conversation(candidate)).id, agent);
    const socket = await watch(desk.admin);
    await desk.ok('PATCH', `/users/${agent.user.id}`, desk.admin.token, { active: false });
    await told(socket);
    expect(ofQueue(socket)).toEqual(['stale']);
  });

  it('is nobody who has stopped watching, or is gone', async () => {
    const supervisor = await desk.supervisor();
    const [stopped, gone] = [await watch(supervisor), await watch(supervisor)];
    await stopped.expect('QUEUE_UNWATCHED', 'UNWATCH_QUEUE', {});
    system.gateway.fault(gone, 'gone');
    await desk.conversation(await desk.candidate());
    await told(stopped);
    expect(ofQueue(stopped)).toEqual([]);
    expect(await findWatchers()).toEqual([]);
  });

  it('is nobody whose session has ended', async () => {
    const supervisor = await desk.supervisor();
    const socket = await watch(supervisor);
    await desk.ok('POST', '/auth/logout', supervisor.token);
    await desk.conversation(await desk.candidate());
    await system.gateway.idle();
    expect(ofQueue(socket)).toEqual([]);
  });

  it('has no text of a message', async () => {
    const socket = await watch(await desk.supervisor());
    await desk.conversation(await desk.candidate(), 'a word of its own');
    await told(socket);
    expect(JSON.stringify(socket.received)).not.toContain('a word of its own');
  });
});

it('a hundred watchers whose sockets hang delay no customer', async () => {
  const sockets: Socket[] = [];
  for (let people = 0; people < 10; people += 1) {
    const supervisor = await desk.supervisor();
    // One after the other: each writes the user's record.
    for (let tabs = 0; tabs < 10; tabs += 1) sockets.push(await watch(supervisor));
  }
  for (const socket of sockets) system.gateway.fault(socket, 'hang');
  const { id } = await desk.conversation(await desk.candidate());
  // Nobody who was to be told has been given up yet.
  expect(system.gateway.givenUp).toEqual([]);
  await eventually('the watchers to be given up', async () => system.gateway.givenUp.length > 0);
  await system.gateway.idle();
  const [again] = sockets as [Socket];
  system.gateway.fault(again, undefined);
  // Who missed it watches again, and has the truth.
  const { conversations } = await again.expect('QUEUE_WATCHED', 'WATCH_QUEUE', {});
  expect(conversations.map((conversation) => conversation.id)).toEqual([id]);
});

describe('priority and tags', () => {
  it('change what is named, remove before they add, and grow the revision', async () => {
    const { agent, conversation } = await desk.assigned();
    const one = await edit(agent, conversation.id, { priority: 'high', addTags: ['billing', 'vip'] });
    expect(one).toMatchObject({ priority: 'high', tags: ['billing', 'vip'], revision: conversation.revision + 1 });
    const two = await edit(agent, conversation.id, { removeTags: ['billing', 'vip', 'no-such'], addTags: ['vip'] });
    expect(two).toMatchObject({ priority: 'high', tags: ['vip'], revision: conversation.revision + 2 });
  });

  it('without a change leave the revision, and tell nobody', async () => {
    const { agent, conversation } = await desk.assigned();
    const socket = await watch(desk.admin);
    const same = await edit(agent, conversation.id, { priority: 'normal', removeTags: ['no-such'] });
    await told(socket);
    expect(same.revision).toBe(conversation.revision);
    expect(ofQueue(socket)).toEqual([]);
  });

  it('are kept at ten tags', async () => {
    const { agent, conversation } = await desk.assigned();
    const ten = Array.from({ length: 10 }, (_, index) => `tag-${index}`);
    await edit(agent, conversation.id, { addTags: ten });
    const refused = await desk.call('PATCH', `/conversations/${conversation.id}`, agent.token, { addTags: ['more'] });
    expect(refused.body).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ pointer: '/body/addTags' }] });
    await edit(agent, conversation.id, { addTags: ['more'], removeTags: ['tag-0'] });
  });

  it.each(['Vip', '-vip', '', 'a b', 'x'.repeat(33), 'ü'])('refuse the tag %j', async (tag) => {
    const { agent, conversation } = await desk.assigned();
    const { body } = await desk.call('PATCH', `/conversations/${conversation.id}`, agent.token, { addTags: [tag] });
    expect(body).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ pointer: '/body/addTags/0' }] });
  });

  it('of many at once are all kept', async () => {
    const { agent, conversation } = await desk.assigned();
    const tags = Array.from({ length: 6 }, (_, index) => `at-once-${index}`);
    await Promise.all(tags.map((tag) => edit(agent, conversation.id, { addTags: [tag] })));
    const now = await desk.ok('GET', `/conversations/${conversation.id}`, agent.token);
    expect(now.tags.toSorted()).toEqual(tags);
    expect(now.revision).toBe(conversation.revision + tags.length);
  });

  it('can be changed once it is closed', async () => {
    const { agent, conversation } = await desk.assigned();
    await desk.ok('POST', `/conversations/${conversation.id}/close`, agent.token);
    expect(await edit(agent, conversation.id, { addTags: ['late'] })).toMatchObject({ tags: ['late'] });
  });

  it('narrow a list by a tag, for the staff only', async () => {
    const { agent, supervisor, candidate, conversation } = await desk.assigned();
    await edit(agent, conversation.id, { addTags: ['narrow'] });
    for (const { token } of [agent, supervisor, desk.admin]) {
      const { items } = await desk.ok('GET', '/conversations?tag=narrow', token);
      expect(items.map(({ id }: { id: string }) => id)).toEqual([conversation.id]);
    }
    const { items } = await desk.ok('GET', '/conversations?tag=narrow', (await desk.supervisor()).token);
    expect(items).toEqual([]);
    const refused = await desk.call('GET', '/conversations?tag=narrow', candidate.token);
    expect(refused.body).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ pointer: '/query/tag' }] });
  });
});

describe('what the staff note', () => {
  const STAFFS = ['priority', 'tags', 'requeues', 'context'];

  it('is in nothing that a candidate is told, nor in a frame to the room', async () => {
    const [candidate, supervisor] = [await desk.candidate(), await desk.supervisor()];
    const agent = await desk.agent(supervisor);
    const body = { subject: 'Mine', message: 'hello', context: { page: '/secret-page' } };
    const created = await desk.ok('POST', '/conversations', candidate.token, body);
    const socket = await desk.join(candidate, created.id);
    await desk.assign(supervisor, created.id, agent);
    const theirs = await desk.join(agent, created.id);
    await edit(agent, created.id, { priority: 'urgent', addTags: ['secret-tag'] });
    await desk.ok('POST', `/conversations/${created.id}/requeue`, agent.token);
    await desk.assign(supervisor, created.id, agent);
    await told(socket, theirs);
    const path = `/conversations/${created.id}`;
    /** Everything that answers a candidate about a conversation, as it is now. */
    const answered = async () => [
      await desk.ok('GET', '/conversations', candidate.token),
      await desk.ok('GET', path, candidate.token),
      await desk.ok('GET', `${path}/messages`, candidate.token),
      await desk.ok('GET', `${path}/transcript`, candidate.token),
      await desk.ok('PUT', `${path}/read`, candidate.token, { seq: 1 }),
    ];
    const assigned = await answered();
    await desk.ok('POST', `${path}/close`, agent.token);
    await told(socket, theirs);
    const closed = await answered();
    const told1 = [
      created,
      ...assigned,
      ...closed,
      await desk.ok('PUT', `${path}/rating`, candidate.token, { score: 4 }),
      socket.received,
      // Frames to the room are the same for everybody.
      theirs.frames('CONVERSATION_REQUEUED'),
      theirs.frames('CONVERSATION_ASSIGNED'),
    ];
    const text = JSON.stringify(told1);
    for (const field of STAFFS) expect(text).not.toContain(`"${field}"`);
    expect(text).not.toMatch(/secret|urgent|@example/);
    expect(text).toContain('"status":"closed"');
    // The agent's own join has it.
    expect(theirs.frames('CONVERSATION_JOINED')[0]?.conversation).toMatchObject({ context: { page: '/secret-page' } });
    socket.close();
    theirs.close();
  });

  it.each([
    [{ 'a b': 'x' }, '/body/context'],
    [{ page: 'x'.repeat(501) }, '/body/context/page'],
    [Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`k${index}`, 'x'])), '/body/context'],
    [{ page: 5 }, '/body/context/page'],
  ])('refuses a context like %j', async (context, pointer) => {
    const { token } = await desk.candidate();
    const { body } = await desk.call('POST', '/conversations', token, { subject: 'Mine', context });
    expect(body).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ pointer: expect.stringContaining(pointer) }] });
  });

  it('of an erased customer is gone', async () => {
    const { candidate, agent, conversation } = await desk.assigned();
    await edit(agent, conversation.id, { addTags: ['kim'] });
    await conversationModel().updateOne({ _id: conversation.id }, { $set: { context: [{ name: 'a', value: 'kim' }] } });
    await desk.ok('POST', `/users/${candidate.user.id}/erase`, desk.admin.token);
    await system.gateway.idle();
    await eventually('the erasure', async () => {
      const now = await desk.ok('GET', `/conversations/${conversation.id}`, desk.admin.token);
      return (
        now.subject === '(erased)' && now.context === null && now.tags.length === 0 && now.candidate.email === null
      );
    });
  });
});

import { jest } from '@jest/globals';
import { resetConfig } from '../../lib/runtime/config.ts';
import { conversationModel } from '../../lib/store/conversations.ts';
import { activeMessageModel, deleteMessages } from '../../lib/store/messages.ts';
import { readModel } from '../../lib/store/reads.ts';
import { atOneMoment } from '../support/clock.ts';
import { WATCHED, watchCommands } from '../support/commands.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { overtake } from '../support/overtaken.ts';
import type { Socket } from '../support/socket.ts';
import type { Desk, Person } from '../support/system.ts';

/** While they talk: who has read what, who is typing, and who is there. */

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk(WATCHED)));
afterAll(() => system.stop());

const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.close();
  sockets.clear();
  await system.gateway.idle();
});

async function join(person: Person, conversationId: string): Promise<Socket> {
  const socket = await desk.join(person, conversationId);
  sockets.add(socket);
  return socket;
}

interface Talk {
  readonly candidate: Person;
  readonly supervisor: Person;
  readonly agent: Person;
  readonly conversationId: string;
  readonly c: Socket;
  readonly a: Socket;
}

async function talk(): Promise<Talk> {
  const { candidate, supervisor, agent, conversation } = await desk.assigned();
  const c = await join(candidate, conversation.id);
  const a = await join(agent, conversation.id);
  await quiet(c, a);
  return { candidate, supervisor, agent, conversationId: conversation.id, c, a };
}

async function quiet(...some: Socket[]): Promise<void> {
  await system.gateway.idle();
  await Promise.all(some.map((socket) => socket.settle()));
}

const say = (socket: Socket, conversationId: string, content = 'a word') =>
  socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content });
const markRead = (socket: Socket, conversationId: string, seq: number) =>
  socket.expect('MESSAGES_READ', 'MARK_READ', { conversationId, seq });
const get = (person: Person, id: string) => desk.ok('GET', `/conversations/${id}`, person.token);
const unread = async (person: Person, id: string): Promise<number | null> => (await get(person, id)).unread;

describe('unread', () => {
  it('is nothing once the texts are past their time, for they can’t be read', async () => {
    const { candidate, agent, conversationId, c, a } = await talk();
    for (const socket of [c, a, c, a]) await say(socket, conversationId);
    await desk.ok('POST', `/conversations/${conversationId}/close`, agent.token);
    await quiet(c, a);
    expect([await unread(candidate, conversationId), await unread(agent, conversationId)]).toEqual([2, 2]);
    const past = { messagesExpireAt: new Date(Date.now() - 10_000), retentionDays: 0 };
    await conversationModel().updateOne({ _id: conversationId }, past);
    await deleteMessages(conversationId, 0, 4);
    await desk.ok('PUT', `/conversations/${conversationId}/read`, candidate.token, { seq: 3 });
    expect([await unread(candidate, conversationId), await unread(agent, conversationId)]).toEqual([0, 0]);
  });

  it('has a mark before the first message that nobody is told of', async () => {
    const { candidate, conversationId, a } = await talk();
    expect(await desk.ok('PUT', `/conversations/${conversationId}/read`, candidate.token, { seq: 9 })).toMatchObject({
      seq: 0,
    });
    await quiet(a);
    expect(a.frames('MESSAGES_READ')).toEqual([]);
  });

  it('counts the other side alone, for each of the two, and for nobody else', async () => {
    const { candidate, supervisor, agent, conversationId, c, a } = await talk();
    for (const socket of [c, c, a, c, a, a, a]) await say(socket, conversationId);
    expect(await unread(candidate, conversationId)).toBe(4);
    expect(await unread(agent, conversationId)).toBe(3);
    expect(await unread(supervisor, conversationId)).toBeNull();
    expect(await unread(desk.admin, conversationId)).toBeNull();
    const { items } = await desk.ok('GET', '/conversations', agent.token);
    expect(items.map((one: { unread: number }) => one.unread)).toEqual([3]);
    // In the middle: of the candidate's messages 1, 2 and 4.
    await markRead(a, conversationId, 2);
    expect(await unread(agent, conversationId)).toBe(1);
    await markRead(a, conversationId, 3);
    expect(await unread(agent, conversationId)).toBe(1);
    await markRead(a, conversationId, 4);
    expect(await unread(agent, conversationId)).toBe(0);
    // Of the agent's 3, 5, 6 and 7.
    await markRead(c, conversationId, 5);
    expect(await unread(candidate, conversationId)).toBe(2);
  });

  it('clears with the last message, and one’s own never count', async () => {
    const { candidate, conversationId, c, a } = await talk();
    await say(a, conversationId);
    await markRead(c, conversationId, 1);
    await say(c, conversationId);
    expect(await unread(candidate, conversationId)).toBe(0);
    await say(a, conversationId);
    expect(await unread(candidate, conversationId)).toBe(1);
  });

  it('counts every agent for the candidate, and begins at 0 for a new agent', async () => {
    const { candidate, supervisor, conversationId, c, a } = await talk();
    await say(c, conversationId);
    await say(a, conversationId);
    await markRead(a, conversationId, 2);
    const next = await desk.agent(supervisor);
    await desk.assign(supervisor, conversationId, next);
    expect(await unread(next, conversationId)).toBe(1);
    const n = await join(next, conversationId);
    await say(n, conversationId);
    expect(await unread(candidate, conversationId)).toBe(2);
    expect(n.frames('CONVERSATION_JOINED')[0]?.readSeqs).toEqual({ [candidate.user.id]: 0, [next.user.id]: 0 });
  });

  it('is there once it is closed and archived, and can be cleared then', async () => {
    const { candidate, conversationId, a } = await talk();
    await say(a, conversationId);
    await say(a, conversationId);
    await a.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', { conversationId });
    await system.gateway.idle();
    await activeMessageModel().deleteMany({ conversationId });
    expect(await unread(candidate, conversationId)).toBe(2);
    const path = `/conversations/${conversationId}/read`;
    expect(await desk.ok('PUT', path, candidate.token, { seq: 1 })).toMatchObject({ seq: 1 });
    expect(await unread(candidate, conversationId)).toBe(1);
    await desk.ok('PUT', path, candidate.token, { seq: 2 });
    expect(await unread(candidate, conversationId)).toBe(0);
  });

  it('of a conversation of an earlier release is right before and after migrate', async () => {
    const { candidate, agent, conversationId, c, a } = await talk();
    for (const socket of [c, a, a, c]) await say(socket, conversationId);
    await conversationModel().updateOne({ _id: conversationId }, { $unset: { fromCandidate: 1 } });
    await activeMessageModel().updateMany({ conversationId }, { $unset: { place: 1 } });
    await say(a, conversationId);
    const both = async () => [await unread(candidate, conversationId), await unread(agent, conversationId)];
    expect(await both()).toEqual([3, 2]);
    await system.operate('migrate', { recount: true });
    expect((await conversationModel().findById(conversationId).lean())?.fromCandidate).toBe(2);
    await say(c, conversationId);
    expect(await both()).toEqual([3, 3]);
    await markRead(c, conversationId, 3);
    expect(await both()).toEqual([1, 3]);
  });

  it('costs a list nothing', async () => {
    const { agent } = await talk();
    const count = async (person: Person) => {
      await desk.ok('GET', '/conversations', person.token);
      const { seen, stop } = watchCommands();
      await desk.ok('GET', '/conversations', person.token);
      stop();
      return seen.length;
    };
    expect(await count(agent)).toBe(await count(desk.admin));
  });
});

describe('a read mark', () => {
  it('is told to the room when it moves, never goes back, and is cut at the last message', async () => {
    const { candidate, conversationId, c, a } = await talk();
    for (let told = 0; told < 3; told += 1) await say(a, conversationId);
    const first = await markRead(c, conversationId, 2);
    expect(first).toMatchObject({ conversationId, userId: candidate.user.id, seq: 2 });
    expect(await markRead(c, conversationId, 1)).toEqual(first);
    expect(await markRead(c, conversationId, 2)).toEqual(first);
    expect(await markRead(c, conversationId, 99)).toMatchObject({ seq: 3 });
    await quiet(c, a);
    expect(a.frames('MESSAGES_READ').map(({ seq }) => seq)).toEqual([2, 3]);
    // Each of its own was an answer, and none a frame beside it.
    expect(c.frames('MESSAGES_READ').map(({ seq }) => seq)).toEqual([2, 2, 2, 3]);
  });

  it('is not moved by sending', async () => {
    const { candidate, conversationId, c, a } = await talk();
    await say(a, conversationId);
    await say(c, conversationId);
    expect(await unread(candidate, conversationId)).toBe(1);
  });

  it('of three tabs at once, while messages arrive, ends at the furthest', async () => {
    const { candidate, conversationId, c, a } = await talk();
    const tabs = [c, await join(candidate, conversationId), await join(candidate, conversationId)];
    for (let told = 0; told < 9; told += 1) await say(a, conversationId);
    await Promise.all([
      ...tabs.map(async (tab, index) => {
        for (const seq of [1, 4, 7]) await markRead(tab, conversationId, seq + index);
      }),
      say(a, conversationId),
      say(a, conversationId),
    ]);
    expect(await unread(candidate, conversationId)).toBe(2);
    await quiet(...tabs, a);
    const told = a.frames('MESSAGES_READ').map(({ seq }) => seq);
    // Told out of order, perhaps, but each step once.
    expect(new Set(told).size).toBe(told.length);
    expect(Math.max(...told)).toBe(9);
  });

  it('needs no room, and is no stranger’s', async () => {
    const { candidate, conversationId, a } = await talk();
    await say(a, conversationId);
    const outside = await desk.connect(candidate);
    sockets.add(outside);
    expect(await markRead(outside, conversationId, 1)).toMatchObject({ seq: 1 });
    const stranger = await desk.connect(await desk.candidate());
    sockets.add(stranger);
    expect(await stranger.refused('MARK_READ', { conversationId, seq: 1 })).toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('typing', () => {
  it('is told to the room but for the typist’s own connections, and writes nothing but the frame’s count', async () => {
    const { candidate, agent, conversationId, c, a } = await talk();
    const tab = await join(agent, conversationId);
    await quiet(c, a, tab);
    const { seen, stop } = watchCommands();
    a.send('TYPING', { conversationId, typing: true });
    expect((await c.next('TYPING')).data).toEqual({ conversationId, userId: agent.user.id, typing: true });
    await system.gateway.idle();
    stop();
    expect(seen.map(({ name }) => name)).toEqual(['findAndModify', 'find']);
    c.send('TYPING', { conversationId, typing: false });
    expect((await a.next('TYPING')).data).toMatchObject({ userId: candidate.user.id, typing: false });
    await quiet(c, a, tab);
    expect([c, a, tab].map((socket) => socket.frames('TYPING').length)).toEqual([1, 1, 1]);
  });

  it.each(['in another conversation', 'out of the room', 'once it is closed'])('is refused %s', async (where) => {
    const { supervisor, conversationId, c, a } = await talk();
    const other = await desk.conversation(await desk.candidate());
    if (where === 'out of the room') await c.expect('CONVERSATION_LEFT', 'LEAVE_CONVERSATION', { conversationId });
    if (where === 'once it is closed') await a.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', { conversationId });
    const id = where === 'in another conversation' ? other.id : conversationId;
    const { code } = await c.refused('TYPING', { conversationId: id, typing: true });
    expect(code).toBe(
      { 'in another conversation': 'NOT_FOUND', 'out of the room': 'NOT_JOINED' }[where] ?? 'CONVERSATION_CLOSED',
    );
    expect(supervisor.user.role).toBe('supervisor');
  });

  it('too often is dropped in silence', async () => {
    Object.assign(process.env, { RATE_LIMITS: 'on', RATE_LIMIT_FRAMES_PER_MINUTE: '12' });
    resetConfig();
    try {
      const { conversationId, c, a } = await talk();
      await atOneMoment(async () => {
        for (let typed = 0; typed < 20; typed += 1) c.send('TYPING', { conversationId, typing: true });
        await system.gateway.idle();
      });
      expect(a.frames('TYPING').length).toBeLessThanOrEqual(12);
      expect(c.frames('ERROR')).toEqual([]);
    } finally {
      Object.assign(process.env, { RATE_LIMITS: 'off', RATE_LIMIT_FRAMES_PER_MINUTE: '' });
      resetConfig();
    }
  });

  it('can be switched off', async () => {
    process.env['TYPING'] = 'off';
    resetConfig();
    try {
      const { conversationId, c, a } = await talk();
      c.send('TYPING', { conversationId, typing: true });
      await quiet(c, a);
      expect([...a.frames('TYPING'), ...c.frames('ERROR')]).toEqual([]);
    } finally {
      delete process.env['TYPING'];
      resetConfig();
    }
  });
});

describe('presence', () => {
  it('is told with the join, and by the first connection in and the last one out', async () => {
    const { candidate, agent, conversationId, c, a } = await talk();
    expect(c.frames('CONVERSATION_JOINED')[0]?.present).toEqual([candidate.user.id]);
    expect(a.frames('CONVERSATION_JOINED')[0]?.present.toSorted()).toEqual(
      [candidate.user.id, agent.user.id].toSorted(),
    );
    expect(c.frames('PARTICIPANT_JOINED')).toEqual([{ conversationId, userId: agent.user.id }]);
    const tab = await join(agent, conversationId);
    await quiet(c, a, tab);
    await a.expect('CONVERSATION_LEFT', 'LEAVE_CONVERSATION', { conversationId });
    await quiet(c, a, tab);
    expect(c.frames('PARTICIPANT_LEFT')).toEqual([]);
    tab.close();
    await quiet(c, a);
    expect(c.frames('PARTICIPANT_LEFT')).toEqual([{ conversationId, userId: agent.user.id }]);
    expect(c.frames('PARTICIPANT_JOINED')).toHaveLength(1);
    expect([...a.frames('PARTICIPANT_JOINED'), ...a.frames('PARTICIPANT_LEFT')]).toEqual([]);
  });

  it('of who lost the conversation is over, and told by that alone', async () => {
    const { candidate, supervisor, conversationId, c } = await talk();
    await desk.assign(supervisor, conversationId, await desk.agent(supervisor));
    const again = await join(candidate, conversationId);
    await quiet(c, again);
    expect(again.frames('CONVERSATION_JOINED')[0]?.present).toEqual([candidate.user.id]);
    expect(c.frames('PARTICIPANT_LEFT')).toEqual([]);
  });
});

describe('a handler that stood still', () => {
  /** Has the conversation given to somebody else by the time that a command goes on, and longer ago than a room stays as it was. */
  async function standsStill({ supervisor, conversationId }: Talk): Promise<void> {
    await desk.assign(supervisor, conversationId, await desk.agent(supervisor));
    const { now } = Date;
    jest.spyOn(Date, 'now').mockImplementation(() => now() + 1_500);
  }

  afterEach(() => jest.restoreAllMocks());

  const afterTheLoss = async ({ a }: Talk) => {
    await quiet(a);
    const events = a.received.map(({ event }) => event);
    expect(events).toContain('CONVERSATION_ASSIGNED');
    return events.slice(events.indexOf('CONVERSATION_ASSIGNED') + 1);
  };

  it('tells no former agent what was read', async () => {
    const them = await talk();
    await say(them.a, them.conversationId);
    const marks = readModel().collection;
    const { findOneAndUpdate } = marks;
    jest.spyOn(marks, 'findOneAndUpdate').mockImplementationOnce((async (...args: unknown[]) => {
      await standsStill(them);
      return (findOneAndUpdate as (...args: unknown[]) => unknown).apply(marks, args);
    }) as never);
    await markRead(them.c, them.conversationId, 1);
    expect(await afterTheLoss(them)).not.toContain('MESSAGES_READ');
  });

  it('tells nobody who was typing then', async () => {
    const them = await talk();
    overtake(conversationModel(), 'findById').after(() => standsStill(them));
    await them.c.send('TYPING', { conversationId: them.conversationId, typing: true });
    await them.c.settle();
    expect(await afterTheLoss(them)).not.toContain('TYPING');
  });
});

import { connectionModel } from '../../lib/store/connections.ts';
import { conversationModel } from '../../lib/store/conversations.ts';
import { activeMessageModel } from '../../lib/store/messages.ts';
import { eventually } from '../support/deadline.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Socket } from '../support/socket.ts';
import type { Desk } from '../support/system.ts';
import { expectWhole } from './invariants.ts';
import { askUntilAvailable, type Cast, castOf, inLanes, newScene } from './scene.ts';

let system: InProcess;
let desk: Desk;
let cast: Cast;
beforeAll(async () => {
  ({ system, desk } = await startDesk({ MAX_CONNECTIONS_PER_USER: '1000' }));
  cast = await castOf(desk);
});
afterAll(() => system.stop());

const isRecorded = async (id: string): Promise<boolean> => (await connectionModel().exists({ _id: id })) !== null;

describe('the same frame', () => {
  it('delivered twice at once and again later is one message, told once', async () => {
    const { c, a, candidate, conversationId } = await newScene(desk, cast);
    const message = { conversationId, content: 'once', clientMessageId: 'once' };
    const twins = await Promise.all([1, 2].map(() => c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', message)));
    const later = await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', message);
    expect(twins.map(({ duplicate }) => duplicate).toSorted()).toEqual([false, true]);
    const first = twins.find(({ duplicate }) => !duplicate);
    for (const answer of [...twins, later]) {
      expect(answer).toEqual({ ...first, duplicate: answer !== first });
    }
    await system.gateway.idle();
    for (const socket of [c, a]) expect(socket.frames('NEW_MESSAGE')).toHaveLength(1);
    expect(await expectWhole(desk, candidate, conversationId, twins)).toHaveLength(2);
  });
});

describe('a $disconnect that is never delivered', () => {
  beforeEach(() => {
    system.gateway.losesDisconnects = true;
  });
  afterEach(() => {
    system.gateway.losesDisconnects = false;
  });

  it('is made up for by the first post that is answered 410', async () => {
    const { c, a, conversationId } = await newScene(desk, cast);
    const lost = system.gateway.connectionId(c);
    c.close();
    await a.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'are you there?' });
    await system.gateway.idle();
    expect(await isRecorded(lost)).toBe(false);
  });

  it('is made up for by the record expiring', async () => {
    const { c } = await newScene(desk, cast);
    const lost = system.gateway.connectionId(c);
    c.close();
    expect(await isRecorded(lost)).toBe(true);
    await connectionModel().updateOne({ _id: lost }, { $set: { expiresAt: new Date() } });
    await eventually('the record to expire', async () => !(await isRecorded(lost)));
  });
});

describe('a room in which posts fail in every way', () => {
  it('gets the message where it can, and the sender is answered before the slowest is given up', async () => {
    const { c, a, candidate, agent, conversationId } = await newScene(desk, cast);
    const { gateway } = system;
    const faults = ['gone', 'throttled', 'hang', 'error'] as const;
    const sockets = await Promise.all(faults.map(() => desk.join(candidate, conversationId)));
    const [gone, throttled, hung, failing] = sockets as [Socket, Socket, Socket, Socket];
    const ids = new Map(sockets.map((socket) => [socket, gateway.connectionId(socket)]));
    for (const [index, socket] of sockets.entries()) gateway.fault(socket, faults[index]);
    gateway.posts.length = 0;

    await a.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'to all' });
    const postedTo = (socket: Socket) => gateway.posts.some(({ connectionId }) => connectionId === ids.get(socket));
    await eventually('the throttled post', async () => postedTo(throttled));
    gateway.fault(throttled, undefined);
    for (const socket of [c, a, throttled]) await socket.next('NEW_MESSAGE', ({ content }) => content === 'to all');
    await eventually('the hanging post to be given up', async () => gateway.givenUp.includes(ids.get(hung) ?? ''));
    await gateway.idle();

    expect(postedTo(hung)).toBe(true);
    const acknowledged = gateway.posts.findIndex(({ frame }) => frame.includes('MESSAGE_ACCEPTED'));
    const told = gateway.posts.findIndex(({ frame }) => frame.includes('NEW_MESSAGE'));
    expect(acknowledged).toBeGreaterThanOrEqual(0);
    expect(acknowledged).toBeLessThan(told);
    for (const socket of [gone, hung, failing]) expect(socket.frames('NEW_MESSAGE')).toEqual([]);
    for (const socket of [throttled, c, a]) expect(socket.frames('NEW_MESSAGE')).toHaveLength(1);
    const recorded = await Promise.all(sockets.map((socket) => isRecorded(ids.get(socket) ?? '')));
    expect(recorded).toEqual([false, true, true, true]);

    // Whoever missed it finds it by joining again.
    gateway.fault(failing, undefined);
    const { messages } = await failing.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', {
      conversationId,
      afterSeq: 1,
    });
    expect(messages.map(({ content, senderId }) => [content, senderId])).toEqual([['to all', agent.user.id]]);
  });

  it('is told nothing where somebody is in it who may not be', async () => {
    const { a, c, supervisor, conversationId } = await newScene(desk, cast);
    const other = await desk.connect(await desk.agent(supervisor));
    const connectionId = system.gateway.connectionId(other);
    const member = { connectionId, userId: 'none of them', until: new Date(Date.now() + 60_000) };
    await conversationModel().updateOne({ _id: conversationId }, { $push: { room: member } });
    await a.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'between us' });
    await c.next('NEW_MESSAGE', ({ content }) => content === 'between us');
    await system.gateway.idle();
    expect(other.frames('NEW_MESSAGE')).toEqual([]);
    // Nor do they say anything there: not even a place in the order is theirs.
    expect(await other.refused('SEND_MESSAGE', { conversationId, content: 'me too' })).toMatchObject({
      code: 'NOT_FOUND',
    });
    const { seq } = await a.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'undisturbed' });
    expect((await conversationModel().findById(conversationId).lean())?.lastSeq).toBe(seq);
    expect(await activeMessageModel().countDocuments({ conversationId })).toBe(seq);
  });

  it('does not forget a connection whose upgrade may still be under way', async () => {
    const { supervisor, agent, conversationId } = await newScene(desk, cast);
    const others = await Promise.all([desk.agent(supervisor), desk.agent(supervisor)]);
    const connecting = await desk.connect(agent);
    const id = system.gateway.connectionId(connecting);
    system.gateway.fault(connecting, 'gone');
    await desk.assign(supervisor, conversationId, others[0]);
    expect(system.gateway.posts.some(({ connectionId }) => connectionId === id)).toBe(true);
    expect(await isRecorded(id)).toBe(true);

    await desk.assign(supervisor, conversationId, agent);
    await connectionModel().updateOne({ _id: id }, { $set: { connectedAt: new Date(Date.now() - 60_000) } });
    await desk.assign(supervisor, conversationId, others[1]);
    expect(await isRecorded(id)).toBe(false);
  });
});

describe('a reconnect storm: 500 sockets that join one room at once, while a message is sent', () => {
  it('leaves the room whole: each has every message, and gets the next one once', async () => {
    const { c, a, candidate, conversationId } = await newScene(desk, cast);
    const sockets: Socket[] = [];
    // The sockets of one user are admitted one after the other, for they are counted.
    await inLanes(5, Array.from({ length: 500 }), async () => void sockets.push(await desk.connect(candidate)));
    const message = { conversationId, content: 'in the storm' };
    const [stored, ...joined] = await Promise.all([
      a.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', message),
      ...sockets.map((socket) => askUntilAvailable(socket, 'JOIN_CONVERSATION', { conversationId })),
    ]);
    await system.gateway.idle();
    for (const [index, answer] of joined.entries()) {
      if (answer.event !== 'CONVERSATION_JOINED') throw new Error(`answered ${JSON.stringify(answer)}`);
      const known = [...answer.data.messages, ...(sockets[index]?.frames('NEW_MESSAGE') ?? [])];
      expect(known.map(({ seq }) => seq)).toContain(stored.seq);
    }
    const { seq } = await a.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'after it' });
    await system.gateway.idle();
    for (const socket of [...sockets, c, a]) {
      expect(socket.frames('NEW_MESSAGE').filter((message) => message.seq === seq)).toHaveLength(1);
    }
  });
});

import { signAccessToken } from '../../lib/auth/tokens.ts';
import { connectionModel } from '../../lib/store/connections.ts';
import { conversationModel } from '../../lib/store/conversations.ts';
import { trusted } from '../../lib/store/database.ts';
import { newId } from '../../lib/store/ids.ts';
import { enterRoom, isMember, leaveRoom } from '../../lib/store/rooms.ts';
import { sessionModel } from '../../lib/store/sessions.ts';
import { within } from '../support/deadline.ts';
import { inFull } from '../support/inFull.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Socket } from '../support/socket.ts';
import { type Desk, type Person, UpgradeRefused } from '../support/system.ts';
import { aroundEntering, castOf, inLanes, newScene } from './scene.ts';

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk({ MAX_CONNECTIONS_PER_USER: '1000' })));
afterAll(() => system.stop());

const ENDINGS = {
  logout: (person: Person) => desk.ok('POST', '/auth/logout', person.token),
  deactivation: (person: Person) => desk.ok('PATCH', `/users/${person.user.id}`, desk.admin.token, { active: false }),
} as const;

/** A send whose handler runs whether or not the gateway still holds the socket: its frame was already on the way. */
async function sendAnyway(socket: Socket, connectionId: string, conversationId: string): Promise<void> {
  const body = JSON.stringify({ event: 'SEND_MESSAGE', data: { conversationId, content: 'too late' } });
  const requestContext = { connectionId, eventType: 'MESSAGE', routeKey: 'SEND_MESSAGE', requestId: 'late' };
  await system.carrier('websocket', { requestContext, body, isBase64Encoded: false });
  expect(socket.frames('MESSAGE_ACCEPTED')).toEqual([]);
}

describe.each(Object.entries(ENDINGS))('%s', (_, end) => {
  it('closes the sockets, forgets them, and nothing they had on the way is accepted', async () => {
    const { a, c, agent, conversationId } = await newScene(desk, await castOf(desk));
    const connectionId = system.gateway.connectionId(a);
    await end(agent);
    await within('the socket to be closed', a.closed);
    expect(await connectionModel().countDocuments({ userId: agent.user.id })).toBe(0);
    await sendAnyway(a, connectionId, conversationId);
    await expect(desk.connect(agent)).rejects.toThrow(new UpgradeRefused(401));
    expect((await desk.call('GET', '/auth/me', agent.token)).body).toMatchObject({ code: 'INVALID_TOKEN' });
    await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'is anybody there?' });
    await system.gateway.idle();
    expect(a.frames('NEW_MESSAGE')).toEqual([]);
  });
});

describe('a socket whose session has ended, though the gateway could not cut it', () => {
  it('is answered INVALID_TOKEN', async () => {
    const { a, agent, conversationId } = await newScene(desk, await castOf(desk));
    system.gateway.fault(a, 'error');
    await ENDINGS.logout(agent);
    system.gateway.fault(a, undefined);
    expect(a.isClosed).toBe(false);
    for (const event of ['SEND_MESSAGE', 'JOIN_CONVERSATION', 'CLOSE_CONVERSATION']) {
      const data = { conversationId, ...(event === 'SEND_MESSAGE' && { content: 'still here?' }) };
      expect(await a.refused(event, data)).toMatchObject({ code: 'INVALID_TOKEN' });
    }
  });
});

describe('a join that is under way when its session ends', () => {
  it('enters no room, and nothing is heard through it, though the gateway could not cut its socket', async () => {
    const { a, candidate, conversationId } = await newScene(desk, await castOf(desk));
    // A session of its own, so that the end of this one ends no other.
    const accessToken = await anotherSession(candidate);
    const socket = await desk.system.connect({ token: accessToken });
    system.gateway.fault(socket, 'error');
    // Once it has been let in.
    aroundEntering({ before: () => desk.ok('POST', '/auth/logout', accessToken) });
    socket.send('JOIN_CONVERSATION', { conversationId });
    await system.gateway.idle();
    system.gateway.fault(socket, undefined);
    await a.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'not for them' });
    await system.gateway.idle();
    expect(socket.isClosed).toBe(false);
    expect(socket.received).toEqual([]);
    const record = await conversationModel().findById(conversationId).lean().orFail();
    expect(isMember(record, system.gateway.connectionId(socket))).toBe(false);
  });
});

describe('who goes on sending frames', () => {
  it.each(Object.entries(ENDINGS))('can’t keep a %s from ending their sockets', async (_, end) => {
    const { a, agent, conversationId } = await newScene(desk, await castOf(desk));
    const connectionId = system.gateway.connectionId(a);
    type Delete = (...given: unknown[]) => Promise<unknown>;
    const collection = connectionModel().collection as unknown as { deleteMany: Delete };
    const { deleteMany } = collection;
    let frames = 0;
    // Each time the end has come this far, another frame has just written the record.
    collection.deleteMany = async (...given) => {
      frames += 1;
      await a.ask('LEAVE_CONVERSATION', { conversationId: 'none of theirs' });
      return deleteMany.apply(collection, given);
    };
    try {
      await end(agent);
    } finally {
      collection.deleteMany = deleteMany;
    }
    expect(frames).toBeGreaterThan(1);
    expect(await connectionModel().exists({ _id: connectionId })).toBeNull();
    await sendAnyway(a, connectionId, conversationId);
  });
});

describe('a leave that is under way when its session ends', () => {
  it('does not open the room to a join that is under way, too', async () => {
    const { c, candidate, conversationId } = await newScene(desk, await castOf(desk));
    const until = new Date(Date.now() + 60_000);
    const speaker = { connectionId: system.gateway.connectionId(c), userId: candidate.user.id, until };
    await ENDINGS.logout(candidate);
    expect(await leaveRoom(speaker, conversationId)).toEqual({ is: 'not in' });
    expect(await enterRoom(speaker, conversationId)).toEqual({ is: 'refused' });
  });
});

describe('a reassignment', () => {
  it('has the former agent out of the room at once: nothing of theirs is accepted, nothing said reaches them', async () => {
    const { a, c, candidate, supervisor, conversationId } = await newScene(desk, await castOf(desk));
    const successor = await desk.agent(supervisor);
    await desk.assign(supervisor, conversationId, successor);
    for (const event of ['SEND_MESSAGE', 'JOIN_CONVERSATION', 'CLOSE_CONVERSATION', 'LEAVE_CONVERSATION']) {
      const data = { conversationId, ...(event === 'SEND_MESSAGE' && { content: 'still mine?' }) };
      expect(await a.refused(event, data)).toMatchObject({ code: 'NOT_FOUND' });
    }
    await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'hello, successor' });
    await system.gateway.idle();
    expect(a.frames('NEW_MESSAGE')).toEqual([]);
    expect((await desk.call('GET', `/conversations/${conversationId}`, candidate.token)).body).toMatchObject({
      agentId: successor.user.id,
      lastSeq: 2,
    });
  });
});

/** Another session of this person's, past the handlers: it takes long to check 200 passwords. */
async function anotherSession({ user: { id: userId, role } }: Person): Promise<string> {
  const sessionId = newId();
  const expiresAt = new Date(Date.now() + 60_000);
  await sessionModel().create({ _id: sessionId, userId, createdAt: new Date(), expiresAt });
  return signAccessToken({ userId, sessionId, role });
}

const RACES = inFull ? 200 : 20;

describe(`a connect racing a logout (${RACES} races, 200 with SOAK=1)`, () => {
  it('leaves no live socket of an ended session, whoever wins', async () => {
    const person = await desk.candidate();
    const outcomes = { connected: 0, refused: 0 };
    const races = Array.from({ length: RACES }, (_, race) => race);
    await inLanes(10, races, async (race) => {
      const accessToken = await anotherSession(person);
      const connecting = system.connect({ token: accessToken });
      // Now this one, now that one has the start.
      if (race % 2 === 0) await Promise.resolve();
      const [socket] = await Promise.allSettled([connecting, desk.ok('POST', '/auth/logout', accessToken)]);
      outcomes[socket.status === 'fulfilled' ? 'connected' : 'refused'] += 1;
    });
    await system.gateway.idle();
    const alive = await sessionModel().find({ userId: person.user.id }, { _id: 1 }).lean();
    const sessions = alive.map(({ _id }) => _id);
    const orphans = trusted({ userId: person.user.id, sessionId: { $nin: sessions } });
    expect(await connectionModel().countDocuments(orphans)).toBe(0);
    expect(outcomes.connected + outcomes.refused).toBe(RACES);
  });
});

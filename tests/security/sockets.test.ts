import { connectionModel } from '../../lib/store/connections.ts';
import { atOneMoment } from '../support/clock.ts';
import { within } from '../support/deadline.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Socket } from '../support/socket.ts';
import { type Desk, type Person, type Upgrade, UpgradeRefused } from '../support/system.ts';
import { state } from './attack.ts';

const FRAMES = 20;
const MESSAGES = 8;
/** Less than a user's devices make together when the network is back, more than any test of this file but one. */
const CONNECTS = 20;

let system: InProcess;
let desk: Desk;
let person: Person;
beforeAll(async () => {
  ({ system, desk } = await startDesk({
    ALLOWED_ORIGINS: 'https://app.example.com',
    MAX_CONNECTIONS_PER_USER: '3',
    MAX_ROOMS_PER_CONNECTION: '2',
    RATE_LIMITS: 'on',
    RATE_LIMIT_FRAMES_PER_MINUTE: String(FRAMES),
    RATE_LIMIT_CONNECTS_PER_MINUTE: String(CONNECTS),
    RATE_LIMIT_MESSAGES_PER_MINUTE: String(MESSAGES),
  }));
  person = await desk.candidate();
});
afterAll(() => system.stop());

const attempt = (upgrade: Upgrade) =>
  system.connect(upgrade).catch((error: unknown) => {
    if (error instanceof UpgradeRefused) return error.status;
    throw error;
  });

async function outcome(upgrade: Upgrade): Promise<number> {
  const result = await attempt(upgrade);
  if (typeof result === 'number') return result;
  result.close();
  await system.gateway.idle();
  return 101;
}

const connectionsOf = async ({ user }: Person) =>
  (await connectionModel().find({ userId: user.id }, { _id: 1 }).lean()).map(({ _id }) => _id);

const PROTOCOL = 'live-support.v1';

describe('an upgrade', () => {
  it.each<[string, (token: string) => Upgrade, number]>([
    ['a token', (token) => ({ token }), 101],
    ['a token as a subprotocol', (token) => ({ protocols: [PROTOCOL, token] }), 101],
    ['no token', () => ({}), 401],
    ['the subprotocol alone', () => ({ protocols: [PROTOCOL] }), 401],
    ['the subprotocol twice', () => ({ protocols: [PROTOCOL, PROTOCOL] }), 401],
    ['a token without the subprotocol', (token) => ({ protocols: [token] }), 401],
    ['a token beside a foreign subprotocol', (token) => ({ protocols: ['graphql-ws', token] }), 401],
    ['a token behind another', (token) => ({ protocols: [PROTOCOL, 'x', token] }), 401],
    ['a token in the URL', (token) => ({ query: `token=${token}` }), 401],
    ['an access_token in the URL', (token) => ({ query: `access_token=${token}` }), 401],
    ['an Authorization in the URL', (token) => ({ query: `Authorization=Bearer%20${token}` }), 401],
    ['a token in a cookie', (token) => ({ headers: { Cookie: `token=${token}` } }), 401],
    ['a bad header before a good subprotocol', (token) => ({ token: 'x.y.z', protocols: [PROTOCOL, token] }), 401],
    ['our origin', (token) => ({ token, headers: { Origin: 'https://app.example.com' } }), 101],
    ['a foreign origin', (token) => ({ token, headers: { Origin: 'https://evil.example' } }), 403],
    ['a foreign origin in small letters', (token) => ({ token, headers: { origin: 'https://evil.example' } }), 403],
    [
      'an origin that begins like ours',
      (token) => ({ token, headers: { Origin: 'https://app.example.com.evil.example' } }),
      403,
    ],
    ['an origin that ends like ours', (token) => ({ token, headers: { Origin: 'https://evilapp.example.com' } }), 403],
    ['our origin without TLS', (token) => ({ token, headers: { Origin: 'http://app.example.com' } }), 403],
    ['our origin on another port', (token) => ({ token, headers: { Origin: 'https://app.example.com:8443' } }), 403],
    ['the origin null', (token) => ({ token, headers: { Origin: 'null' } }), 403],
    ['an empty origin', (token) => ({ token, headers: { Origin: '' } }), 403],
    ['the origin *', (token) => ({ token, headers: { Origin: '*' } }), 403],
  ])('with %s', async (_, upgrade, status) => {
    const before = await state();
    expect(await outcome(upgrade(person.token))).toBe(status);
    if (status !== 101) expect(await state()).toEqual(before);
  });
});

describe('how much one may hold', () => {
  it('is so many sockets a user: one more cuts the oldest, which is told why', async () => {
    const first = await desk.candidate();
    const elsewhere = await desk.login(first.email);
    const { id: conversationId } = await desk.conversation(first);
    const oldest = await desk.join(first, conversationId);
    const others = [await desk.connect(elsewhere), await desk.connect(first)];
    const newest = await desk.connect(elsewhere);
    await within('the oldest socket to be cut', oldest.closed);
    expect(oldest.received.at(-1)).toEqual({
      event: 'ERROR',
      data: { code: 'TOO_MANY_CONNECTIONS', message: expect.any(String), event: null },
    });
    const left = [...others, newest].map((socket) => system.gateway.connectionId(socket));
    expect((await connectionsOf(first)).toSorted()).toEqual(left.toSorted());
    for (const socket of [...others, newest]) {
      await socket.settle();
      expect(socket.frames('ERROR')).toEqual([]);
    }
    // Another user's are theirs alone, and a place that is given back is free.
    expect(await outcome({ token: person.token })).toBe(101);
    others[0]?.close();
    await system.gateway.idle();
    await desk.connect(first);
    await newest.settle();
    expect(others[1]?.isClosed).toBe(false);
  });

  it('is so many sockets a user, over all their sessions and however fast; the newest stay', async () => {
    const first = await desk.candidate();
    const people = [first, ...(await Promise.all(Array.from({ length: 4 }, () => desk.login(first.email))))];
    const early = await Promise.all(people.map((each) => desk.connect(each)));
    // On a busy machine one or another may lose the race too often, and be told to try again.
    const results = await Promise.all([...people, ...people].map(({ token }) => attempt({ token })));
    const late = results.filter((result) => typeof result !== 'number');
    expect(late.length).toBeGreaterThan(3);
    await system.gateway.idle();
    const all = [...early, ...late];
    const open = all.filter((socket) => !socket.isClosed);
    const ids = open.map((socket) => system.gateway.connectionId(socket));
    expect((await connectionsOf(first)).toSorted()).toEqual(ids.toSorted());
    expect(open).toHaveLength(3);
    for (const socket of open) expect(late).toContain(socket);
    for (const socket of all) {
      const told = socket.frames('ERROR').map(({ code }) => code);
      expect(told).toEqual(socket.isClosed ? ['TOO_MANY_CONNECTIONS'] : []);
    }
  });

  it('is so many sockets a user, though their oldest vanished without a word', async () => {
    const candidate = await desk.candidate();
    const vanished = [await desk.connect(candidate), await desk.connect(candidate), await desk.connect(candidate)];
    for (const socket of vanished) system.gateway.fault(socket, 'gone');
    await connectionModel().updateMany({ userId: candidate.user.id }, { $set: { connectedAt: new Date(0) } });
    const back = [await desk.connect(candidate), await desk.connect(candidate), await desk.connect(candidate)];
    for (const socket of back) await socket.settle();
    const ids = back.map((socket) => system.gateway.connectionId(socket));
    expect((await connectionsOf(candidate)).toSorted()).toEqual(ids.toSorted());
  });

  it('is counted by what was connected when, not by a machine’s clock', async () => {
    const candidate = await desk.candidate();
    const sockets = [await desk.connect(candidate), await desk.connect(candidate), await desk.connect(candidate)];
    const [oldest, , youngest] = sockets as [Socket, Socket, Socket];
    // The machine that took in the youngest is a day behind.
    const _id = system.gateway.connectionId(youngest);
    await connectionModel().updateOne({ _id }, { $set: { connectedAt: new Date(Date.now() - 24 * 3600_000) } });
    await desk.connect(candidate);
    await within('the oldest socket to be cut', oldest.closed);
    await youngest.settle();
  });

  it('is so many rooms a socket, however fast', async () => {
    const candidate = await desk.candidate();
    const ids: string[] = [];
    for (let index = 0; index < 6; index += 1) ids.push((await desk.conversation(candidate)).id);
    const socket = await desk.connect(candidate);
    const answers = await Promise.all(ids.map((conversationId) => socket.ask('JOIN_CONVERSATION', { conversationId })));
    const joined = answers.filter(({ event }) => event === 'CONVERSATION_JOINED');
    expect(joined).toHaveLength(2);
    for (const { event, data } of answers) if (event === 'ERROR') expect(data).toMatchObject({ code: 'RATE_LIMITED' });
    const [room] = ids.filter((_, index) => answers[index]?.event === 'CONVERSATION_JOINED');
    await socket.expect('CONVERSATION_LEFT', 'LEAVE_CONVERSATION', { conversationId: room });
    await socket.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', { conversationId: room });
  });
});

describe('a flood', () => {
  it(`of ${2 * FRAMES} frames gets as far as its limit of ${FRAMES}, and keeps nobody else from speaking`, async () => {
    const { candidate, agent, conversation } = await desk.assigned();
    const { id: conversationId } = conversation;
    const bystander = await desk.join(agent, conversationId);
    await atOneMoment(async () => {
      // Joining is the first frame.
      const flooder = await desk.join(candidate, conversationId);
      const flood = Array.from({ length: 2 * FRAMES - 1 }, () =>
        flooder.ask('LEAVE_CONVERSATION', { conversationId: 'none-such' }),
      );
      const limited = (await Promise.all(flood)).filter(
        ({ data }) => (data as { code?: string }).code === 'RATE_LIMITED',
      );
      expect(limited).toHaveLength(FRAMES);
    });
    await bystander.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'calm' });
  });

  /** As if the connection had sent so many frames within the minute. */
  const countFrames = async (socket: Socket, count: number) => {
    const connection = { _id: system.gateway.connectionId(socket) };
    const { modifiedCount } = await connectionModel().updateOne(connection, { $set: { 'frames.count': count } });
    expect(modifiedCount).toBe(1);
  };

  it('that goes on beyond twice the limit ends its connection, without a word', async () => {
    const { candidate, agent, conversation } = await desk.assigned();
    const { id: conversationId } = conversation;
    const bystander = await desk.join(agent, conversationId);
    const elsewhere = await desk.join(candidate, conversationId);
    await atOneMoment(async () => {
      const flooder = await desk.join(candidate, conversationId);
      await countFrames(flooder, 2 * FRAMES - 1);
      expect(await flooder.refused('LEAVE_CONVERSATION', { conversationId })).toMatchObject({ code: 'RATE_LIMITED' });
      expect(flooder.isClosed).toBe(false);
      flooder.send('LEAVE_CONVERSATION', { conversationId }, 'one too many');
      await within('the flood to be ended', flooder.closed);
      expect(flooder.received.filter(({ requestId }) => requestId === 'one too many')).toEqual([]);
    });
    // The person's other connections, and others, go on.
    await elsewhere.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'calm' });
    await bystander.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'calm' });
  });

  it('ends its connection though the gateway doesn’t cut it: it is nobody’s any more', async () => {
    const { candidate, conversation } = await desk.assigned();
    await atOneMoment(async () => {
      const flooder = await desk.join(candidate, conversation.id);
      await countFrames(flooder, 2 * FRAMES);
      system.gateway.fault(flooder, 'forbidden');
      flooder.send('LEAVE_CONVERSATION', { conversationId: conversation.id });
      await system.gateway.idle();
      expect(flooder.isClosed).toBe(false);
      expect(await connectionModel().findById(system.gateway.connectionId(flooder)).lean()).toBeNull();
    });
  });

  it(`of ${CONNECTS + 5} connects gets as far as its limit, for one user, and cuts nobody any more`, async () => {
    const candidate = await desk.candidate();
    const other = await desk.candidate();
    await atOneMoment(async () => {
      const statuses: number[] = [];
      for (let connect = 0; connect < CONNECTS; connect += 1) {
        const result = await attempt({ token: candidate.token });
        statuses.push(typeof result === 'number' ? result : 101);
      }
      expect(statuses).toEqual(Array(CONNECTS).fill(101));
      const before = await connectionsOf(candidate);
      const more = await Promise.all(Array.from({ length: 5 }, () => attempt({ token: candidate.token })));
      expect(more).toEqual(Array(5).fill(429));
      expect((await connectionsOf(candidate)).toSorted()).toEqual(before.toSorted());
      expect(await outcome({ token: other.token })).toBe(101);
    });
  });

  it('of messages is counted by user, not by socket', async () => {
    const candidate = await desk.candidate();
    const { id: conversationId } = await desk.conversation(candidate);
    const sockets = [await desk.join(candidate, conversationId), await desk.join(candidate, conversationId)];
    const answers = await atOneMoment(() =>
      Promise.all(
        Array.from({ length: 3 * MESSAGES }, (_, index) =>
          sockets[index % 2]?.ask('SEND_MESSAGE', { conversationId, content: `${index}` }),
        ),
      ),
    );
    const refused = answers.filter((answer) => answer?.event === 'ERROR' && answer.data.code === 'RATE_LIMITED');
    expect(refused).toHaveLength(2 * MESSAGES);
    const { items } = await desk.ok('GET', `/conversations/${conversationId}/messages`, candidate.token);
    expect(items).toHaveLength(MESSAGES);
  });
});

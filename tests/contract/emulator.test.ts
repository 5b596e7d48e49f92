import mongoose from 'mongoose';
import type WebSocket from 'ws';
import { SUBPROTOCOL } from '../../lib/protocol/events.ts';
import { routes } from '../../lib/protocol/routes.ts';
import { throughClient } from '../client/support/carried.ts';
import { eventually, within } from '../support/deadline.ts';
import { type Emulator, startEmulatorDesk } from '../support/emulator.ts';
import { httpFunctions } from '../support/handlers.ts';
import { inFull, itInFull } from '../support/inFull.ts';
import type { Desk, Person } from '../support/system.ts';
import { crowdSuite } from './suites/crowd.ts';
import { oneWhoMay, permissionSuite } from './suites/permissions.ts';
import { roomSuite } from './suites/rooms.ts';
import type { Started } from './suites/start.ts';
import { talkingSuite } from './suites/talking.ts';
import { wireSuite } from './suites/wire.ts';

/**
 * The suites of `handlers/`, over real HTTP and WebSocket: those that show that every function is wired as it should. Then
 * what only the real emulator can show: real HTTP, real upgrades, real frames. Rooms and crowds come by the client package.
 */

const ORIGIN = 'https://support.example.com';

let system: Emulator;
let desk: Desk;
let candidate: Person;
let database: mongoose.Connection;
/** An agent whose lease has ended, and nobody has noted it. */
let vanished: Person;
beforeAll(async () => {
  ({ system, desk } = await startEmulatorDesk({ ALLOWED_ORIGINS: ORIGIN }));
  database = await mongoose.createConnection(system.databaseUri).asPromise();
  candidate = await desk.candidate();
  vanished = await desk.agent(await desk.supervisor());
  await agentRecords().updateOne({ _id: vanished.user.id }, { $set: { leased: true, availableUntil: new Date(0) } });
});
afterAll(async () => {
  await database?.close();
  await (carried?.system ?? system)?.stop();
});
const agentRecords = () => database.collection<{ _id: string; leased?: true }>('users');
const start = async () => ({ system, desk });
const reach = () => ({
  httpUrl: `http://localhost:${system.ports.http}`,
  websocketUrl: `ws://localhost:${system.ports.webSocket}`,
});
let carried: Started | undefined;
const startThroughClient = async () => {
  carried ??= throughClient({ system, desk }, reach());
  return carried;
};

/** One route of each function, and one event: each function finds its endpoints in one table, whichever is asked for. */
const ONE_OF_EACH: ReadonlySet<string> = new Set([
  ...new Map(
    Object.values(routes).map(({ method, path, operation }) => [httpFunctions.get(`${method} ${path}`), operation]),
  ).values(),
  'SEND_MESSAGE',
]);

permissionSuite(start, {
  wanted: ({ operation, object }) => ['own', 'self', '-'].includes(object) && (inFull || ONE_OF_EACH.has(operation)),
  // One who may shows that the function has what it needs; `handlers/` has everybody, and so has this with `SOAK=1`.
  ...(!inFull && { callersOf: oneWhoMay, inactive: false }),
});
roomSuite(startThroughClient);
talkingSuite(async () => ({ ...(await start()), reach: reach() }));
// The emulator's functions have two workers each: what a crowd does to the rules is seen at full size in `handlers/`.
crowdSuite(startThroughClient, { each: 8, rivals: 4 });
wireSuite(start, ORIGIN);

const nextText = (socket: WebSocket) =>
  within('a frame', new Promise<string>((fulfil) => socket.once('message', (data) => fulfil(String(data)))));

/** The emulator is there, and another connection works as ever. */
async function works(): Promise<void> {
  const socket = await desk.connect(candidate);
  await socket.settle();
  socket.close();
}

describe('a browser', () => {
  it('offers its token beside the subprotocol and is answered with the subprotocol alone', async () => {
    const socket = await system.open({ protocols: [SUBPROTOCOL, candidate.token], headers: { Origin: ORIGIN } });
    expect(socket.protocol).toBe(SUBPROTOCOL);
    socket.send(JSON.stringify({ event: 'PING', data: {}, requestId: 'p1' }));
    expect(JSON.parse(await nextText(socket))).toEqual({ event: 'PONG', data: {}, requestId: 'p1' });
    socket.close();
  });

  it.each([
    ['a foreign origin', { headers: { Origin: 'https://elsewhere.example.com' } }, 403],
    ['no token', {}, 401],
    ['a bad token', { headers: { Authorization: 'Bearer nonsense' } }, 401],
  ])('is refused for %s', async (_what, upgrade, status) => {
    const token = status === 403 ? candidate.token : undefined;
    await expect(system.open({ token, ...upgrade })).rejects.toMatchObject({ name: 'UpgradeRefused', status });
  });

  it.each(['token', 'access_token', 'Authorization'])('is refused with the token as ?%s= in the URL', async (name) => {
    await expect(system.open({ query: `${name}=${candidate.token}` })).rejects.toMatchObject({ status: 401 });
  });
});

describe('a hostile client', () => {
  it.each([
    ['no JSON', 'hello', 'MALFORMED_JSON'],
    ['an array', '[]', 'MALFORMED_JSON'],
    ['an unknown event', '{"event":"DROP_TABLES","data":{}}', 'UNKNOWN_EVENT'],
    ['an event of the gateway: $connect', '{"event":"$connect","data":{}}', 'UNKNOWN_EVENT'],
    ['an event of the gateway: $disconnect', '{"event":"$disconnect","data":{}}', 'UNKNOWN_EVENT'],
    ['an event of the gateway: $default', '{"event":"$default","data":{}}', 'UNKNOWN_EVENT'],
    ['a frame too large', JSON.stringify({ event: 'PING', data: { x: 'x'.repeat(40_000) } }), 'PAYLOAD_TOO_LARGE'],
  ])('sends %s and keeps its connection', async (_what, text, code) => {
    const socket = await desk.connect(candidate);
    socket.sendText(text);
    expect((await socket.next('ERROR')).data.code).toBe(code);
    await socket.settle();
    socket.close();
  });

  it('sends a binary frame and is understood or refused, not dropped', async () => {
    const socket = await system.open({ token: candidate.token });
    socket.send(Buffer.from([0xff, 0xfe, 0x00]));
    expect(JSON.parse(await nextText(socket))).toMatchObject({ event: 'ERROR', data: { code: 'MALFORMED_JSON' } });
    socket.close();
    await works();
  });

  it('breaks the protocol with text that is no UTF-8 and loses that socket alone', async () => {
    const socket = await system.open({ token: candidate.token });
    const closed = new Promise<number>((fulfil) => socket.once('close', fulfil));
    socket.send(Buffer.from([0xc3, 0x28]), { binary: false });
    expect(await within('the close', closed)).toBe(1007);
    await works();
  });
});

describe('HTTP', () => {
  it('answers an unknown route with a problem document', async () => {
    expect(await desk.call('GET', '/nowhere')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
  });

  it('says that it is well', async () => {
    expect(await desk.ok('GET', '/health')).toMatchObject({ status: 'ok' });
  });

  it('refuses a body that is not JSON by its type', async () => {
    const result = await system.http({
      method: 'POST',
      path: '/auth/login',
      raw: 'email=a',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(result).toMatchObject({ status: 415, body: { code: 'UNSUPPORTED_MEDIA_TYPE' } });
  });
});

describe('the desk', () => {
  it('tells who watches, and gives an available agent what a customer opens', async () => {
    // These are people: they come by the client package.
    const { desk } = await startThroughClient();
    const supervisor = await desk.supervisor();
    const [agent, candidate] = await Promise.all([desk.agent(supervisor), desk.candidate()]);
    const routing = { mode: 'automatic', requeueAfterSeconds: null, answerWithinSeconds: null };
    await desk.ok('PUT', '/routing', supervisor.token, routing);
    const [watcher, given] = await Promise.all([desk.connect(supervisor), desk.connect(agent)]);
    await watcher.expect('QUEUE_WATCHED', 'WATCH_QUEUE', {});
    await given.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'available' });
    await watcher.next('AGENT_CHANGED', ({ user }) => user.id === agent.user.id && user.availability === 'available');

    const { id } = await desk.conversation(candidate, 'hello');
    const isOurs = ({ conversation }: { conversation: { id: string } }) => conversation.id === id;
    await given.next('CONVERSATION_ASSIGNED', isOurs);
    await watcher.next('QUEUE_CHANGED', (data) => isOurs(data) && data.reason === 'opened');
    const { data } = await watcher.next('QUEUE_CHANGED', (told) => isOurs(told) && told.reason === 'assigned');
    expect(data.conversation).toMatchObject({ agentId: agent.user.id, candidate: { email: candidate.email } });

    // A failure of the dispatcher, for which nobody waits, ends nothing.
    const name = 'live-support-dev-dispatch';
    const called = await fetch(`http://localhost:${system.ports.lambda}/2015-03-31/functions/${name}/invocations`, {
      method: 'POST',
      headers: { 'x-amz-invocation-type': 'Event' },
      body: '{"nonsense":true}',
    });
    expect(called.status).toBe(202);
    await desk.ok('POST', `/conversations/${id}/close`, agent.token);
    await watcher.next('QUEUE_CHANGED', (told) => isOurs(told) && told.reason === 'closed');
    for (const socket of [watcher, given]) socket.close();
  });

  itInFull('has a clock (SOAK=1)', async () => {
    // It began when the suite did, so that there is little of a minute left to wait.
    await eventually('the clock to tick', async () => {
      const record = await agentRecords().findOne({ _id: vanished.user.id });
      return record !== null && record.leased === undefined;
    });
  });
});

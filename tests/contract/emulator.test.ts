import type WebSocket from 'ws';
import { SUBPROTOCOL } from '../../lib/protocol/events.ts';
import { within } from '../support/deadline.ts';
import { type Emulator, startEmulatorDesk } from '../support/emulator.ts';
import type { Desk, Person } from '../support/system.ts';
import { crowdSuite } from './suites/crowd.ts';
import { oneOfEach, permissionSuite } from './suites/permissions.ts';
import { roomSuite } from './suites/rooms.ts';

/**
 * The suites of `handlers/`, over real HTTP and WebSocket: those that show that every function is wired as it should. Then
 * what only the real emulator can show: real HTTP, real upgrades, real frames.
 */

const ORIGIN = 'https://support.example.com';

let system: Emulator;
let desk: Desk;
let candidate: Person;
beforeAll(async () => {
  ({ system, desk } = await startEmulatorDesk({ ALLOWED_ORIGINS: ORIGIN }));
  candidate = await desk.candidate();
});
afterAll(() => system?.stop());
const start = async () => ({ system, desk });

permissionSuite(start, {
  wanted: ({ object }) => ['own', 'self', '-'].includes(object),
  // One of each answer there is shows that the function has what it needs to tell them apart; with `SOAK=1` everybody.
  ...(process.env['SOAK'] !== '1' && { callersOf: oneOfEach, inactive: false }),
});
roomSuite(start);
// The emulator's functions have two workers each: what a crowd does to the rules is seen at full size in `handlers/`.
crowdSuite(start, { each: 8, rivals: 4 });

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

import { resetConfig } from '../../lib/runtime/config.ts';
import { loginAttemptsModel } from '../../lib/store/signInAttempts.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { type Desk, type HttpRequest, PASSWORD, type Person } from '../support/system.ts';

/** Behind a proxy everybody has the proxy's address. It is believed about theirs where it proves itself, and nobody else is. */

const OLD = 'old-'.padEnd(32, 'o');
const NEW = 'new-'.padEnd(32, 'n');
const EDGE = '192.0.2.200';
const VIEWER = '203.0.113.7';

let system: InProcess;
let desk: Desk;
let person: Person;

beforeAll(async () => {
  ({ system, desk } = await startDesk({
    RATE_LIMITS: 'on',
    TRUSTED_PROXY: 'optional',
    TRUSTED_PROXY_SECRET: `${OLD}, ${NEW}`,
  }));
  person = await desk.candidate();
});
afterAll(() => system.stop());
afterEach(() => set({ TRUSTED_PROXY: 'optional' }));

function set(variables: Readonly<Record<string, string>>): void {
  Object.assign(process.env, variables);
  resetConfig();
}

const proven = (viewer = `${VIEWER}:46532`, proof = OLD) => ({
  'x-origin-verify': proof,
  'cloudfront-viewer-address': viewer,
});

const ask = (request: HttpRequest, headers?: Readonly<Record<string, string>>) =>
  system.http({ ...request, sourceIp: EDGE, headers });

const login = (headers?: Readonly<Record<string, string>>, password = PASSWORD) =>
  ask({ method: 'POST', path: '/auth/login', body: { email: person.email, password } }, headers);

/** Where the last sign-in was recorded to be from. */
async function recorded(headers?: Readonly<Record<string, string>>): Promise<string | null> {
  expect((await login(headers)).status).toBe(200);
  const { items } = await desk.ok(
    'GET',
    `/audit?action=signed_in&targetId=${person.user.id}&limit=1`,
    desk.admin.token,
  );
  return items[0].sourceIp;
}

describe('who a request is from', () => {
  it.each([OLD, NEW])('is what a proxy says that proves itself, by either secret', async (proof) => {
    expect(await recorded(proven(`${VIEWER}:46532`, proof))).toBe(VIEWER);
    expect(await recorded(proven('2001:db8::7:46532', proof))).toBe('2001:db8::7');
  });

  it.each([
    ['with no proof', { 'cloudfront-viewer-address': `${VIEWER}:1` }],
    ['with a wrong one', proven(`${VIEWER}:1`, 'x'.repeat(32))],
    ['with both secrets as one', proven(`${VIEWER}:1`, `${OLD}, ${NEW}`)],
    ['with an empty one', proven(`${VIEWER}:1`, '')],
    ['with the beginning of it', proven(`${VIEWER}:1`, OLD.slice(0, -1))],
    ['with a proof and no address', { 'x-origin-verify': OLD }],
    ['with a proof and several addresses', proven(`${VIEWER}:1,198.51.100.1:1`)],
    ['by other headers', { 'x-origin-verify': OLD, 'x-forwarded-for': VIEWER, 'true-client-ip': VIEWER }],
  ])('is what the gateway saw, %s', async (_, headers) => {
    expect(await recorded(headers)).toBe(EDGE);
  });

  it('is what the gateway saw where no proxy is trusted, whatever it says', async () => {
    set({ TRUSTED_PROXY: 'off' });
    expect(await recorded(proven())).toBe(EDGE);
  });

  it('decides whose guesses are counted together', async () => {
    await loginAttemptsModel().deleteMany({});
    for (let guess = 0; guess < 10; guess += 1) await login(proven(), 'wrong password');
    expect((await login(proven(), 'wrong password')).status).toBe(429);
    expect((await login(proven('198.51.100.9:1'), 'wrong password')).status).toBe(401);
  });

  it('is one for a /64 of IPv6, and for an IPv4 address in its form', async () => {
    await loginAttemptsModel().deleteMany({});
    for (let guess = 0; guess < 10; guess += 1) await login(proven(`2001:db8:1:2::${guess}:1`), 'wrong password');
    expect((await login(proven('2001:db8:1:2:ffff::1:1'), 'wrong password')).status).toBe(429);
    expect((await login(proven('2001:db8:1:3::1:1'), 'wrong password')).status).toBe(401);
    await loginAttemptsModel().deleteMany({});
    for (let guess = 0; guess < 10; guess += 1) await login(proven(`${VIEWER}:1`), 'wrong password');
    expect((await login(proven(`::ffff:${VIEWER}:1`), 'wrong password')).status).toBe(429);
    await loginAttemptsModel().deleteMany({});
  });
});

describe('a required proxy', () => {
  beforeEach(() => set({ TRUSTED_PROXY: 'required' }));

  it('can’t be gone round over HTTP, with a good token or without', async () => {
    const refused = { status: 403, body: { code: 'FORBIDDEN' } };
    for (const headers of [undefined, proven(`${VIEWER}:1`, 'x'.repeat(32))]) {
      expect(await login(headers)).toMatchObject(refused);
      expect(await ask({ method: 'GET', path: '/health' }, headers)).toMatchObject(refused);
      expect(await ask({ method: 'GET', path: '/auth/me', token: person.token }, headers)).toMatchObject(refused);
    }
    expect((await login(proven())).status).toBe(200);
    expect((await ask({ method: 'GET', path: '/health' }, proven())).status).toBe(200);
  });

  it('can’t be gone round to a socket', async () => {
    await expect(system.connect({ token: person.token })).rejects.toMatchObject({ status: 403 });
    // The gateway keeps the case a header was written in.
    const headers = { 'X-Origin-Verify': OLD, 'CloudFront-Viewer-Address': `${VIEWER}:1` };
    (await system.connect({ token: person.token, headers })).close();
  });

  it('lets nobody in where its secret is too short to be one', async () => {
    set({ TRUSTED_PROXY_SECRET: 'short' });
    expect((await login({ ...proven(), 'x-origin-verify': 'short' })).status).toBe(500);
    set({ TRUSTED_PROXY_SECRET: `${OLD}, ${NEW}` });
  });
});

it('what is done through a socket is recorded as done from where the socket was opened', async () => {
  const { agent, conversation } = await desk.assigned('hello');
  const socket = await system.connect({ token: agent.token, headers: proven('2001:db8::9:1') });
  await socket.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', { conversationId: conversation.id });
  socket.close();
  const { items } = await desk.ok(
    'GET',
    `/audit?action=conversation_closed&targetId=${conversation.id}`,
    desk.admin.token,
  );
  expect(items).toMatchObject([{ sourceIp: '2001:db8::9' }]);
});

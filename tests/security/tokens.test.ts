import { generateKeyPairSync, randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { jwtKeys } from '../../lib/runtime/secrets.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { type Desk, type Person, UpgradeRefused } from '../support/system.ts';
import { decoded, expectRefused, forge } from './attack.ts';

const key = (bytes = 32) => randomBytes(bytes);
const [CURRENT, FORMER, ATTACKERS] = [key(), key(), key()];
const keys = (...entries: (readonly [string, Buffer])[]) =>
  entries.map(([kid, secret]) => `${kid}:${secret.toString('base64url')}`).join(',');
const BOTH = keys(['current', CURRENT], ['former', FORMER]);

let system: InProcess;
let desk: Desk;
let victim: Person;
let attacker: Person;
beforeAll(async () => {
  ({ system, desk } = await startDesk({ JWT_KEYS: BOTH }));
  [victim, attacker] = await Promise.all([desk.candidate(), desk.candidate()]);
});
afterEach(() => {
  process.env['JWT_KEYS'] = BOTH;
});
afterAll(() => system.stop());

const me = (token: string) => desk.call('GET', '/auth/me', token);
const upgrade = (token: string) =>
  system.connect({ token }).then(
    (socket) => {
      socket.close();
      return 'admitted';
    },
    (error: unknown) => (error instanceof UpgradeRefused ? error.status : error),
  );

const header = { alg: 'HS256', typ: 'at+jwt', kid: 'current' };
const now = () => Math.floor(Date.now() / 1000);
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const publicPem = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string;
const b64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Each from the victim's own claims, so that but for the one thing wrong it would be taken. */
const FORGERIES: Record<string, (claims: Record<string, unknown>) => string> = {
  'alg none': (claims) => `${b64({ ...header, alg: 'none' })}.${b64(claims)}.`,
  'alg nOnE': (claims) => `${b64({ ...header, alg: 'nOnE' })}.${b64(claims)}.`,
  'no alg': (claims) => forge({ typ: 'at+jwt', kid: 'current' }, claims, CURRENT),
  'no signature': (claims) => `${b64(header)}.${b64(claims)}.`,
  'two parts': (claims) => `${b64(header)}.${b64(claims)}`,
  'four parts': (claims) => `${forge(header, claims, CURRENT)}.x`,
  HS512: (claims) => forge({ ...header, alg: 'HS512' }, claims, CURRENT, 'sha512'),
  HS384: (claims) => forge({ ...header, alg: 'HS384' }, claims, CURRENT, 'sha384'),
  'HS256 said, SHA-512 done': (claims) => forge(header, claims, CURRENT, 'sha512'),
  RS256: (claims) =>
    jwt.sign(claims, rsa.privateKey, { algorithm: 'RS256', keyid: 'current', header: { ...header, alg: 'RS256' } }),
  'RS256 said, HMAC with a public key done': (claims) => forge({ ...header, alg: 'RS256' }, claims, publicPem),
  'HMAC with a public key': (claims) => forge(header, claims, publicPem),
  'an empty key': (claims) => forge(header, claims, ''),
  'another key': (claims) => forge(header, claims, ATTACKERS),
  'the key of another kid': (claims) => forge(header, claims, FORMER),
  expired: (claims) => forge(header, { ...claims, exp: now() - 1 }, CURRENT),
  'not yet valid': (claims) => forge(header, { ...claims, nbf: now() + 60 }, CURRENT),
  'no exp': ({ exp: _, ...claims }) => forge(header, claims, CURRENT),
  'exp no number': (claims) => forge(header, { ...claims, exp: 'never' }, CURRENT),
  'exp null': (claims) => forge(header, { ...claims, exp: null }, CURRENT),
  'another issuer': (claims) => forge(header, { ...claims, iss: 'somebody' }, CURRENT),
  'no issuer': ({ iss: _, ...claims }) => forge(header, claims, CURRENT),
  'another audience': (claims) => forge(header, { ...claims, aud: 'something' }, CURRENT),
  'no audience': ({ aud: _, ...claims }) => forge(header, claims, CURRENT),
  'typ JWT': (claims) => forge({ ...header, typ: 'JWT' }, claims, CURRENT),
  'no typ': (claims) => forge({ alg: 'HS256', kid: 'current' }, claims, CURRENT),
  'typ of a refresh token': (claims) => forge({ ...header, typ: 'rt+jwt' }, claims, CURRENT),
  'no session': ({ sid: _, ...claims }) => forge(header, claims, CURRENT),
  'a session object': (claims) => forge(header, { ...claims, sid: { $ne: '' } }, CURRENT),
  'a session that never was': (claims) => forge(header, { ...claims, sid: 'never-was' }, CURRENT),
  'a role there is not': (claims) => forge(header, { ...claims, role: 'root' }, CURRENT),
  'no kid': (claims) => forge({ alg: 'HS256', typ: 'at+jwt' }, claims, CURRENT),
  'an unknown kid': (claims) => forge({ ...header, kid: 'unknown' }, claims, CURRENT),
  'a path for a kid': (claims) => forge({ ...header, kid: '../../../../dev/null' }, claims, ''),
  'a query for a kid': (claims) => forge({ ...header, kid: "x' union select 'k" }, claims, 'k'),
  'a list for a kid': (claims) => forge({ ...header, kid: ['current'] }, claims, CURRENT),
  'an object for a kid': (claims) => forge({ ...header, kid: { $ne: '' } }, claims, CURRENT),
  '__proto__ for a kid': (claims) => forge({ ...header, kid: '__proto__' }, claims, ''),
  'a jwk of its own': (claims) =>
    forge({ ...header, jwk: { kty: 'oct', k: ATTACKERS.toString('base64url') } }, claims, ATTACKERS),
  'a jwk, and its kid': (claims) =>
    forge(
      { ...header, kid: 'mine', jwk: { kty: 'oct', kid: 'mine', k: ATTACKERS.toString('base64url') } },
      claims,
      ATTACKERS,
    ),
  'a jku': (claims) => forge({ ...header, jku: 'https://evil.example/jwks.json' }, claims, ATTACKERS),
  'an x5u': (claims) => forge({ ...header, x5u: 'https://evil.example/chain.pem' }, claims, ATTACKERS),
  '5,000 characters': (claims) => forge(header, { ...claims, padding: 'x'.repeat(5000) }, CURRENT),
  nothing: () => '',
  'no token at all': () => 'x',
  dots: () => '..',
};

describe('an access token', () => {
  it('forged by one who has the key would be taken: what is refused below is refused for its one fault', async () => {
    const { claims } = decoded(victim.token);
    expect((await me(forge(header, claims, CURRENT))).body).toMatchObject({ id: victim.user.id });
  });

  it.each(Object.keys(FORGERIES))('is not taken: %s', async (name) => {
    const token = FORGERIES[name]?.(decoded(victim.token).claims) ?? '';
    expectRefused(await me(token), 'INVALID_TOKEN');
    expect(await upgrade(token)).toBe(401);
  });

  it('is not taken with an edited payload', async () => {
    const [head, , signature] = attacker.token.split('.');
    const { claims } = decoded(attacker.token);
    for (const edit of [
      { sub: victim.user.id },
      { sid: decoded(victim.token).claims['sid'] },
      { role: 'admin' },
      { exp: now() + 1e6 },
    ]) {
      expectRefused(await me(`${head}.${b64({ ...claims, ...edit })}.${signature}`), 'INVALID_TOKEN');
    }
  });

  it('is not taken for somebody else than its session’s', async () => {
    const { claims } = decoded(attacker.token);
    expectRefused(await me(forge(header, { ...claims, sub: victim.user.id }, CURRENT)), 'INVALID_TOKEN');
  });

  it('is no use to claim a role: the role is the database’s', async () => {
    const token = forge(header, { ...decoded(attacker.token).claims, role: 'admin' }, CURRENT);
    expectRefused(await desk.call('GET', '/audit', token), 'FORBIDDEN');
  });

  it('is not what a refresh token is, nor the other way round', async () => {
    expectRefused(await me(victim.session.refreshToken), 'INVALID_TOKEN');
    expect(await upgrade(victim.session.refreshToken)).toBe(401);
    const body = { refreshToken: victim.token };
    expectRefused(await desk.call('POST', '/auth/refresh', undefined, body), 'VALIDATION_FAILED', 'INVALID_TOKEN');
  });

  it.each([
    ['another scheme', (token: string) => ({ authorization: `Basic ${token}` })],
    ['no scheme', (token: string) => ({ authorization: token })],
    ['two tokens', (token: string) => ({ authorization: `Bearer ${token}, Bearer ${token}` })],
    ['a cookie', (token: string) => ({ cookie: `authorization=Bearer ${token}; token=${token}` })],
    ['another header', (token: string) => ({ 'x-access-token': token, 'x-forwarded-user': 'admin' })],
  ])('is not taken from %s', async (_, headers) => {
    const answer = await system.http({ method: 'GET', path: '/auth/me', headers: headers(victim.token) });
    expectRefused(answer, 'INVALID_TOKEN');
  });

  it('is not taken from the query', async () => {
    expectRefused(await desk.call('GET', `/auth/me?access_token=${victim.token}`), 'INVALID_TOKEN');
  });
});

describe('changing keys', () => {
  const rotateTo = (value: string) => {
    process.env['JWT_KEYS'] = value;
  };

  it('signs with the first, takes both, and signs nobody out', async () => {
    rotateTo(keys(['former', FORMER]));
    const early = await desk.candidate();
    expect(decoded(early.token).header['kid']).toBe('former');

    rotateTo(BOTH);
    expect((await me(early.token)).status).toBe(200);
    expect(decoded((await desk.login(early.email)).token).header['kid']).toBe('current');

    rotateTo(keys(['current', CURRENT]));
    expectRefused(await me(early.token), 'INVALID_TOKEN');
    const { refreshToken } = early.session;
    const { accessToken } = await desk.ok('POST', '/auth/refresh', undefined, { refreshToken });
    expect((await me(accessToken)).status).toBe(200);
  });

  it('fails nowhere while some functions have the new list and others the old one, when the new key comes last first', async () => {
    const steps = [keys(['former', FORMER]), keys(['former', FORMER], ['current', CURRENT]), BOTH];
    const person = await desk.candidate();
    for (const [index, here] of steps.entries()) {
      rotateTo(here);
      const { token } = await desk.login(person.email);
      for (const there of steps.slice(Math.max(0, index - 1), index + 2)) {
        rotateTo(there);
        expect((await me(token)).status).toBe(200);
      }
    }
  });

  it.each([
    ['a short key', keys(['k', key(31)])],
    ['a short key behind a good one', keys(['k', CURRENT], ['l', key(16)])],
    ['an empty key', 'k:'],
    ['no kid', CURRENT.toString('base64url')],
    ['the same kid twice', keys(['k', CURRENT], ['k', FORMER])],
    ['a password', 'k:secret'],
    ['nothing', ''],
    ['a trailing comma', `${keys(['k', CURRENT])},`],
  ])('refuses %s', async (_, value) => {
    rotateTo(value);
    await expect(jwtKeys()).rejects.toMatchObject({ name: 'ConfigError' });
    // What is wrong is told, never the key.
    const message = await jwtKeys().catch((error: Error) => error.message);
    for (const secret of value.split(/[:,]/).filter((text) => text.length > 8)) expect(message).not.toContain(secret);
  });
});

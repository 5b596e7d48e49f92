import { createHmac, generateKeyPairSync, randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { resetConfig } from '../../lib/runtime/config.ts';
import { identityKeys, jwtKeys } from '../../lib/runtime/secrets.ts';
import { userModel } from '../../lib/store/users.ts';
import { atOneMoment } from '../support/clock.ts';
import { SITE_KEYS, SITE_SECRET, siteClaims, siteHeader, siteToken } from '../support/identity.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { type Desk, PASSWORD, type Person } from '../support/system.ts';
import { expectRefused, forge, state } from './attack.ts';

/** No way leads from a token of the company's, or from a visitor's, into somebody's account. */

const ATTACKERS = randomBytes(32);
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const publicPem = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string;
const b64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const now = () => Math.floor(Date.now() / 1000);

let system: InProcess;
let desk: Desk;
let victim: Person;
beforeAll(async () => {
  ({ system, desk } = await startDesk());
  const session = await desk.ok('POST', '/auth/exchange', undefined, { token: siteToken({ sub: 'victim' }) });
  victim = { user: session.user, token: session.accessToken, session, email: '', password: '' };
});
afterEach(() => {
  process.env['IDENTITY_KEYS'] = SITE_KEYS;
});
afterAll(() => system.stop());

const exchange = (token: unknown, visitorToken?: unknown) =>
  desk.call('POST', '/auth/exchange', undefined, { token, ...(visitorToken !== undefined && { visitorToken }) });
const visitor = () => desk.ok('POST', '/auth/visitor', undefined, {});
const own = (claims: Readonly<Record<string, unknown>>) => forge(siteHeader, siteClaims(claims), SITE_SECRET);

type Claims = Record<string, unknown>;

/** Each from the claims of a token that would be taken, but for the one thing wrong. */
const FORGERIES: Record<string, (claims: Claims) => string> = {
  'alg none': (claims) => `${b64({ ...siteHeader, alg: 'none' })}.${b64(claims)}.`,
  'no alg': (claims) => forge({ typ: 'JWT', kid: 'site' }, claims, SITE_SECRET),
  'no signature': (claims) => `${b64(siteHeader)}.${b64(claims)}.`,
  'two parts': (claims) => `${b64(siteHeader)}.${b64(claims)}`,
  HS384: (claims) => forge({ ...siteHeader, alg: 'HS384' }, claims, SITE_SECRET, 'sha384'),
  HS512: (claims) => forge({ ...siteHeader, alg: 'HS512' }, claims, SITE_SECRET, 'sha512'),
  RS256: (claims) => jwt.sign(claims, rsa.privateKey, { algorithm: 'RS256', keyid: 'site' }),
  'HMAC with a public key': (claims) => forge(siteHeader, claims, publicPem),
  'another key': (claims) => forge(siteHeader, claims, ATTACKERS),
  'an empty key': (claims) => forge(siteHeader, claims, ''),
  'no kid': (claims) => forge({ alg: 'HS256', typ: 'JWT' }, claims, SITE_SECRET),
  'an unknown kid': (claims) => forge({ ...siteHeader, kid: 'another' }, claims, SITE_SECRET),
  'a list for a kid': (claims) => forge({ ...siteHeader, kid: ['site'] }, claims, SITE_SECRET),
  '__proto__ for a kid': (claims) => forge({ ...siteHeader, kid: '__proto__' }, claims, ''),
  'a jwk of its own': (claims) =>
    forge({ ...siteHeader, jwk: { kty: 'oct', k: ATTACKERS.toString('base64url') } }, claims, ATTACKERS),
  'something critical that nobody understands': (claims) =>
    forge({ ...siteHeader, crit: ['b64'], b64: true }, claims, SITE_SECRET),
  'another audience': (claims) => own({ ...claims, aud: 'live-support' }),
  'no audience': ({ aud: _, ...claims }) => forge(siteHeader, claims, SITE_SECRET),
  expired: (claims) => own({ ...claims, iat: now() - 100, exp: now() - 1 }),
  'no exp': ({ exp: _, ...claims }) => forge(siteHeader, claims, SITE_SECRET),
  'exp no number': (claims) => own({ ...claims, exp: 'never' }),
  'exp a minute beyond the hour': (claims) => own({ ...claims, exp: now() + 3660 }),
  'exp before iat': (claims) => own({ ...claims, iat: now() + 40, exp: now() + 30 }),
  'no iat': ({ iat: _, ...claims }) => forge(siteHeader, claims, SITE_SECRET),
  'iat no number': (claims) => own({ ...claims, iat: `${now()}` }),
  'iat far ahead': (claims) => own({ ...claims, iat: now() + 90, exp: now() + 300 }),
  'not yet valid': (claims) => own({ ...claims, nbf: now() + 90 }),
  'no sub': ({ sub: _, ...claims }) => forge(siteHeader, claims, SITE_SECRET),
  'an empty sub': (claims) => own({ ...claims, sub: '' }),
  'a number for a sub': (claims) => own({ ...claims, sub: 42 }),
  'a query for a sub': (claims) => own({ ...claims, sub: { $ne: '' } }),
  'a list for a sub': (claims) => own({ ...claims, sub: ['victim'] }),
  '129 characters of sub': (claims) => own({ ...claims, sub: 'x'.repeat(129) }),
  'half a character in the sub': (claims) => own({ ...claims, sub: 'victim\ud800' }),
  'U+0000 in the sub': (claims) => own({ ...claims, sub: 'victim\u0000' }),
  '8,193 characters': (claims) => {
    const shortest = own({ ...claims, padding: '' });
    // Three characters become four.
    const padding = 'x'.repeat(Math.ceil(((8193 - shortest.length) * 3) / 4));
    return own({ ...claims, padding });
  },
  'claims that are a list': () => forge(siteHeader, [siteClaims({ sub: 'victim' })], SITE_SECRET),
  'claims that are a text': () => forge(siteHeader, 'victim' as never, SITE_SECRET),
  'no token at all': () => 'x',
  dots: () => '..',
};

describe('a token of the company’s', () => {
  it.each([
    ['as it should be', (claims: Claims) => claims],
    [
      'whose clock is ahead by less than a minute',
      (claims: Claims) => ({ ...claims, iat: now() + 50, nbf: now() + 50 }),
    ],
    ['that lives for an hour', (claims: Claims) => ({ ...claims, exp: Number(claims['iat']) + 3600 })],
    [
      'with an issuer and claims of its own',
      (claims: Claims) => ({ ...claims, iss: 'shop', roles: ['admin'], jti: 'x' }),
    ],
    ['for other services too', (claims: Claims) => ({ ...claims, aud: ['live-support-identity', 'another'] })],
  ])('is taken %s', async (_, change) => {
    const { status, body } = await exchange(forge(siteHeader, change(siteClaims({ sub: 'victim' })), SITE_SECRET));
    expect([status, body.user.id, body.user.role]).toEqual([200, victim.user.id, 'candidate']);
  });

  it('is taken with the longest name and address of the longest sub, though its JSON is all in ASCII', async () => {
    const [sub, name] = ['😀'.repeat(128), '😀'.repeat(100)];
    const email = `${'a'.repeat(64)}@${`${'b'.repeat(62)}.`.repeat(3)}`.slice(0, -1);
    // As PHP and Python write JSON.
    const escaped = JSON.stringify(siteClaims({ sub, name, email })).replace(
      /[^ -~]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
    const signed = `${b64(siteHeader)}.${Buffer.from(escaped).toString('base64url')}`;
    const token = `${signed}.${createHmac('sha256', SITE_SECRET).update(signed).digest('base64url')}`;
    const { status, body } = await exchange(token);
    expect([status, body.user?.name, body.user?.email]).toEqual([200, name, email]);
  });

  it.each(Object.keys(FORGERIES))('is not taken: %s', async (name) => {
    const users = await userModel().countDocuments();
    expectRefused(await exchange(FORGERIES[name]?.(siteClaims({ sub: 'victim' })) ?? ''), 'INVALID_TOKEN');
    expect(await userModel().countDocuments()).toBe(users);
  });

  it('is not what an access token is, nor a refresh token, nor the other way round', async () => {
    const [{ kid, secret }] = await jwtKeys();
    const registered = await desk.candidate();
    for (const token of [registered.token, registered.session.refreshToken, victim.token]) {
      expectRefused(await exchange(token), 'INVALID_TOKEN');
    }
    // Signed by the service's own key, even with everything else as the company's.
    const header = { ...siteHeader, kid };
    expectRefused(await exchange(forge(header, siteClaims({ sub: 'victim' }), secret)), 'INVALID_TOKEN');
    const token = siteToken({ sub: victim.user.id, sid: 'any', role: 'admin', iss: 'live-support' });
    expectRefused(await desk.call('GET', '/auth/me', token), 'INVALID_TOKEN');
    expectRefused(
      await desk.call('GET', '/auth/me', own({ sub: victim.user.id, aud: 'live-support' })),
      'INVALID_TOKEN',
    );
    expectRefused(await desk.call('POST', '/auth/refresh', undefined, { refreshToken: token }), 'INVALID_TOKEN');
  });

  it('names nobody but by its sub: no id, no address, no role', async () => {
    const staff = await desk.supervisor();
    const registered = await desk.candidate();
    for (const { user, email } of [staff, registered]) {
      for (const sub of [user.id, email]) {
        const { body } = await exchange(siteToken({ sub, email, role: 'admin', id: user.id, userId: user.id }));
        expect(body.user).toMatchObject({ role: 'candidate', email });
        expect(body.user.id).not.toBe(user.id);
      }
    }
    expect((await desk.login(staff.email)).user.id).toBe(staff.user.id);
    expect((await desk.call('POST', '/auth/login', undefined, { email: 'victim', password: PASSWORD })).status).toBe(
      400,
    );
  });

  it('of a customer who is inactive changes nothing, and merges nobody', async () => {
    const { user } = (await exchange(siteToken({ sub: 'inactive', name: 'Ada' }))).body;
    await desk.ok('PATCH', `/users/${user.id}`, desk.admin.token, { active: false });
    const guest = await visitor();
    const before = await state();
    expectRefused(await exchange(siteToken({ sub: 'inactive', name: 'Eve' }), guest.accessToken), 'INVALID_TOKEN');
    expect(await state()).toEqual(before);
    expect((await desk.call('GET', '/auth/me', guest.accessToken)).status).toBe(200);
  });
});

describe('a visitor’s token', () => {
  it('that is anybody else’s is ignored', async () => {
    const registered = await desk.candidate();
    await desk.conversation(registered);
    const agent = await desk.agent(await desk.supervisor());
    const [merged, inactive, over] = [await visitor(), await visitor(), await visitor()];
    await exchange(siteToken({ sub: 'merger' }));
    await exchange(siteToken({ sub: 'merger' }), merged.accessToken);
    await desk.ok('PATCH', `/users/${inactive.user.id}`, desk.admin.token, { active: false });
    await desk.conversation({ ...registered, token: over.accessToken });
    await desk.ok('POST', '/auth/logout', over.accessToken);
    const tokens: Record<string, string> = {
      'a candidate with a password': registered.token,
      'an agent': agent.token,
      'an admin': desk.admin.token,
      'another customer': victim.token,
      'one who was merged': merged.accessToken,
      'one who is inactive': inactive.accessToken,
      'one who has signed out': over.accessToken,
      'a refresh token': (await visitor()).refreshToken,
      'a token of the company’s': siteToken({ sub: 'victim' }),
      'something else': 'x',
      nothing: '',
      'something long': 'x'.repeat(10_000),
    };
    for (const sub of ['thief', 'merger']) {
      for (const [whose, token] of Object.entries(tokens)) {
        const { body } = await exchange(siteToken({ sub }), token);
        const { items } = await desk.ok('GET', '/conversations', body.accessToken);
        expect([whose, items]).toEqual([whose, []]);
        expect([whose, body.user.id]).not.toContain(victim.user.id);
      }
    }
    for (const person of [registered, agent, victim]) {
      expect((await desk.call('GET', '/auth/me', person.token)).body).toMatchObject({
        id: person.user.id,
        active: true,
      });
    }
  });

  it('that has expired is ignored', async () => {
    process.env['ACCESS_TOKEN_TTL_SECONDS'] = '1';
    resetConfig();
    const guest = await visitor().finally(() => {
      delete process.env['ACCESS_TOKEN_TTL_SECONDS'];
      resetConfig();
    });
    const { exp } = jwt.decode(guest.accessToken) as { exp: number };
    await new Promise((resolve) => setTimeout(resolve, exp * 1000 - Date.now() + 50));
    const { body } = await exchange(siteToken({ sub: 'late' }), guest.accessToken);
    expect(body.user.id).not.toBe(guest.user.id);
    expect(await userModel().findById(guest.user.id).lean()).toMatchObject({ active: true, visitor: true });
  });

  it('gives its holder nothing once the visitor turned out to be somebody: no session, no socket, no account', async () => {
    for (const sub of ['newcomer', 'victim']) {
      const guest = await visitor();
      const person = { ...victim, token: guest.accessToken };
      const { id } = await desk.conversation(person);
      const socket = await desk.join(person, id);
      await exchange(siteToken({ sub }), guest.accessToken);
      expect(await socket.closed).toBeDefined();
      for (const [method, path] of [
        ['GET', '/auth/me'],
        ['GET', '/conversations'],
        ['POST', '/auth/logout'],
      ] as const) {
        expectRefused(await desk.call(method, path, guest.accessToken), 'INVALID_TOKEN');
      }
      const { refreshToken } = guest;
      expectRefused(await desk.call('POST', '/auth/refresh', undefined, { refreshToken }), 'INVALID_TOKEN');
      await expect(desk.connect(person)).rejects.toMatchObject({ status: 401 });
    }
  });
});

describe('the company’s keys', () => {
  const keys = (...entries: (readonly [string, Buffer])[]) =>
    entries.map(([kid, secret]) => `${kid}:${secret.toString('base64url')}`).join(',');
  const NEXT = randomBytes(32);
  const tokenBy = (kid: string, secret: Buffer) => forge({ ...siteHeader, kid }, siteClaims({ sub: 'victim' }), secret);

  it('change in use: all speak for one customer, and one that was taken out for nobody', async () => {
    process.env['IDENTITY_KEYS'] = keys(['site', SITE_SECRET], ['next', NEXT]);
    for (const token of [tokenBy('site', SITE_SECRET), tokenBy('next', NEXT)]) {
      expect((await exchange(token)).body.user.id).toBe(victim.user.id);
    }
    expectRefused(await exchange(tokenBy('site', NEXT)), 'INVALID_TOKEN');
    process.env['IDENTITY_KEYS'] = keys(['next', NEXT]);
    expectRefused(await exchange(tokenBy('site', SITE_SECRET)), 'INVALID_TOKEN');
    expect((await exchange(tokenBy('next', NEXT))).body.user.id).toBe(victim.user.id);
  });

  it.each([
    ['a key that signs access tokens', async () => [(await jwtKeys())[0].secret]],
    ['one, with zeros after it', async () => [Buffer.concat([(await jwtKeys())[0].secret, Buffer.alloc(8)])]],
    ['one, among others', async () => [NEXT, (await jwtKeys())[0].secret]],
    ['a short key', async () => [randomBytes(31)]],
  ])('may not have %s: nobody is let in', async (_, secrets) => {
    process.env['IDENTITY_KEYS'] = keys(...(await secrets()).map((secret, index) => [`k${index}`, secret] as const));
    await expect(identityKeys()).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringMatching(/^IDENTITY_KEYS: key k\d is (in JWT_KEYS too|shorter)/),
    });
    expect((await exchange(siteToken({ sub: 'victim' }))).status).toBe(500);
    const { email } = desk.admin;
    expect((await desk.call('POST', '/auth/login', undefined, { email, password: PASSWORD })).status).toBe(500);
    // Who was let in before is not affected: nobody can sign for a session that they don't know.
    expect((await desk.call('GET', '/auth/me', victim.token)).status).toBe(200);
  });

  it.each([
    ['IDENTITY_KEYS', 'mistyped'],
    ['JWT_KEYS', 'mistyped'],
    ['IDENTITY_KEYS', 'a key of the service’s'],
  ] as const)('that are wrong (%s: %s) sign nobody out, and leave nothing behind', async (name, wrong) => {
    const person = await desk.candidate();
    const guest = await visitor();
    const right = process.env[name];
    const before = await state();
    const email = `early-${person.email}`;
    process.env[name] = wrong === 'mistyped' ? wrong : process.env['JWT_KEYS'];
    const attempts = async () => {
      const statuses: number[] = [];
      for (const [path, body] of [
        ['refresh', { refreshToken: person.session.refreshToken }],
        ['refresh', { refreshToken: guest.refreshToken }],
        ['login', { email: person.email, password: PASSWORD }],
        ['register', { name: 'Early', email, password: PASSWORD }],
        ['visitor', {}],
        ['exchange', { token: siteToken({ sub: `early-${email}` }), visitorToken: guest.accessToken }],
      ] as const) {
        statuses.push((await desk.call('POST', `/auth/${path}`, undefined, body)).status);
      }
      return statuses;
    };
    const refused = await attempts().finally(() => {
      process.env[name] = right;
    });
    expect(refused).toEqual(Array(6).fill(500));
    expect(await state()).toEqual(before);
    // However much later, for no refresh token is spent.
    expect(await attempts()).toEqual([200, 200, 200, 201, 201, 200]);
  });

  it('may be none: then there are no such customers', async () => {
    delete process.env['IDENTITY_KEYS'];
    expectRefused(await exchange(siteToken({ sub: 'victim' })), 'NOT_CONFIGURED');
    expect((await desk.call('GET', '/auth/me', victim.token)).status).toBe(200);
  });
});

describe('a flood', () => {
  const from = (sourceIp: string, path: string, body: unknown) =>
    system.http({ method: 'POST', path, body, sourceIp }).then(({ status }) => status);
  const limits = (rates: 'on' | 'off', value = '') => {
    Object.assign(process.env, {
      RATE_LIMITS: rates,
      RATE_LIMIT_EXCHANGES_PER_MINUTE: value,
      RATE_LIMIT_VISITORS_PER_HOUR: value,
      RATE_LIMIT_CONVERSATIONS_PER_HOUR: value,
    });
    resetConfig();
  };
  beforeEach(() => limits('on', '2'));
  afterEach(() => limits('off'));

  it('of visitors is stopped by address, a whole /64 at once', async () => {
    const addresses = ['2001:db8:9::1', '2001:db8:9::2', '2001:db8:9:0:ffff::3', '2001:db8:9:1::1'];
    const statuses = await atOneMoment(async () => {
      const answers: number[] = [];
      for (const address of addresses) answers.push(await from(address, '/auth/visitor', {}));
      return answers;
    });
    expect(statuses).toEqual([201, 201, 429, 201]);
  });

  it('of conversations is stopped by address where visitors open them, and keeps no customer from theirs', async () => {
    const customer = await desk.candidate();
    const tokens: string[] = [];
    for (const address of ['2001:db8:c::1', '2001:db8:c:1::1', '2001:db8:c:2::1']) {
      const { body } = await system.http({ method: 'POST', path: '/auth/visitor', body: {}, sourceIp: address });
      tokens.push(body.accessToken);
    }
    const opened = (token: string | undefined) =>
      system
        .http({ method: 'POST', path: '/conversations', token, body: { subject: 'Hi' }, sourceIp: '2001:db8:c::7' })
        .then(({ status }) => status);
    const statuses = await atOneMoment(async () => {
      const answers: number[] = [];
      for (const token of [...tokens, customer.token]) answers.push(await opened(token));
      return answers;
    });
    expect(statuses).toEqual([201, 201, 429, 201]);
  });

  it('of bad tokens is stopped by address, and lets others of that address in', async () => {
    const bad = () => from('2001:db8:a::1', '/auth/exchange', { token: 'x' });
    expect(await atOneMoment(async () => [await bad(), await bad(), await bad()])).toEqual([401, 401, 429]);
    const good = (sub: string) => from('2001:db8:a::2', '/auth/exchange', { token: siteToken({ sub }) });
    expect(await good('neighbour')).toBe(200);
  });

  it('of good tokens is stopped by customer, wherever they come from', async () => {
    const good = (sub: string, index: number) =>
      from(`203.0.113.${index}`, '/auth/exchange', { token: siteToken({ sub }) });
    const statuses = await atOneMoment(async () => [
      await good('often', 1),
      await good('often', 2),
      await good('often', 3),
      await good('seldom', 3),
    ]);
    expect(statuses).toEqual([200, 200, 429, 200]);
  });
});

it('visitors are switched off unless a deployment says otherwise', async () => {
  process.env['VISITORS'] = '';
  resetConfig();
  try {
    expectRefused(await desk.call('POST', '/auth/visitor', undefined, {}), 'NOT_CONFIGURED');
  } finally {
    process.env['VISITORS'] = 'on';
    resetConfig();
  }
});

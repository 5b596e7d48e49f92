import { resetConfig } from '../../lib/runtime/config.ts';
import { mailOutboxModel } from '../../lib/store/mailOutbox.ts';
import { passwordResetsModel } from '../../lib/store/passwordResets.ts';
import { rateLimitModel } from '../../lib/store/rateLimits.ts';
import { loginAttemptsModel } from '../../lib/store/signInAttempts.ts';
import { userModel } from '../../lib/store/users.ts';
import { atOneMoment } from '../support/clock.ts';
import { listening, nameOf, WATCHED } from '../support/commands.ts';
import { everything } from '../support/everything.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { linkIn } from '../support/ses.ts';
import { tapStdout } from '../support/stdout.ts';
import { type Desk, PASSWORD, type Person } from '../support/system.ts';
import { countHashes } from './hashes.ts';

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk({ ...WATCHED, RATE_LIMITS: 'on' })));
afterAll(() => system.stop());
beforeEach(async () => {
  await rateLimitModel().deleteMany({});
  system.gateway.ses.mails.length = 0;
});

const forgot = (email: string, sourceIp = '203.0.113.1', headers: Readonly<Record<string, string>> = {}) =>
  system.http({ method: 'POST', path: '/auth/password/forgot', body: { email }, sourceIp, headers });
const reset = (token: string, newPassword = 'a password not forgotten', sourceIp = '203.0.113.1') =>
  system.http({ method: 'POST', path: '/auth/password/reset', body: { token, newPassword }, sourceIp });
const login = (email: string, password: string, sourceIp = '203.0.113.1') =>
  system.http({ method: 'POST', path: '/auth/login', body: { email, password }, sourceIp });

async function mailed({ email }: Person): Promise<string> {
  expect((await forgot(email)).status).toBe(202);
  await system.gateway.idle();
  return linkIn(system.gateway.ses.mails.at(-1)?.text ?? '').token;
}

/** Without the mail sender, what is in the outbox stays there. */
async function withoutMailSender<T>(work: () => Promise<T>): Promise<T> {
  const { MAIL_FUNCTION = '' } = process.env;
  process.env['MAIL_FUNCTION'] = '';
  resetConfig();
  return work().finally(() => {
    process.env['MAIL_FUNCTION'] = MAIL_FUNCTION;
    resetConfig();
  });
}

/** Like the value, but with every text and number of the same form. */
const formOf = (value: unknown): unknown => {
  if (typeof value === 'string')
    return value.startsWith('/') || value.startsWith('$') ? value : value.replace(/[\w-]/g, '.');
  if (value instanceof Date || typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) =>
      // The session and the times of a command are the driver's.
      ['lsid', '$clusterTime', 'maxTimeMS', 'txnNumber'].includes(key) ? [] : [[key, formOf(one)]],
    ),
  );
};

/** Everybody there can be behind an address. */
async function everybody(): Promise<string[]> {
  const people = await Promise.all([desk.candidate(), desk.candidate(), desk.candidate(), desk.candidate()]);
  const [, inactive, withoutPassword, erased] = people as [Person, Person, Person, Person];
  await desk.ok('PATCH', `/users/${inactive.user.id}`, desk.admin.token, { active: false });
  await userModel().collection.updateOne({ _id: withoutPassword.user.id as never }, { $unset: { passwordHash: 1 } });
  await desk.ok('POST', `/users/${erased.user.id}/erase`, desk.admin.token);
  // Addresses of one length.
  const nobody = people[0]?.email.replace(/^candidate/, 'nobodynob') ?? '';
  return [...people.map(({ email }) => email), desk.admin.email, nobody];
}

describe('asking for a mail', () => {
  it('is the same work before the answer, whoever it is, and whether anybody', async () => {
    const addresses = await everybody();
    const works = await withoutMailSender(async () => {
      const seen: unknown[] = [];
      for (const email of addresses) {
        const work: unknown[] = [];
        const started = (event: { commandName: string; command: Record<string, unknown> }) => {
          const { filter, ...command } = event.command;
          // What is searched for is as long as the address.
          work.push([nameOf(event), filter ? Object.keys(filter) : null, formOf(command)]);
        };
        const hashes = await countHashes(() =>
          listening({ started: started as never }, async () => {
            expect(await forgot(email)).toMatchObject({ status: 202, body: undefined });
          }),
        );
        expect(hashes).toBe(0);
        seen.push(work);
      }
      return seen;
    });
    expect(works).toEqual(Array(addresses.length).fill(works[0]));
    expect((works[0] as [string][]).map(([name]) => name)).toEqual([
      ...['findAndModify rate_limits', 'findAndModify rate_limits', 'find users', 'insert mail_outbox'],
    ]);
    await system.operate('mail', { send: true });
  });

  it('calls the mail sender alike, whoever it is; the answer doesn’t wait for it', async () => {
    const addresses = await everybody();
    const { carrier } = system;
    let called: string[] = [];
    system.carrier = (file, event) => {
      called.push(`${file} ${(event as { routeKey?: string }).routeKey ?? JSON.stringify(event)}`);
      return carrier(file, event);
    };
    for (const email of addresses) {
      called = [];
      await forgot(email);
      await system.gateway.idle();
      expect(called).toEqual(['auth POST /auth/password/forgot', 'mail {"send":true}']);
    }
    system.carrier = carrier;
  });

  it('has no token and no address in the database, and none in the log', async () => {
    const candidate = await desk.candidate();
    const lines: string[] = [];
    const stop = tapStdout((text) => lines.push(text) > 0);
    process.env['LOG_LEVEL'] = 'debug';
    resetConfig();
    const waiting = await withoutMailSender(async () => {
      await forgot(candidate.email);
      return JSON.stringify(await mailOutboxModel().find({}).lean());
    });
    const refused = { status: 400, type: 'MessageRejected', message: `not verified: ${candidate.email}` };
    system.gateway.ses.faults = [refused];
    await system.operate('mail', { send: true }).catch(() => undefined);
    await mailOutboxModel().updateMany({}, { $set: { dueAt: new Date(0) } });
    await system.operate('mail', { send: true });
    const { token, url } = linkIn(system.gateway.ses.mails.at(-1)?.text ?? '');
    const stored = await everything();
    expect((await reset(token)).status).toBe(204);
    const made = await desk.ok('POST', `/users/${candidate.user.id}/password-reset`, desk.admin.token);
    process.env['LOG_LEVEL'] = 'silent';
    resetConfig();
    stop();
    expect(waiting).toContain(candidate.user.id);
    expect(waiting).not.toContain(candidate.email);
    expect(stored).not.toContain(token);
    const log = lines.join('');
    expect(log).toContain('"code":"MessageRejected"');
    for (const secret of [candidate.email, token, url, linkIn(made.url).token, 'a password not forgotten']) {
      expect(log).not.toContain(secret);
    }
  });

  it('is mailed so many times an hour, and then answered alike, an account or not', async () => {
    await atOneMoment(async () => {
      const { email } = await desk.candidate();
      for (const address of [email, 'nobody-to-mail@example.com']) {
        for (let time = 0; time < 5; time += 1) {
          // In any spelling, and from anywhere.
          const spelt = time % 2 ? address.toUpperCase() : address;
          expect(await forgot(spelt, `203.0.113.${time}`)).toMatchObject({ status: 202, body: undefined });
        }
      }
      await system.gateway.idle();
      expect(system.gateway.ses.mails.map(({ to }) => to)).toEqual([email, email, email]);
      expect(await mailOutboxModel().countDocuments({})).toBe(0);
    });
  });

  it('is refused to an address that asks too often, before anything is looked for', async () => {
    await atOneMoment(async () => {
      process.env['RATE_LIMIT_RESETS_PER_HOUR'] = '2';
      resetConfig();
      const within = (host: number) => `2001:db8:77::${host}`;
      const answers = [];
      for (let host = 1; host <= 3; host += 1) answers.push(await forgot(`n${host}@example.com`, within(host)));
      // Setting a password is counted by itself.
      for (let host = 1; host <= 3; host += 1) answers.push(await reset('x'.repeat(43), PASSWORD, within(host)));
      delete process.env['RATE_LIMIT_RESETS_PER_HOUR'];
      resetConfig();
      expect(answers.map(({ status }) => status)).toEqual([202, 202, 429, 401, 401, 429]);
      expect(Number(answers[2]?.headers['retry-after'])).toBeGreaterThan(0);
    });
  });

  it('is led astray by no header, and says nothing that somebody has chosen', async () => {
    const name = 'Win a prize at evil.example';
    const { email } = await desk.candidate(name);
    const evil = 'evil.example';
    await forgot(email, '203.0.113.1', {
      host: evil,
      origin: `https://${evil}`,
      referer: `https://${evil}/`,
      forwarded: `host=${evil}`,
      'x-forwarded-host': evil,
    });
    await system.gateway.idle();
    expect(system.gateway.ses.mails).toHaveLength(1);
    expect(JSON.stringify(system.gateway.ses.mails)).not.toContain('evil');
  });
});

describe('the mail sender', () => {
  it.each([undefined, null, {}, { send: false }, { send: true, to: 'x@example.com' }, { userId: 'x' }, 'send'])(
    'is moved by no event but its own: %j',
    async (event) => {
      const lines: string[] = [];
      const stop = tapStdout((text) => lines.push(text) > 0);
      const handled = system.carrier('mail', event);
      await expect(handled).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
      stop();
    },
  );
});

describe('the token of a link', () => {
  it.each([
    'x',
    'x'.repeat(43),
    `${'x'.repeat(43)}=`,
    '$ne',
    'a.b.c',
    '\u0000'.repeat(43),
    'é'.repeat(43),
    'x'.repeat(512),
  ])('is none of ours, and costs no hash: %j', async (token) => {
    const hashes = await countHashes(async () => {
      expect(await reset(token)).toMatchObject({ status: 401, body: { code: 'INVALID_TOKEN' } });
    });
    expect(hashes).toBe(0);
  });

  it('is neither the stored hash nor an access or refresh token, nor is it one of these', async () => {
    const candidate = await desk.candidate();
    const token = await mailed(candidate);
    const stored = await passwordResetsModel().findById(candidate.user.id).lean();
    for (const other of [stored?.tokens[0]?.hash ?? '', candidate.session.refreshToken]) {
      expect((await reset(other)).status).toBe(401);
    }
    expect((await desk.call('GET', '/auth/me', token)).status).toBe(401);
    expect((await desk.call('POST', '/auth/refresh', undefined, { refreshToken: token })).status).toBe(401);
    expect((await reset(token)).status).toBe(204);
  });

  it('is not used up by a new password that is refused', async () => {
    const candidate = await desk.candidate();
    const token = await mailed(candidate);
    expect(await reset(token, 'short')).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
    expect((await reset(token)).status).toBe(204);
  });
});

it('a new password forgets failed sign-ins, and gets its owner past what strangers block', async () => {
  await loginAttemptsModel().deleteMany({});
  const candidate = await desk.candidate();
  const elsewhere = '203.0.113.80';
  for (let guess = 0; guess < 11; guess += 1) await login(candidate.email, 'wrong password', elsewhere);
  expect((await login(candidate.email, PASSWORD, elsewhere)).status).toBe(429);
  expect((await reset(await mailed(candidate), 'a password not forgotten', elsewhere)).status).toBe(204);
  expect((await login(candidate.email, 'a password not forgotten', elsewhere)).status).toBe(200);
});

it('an erasure takes links, mails and counts along', async () => {
  const candidate = await desk.candidate();
  await mailed(candidate);
  await rateLimitModel().deleteMany({});
  await withoutMailSender(() => forgot(candidate.email));
  await desk.ok('POST', `/users/${candidate.user.id}/erase`, desk.admin.token);
  await system.gateway.idle();
  expect(await passwordResetsModel().findById(candidate.user.id)).toBeNull();
  expect(await mailOutboxModel().countDocuments({ userId: candidate.user.id })).toBe(0);
  const counts = (await rateLimitModel().find({}).lean()).map(({ _id }) => _id.split('/')[0]);
  expect(counts).not.toContain('reset-mails');
});

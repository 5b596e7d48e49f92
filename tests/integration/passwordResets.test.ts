import { hashOf } from '../../lib/auth/randomSecrets.ts';
import { resetConfig } from '../../lib/runtime/config.ts';
import { auditModel } from '../../lib/store/audit.ts';
import { trusted } from '../../lib/store/database.ts';
import { mailOutboxModel } from '../../lib/store/mailOutbox.ts';
import { passwordResetsModel } from '../../lib/store/passwordResets.ts';
import { userModel } from '../../lib/store/users.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { linkIn } from '../support/ses.ts';
import { type Desk, type HttpResult, PASSWORD, type Person } from '../support/system.ts';

/** A forgotten password: asking for a mail, the mail, an admin's link, and setting a new password. */

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk()));
afterAll(() => system.stop());
beforeEach(() => {
  system.gateway.ses.mails.length = 0;
});

const NEW = 'a password not forgotten';
const forgot = (email: string) => desk.call('POST', '/auth/password/forgot', undefined, { email });
const reset = (token: string, newPassword = NEW) =>
  desk.call('POST', '/auth/password/reset', undefined, { token, newPassword });
const login = (email: string, password: string) => desk.call('POST', '/auth/login', undefined, { email, password });
const linkFor = ({ user }: Person) => desk.call('POST', `/users/${user.id}/password-reset`, desk.admin.token);

/** Asks for a mail, and returns the token in it. */
async function mailed({ email }: Person): Promise<string> {
  expect(await forgot(email)).toMatchObject({ status: 202, body: undefined });
  await system.gateway.idle();
  const mail = system.gateway.ses.mails.at(-1);
  expect(mail?.to).toBe(email);
  return linkIn(mail?.text ?? '').token;
}

const tokenOf = ({ body }: HttpResult): string => linkIn(body.url).token;

/** The link is refused, and the password stays as it is. */
async function expectWorthless(token: string): Promise<void> {
  expect(await reset(token, 'nobody has this one')).toMatchObject({ status: 401, body: { code: 'INVALID_TOKEN' } });
}

describe('a forgotten password', () => {
  it('is replaced by the link in a mail, and everything of the old one is over', async () => {
    const { candidate, conversation } = await desk.assigned('hello');
    const socket = await desk.join(candidate, conversation.id);
    const token = await mailed(candidate);
    const [mail, ...others] = system.gateway.ses.mails;
    expect(others).toEqual([]);
    expect(mail).toMatchObject({ from: 'Live Support <support@example.com>', subject: 'Set a new password' });
    expect(linkIn(mail?.text ?? '').url).toBe(`https://support.example.com/console#token=${token}`);
    expect(await mailOutboxModel().countDocuments({})).toBe(0);

    expect(await reset(token)).toMatchObject({ status: 204, body: undefined });
    expect(await socket.closed).toBeDefined();
    expect((await desk.call('GET', '/auth/me', candidate.token)).status).toBe(401);
    const { refreshToken } = candidate.session;
    expect((await desk.call('POST', '/auth/refresh', undefined, { refreshToken })).status).toBe(401);
    expect((await login(candidate.email, PASSWORD)).status).toBe(401);
    expect((await login(candidate.email, NEW)).status).toBe(200);
    await expectWorthless(token);
    expect(await auditModel().find({ action: 'password_reset', targetId: candidate.user.id }).lean()).toMatchObject([
      { actorId: candidate.user.id, actorRole: 'candidate', sourceIp: '127.0.0.1', details: {} },
    ]);
  });

  it('is kept as a hash of 256 bits, valid for half an hour by the database’s clock', async () => {
    const candidate = await desk.candidate();
    const token = await mailed(candidate);
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    const stored = await passwordResetsModel().findById(candidate.user.id).lean();
    expect(stored?.tokens).toMatchObject([{ hash: hashOf(token) }]);
    const left = (stored?.expiresAt.getTime() ?? 0) - Date.now();
    expect(Math.round(left / 60_000)).toBe(30);
    await passwordResetsModel().updateOne({ _id: candidate.user.id }, { $set: { 'tokens.0.expiresAt': new Date() } });
    await expectWorthless(token);
  });

  it('has three links at most, the newest; using one ends all', async () => {
    const candidate = await desk.candidate();
    const [first, ...live] = [
      await mailed(candidate),
      tokenOf(await linkFor(candidate)),
      await mailed(candidate),
      tokenOf(await linkFor(candidate)),
    ] as [string, string, string, string];
    await expectWorthless(first);
    const [one, two, three] = live as [string, string, string];
    expect((await reset(two)).status).toBe(204);
    for (const token of [one, two, three]) await expectWorthless(token);
  });

  it('that an admin has made outlasts however many are mailed: anybody may ask for those', async () => {
    const candidate = await desk.candidate();
    const first = await mailed(candidate);
    const made = tokenOf(await linkFor(candidate));
    const others = [await mailed(candidate), await mailed(candidate), await mailed(candidate)] as const;
    await expectWorthless(first);
    await expectWorthless(others[0]);
    expect((await reset(made)).status).toBe(204);
  });

  it('that is mailed works, however many an admin has made: of those the oldest ends', async () => {
    const candidate = await desk.candidate();
    const made = [];
    for (let link = 0; link < 3; link += 1) made.push(tokenOf(await linkFor(candidate)));
    const [oldest = '', newer = ''] = made;
    const first = await mailed(candidate);
    const second = await mailed(candidate);
    for (const token of [oldest, first]) await expectWorthless(token);
    const stored = await passwordResetsModel().findById(candidate.user.id).lean();
    const live = stored?.tokens.filter(({ displacedBy }) => displacedBy === undefined);
    expect(live?.map(({ hash }) => hash)).toEqual([...made.slice(1), second].map(hashOf));
    expect((await reset(second)).status).toBe(204);
    await expectWorthless(newer);
  });

  const changes: readonly (readonly [string, (person: Person) => Promise<unknown>])[] = [
    [
      'the password is changed',
      ({ token }) => desk.ok('PUT', '/auth/password', token, { currentPassword: PASSWORD, newPassword: NEW }),
    ],
    [
      'the address is changed, to which they were sent',
      ({ user }) => desk.ok('PATCH', `/users/${user.id}`, desk.admin.token, { email: `${user.id}@example.com` }),
    ],
    [
      'the user is made inactive, though they be active again',
      async ({ user }) => {
        await desk.ok('PATCH', `/users/${user.id}`, desk.admin.token, { active: false });
        await desk.ok('PATCH', `/users/${user.id}`, desk.admin.token, { active: true });
      },
    ],
    ['the user is erased', ({ user }) => desk.ok('POST', `/users/${user.id}/erase`, desk.admin.token)],
  ];
  it.each(changes)('has no link any more once %s', async (_, change) => {
    const candidate = await desk.candidate();
    const tokens = [await mailed(candidate), tokenOf(await linkFor(candidate))];
    await change(candidate);
    for (const token of tokens) await expectWorthless(token);
    expect(await passwordResetsModel().countDocuments({ _id: candidate.user.id })).toBe(0);
  });

  it('keeps its links where something else about the user changes, or they sign in', async () => {
    const candidate = await desk.candidate();
    const token = await mailed(candidate);
    await desk.ok('PATCH', `/users/${candidate.user.id}`, desk.admin.token, { name: 'Kim Another', active: true });
    await desk.login(candidate.email);
    expect((await reset(token)).status).toBe(204);
  });
});

describe('nobody is sent a mail', () => {
  const nobodies: readonly (readonly [string, () => Promise<string>])[] = [
    ['who has no account', async () => 'nobody-at-all@example.com'],
    [
      'who is inactive',
      async () => {
        const { user, email } = await desk.candidate();
        await desk.ok('PATCH', `/users/${user.id}`, desk.admin.token, { active: false });
        return email;
      },
    ],
    [
      'whose address does not sign in',
      async () => {
        const { user, email } = await desk.candidate();
        await userModel().updateOne({ _id: user.id }, { $set: { emailKey: null } });
        return email;
      },
    ],
    [
      'who has no password',
      async () => {
        const { user, email } = await desk.candidate();
        await userModel().collection.updateOne({ _id: user.id as never }, { $unset: { passwordHash: 1 } });
        return email;
      },
    ],
  ];
  it.each(nobodies)('%s; the answer is the same', async (_, somebody) => {
    expect(await forgot(await somebody())).toMatchObject({ status: 202, body: undefined });
    await system.gateway.idle();
    expect(system.gateway.ses.mails).toEqual([]);
    expect(await mailOutboxModel().countDocuments({})).toBe(0);
  });

  it('where the deployment sends none: whoever asks is told so', async () => {
    const { email } = await desk.candidate();
    process.env['MAIL_FROM'] = '';
    resetConfig();
    const answers = [await forgot(email), await forgot('nobody-at-all@example.com')];
    process.env['MAIL_FROM'] = 'support@example.com';
    resetConfig();
    expect(answers).toMatchObject(Array(2).fill({ status: 404, body: { code: 'NOT_CONFIGURED' } }));
  });
});

describe('an admin’s link', () => {
  it('is for anybody who has a password, once, and on record', async () => {
    const supervisor = await desk.supervisor();
    const agent = await desk.agent(supervisor);
    const answer = await linkFor(agent);
    expect(answer).toMatchObject({ status: 201, body: { url: expect.stringMatching(/console#token=[\w-]{43}$/) } });
    const left = Date.parse(answer.body.expiresAt) - Date.now();
    expect(Math.round(left / 60_000)).toBe(30);
    expect(system.gateway.ses.mails).toEqual([]);
    expect(await auditModel().find({ action: 'password_reset_made', targetId: agent.user.id }).lean()).toMatchObject([
      { actorId: desk.admin.user.id, actorRole: 'admin', details: {} },
    ]);
    expect((await reset(tokenOf(answer))).status).toBe(204);
    expect((await login(agent.email, NEW)).status).toBe(200);
  });

  it('is refused for the inactive, those without a password or address, and the erased', async () => {
    const conflict = { status: 409, body: { code: 'CONFLICT' } };
    const people = await Promise.all([desk.candidate(), desk.candidate(), desk.candidate(), desk.candidate()]);
    const [inactive, withoutPassword, labelled, erased] = people as [Person, Person, Person, Person];
    await desk.ok('PATCH', `/users/${inactive.user.id}`, desk.admin.token, { active: false });
    expect(await linkFor(inactive)).toMatchObject(conflict);
    await userModel().collection.updateOne({ _id: withoutPassword.user.id as never }, { $unset: { passwordHash: 1 } });
    expect(await linkFor(withoutPassword)).toMatchObject(conflict);
    await userModel().updateOne({ _id: labelled.user.id }, { $set: { emailKey: null } });
    expect(await linkFor(labelled)).toMatchObject(conflict);
    await desk.ok('POST', `/users/${erased.user.id}/erase`, desk.admin.token);
    expect(await linkFor(erased)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    const ids = people.map(({ user }) => user.id);
    expect(await passwordResetsModel().countDocuments(trusted({ _id: { $in: ids } }))).toBe(0);
    expect(await auditModel().countDocuments({ action: 'password_reset_made', targetId: inactive.user.id })).toBe(0);
  });

  it('needs no mail, but a page to lead to', async () => {
    const candidate = await desk.candidate();
    const { MAIL_FROM, RESET_URL } = process.env;
    const ask = async (environment: Readonly<Record<string, string>>) => {
      Object.assign(process.env, environment);
      resetConfig();
      const answer = await linkFor(candidate);
      Object.assign(process.env, { MAIL_FROM, RESET_URL });
      resetConfig();
      return answer;
    };
    expect(await ask({ MAIL_FROM: '' })).toMatchObject({ status: 201 });
    expect(await ask({ MAIL_FROM: '', RESET_URL: '' })).toMatchObject({
      status: 404,
      body: { code: 'NOT_CONFIGURED' },
    });
    const { body } = await ask({ RESET_URL: 'https://app.example.com/#/reset/' });
    expect(body.url).toMatch(/^https:\/\/app\.example\.com\/#\/reset\/[\w-]{43}$/);
  });
});

it('asked for under an address goes to no other one', async () => {
  const person = await desk.candidate();
  const { carrier } = system;
  system.carrier = async (file, event) => (file === 'mail' ? undefined : carrier(file, event));
  try {
    expect((await forgot(person.email)).status).toBe(202);
    await system.gateway.idle();
  } finally {
    system.carrier = carrier;
  }
  await desk.ok('PATCH', `/users/${person.user.id}`, desk.admin.token, { email: 'somebody.else@example.com' });
  await system.operate('mail', { send: true });
  expect(system.gateway.ses.mails).toEqual([]);
  expect(await mailOutboxModel().countDocuments({})).toBe(0);
});

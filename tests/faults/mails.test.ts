import { setTimeout as sleep } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { resetConfig } from '../../lib/runtime/config.ts';
import { sweep } from '../../lib/services/operations/sweep.ts';
import { transaction } from '../../lib/store/database.ts';
import { beginMail, mailOutboxModel, setBackMail, takeMail } from '../../lib/store/mailOutbox.ts';
import { passwordResetsModel } from '../../lib/store/passwordResets.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { linkIn, type SesFault } from '../support/ses.ts';
import { tapStdout } from '../support/stdout.ts';
import { type Desk, PASSWORD, type Person } from '../support/system.ts';
import { Random } from './historyChecker/random.ts';
import { seeds } from './seeds.ts';

/** Mails with which somebody sets a new password: SES fails, the mail sender dies, and several do the same at once. */

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk({ METRICS: 'on' })));
afterAll(() => system.stop());

const ses = () => system.gateway.ses;
let lines: Record<string, unknown>[];
let stopTapping: () => void;
beforeEach(async () => {
  await mailOutboxModel().deleteMany({});
  Object.assign(ses(), { requests: 0, faults: [] });
  ses().mails.length = 0;
  lines = [];
  stopTapping = tapStdout(
    (text) => text.startsWith('{"_aws"') && lines.push(JSON.parse(text) as Record<string, unknown>) > 0,
  );
});
afterEach(() => stopTapping());

/** The sum of a metric over what was written. */
const told = (metric: string): number =>
  lines.reduce((sum, line) => sum + (metric in line ? (line[metric] as number) : 0), 0);

const forgot = ({ email }: Person) => desk.ok('POST', '/auth/password/forgot', undefined, { email });
const reset = async (token: string, newPassword: string): Promise<number> =>
  (await desk.call('POST', '/auth/password/reset', undefined, { token, newPassword })).status;
const signsIn = async ({ email }: Person, password: string): Promise<boolean> =>
  (await desk.call('POST', '/auth/login', undefined, { email, password })).status === 200;
/** One run of the mail sender; `false` where it throws, so that Lambda calls it again. */
const run = (): Promise<boolean> =>
  system.operate('mail', { send: true }).then(
    () => true,
    () => false,
  );
const tokens = () => ses().mails.map(({ text }) => linkIn(text).token);
const waiting = () => mailOutboxModel().find({}).lean();
/** As if the time had passed until what waits is due again. */
const letPausesPass = () => mailOutboxModel().updateMany({}, { $set: { dueAt: new Date(0) } });

/** Puts a mail into the outbox, and calls nobody. */
async function asked(person?: Person): Promise<Person> {
  const somebody = person ?? (await desk.candidate());
  await withMailFunction('', () => forgot(somebody));
  return somebody;
}

async function withMailFunction<T>(name: string, work: () => Promise<T>): Promise<T> {
  const { MAIL_FUNCTION = '' } = process.env;
  process.env['MAIL_FUNCTION'] = name;
  resetConfig();
  return work().finally(() => {
    process.env['MAIL_FUNCTION'] = MAIL_FUNCTION;
    resetConfig();
  });
}

/** Time limits of the network, in a hurry. */
async function inAHurry<T>(work: () => Promise<T>): Promise<T> {
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  const hurried = jest.spyOn(AbortSignal, 'timeout').mockImplementation(() => timeout(100));
  return work().finally(() => hurried.mockRestore());
}

const liveLinks = async ({ user }: Person): Promise<number> =>
  (await passwordResetsModel().findById(user.id).lean())?.tokens.length ?? 0;

describe('a mail that SES refuses', () => {
  it.each([
    [400, 'MessageRejected'],
    [400, 'MailFromDomainNotVerifiedException'],
    [400, 'SendingPausedException'],
    [400, 'AccountSuspendedException'],
    [403, 'AccessDeniedException'],
    [404, 'NotFoundException'],
  ])('%i %s: waits, without a link, and goes out once that is mended', async (status, type) => {
    const candidate = await asked();
    ses().faults = [{ status, type }];
    expect(await run()).toBe(false);
    // Nothing that passes by itself at once: asked once.
    expect(ses().requests).toBe(1);
    expect(await waiting()).toMatchObject([{ userId: candidate.user.id, begun: 0, failures: 1 }]);
    expect(await liveLinks(candidate)).toBe(0);
    // Not before its pause.
    expect(await run()).toBe(true);
    expect(ses().requests).toBe(1);
    await letPausesPass();
    expect(await run()).toBe(true);
    expect(await waiting()).toEqual([]);
    expect(tokens()).toHaveLength(1);
    expect(await reset(tokens()[0] ?? '', 'a new password')).toBe(204);
    expect([told('MailsSent'), told('MailsGivenUp')]).toEqual([1, 0]);
  });

  it.each([
    [429, 'TooManyRequestsException'],
    [500, 'InternalServiceErrorException'],
    [503, 'ServiceUnavailableException'],
  ])('%i %s: is tried again at once, and goes out once', async (status, type) => {
    await asked();
    ses().faults = [
      { status, type },
      { status, type },
    ];
    expect(await run()).toBe(true);
    expect([ses().requests, tokens().length]).toEqual([3, 1]);
    expect(await waiting()).toEqual([]);
  });

  it('waits longer each time, and is given up after half an hour, with a word to the operator', async () => {
    await asked();
    const pauses: number[] = [];
    for (let time = 0; time < 6; time += 1) {
      ses().faults = [{ status: 400, type: 'MessageRejected' }];
      await letPausesPass();
      const before = Date.now();
      expect(await run()).toBe(false);
      const [mail] = await waiting();
      pauses.push(Math.round(((mail?.dueAt.getTime() ?? 0) - before) / 10_000) * 10);
    }
    expect(pauses).toEqual([30, 60, 120, 240, 480, 480]);
    expect(told('MailsGivenUp')).toBe(0);
    await mailOutboxModel().updateMany({}, { $set: { expiresAt: new Date() } });
    await letPausesPass();
    expect(await run()).toBe(true);
    expect(await waiting()).toEqual([]);
    expect([told('MailsSent'), told('MailsGivenUp')]).toEqual([0, 1]);
  });

  it('keeps no other from being sent', async () => {
    const [refused, another] = [await asked(), await asked()];
    ses().faults = [{ status: 400, type: 'MessageRejected' }];
    expect(await run()).toBe(false);
    expect(ses().mails.map(({ to }) => to)).toEqual([another.email]);
    expect(await waiting()).toMatchObject([{ userId: refused.user.id }]);
  });

  it('takes no working link’s place', async () => {
    const candidate = await asked();
    await run();
    for (let time = 0; time < 4; time += 1) {
      await asked(candidate);
      ses().faults = [{ status: 400, type: 'MessageRejected' }];
      await run();
    }
    expect(await reset(tokens()[0] ?? '', 'a new password')).toBe(204);
  });
});

it('a mail that SES refuses gives back the place of the link that made room for its own, unless all are over', async () => {
  const candidate = await desk.candidate();
  for (let mail = 0; mail < 3; mail += 1) {
    await asked(candidate);
    await run();
  }
  const before = (await passwordResetsModel().findById(candidate.user.id).lean())?.tokens;
  for (let mail = 0; mail < 2; mail += 1) {
    await asked(candidate);
    ses().faults = [{ status: 400, type: 'MessageRejected' }];
    await run();
  }
  expect((await passwordResetsModel().findById(candidate.user.id).lean())?.tokens).toEqual(before);

  // While SES is asked, the oldest doesn't work: three do. And what ends all ends that one too.
  const drop = passwordResetsModel().updateOne.bind(passwordResetsModel());
  const dropping = jest.spyOn(passwordResetsModel(), 'updateOne').mockImplementationOnce((async (
    ...given: Parameters<typeof drop>
  ) => {
    expect(await reset(tokens()[0] ?? '', 'nobody has this one')).toBe(401);
    expect(await reset(tokens()[1] ?? '', 'a new password')).toBe(204);
    return drop(...given);
  }) as never);
  await asked(candidate);
  ses().faults = [{ status: 400, type: 'MessageRejected' }];
  await run();
  dropping.mockRestore();
  for (const token of tokens()) expect(await reset(token, 'nobody has this one')).toBe(401);
});

describe('a mail of which nobody knows whether it was sent', () => {
  const faults: readonly (readonly [string, SesFault, number])[] = [
    ['SES took it, and its answer is lost', 'taken, then broken off', 1],
    ['SES says nothing', 'silent', 0],
  ];
  it.each(faults)('%s: is sent once more, and both links work until one is used', async (_, fault, taken) => {
    const candidate = await asked();
    ses().faults = [fault];
    await inAHurry(run);
    expect(tokens()).toHaveLength(taken);
    expect(await waiting()).toMatchObject([{ begun: 1 }]);
    // Whoever has taken it may still be sending.
    expect(await run()).toBe(true);
    expect(ses().requests).toBe(1);
    await letPausesPass();
    expect(await run()).toBe(true);
    expect(tokens()).toHaveLength(taken + 1);
    expect(await waiting()).toEqual([]);
    expect(await reset(tokens()[0] ?? '', 'a new password')).toBe(204);
    expect(await reset(tokens().at(-1) ?? '', 'another password')).toBe(401);
    expect(await signsIn(candidate, 'a new password')).toBe(true);
  });

  it.each(faults)('%s, twice: is not sent a third time, and the operator is told', async (_, fault, taken) => {
    await asked();
    for (let time = 0; time < 4; time += 1) {
      ses().faults = [fault];
      await letPausesPass();
      await inAHurry(run);
    }
    expect([ses().requests, tokens().length, told('MailsGivenUp')]).toEqual([2, 2 * taken, 1]);
    expect(await waiting()).toEqual([]);
  });
});

describe('a mail sender that stands still', () => {
  it('for longer than it has the mail, sends nothing: another has sent it, or will', async () => {
    await asked();
    const stale = await takeMail();
    if (!stale) throw new Error('nothing to take');
    expect(await takeMail()).toBeNull();
    await letPausesPass();
    expect(await takeMail()).toMatchObject({ id: stale.id, begun: 0 });
    expect(await transaction((session) => beginMail(stale, session))).toBe(false);
    await setBackMail(stale);
    expect(await waiting()).toMatchObject([{ begun: 0, failures: 0 }]);
  });

  it('between taking a mail and beginning it, while another sends it: it is sent once', async () => {
    const candidate = await asked();
    const take = mailOutboxModel().findOneAndUpdate.bind(mailOutboxModel());
    jest.spyOn(mailOutboxModel(), 'findOneAndUpdate').mockImplementationOnce(((...found: Parameters<typeof take>) => ({
      lean: async () => {
        const taken = await take(...found).lean();
        await letPausesPass();
        expect(await run()).toBe(true);
        return taken;
      },
    })) as never);
    expect(await run()).toBe(true);
    jest.restoreAllMocks();
    expect([tokens().length, await liveLinks(candidate), await waiting()]).toEqual([1, 1, []]);
  });
});

it('a mail that waits brings no link once the password is new', async () => {
  const candidate = await asked();
  await asked(candidate);
  const { url } = await desk.ok('POST', `/users/${candidate.user.id}/password-reset`, desk.admin.token);
  expect(await waiting()).toHaveLength(2);
  expect(await reset(linkIn(url).token, 'a new password')).toBe(204);
  expect(await waiting()).toEqual([]);
  await asked(candidate);
  const { accessToken: token } = await desk.ok('POST', '/auth/login', undefined, {
    email: candidate.email,
    password: 'a new password',
  });
  const change = { currentPassword: 'a new password', newPassword: 'another password' };
  await desk.ok('PUT', '/auth/password', token, change);
  expect([await waiting(), await run(), tokens()]).toEqual([[], true, []]);
});

describe('a mail sender that dies', () => {
  it.each([1, 2, 3])('before the link is stored, %i times: the mail is sent by the next, once', async (deaths) => {
    await asked();
    for (let death = 0; death < deaths; death += 1) {
      const died = jest.spyOn(passwordResetsModel(), 'findOneAndUpdate').mockImplementationOnce(() => {
        throw new Error('the machine is gone');
      });
      expect(await run()).toBe(false);
      died.mockRestore();
      await letPausesPass();
    }
    expect(await run()).toBe(true);
    expect([tokens().length, told('MailsGivenUp')]).toEqual([1, 0]);
  });

  it('once the link is stored: the mail is sent by the next', async () => {
    const candidate = await asked();
    const { AWS_ENDPOINT_URL_SESV2 = '' } = process.env;
    // It ends where it would have called SES.
    delete process.env['AWS_ENDPOINT_URL_SESV2'];
    expect(await run()).toBe(false);
    process.env['AWS_ENDPOINT_URL_SESV2'] = AWS_ENDPOINT_URL_SESV2;
    expect(await liveLinks(candidate)).toBe(1);
    expect(await waiting()).toMatchObject([{ begun: 1 }]);
    await letPausesPass();
    expect(await run()).toBe(true);
    expect(tokens()).toHaveLength(1);
    expect(await waiting()).toEqual([]);
    expect(await reset(tokens()[0] ?? '', 'a new password')).toBe(204);
  });

  it.each([1, 2])('once SES has the mail, %i times: it is sent twice at most', async (deaths) => {
    await asked();
    for (let death = 0; death < deaths; death += 1) {
      const died = jest.spyOn(mailOutboxModel(), 'deleteOne').mockImplementationOnce(() => {
        throw new Error('the machine is gone');
      });
      expect(await run()).toBe(false);
      died.mockRestore();
      await letPausesPass();
    }
    await run();
    expect(tokens()).toHaveLength(2);
    expect(told('MailsGivenUp')).toBe(deaths - 1);
    expect(await waiting()).toEqual([]);
    expect(await reset(tokens()[0] ?? '', 'a new password')).toBe(204);
  });

  it('before it was called, or because it can’t be called: the sweep calls it, and says how long a mail waits', async () => {
    const candidate = await desk.candidate();
    await withMailFunction('no-such-function', () => forgot(candidate));
    await system.gateway.idle();
    expect(tokens()).toEqual([]);
    await mailOutboxModel().updateMany({}, { $set: { expiresAt: new Date(Date.now() + 18 * 60_000) } });
    await sweep(Date.now() + 20_000, 0);
    await system.gateway.idle();
    expect(ses().mails.map(({ to }) => to)).toEqual([candidate.email]);
    expect(Math.round(told('MailLagSeconds') / 60)).toBe(12);
    lines = [];
    await sweep(Date.now() + 20_000, 0);
    await system.gateway.idle();
    expect([told('MailLagSeconds'), ses().requests]).toEqual([0, 1]);
  });
});

describe.each(seeds(0, 1, { few: 3, soak: 150 }))('at once, seed %i', (seed) => {
  const random = new Random(seed);
  const soon = () => sleep(random.between(0, 15));

  it('each mail is sent once, however many senders run', async () => {
    const people = await Promise.all(Array.from({ length: 6 }, () => asked()));
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        await soon();
        await run();
      }),
    );
    expect(
      ses()
        .mails.map(({ to }) => to)
        .toSorted(),
    ).toEqual(people.map(({ email }) => email).toSorted());
    // On a busy machine noting the end of one may have taken too long: a later run looks after it.
    expect((await waiting()).filter(({ begun }) => begun === 0)).toEqual([]);
  });

  it('of several at once one wins, with one link and with three', async () => {
    const candidate = await desk.candidate();
    for (let mail = 0; mail < 3; mail += 1) {
      await asked(candidate);
      await run();
    }
    const links = tokens();
    const attempts = Array.from({ length: 6 }, (_, index) => ({
      token: random.pick(links),
      password: `password number ${index}`,
    }));
    const statuses = await Promise.all(
      attempts.map(async ({ token, password }) => {
        await soon();
        return reset(token, password);
      }),
    );
    expect(statuses.toSorted()).toEqual([204, ...Array(attempts.length - 1).fill(401)]);
    const winner = attempts[statuses.indexOf(204)];
    for (const { password } of attempts) expect(await signsIn(candidate, password)).toBe(password === winner?.password);
    expect(await liveLinks(candidate)).toBe(0);
  });

  it('nobody stays signed in by the old password', async () => {
    const candidate = await desk.candidate();
    await asked(candidate);
    await run();
    const sessions: string[] = [];
    const signIn = async () => {
      await soon();
      const { status, body } = await desk.call('POST', '/auth/login', undefined, {
        email: candidate.email,
        password: PASSWORD,
      });
      if (status === 200) sessions.push(body.accessToken);
    };
    const [status] = await Promise.all([
      soon().then(() => reset(tokens()[0] ?? '', 'a new password')),
      ...Array.from({ length: 4 }, signIn),
    ]);
    expect(status).toBe(204);
    for (const token of [candidate.token, ...sessions]) {
      expect((await desk.call('GET', '/auth/me', token)).status).toBe(401);
    }
  });

  const changes: readonly (readonly [string, (person: Person) => Promise<unknown>])[] = [
    [
      'a new address',
      ({ user }) => desk.ok('PATCH', `/users/${user.id}`, desk.admin.token, { email: `new-${user.id}@example.com` }),
    ],
    ['a deactivation', ({ user }) => desk.ok('PATCH', `/users/${user.id}`, desk.admin.token, { active: false })],
    ['an erasure', ({ user }) => desk.ok('POST', `/users/${user.id}/erase`, desk.admin.token)],
  ];
  it.each(changes)('no link to a former address outlasts %s', async (_, change) => {
    const people = await Promise.all(Array.from({ length: 4 }, () => asked()));
    await Promise.all([
      soon().then(run),
      ...people.map(async (person) => {
        await soon();
        await change(person);
      }),
    ]);
    const toFormer = ses().mails.filter(({ to }) => people.some(({ email }) => email === to));
    for (const { text } of toFormer) expect(await reset(linkIn(text).token, 'nobody has this one')).toBe(401);
  });

  it('of a change of the password and a link one wins', async () => {
    const candidate = await desk.candidate();
    await asked(candidate);
    await run();
    const change = { currentPassword: PASSWORD, newPassword: 'by the change' };
    const [byLink, byChange] = await Promise.all([
      soon().then(() => reset(tokens()[0] ?? '', 'by the link')),
      soon().then(async () => (await desk.call('PUT', '/auth/password', candidate.token, change)).status),
    ]);
    expect([byLink, byChange].toSorted()).toEqual([204, 401]);
    expect(await signsIn(candidate, byLink === 204 ? 'by the link' : 'by the change')).toBe(true);
  });
});

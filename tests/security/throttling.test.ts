import { jest } from '@jest/globals';
import { resetConfig } from '../../lib/runtime/config.ts';
import { auditModel } from '../../lib/store/audit.ts';
import { trusted } from '../../lib/store/database.ts';
import { knownOriginModel, loginAttemptsModel } from '../../lib/store/signInAttempts.ts';
import { listening, nameOf } from '../support/commands.ts';
import { everything } from '../support/everything.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { newDatabaseUri } from '../support/newDatabase.ts';
import { type Desk, PASSWORD, type Person } from '../support/system.ts';

let system: InProcess;
let desk: Desk;
beforeAll(async () => {
  const uri = newDatabaseUri();
  const MONGODB_URI = `${uri}${uri.includes('?') ? '&' : '?'}monitorCommands=true`;
  ({ system, desk } = await startDesk({ MONGODB_URI, RATE_LIMITS: 'on' }));
});
afterAll(() => system.stop());

const login = (email: string, password: string, sourceIp = '203.0.113.1') =>
  system.http({ method: 'POST', path: '/auth/login', body: { email, password }, sourceIp });

async function fail(email: string, times: number, sourceIp?: string): Promise<number[]> {
  const statuses: number[] = [];
  while (statuses.length < times) {
    const { status } = await login(email, 'wrong password', sourceIp);
    // A busy machine takes longer than a command may: the guess was given up before it was counted.
    if (status !== 503) statuses.push(status);
  }
  return statuses;
}

const failAtOnce = (email: string, times: number, sourceIp?: string): Promise<number[]> =>
  Promise.all(Array.from({ length: times }, async () => (await login(email, 'wrong password', sourceIp)).status));

/** As if the time had passed. */
const letDelaysPass = () => loginAttemptsModel().updateMany({}, { $set: { blockedUntil: new Date(0) } });
const letDaysPass = () =>
  loginAttemptsModel().updateMany({}, [{ $set: { countedAt: { $subtract: ['$countedAt', 2 * 24 * 3600_000] } } }], {
    updatePipeline: true,
  });

/** As after a hundred wrong passwords for invented accounts. */
async function blockAddress(sourceIp: string): Promise<void> {
  const guess = async () => (await login('invented@example.com', 'wrong password', sourceIp)).status;
  expect(await guess()).toBe(401);
  const [address] = await loginAttemptsModel().find({ _id: /^\// }).sort({ countedAt: -1 }).limit(1).lean();
  await loginAttemptsModel().updateOne({ _id: address?._id ?? '' }, { $set: { failures: 99 } });
  expect([await guess(), await guess()]).toEqual([401, 429]);
}

/** As after fifty wrong passwords for the account, each from another address. */
async function blockAccount(email: string, sourceIp: string): Promise<void> {
  expect(await fail(email, 1, sourceIp)).toEqual([401]);
  const [account] = await loginAttemptsModel().find({ _id: /.\/$/ }).sort({ countedAt: -1 }).limit(1).lean();
  await loginAttemptsModel().updateOne({ _id: account?._id ?? '' }, { $set: { failures: 49 } });
  expect(await fail(email, 2, sourceIp)).toEqual([401, 429]);
}

/** Runs `work` and answers what commands it had the database do, and on what. */
async function commandsOf(
  work: () => Promise<unknown>,
  about = /login_attempts|known_origins|audit/,
): Promise<string[]> {
  const seen: string[] = [];
  await listening({ started: (event) => void seen.push(nameOf(event)) }, work);
  return seen.filter((command) => about.test(command));
}

/** The documents of `everything`, each as text. */
const documentsIn = (all: string): string[] => (JSON.parse(all) as object[][]).flat().map((one) => JSON.stringify(one));

describe('guessing passwords', () => {
  let victim: Person;
  beforeEach(async () => {
    await loginAttemptsModel().deleteMany({});
    victim = await desk.candidate();
  });

  it('refuses the eleventh attempt, and the right password too while the delay lasts', async () => {
    expect(await fail(victim.email, 10)).toEqual(Array(10).fill(401));
    const eleventh = await login(victim.email, 'wrong password');
    expect(eleventh).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } });
    expect(Number(eleventh.headers['retry-after'])).toBeGreaterThan(0);
    expect((await login(victim.email, PASSWORD)).status).toBe(429);
    await letDelaysPass();
    expect((await login(victim.email, PASSWORD)).status).toBe(200);
    expect(await fail(victim.email, 3)).toEqual([401, 401, 401]);
  });

  it('doubles the delay with every further failure', async () => {
    let failed = performance.now();
    await fail(victim.email, 10);
    for (const delay of [30, 60, 120, 240, 480, 900, 900]) {
      const toWait = Number((await login(victim.email, 'wrong password')).headers['retry-after']);
      const passed = (performance.now() - failed) / 1000;
      expect(toWait).toBeLessThanOrEqual(delay);
      expect(toWait).toBeGreaterThanOrEqual(delay - passed);
      await letDelaysPass();
      failed = performance.now();
      await login(victim.email, 'wrong password');
    }
  });

  it('counts parallel guesses before it checks them', async () => {
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => (await login(victim.email, 'wrong password')).status),
    );
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(10);
  });

  it('answers an unknown address as a known one', async () => {
    const [unknown, known] = [
      await login('nobody@example.com', 'wrong password'),
      await login(victim.email, 'wrong password'),
    ];
    expect({ ...unknown.body, requestId: '' }).toEqual({ ...known.body, requestId: '' });
    expect(await fail('nobody@example.com', 10)).toEqual([...Array(9).fill(401), 429]);
  });

  it('lets the owner in from where they signed in before, whatever strangers do', async () => {
    expect((await login(victim.email, PASSWORD, '198.51.100.7')).status).toBe(200);
    for (let stranger = 0; stranger < 8; stranger += 1) await failAtOnce(victim.email, 8, `203.0.113.${10 + stranger}`);
    expect((await login(victim.email, PASSWORD, '192.0.2.99')).status).toBe(429);
    expect((await login(victim.email, PASSWORD, '198.51.100.7')).status).toBe(200);
  });

  it('stops one address from trying many accounts', async () => {
    const statuses: number[] = [];
    for (let account = 0; account < 13; account += 1) {
      statuses.push(...(await failAtOnce(`someone${account}@example.com`, 9, '203.0.113.200')));
    }
    expect(statuses.filter((status) => status === 401)).toHaveLength(100);
    expect(statuses.filter((status) => status === 429)).toHaveLength(17);
    expect(new Set(statuses.slice(108))).toEqual(new Set([429]));
  });

  it('lets those in who sign in there daily, however many guesses their address is blocked for', async () => {
    const office = '203.0.113.50';
    expect((await login(victim.email, PASSWORD, office)).status).toBe(200);
    const colleague = await desk.candidate();
    await blockAddress(office);
    for (let time = 0; time < 3; time += 1) expect((await login(victim.email, PASSWORD, office)).status).toBe(200);
    expect((await login(colleague.email, PASSWORD, office)).status).toBe(429);
    // There is a limit for each of them all the same.
    expect(await fail(victim.email, 11, office)).toEqual([...Array(10).fill(401), 429]);
    expect((await login(victim.email, PASSWORD, office)).status).toBe(429);
  });

  it('knows the origin of who registers, and of an account made by an admin once it is used', async () => {
    const office = '203.0.113.51';
    const registered = await system.http({
      method: 'POST',
      path: '/auth/register',
      body: { name: 'Kim', email: 'kim-at-the-office@example.com', password: PASSWORD },
      sourceIp: office,
    });
    expect(registered.status).toBe(201);
    const made = { name: 'Sam', email: 'sam-at-the-office@example.com', password: PASSWORD, role: 'supervisor' };
    await desk.ok('POST', '/users', desk.admin.token, made);
    expect((await login(made.email, PASSWORD, office)).status).toBe(200);
    await blockAddress(office);
    expect((await login('kim-at-the-office@example.com', PASSWORD, office)).status).toBe(200);
    expect((await login(made.email, PASSWORD, office)).status).toBe(200);
  });

  it('neither blocks at a right password, nor blocks for longer', async () => {
    const address = '203.0.113.52';
    await fail(victim.email, 9, address);
    expect((await login(victim.email, PASSWORD, address)).status).toBe(200);
    // The address has one attempt left: right passwords from unknown origins leave it.
    await loginAttemptsModel().updateMany({ _id: /^\// }, { $set: { failures: 99 } });
    const [one, another] = await Promise.all([desk.candidate(), desk.candidate()]);
    expect((await login(one.email, PASSWORD, address)).status).toBe(200);
    expect((await login(another.email, PASSWORD, address)).status).toBe(200);
    expect((await login('invented@example.com', 'wrong password', address)).status).toBe(401);
    expect((await login('invented@example.com', 'wrong password', address)).status).toBe(429);
    await letDelaysPass();
    const third = await desk.candidate();
    expect((await login(third.email, PASSWORD, address)).status).toBe(200);
    expect((await login('invented@example.com', 'wrong password', address)).status).toBe(401);
  });

  it('forgets guesses one after the other, so that ten in three weeks block nobody', async () => {
    for (let guess = 0; guess < 12; guess += 1) {
      expect(await fail(victim.email, 1)).toEqual([401]);
      await letDaysPass();
    }
    // A few at once count together.
    expect(await fail(victim.email, 11)).toEqual([...Array(10).fill(401), 429]);
  });

  it('stores nothing of 300 refused tries, and counts them nowhere else', async () => {
    const address = '203.0.113.53';
    await blockAddress(address);
    await login(victim.email, PASSWORD, address);
    const before = await everything();
    const lines: string[] = [];
    process.env['METRICS'] = 'on';
    resetConfig();
    const told = jest.spyOn(process.stdout, 'write').mockImplementation((line) => {
      lines.push(String(line));
      return true;
    });
    const statuses: number[] = [];
    for (let account = 0; account < 300; account += 30) {
      const tries = Array.from({ length: 30 }, (_, index) => login(`new-${account + index}@example.com`, 'x', address));
      statuses.push(...(await Promise.all(tries)).map(({ status }) => status));
    }
    told.mockRestore();
    delete process.env['METRICS'];
    resetConfig();
    expect(new Set(statuses)).toEqual(new Set([429]));
    const known = new Set(documentsIn(before));
    // What has had its time meanwhile may be gone; nothing is new.
    expect(documentsIn(await everything()).filter((document) => !known.has(document))).toEqual([]);
    // The alarm hears of each.
    expect(lines.filter((line) => line.includes('"SignInFailures":1'))).toHaveLength(300);
    // From elsewhere the account's owner has all their tries.
    expect(await fail(victim.email, 10, '203.0.113.54')).toEqual(Array(10).fill(401));
  });

  it('puts the first refused try of a block on record, and no other', async () => {
    const throttled = () => auditModel().find({ action: 'attempts_throttled', targetId: victim.user.id }).lean();
    await fail(victim.email, 10);
    await failAtOnce(victim.email, 10);
    expect(await throttled()).toMatchObject([
      { actorId: null, sourceIp: '203.0.113.1', details: { limit: 'account and address' } },
    ]);
    await letDelaysPass();
    expect(await fail(victim.email, 3)).toEqual([401, 429, 429]);
    expect(await throttled()).toHaveLength(2);
  });

  it('counts wrong current passwords as it does wrong passwords at the door', async () => {
    const change = (currentPassword: string) =>
      desk.call('PUT', '/auth/password', victim.token, { currentPassword, newPassword: 'another password' });
    await fail(victim.email, 5, '127.0.0.1');
    for (let guess = 0; guess < 5; guess += 1) expect((await change('wrong password')).status).toBe(401);
    expect((await change(PASSWORD)).status).toBe(429);
    expect((await login(victim.email, PASSWORD, '127.0.0.1')).status).toBe(429);
    const entries = await auditModel().find({ targetId: victim.user.id }).sort({ createdAt: 1 }).lean();
    expect(entries.map(({ action, actorId }) => [action, actorId]).slice(1)).toEqual([
      ...Array(5).fill(['sign_in_failed', null]),
      ...Array(5).fill(['password_change_failed', victim.user.id]),
      ['attempts_throttled', victim.user.id],
    ]);
  });

  it('tells nobody by a block that ends at midnight whether there is such an account', async () => {
    for (const email of [victim.email, 'nobody-there@example.com']) {
      expect(await fail(email, 11)).toEqual([...Array(10).fill(401), 429]);
    }
    const now = Date.now();
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => now + 24 * 3600_000);
    const statuses = [await fail(victim.email, 1), await fail('nobody-there@example.com', 1)];
    clock.mockRestore();
    expect(statuses).toEqual([[401], [401]]);
  });

  it('asks the database for no more than it takes', async () => {
    const origin = '203.0.113.55';
    const read = 'aggregate login_attempts';
    const count = 'findAndModify login_attempts';
    expect(await commandsOf(() => login(victim.email, PASSWORD, origin))).toEqual([
      read,
      ...[count, count, count],
      ...['update login_attempts', 'delete login_attempts'],
      'update known_origins',
      'insert audit',
    ]);
    // Known by now.
    expect(await commandsOf(() => login(victim.email, PASSWORD, origin))).toEqual([
      read,
      count,
      'delete login_attempts',
      'insert audit',
    ]);
    expect(await commandsOf(() => login(victim.email, 'wrong password', origin))).toEqual([
      read,
      count,
      'insert audit',
    ]);
    await fail(victim.email, 10, origin);
    expect(await commandsOf(() => login(victim.email, 'wrong password', origin))).toEqual([read]);
  });

  it('keeps out nobody whom an admin lets in, however long strangers go on', async () => {
    const office = '203.0.113.57';
    const elsewhere = '203.0.113.58';
    await blockAddress(office);
    await blockAccount(victim.email, '203.0.113.60');
    expect((await login(victim.email, PASSWORD, office)).status).toBe(429);
    expect((await login(victim.email, PASSWORD, elsewhere)).status).toBe(429);

    const letIn = () => desk.ok('PATCH', `/users/${victim.user.id}`, desk.admin.token, { active: true });
    await letIn();
    expect(await auditModel().find({ targetId: victim.user.id, action: 'user_updated' }).lean()).toMatchObject([
      { actorId: desk.admin.user.id, details: { active: 'true' } },
    ]);
    // What was counted for the account is forgotten, of the pair too; the address is as blocked as before for others.
    expect(await fail(victim.email, 1, elsewhere)).toEqual([401]);
    expect((await login((await desk.candidate()).email, PASSWORD, office)).status).toBe(429);
    // Strangers block the account anew, and guess no more often from one address than ever.
    await loginAttemptsModel().updateMany({ _id: /.\/$/ }, { $set: { blockedUntil: new Date(Date.now() + 900_000) } });
    expect(await fail(victim.email, 11, '203.0.113.90')).toEqual([...Array(10).fill(401), 429]);
    expect((await login(victim.email, PASSWORD, office)).status).toBe(200);
    // Once: from then on the office is where they are known, and anywhere else waits as before.
    expect((await login(victim.email, PASSWORD, office)).status).toBe(200);
    expect((await login(victim.email, PASSWORD, '203.0.113.91')).status).toBe(429);
  });

  it('keeps out again whom an admin let in, where the right password doesn’t come in a quarter of an hour', async () => {
    const address = '203.0.113.92';
    await blockAddress(address);
    const before = await knownOriginModel().distinct('_id');
    await desk.ok('PATCH', `/users/${victim.user.id}`, desk.admin.token, { active: true });
    const [lift] = (await knownOriginModel().find().lean()).filter(({ _id }) => !before.includes(_id));
    const leftMs = (lift?.expiresAt.getTime() ?? 0) - Date.now();
    expect(leftMs).toBeGreaterThan(0);
    expect(Math.round(leftMs / 60_000)).toBeLessThanOrEqual(15);
    await knownOriginModel().updateOne({ _id: lift?._id ?? '' }, { $set: { expiresAt: new Date(0) } });
    expect((await login(victim.email, PASSWORD, address)).status).toBe(429);
  });

  it('knows an origin for as long as sessions are refreshed there, and makes none known by a refresh', async () => {
    const origin = '203.0.113.93';
    const refresh = (refreshToken: string, sourceIp: string) =>
      system.http({ method: 'POST', path: '/auth/refresh', body: { refreshToken }, sourceIp });
    let { refreshToken } = (await login(victim.email, PASSWORD, origin)).body;
    const [known] = await knownOriginModel().find().sort({ expiresAt: -1 }).limit(1).lean();
    const filter = { _id: known?._id ?? '' };
    await knownOriginModel().updateOne(filter, { $set: { expiresAt: new Date(Date.now() + 3600_000) } });
    // The server removes those whose time is up when it comes to it.
    const countOrigins = () => knownOriginModel().countDocuments(trusted({ expiresAt: { $gt: new Date() } }));
    const origins = await countOrigins();
    ({ refreshToken } = (await refresh(refreshToken, '203.0.113.94')).body);
    expect(await countOrigins()).toBe(origins);
    expect((await knownOriginModel().findOne(filter).lean())?.expiresAt.getTime()).toBeLessThan(
      Date.now() + 2 * 3600_000,
    );
    ({ refreshToken } = (await refresh(refreshToken, origin)).body);
    expect((await knownOriginModel().findOne(filter).lean())?.expiresAt.getTime()).toBeGreaterThan(
      Date.now() + 29 * 24 * 3600_000,
    );
    // What has ended doesn't come back.
    await knownOriginModel().updateOne(filter, { $set: { expiresAt: new Date(0) } });
    expect((await refresh(refreshToken, origin)).status).toBe(200);
    expect((await knownOriginModel().findOne(filter).lean())?.expiresAt.getTime() ?? 0).toBe(0);
  });

  it('asks the same of the database for everybody, whoever made their account, and for nobody', async () => {
    const supervisor = { name: 'Sam', email: 'sam-is-new@example.com', password: PASSWORD, role: 'supervisor' };
    await desk.ok('POST', '/users', desk.admin.token, supervisor);
    const work: string[][] = [];
    for (const email of ['nobody-so-far@example.com', victim.email, supervisor.email, desk.admin.email]) {
      work.push(await commandsOf(() => login(email, 'wrong password', '203.0.113.95'), /./));
    }
    expect(work).toEqual(Array(4).fill(work[0]));
    expect(work[0]).toContain('find users');
  });

  it('keeps an origin for a month from its last use, noted once a day', async () => {
    const origin = '203.0.113.56';
    await login(victim.email, PASSWORD, origin);
    const [known] = await knownOriginModel().find().sort({ expiresAt: -1 }).limit(1).lean();
    const ageInDays = ((known?.expiresAt.getTime() ?? 0) - Date.now()) / (24 * 3600_000);
    expect(Math.round(ageInDays)).toBe(30);
    await knownOriginModel().updateOne({ _id: known?._id ?? '' }, { $set: { expiresAt: new Date(Date.now() + 1e9) } });
    expect(await commandsOf(() => login(victim.email, PASSWORD, origin))).toContain('update known_origins');
    await knownOriginModel().updateOne({ _id: known?._id ?? '' }, { $set: { expiresAt: new Date(0) } });
    await blockAddress(origin);
    expect((await login(victim.email, PASSWORD, origin)).status).toBe(429);
  });

  it('takes an IPv6 network for one address, of a guesser and of the owner', async () => {
    const within = (network: string, host: number) => `2001:db8:0:${network}::${host.toString(16)}`;
    for (const email of [victim.email, 'nobody-on-ipv6@example.com']) {
      for (let host = 1; host <= 10; host += 1) expect(await fail(email, 1, within('a', host))).toEqual([401]);
      expect(await fail(email, 1, within('a', 11))).toEqual([429]);
    }
    expect((await login(victim.email, PASSWORD, within('b', 1))).status).toBe(200);
    await blockAddress(within('b', 2));
    expect((await login('somebody@example.com', 'wrong password', within('b', 3))).status).toBe(429);
    expect((await login(victim.email, PASSWORD, within('b', 4))).status).toBe(200);
  });

  it('takes no header for the address', async () => {
    await fail(victim.email, 10);
    const forged = await system.http({
      method: 'POST',
      path: '/auth/login',
      body: { email: victim.email, password: PASSWORD },
      sourceIp: '203.0.113.1',
      headers: { 'x-forwarded-for': '198.51.100.200', forwarded: 'for=198.51.100.200' },
    });
    expect(forged.status).toBe(429);
  });
});

import { loginAttemptsModel } from '../../lib/store/loginAttempts.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { type Desk, PASSWORD, type Person } from '../support/system.ts';

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk({ RATE_LIMITS: 'on' })));
afterAll(() => system.stop());

const login = (email: string, password: string, sourceIp = '203.0.113.1') =>
  system.http({ method: 'POST', path: '/auth/login', body: { email, password }, sourceIp });

async function fail(email: string, times: number, sourceIp?: string): Promise<number[]> {
  const statuses: number[] = [];
  for (let index = 0; index < times; index += 1) statuses.push((await login(email, 'wrong password', sourceIp)).status);
  return statuses;
}

const failAtOnce = (email: string, times: number, sourceIp?: string): Promise<number[]> =>
  Promise.all(Array.from({ length: times }, async () => (await login(email, 'wrong password', sourceIp)).status));

/** As if the time had passed. */
const letDelaysPass = () => loginAttemptsModel().updateMany({}, { $set: { blockedUntil: new Date(0) } });

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

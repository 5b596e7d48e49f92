import { type InProcess, startDesk } from '../support/inProcess.ts';
import { hashInFull } from '../support/lightHashes.ts';
import { type Desk, PASSWORD, type Person } from '../support/system.ts';
import { countHashes } from './hashes.ts';

hashInFull();

const FAILED_LOGINS = 12;

let system: InProcess;
let desk: Desk;
let known: Person;
let inactive: Person;
beforeAll(async () => {
  ({ system, desk } = await startDesk({ RATE_LIMITS: 'on', RATE_LIMIT_FAILED_LOGINS: String(FAILED_LOGINS) }));
  [known, inactive] = await Promise.all([desk.candidate(), desk.candidate()]);
  await desk.ok('PATCH', `/users/${inactive.user.id}`, desk.admin.token, { active: false });
});
afterAll(() => system.stop());

const login = (email: string, password: string, sourceIp = '203.0.113.1') =>
  system.http({ method: 'POST', path: '/auth/login', body: { email, password }, sourceIp });

describe('the work of a sign-in', () => {
  it('is one hash, whoever it is for, so that the time tells nobody who there is', async () => {
    for (const [email, password, status] of [
      [known.email, PASSWORD, 200],
      [known.email, 'wrong password', 401],
      [inactive.email, PASSWORD, 401],
      [inactive.email, 'wrong password', 401],
      ['nobody@example.com', PASSWORD, 401],
      ['nobody-else@example.com', 'wrong password', 401],
    ] as const) {
      const hashes = await countHashes(async () => expect((await login(email, password)).status).toBe(status));
      expect({ email, hashes }).toEqual({ email, hashes: 1 });
    }
  });

  it('is none for an attempt that is one too many', async () => {
    // One after the other: one that is given up on a busy machine would still be hashed while we count.
    for (let attempt = 0; attempt < FAILED_LOGINS; attempt += 1) {
      expect((await login('victim@example.com', 'wrong password', '203.0.113.3')).status).toBe(401);
    }
    const hashes = await countHashes(async () => {
      expect((await login('victim@example.com', 'wrong password', '203.0.113.3')).status).toBe(429);
    });
    expect(hashes).toBe(0);
  });
});

import { migrate } from '../../lib/store/migrations.ts';
import { userModel } from '../../lib/store/users.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Desk } from '../support/system.ts';

/** Data as an earlier release left it, brought to the form of today. */

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk()));
afterAll(() => system.stop());

/** As if no migration had been run yet. */
const forget = () => userModel().db.collection('migrations').deleteMany({});
const indexesOf = async (collection: { indexes(): Promise<{ name?: string }[]> }) =>
  (await collection.indexes()).map(({ name }) => name);

it('runs each migration once', async () => {
  await forget();
  expect((await migrate()).migrations.length).toBeGreaterThan(0);
  expect((await migrate()).migrations).toEqual([]);
});

it('takes the address from users the first release erased, and from nobody else', async () => {
  const users = userModel().collection;
  await users.dropIndex('unique_email');
  await users.createIndex({ emailKey: 1 }, { unique: true });
  const erased = await Promise.all([desk.candidate(), desk.candidate()]);
  for (const { user } of erased) {
    const email = `erased-${user.id}@erased.invalid`;
    await userModel().updateOne({ _id: user.id }, { $set: { name: 'Erased', email, emailKey: email, active: false } });
  }
  const lookalike = { name: 'Kim', email: 'erased-somebody@erased.invalid', password: 'correct horse battery' };
  const { user: bystander } = await desk.ok('POST', '/auth/register', undefined, lookalike);
  await desk.ok('PATCH', `/users/${bystander.id}`, desk.admin.token, { active: false });
  await forget();

  await migrate();

  for (const { user } of erased) {
    const record = await userModel().findById(user.id).lean();
    expect(record).toMatchObject({ email: null, emailKey: null, erasedAt: expect.any(Date) });
    // What an erasure takes today is more than it was: the sweep does it again.
    expect(record?.erasingSince).toEqual(expect.any(Date));
  }
  expect(await userModel().findById(bystander.id).lean()).toMatchObject({ email: lookalike.email });
  expect(await indexesOf(users)).toEqual(expect.not.arrayContaining(['emailKey_1']));
  expect((await desk.call('POST', '/auth/register', undefined, lookalike)).body.code).toBe('EMAIL_TAKEN');
});

it('finds who signs in by the index of addresses', async () => {
  const plan = await userModel().find({ emailKey: 'kim@example.com' }).explain('queryPlanner');
  expect(JSON.stringify(plan)).toContain('"indexName":"unique_email"');
});

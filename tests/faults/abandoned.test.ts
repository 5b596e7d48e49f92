import mongoose from 'mongoose';
import { eventually } from '../support/deadline.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { type OwnMongod, startOwnMongod } from '../support/ownMongod.ts';
import type { Desk, HttpResult, Person } from '../support/system.ts';

/** Who was told that it took too long asks again: what they asked before must not go on in the database meanwhile. */

const APP = 'abandoned';
let mongod: OwnMongod;
let admin: mongoose.mongo.MongoClient;
let system: InProcess;
let desk: Desk;
let supervisor: Person;
beforeAll(async () => {
  mongod = await startOwnMongod();
  admin = new mongoose.mongo.MongoClient(mongod.uri);
  ({ system, desk } = await startDesk({ MONGODB_URI: `${mongod.uri}&appName=${APP}` }));
  supervisor = await desk.supervisor();
});
afterAll(async () => {
  await admin.close();
  await system.stop();
  await mongod.remove();
});

/** Operations of the service's that the server is working at, by the collection they are for. */
async function workedAt(collection: string): Promise<unknown[]> {
  const found = await admin
    .db('admin')
    .aggregate([{ $currentOp: {} }, { $match: { appName: APP, active: true, ns: `faults.${collection}` } }])
    .toArray();
  return found;
}

/** While `work` is going on, a find in this collection takes for ever, unless somebody stops it. */
async function stuck<T>(collection: string, work: () => Promise<T>): Promise<T> {
  const failPoint = { configureFailPoint: 'waitInFindBeforeMakingBatch' };
  const data = { nss: `faults.${collection}`, shouldCheckForInterrupt: true };
  await admin.db('admin').command({ ...failPoint, mode: 'alwaysOn', data });
  try {
    return await work();
  } finally {
    await admin.db('admin').command({ ...failPoint, mode: 'off' });
  }
}

const QUESTIONS: readonly { readonly name: string; readonly collection: string; ask(): Promise<HttpResult> }[] = [
  {
    name: 'a list',
    collection: 'conversations',
    ask: () => desk.call('GET', '/conversations', desk.admin.token),
  },
  {
    name: 'a read within a transaction',
    collection: 'users',
    // Is there an agent of theirs?
    ask: () => desk.call('PATCH', `/users/${supervisor.user.id}`, desk.admin.token, { active: false }),
  },
];

it.each(QUESTIONS)('stops in the database with its answer: $name', async ({ collection, ask }) => {
  await stuck(collection, async () => {
    const asked = ask();
    await eventually('it is being worked at', async () => (await workedAt(collection)).length > 0);
    expect(await asked).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    // Not when the fail point ends: as soon as the server has looked at its clock.
    await eventually('it has stopped', async () => (await workedAt(collection)).length === 0);
  });
  expect((await ask()).status).toBe(200);
});

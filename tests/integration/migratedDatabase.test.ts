import mongoose from 'mongoose';
import { DAY_MS } from '../../lib/domain/spans.ts';
import { resetConfig } from '../../lib/runtime/config.ts';
import { closedSumModel, sumsStateModel } from '../../lib/store/closedSums.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { insertPast, pastConversations, seeded } from '../support/seeding.ts';
import { tapStdout } from '../support/stdout.ts';
import type { Desk } from '../support/system.ts';

/** An existing database comes to what the code of today relies on, and the log says how far it is. */

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk()));
afterAll(() => system.stop());

const collection = (name: string) => mongoose.connection.collection(name);
const indexesOf = async (name: string) => (await collection(name).indexes()).map(({ name: index }) => index ?? '');

/** As the first version made them. */
const BEFORE = {
  conversations: ['', 'status', 'candidateId', 'agentId', 'supervisorId', 'closedBy'],
  users: ['', 'supervisorId'],
  audit: ['', 'action', 'actorId', 'targetId'],
} as const;

async function asBefore(): Promise<void> {
  for (const [name, fields] of Object.entries(BEFORE)) {
    await collection(name).dropIndexes();
    for (const field of fields) {
      await collection(name).createIndex({ ...(field && { [field]: 1 }), createdAt: -1, _id: -1 });
    }
  }
  await collection('conversations').createIndex(
    { closedAt: 1, supervisorId: 1, agentId: 1, createdAt: 1, firstResponseAt: 1 },
    { name: 'closed_by_supervisor', partialFilterExpression: { status: 'closed' } },
  );
  await collection('migrations').deleteMany({});
  await sumsStateModel().deleteMany({});
  await closedSumModel().deleteMany({});
}

it('builds, counts and drops, and says so', async () => {
  const now = await Promise.all(Object.keys(BEFORE).map(indexesOf));
  const supervisor = await desk.supervisor();
  const agent = await desk.agent(supervisor);
  const to = Date.now() - DAY_MS;
  const people = {
    candidates: ['somebody'],
    supervisors: [supervisor.user.id],
    agents: [{ id: agent.user.id, supervisors: [supervisor.user.id] }],
  };
  const past = [...pastConversations(people, { from: to - 100 * DAY_MS, to, count: 200 }, seeded(1))];
  await insertPast(past);
  await asBefore();
  process.env['LOG_LEVEL'] = 'info';
  resetConfig();
  const lines: { message: string; migration?: string; collection?: string; conversations?: number }[] = [];
  const stop = tapStdout((text) => lines.push(JSON.parse(text)) > 0);
  const result = await system.operate('migrate');
  stop();
  process.env['LOG_LEVEL'] = 'silent';
  resetConfig();
  expect(result).toMatchObject({ migrations: expect.arrayContaining(['0016-closed-conversations-counted']) });
  expect(await Promise.all(Object.keys(BEFORE).map(indexesOf))).toEqual(
    now.map((names) => expect.arrayContaining(names)),
  );
  expect((await Promise.all(Object.keys(BEFORE).map(indexesOf))).map(({ length }) => length)).toEqual(
    now.map(({ length }) => length),
  );
  const handled = past.filter(({ closedAt, agentId }) => closedAt && agentId).length;
  expect((await desk.ok('GET', '/analytics/supervisors', desk.admin.token)).totals.closedConversations).toBe(handled);
  for (const name of Object.keys(BEFORE)) {
    expect(lines).toContainEqual(expect.objectContaining({ message: 'building indexes', collection: name }));
  }
  expect(lines).toContainEqual(expect.objectContaining({ message: 'recounted', conversations: handled }));
  expect(await system.operate('migrate')).toMatchObject({ migrations: [] });
});

it('takes nothing it does not know', async () => {
  await expect(system.operate('migrate', { recuont: true })).rejects.toMatchObject({
    code: 'VALIDATION_FAILED',
  });
});

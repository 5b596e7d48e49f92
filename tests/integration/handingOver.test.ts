import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import mongoose from 'mongoose';
import { MOST_ASSIGNED } from '../../lib/domain/conversation.ts';
import { resetConfig } from '../../lib/runtime/config.ts';
import { sweep } from '../../lib/services/operations/sweep.ts';
import { finishHandingOver } from '../../lib/services/users/finishHandingOver.ts';
import { updateUser } from '../../lib/services/users/updateUser.ts';
import { auditModel } from '../../lib/store/audit.ts';
import { type ConversationRecord, conversationModel, countAssigned } from '../../lib/store/conversations.ts';
import { trusted } from '../../lib/store/database.ts';
import { messageModel } from '../../lib/store/messages.ts';
import { userModel } from '../../lib/store/users.ts';
import { eventually } from '../support/deadline.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Desk, Person } from '../support/system.ts';

/** What follows a change of an agent, how much one may hold, and that what can't be finished stops nothing else. */

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk()));
afterAll(() => system.stop());
afterEach(() => jest.restoreAllMocks());

const HOUR_MS = 3_600_000;
const anHourAgo = () => new Date(Date.now() - HOUR_MS);
const sweepNow = () => sweep(Date.now() + 60_000, 0);
const userOf = ({ user }: Person) => userModel().findById(user.id).lean().orFail();
const admin = () => ({ ...desk.admin.user, userId: desk.admin.user.id, sessionId: 'none', sourceIp: null });

/** A team whose agent has some conversations. */
async function busy(count: number): Promise<{ supervisor: Person; agent: Person; candidate: Person; ids: string[] }> {
  const [candidate, supervisor] = [await desk.candidate(), await desk.supervisor()];
  const agent = await desk.agent(supervisor);
  const ids: string[] = [];
  while (ids.length < count) {
    const { id } = await desk.conversation(candidate, 'hello');
    await desk.assign(supervisor, id, agent);
    ids.push(id);
  }
  return { supervisor, agent, candidate, ids };
}

/** Has something happen after what is to be done was decided, before it is done. */
function beforeTheNextTransaction(first: () => Promise<unknown>): void {
  const client = mongoose.connection.getClient();
  const begin = client.withSession.bind(client) as (work: unknown) => Promise<unknown>;
  const overtaken = jest.spyOn(client, 'withSession');
  overtaken.mockImplementationOnce((async (work: unknown) => {
    overtaken.mockRestore();
    await first();
    return begin(work);
  }) as never);
}

const statusesOf = async (ids: readonly string[]) =>
  Promise.all(ids.map(async (id) => (await conversationModel().findById(id).lean().orFail()).status));

describe('by hand', () => {
  it(`an agent holds ${MOST_ASSIGNED} at most, however many are given to them at once`, async () => {
    const { supervisor, agent, candidate } = await busy(1);
    const room = 3;
    await userModel().updateOne({ _id: agent.user.id }, { $set: { assignedCount: MOST_ASSIGNED - room } });
    const open = await Promise.all(Array.from({ length: 8 }, () => desk.conversation(candidate)));
    const assign = (id: string) =>
      eventually('an assignment to be answered', async () => {
        const path = `/conversations/${id}/assign`;
        const answer = await desk.call('POST', path, supervisor.token, { agentId: agent.user.id });
        return answer.status === 503 ? undefined : answer;
      });
    const answers = await Promise.all(open.map(({ id }) => assign(id)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(room);
    for (const { body } of answers.filter(({ status }) => status !== 200)) {
      expect(body).toMatchObject({ status: 422, code: 'AGENT_NOT_AVAILABLE', detail: expect.stringContaining('200') });
    }
    expect(await userOf(agent)).toMatchObject({ assignedCount: MOST_ASSIGNED });
    // One that is full is given what they have, and has room again for what they lose.
    const [given] = answers.filter(({ status }) => status === 200);
    expect((await assign(given?.body.id)).status).toBe(200);
    await desk.ok('POST', `/conversations/${given?.body.id}/requeue`, agent.token);
    expect((await assign(given?.body.id)).status).toBe(200);
  });
});

describe('what the handler of a change did not get to', () => {
  it('the sweep gives back, and one that fails stops none of the others', async () => {
    const { agent, ids } = await busy(3);
    await updateUser(admin(), agent.user.id, { active: false });
    expect(await statusesOf(ids)).toEqual(['assigned', 'assigned', 'assigned']);
    jest.spyOn(auditModel(), 'create').mockImplementationOnce(() => {
      throw new TypeError('a conversation that can’t be given back');
    });
    expect(await sweepNow()).toMatchObject({ failed: 1, handedOver: 0 });
    expect((await statusesOf(ids)).toSorted()).toEqual(['assigned', 'open', 'open']);
    const failed = await userOf(agent);
    expect(failed).toMatchObject({ assignedCount: 1, handingOverFailures: 1 });
    expect(failed.handingOverRetryAt?.getTime()).toBeGreaterThan(Date.now());
    // Not before its time.
    expect(await sweepNow()).toMatchObject({ failed: 0, handedOver: 0 });
    await userModel().updateOne({ _id: agent.user.id }, { $set: { handingOverRetryAt: anHourAgo() } });
    expect(await sweepNow()).toMatchObject({ failed: 0, handedOver: 1 });
    expect(await statusesOf(ids)).toEqual(['open', 'open', 'open']);
    const done = await userOf(agent);
    expect(done).toMatchObject({ assignedCount: 0 });
    expect(Object.keys(done).filter((field) => field.startsWith('handingOver'))).toEqual([]);
  });

  it('follows no agent who is changed while it is under way', async () => {
    const { agent, ids } = await busy(1);
    await updateUser(admin(), agent.user.id, { active: false });
    beforeTheNextTransaction(() => updateUser(admin(), agent.user.id, { active: true }));
    expect(await finishHandingOver(agent.user.id, Date.now() + 60_000)).toBe(false);
    expect(await statusesOf(ids)).toEqual(['assigned']);
    expect(await finishHandingOver(agent.user.id, Date.now() + 60_000)).toBe(true);
    expect(await userOf(agent)).toMatchObject({ active: true, assignedCount: 1 });
  });

  it('follows the agent as they are by then', async () => {
    const { supervisor, agent, ids } = await busy(2);
    const to = await desk.supervisor();
    await updateUser(admin(), agent.user.id, { active: false });
    await updateUser(admin(), agent.user.id, { active: true, supervisorId: to.user.id });
    expect(await sweepNow()).toMatchObject({ handedOver: 1 });
    for (const id of ids) {
      const now = await desk.ok('GET', `/conversations/${id}`, to.token);
      expect(now).toMatchObject({ status: 'assigned', agentId: agent.user.id, supervisorId: to.user.id });
      expect((await desk.call('GET', `/conversations/${id}`, supervisor.token)).status).toBe(404);
    }
    expect(await userOf(agent)).toMatchObject({ assignedCount: await countAssigned(agent.user.id) });
  });
});

/** A conversation that says it has a message, and has none: it can't be archived. */
const damaged = (candidateId: string, closing: boolean): ConversationRecord => ({
  _id: randomUUID(),
  subject: 'Damaged',
  status: 'closed',
  candidateId,
  agentId: null,
  supervisorId: null,
  lastSeq: 1,
  createdAt: anHourAgo(),
  assignedAt: null,
  firstResponseAt: null,
  closedAt: anHourAgo(),
  closedBy: candidateId,
  lastMessageAt: null,
  archivedAt: null,
  ...(closing && { closing: { step: 'archive', through: 0, since: anHourAgo() } }),
});

const insert = (records: ConversationRecord[]) => conversationModel().collection.insertMany(records as never[]);
const failuresOf = async (ids: readonly string[]) =>
  (
    await conversationModel()
      .find(trusted({ _id: { $in: [...ids] } }))
      .lean()
  ).map(({ closing }) => closing?.failures ?? 0);

it('150 closes that can’t be finished keep a healthy one from nothing, and are tried less and less often', async () => {
  const { agent, ids } = await busy(1);
  const [id = ''] = ids;
  const { user } = await desk.candidate();
  const hopeless = Array.from({ length: 150 }, () => damaged(user.id, true));
  await insert(hopeless);
  const hopelessIds = hopeless.map(({ _id }) => _id);
  await desk.ok('POST', `/conversations/${id}/close`, agent.token);
  await system.gateway.idle();
  // As after a crash, and later than all of the others.
  const half = { archivedAt: null, closing: { step: 'archive', through: 0, since: new Date(Date.now() - 60_000) } };
  await conversationModel().updateOne({ _id: id }, { $set: half });

  expect(await sweepNow()).toMatchObject({ found: 151, finished: 1, failed: 150 });
  expect((await conversationModel().findById(id).lean())?.closing).toBeUndefined();
  expect(new Set(await failuresOf(hopelessIds))).toEqual(new Set([1]));
  // Not before their time, and what has never failed before them.
  expect(await sweepNow()).toMatchObject({ found: 0, failed: 0 });
  const due = { $set: { 'closing.retryAt': anHourAgo() } };
  await conversationModel().updateMany(trusted({ _id: { $in: hopelessIds } }), due);
  await conversationModel().updateOne({ _id: id }, { $set: half });
  const order = jest.spyOn(messageModel(), 'countDocuments');
  expect(await sweepNow()).toMatchObject({ found: 151, finished: 1, failed: 150 });
  expect(JSON.stringify(order.mock.calls[0])).toContain(id);
  const [some] = await conversationModel()
    .find(trusted({ _id: { $in: hopelessIds } }))
    .lean();
  expect(some?.closing?.failures).toBe(2);
  // Four minutes at first, then eight.
  expect((some?.closing?.retryAt?.getTime() ?? 0) - Date.now()).toBeGreaterThan(5 * 60_000);
  await conversationModel().deleteMany(trusted({ _id: { $in: hopelessIds } }));
});

it('a conversation that can’t be erased keeps no other from it, of the same candidate or of others', async () => {
  const [candidate, other] = [await desk.candidate(), await desk.candidate()];
  const [bad] = [damaged(candidate.user.id, true)];
  await insert([bad]);
  const ids = await Promise.all(
    [candidate, candidate, candidate, other].map(async (of) => (await desk.conversation(of, 'secret words')).id),
  );
  for (const { user } of [candidate, other]) await desk.ok('POST', `/users/${user.id}/erase`, desk.admin.token);
  const settled = { $set: { erasingSince: anHourAgo() } };
  await userModel().updateMany(trusted({ _id: { $in: [candidate.user.id, other.user.id] } }), settled);
  await sweepNow();
  for (const id of ids) {
    const record = await conversationModel().findById(id).lean();
    expect(record).toMatchObject({ subject: '(erased)', status: 'closed', erasedAt: expect.any(Date) });
  }
  const messages = await messageModel()
    .find(trusted({ conversationId: { $in: ids } }))
    .lean();
  expect(messages.map(({ content, senderName }) => `${content} ${senderName}`)).toEqual(
    Array(4).fill('(erased) Erased'),
  );
  expect(await userOf(other)).not.toHaveProperty('erasingSince');
  expect(await userOf(candidate)).toMatchObject({ erasingFailures: 1, erasingRetryAt: expect.any(Date) });
  // Put right, it is erased when it is due.
  await conversationModel().updateOne({ _id: bad._id }, { $set: { lastSeq: 0 } });
  await userModel().updateOne({ _id: candidate.user.id }, { $set: { erasingRetryAt: anHourAgo() } });
  expect(await sweepNow()).toMatchObject({ failed: 0 });
  const erased = await userOf(candidate);
  expect(Object.keys(erased).filter((field) => field.startsWith('erasing'))).toEqual([]);
  expect(await conversationModel().findById(bad._id).lean()).toMatchObject({ subject: '(erased)' });
});

it('messages that can’t be deleted when their time is up keep no others', async () => {
  const { user } = await desk.candidate();
  const past = { retentionDays: 30, messagesExpireAt: anHourAgo(), archivedAt: anHourAgo() };
  const records = Array.from({ length: 130 }, () => ({ ...damaged(user.id, false), ...past }));
  await insert(records);
  const healthy = records.at(-1)?._id ?? '';
  process.env['MESSAGE_RETENTION_DAYS'] = '30';
  resetConfig();
  const remove = messageModel().deleteMany.bind(messageModel());
  jest.spyOn(messageModel(), 'deleteMany').mockImplementation(((filter: { conversationId: string }) => {
    if (filter.conversationId !== healthy) throw new TypeError('can’t be deleted');
    return remove(filter);
  }) as never);
  try {
    expect(await sweepNow()).toMatchObject({ expired: 1 });
    expect(await conversationModel().findById(healthy).lean()).toMatchObject({ subject: '(erased)' });
  } finally {
    delete process.env['MESSAGE_RETENTION_DAYS'];
    resetConfig();
    await conversationModel().deleteMany({ candidateId: user.id });
  }
});

import { conversationModel } from '../../lib/store/conversations.ts';
import { userModel } from '../../lib/store/users.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Desk, Person } from '../support/system.ts';

/** The ends of availability that nobody has asked for. */

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk()));
afterAll(() => system.stop());

const strict = { mode: 'automatic', requeueAfterSeconds: 60, answerWithinSeconds: 60 };
const availableUntil = async ({ user }: Person) => (await userModel().findById(user.id).lean())?.availableUntil;

it('a deactivation is told to who watches, if the agent was available', async () => {
  const supervisor = await desk.supervisor();
  const [available, away] = [await desk.agent(supervisor), await desk.agent(supervisor)];
  const socket = await desk.connect(available);
  await socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'available' });
  await system.gateway.idle();
  const watcher = await desk.connect(supervisor);
  await watcher.expect('QUEUE_WATCHED', 'WATCH_QUEUE', {});
  for (const agent of [available, available, away]) {
    await desk.ok('PATCH', `/users/${agent.user.id}`, desk.admin.token, { active: false });
  }
  await system.gateway.idle();
  await watcher.settle();
  expect(watcher.frames('AGENT_CHANGED')).toMatchObject([
    { user: { id: available.user.id, active: false, availability: 'away' } },
  ]);
  watcher.close();
});

it('silence ends no lease that there was not: the agent’s absence began no later for it', async () => {
  const supervisor = await desk.supervisor();
  const agent = await desk.agent(supervisor);
  await desk.ok('PUT', '/routing', supervisor.token, strict);
  const { id } = await desk.conversation(await desk.candidate());
  await desk.assign(supervisor, id, agent);
  await userModel().updateOne({ _id: supervisor.user.id }, { $set: { 'routing.requeueAfterSeconds': null } });
  await conversationModel().updateOne({ _id: id }, { $set: { assignedAt: new Date(Date.now() - 120_000) } });
  expect(await system.operate('dispatch', { tick: true })).toMatchObject({ takenBack: 1 });
  expect(await availableUntil(agent)).toBeUndefined();
});

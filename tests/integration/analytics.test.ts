import type { SupervisorAnalytics } from '../../lib/protocol/objects/analytics.ts';
import { conversationModel } from '../../lib/store/conversations.ts';
import { userModel } from '../../lib/store/users.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Desk, Person } from '../support/system.ts';

const NO_RATINGS = { count: 0, mean: null };

let system: InProcess;
let desk: Desk;
let candidate: Person;
beforeAll(async () => {
  ({ system, desk } = await startDesk());
  candidate = await desk.candidate();
});
afterAll(() => system.stop());
// Every number is about all there is.
beforeEach(async () => {
  await conversationModel().deleteMany({});
  await userModel().deleteMany({ role: 'agent' });
  await userModel().deleteMany({ role: 'supervisor' });
});

const START = Date.parse('2026-01-31T09:00:00.000Z');
const at = (seconds: number) => new Date(START + seconds * 1000);

const read = (query = ''): Promise<SupervisorAnalytics> =>
  desk.ok('GET', `/analytics/supervisors${query}`, desk.admin.token);

/** A conversation closed by its agent; its times are then set, for the clock can't be. */
async function handled(
  supervisor: Person,
  agent: Person,
  times: { readonly opened?: number; readonly responded?: number; readonly closed: number },
): Promise<string> {
  const { id } = await desk.conversation(candidate);
  await desk.assign(supervisor, id, agent);
  await desk.ok('POST', `/conversations/${id}/close`, agent.token);
  await conversationModel().updateOne(
    { _id: id },
    {
      createdAt: at(times.opened ?? 0),
      closedAt: at(times.closed),
      firstResponseAt: times.responded === undefined ? null : at(times.responded),
    },
  );
  return id;
}

it('has a row for every supervisor, before anything happened', async () => {
  const [zoe, amy] = [await desk.supervisor('Zoe'), await desk.supervisor('Amy')];
  await desk.agent(zoe, 'Al');
  const row = ({ user }: Person, agents: SupervisorAnalytics['supervisors'][number]['agents']) => ({
    supervisor: { id: user.id, name: user.name, email: user.email },
    agentCount: agents.length,
    closedConversations: 0,
    medianFirstResponseSeconds: null,
    medianResolutionSeconds: null,
    ratings: NO_RATINGS,
    agents,
  });
  expect(await read()).toEqual({
    from: null,
    to: null,
    supervisors: [
      row(amy, []),
      row(zoe, [{ id: expect.any(String), name: 'Al', closedConversations: 0, ratings: NO_RATINGS }]),
    ],
    totals: { supervisors: 2, agents: 1, closedConversations: 0 },
  });
});

it('takes the middle of an odd number, and between the two in the middle of an even one', async () => {
  const supervisor = await desk.supervisor();
  const agent = await desk.agent(supervisor);
  const medians = async () => {
    const [row] = (await read()).supervisors;
    return [row?.closedConversations, row?.medianFirstResponseSeconds, row?.medianResolutionSeconds];
  };
  await handled(supervisor, agent, { responded: 4, closed: 100 });
  expect(await medians()).toEqual([1, 4, 100]);
  await handled(supervisor, agent, { responded: 7, closed: 300 });
  expect(await medians()).toEqual([2, 5.5, 200]);
  await handled(supervisor, agent, { responded: 1000, closed: 5000 });
  expect(await medians()).toEqual([3, 7, 300]);
  // Nobody answered: it has a resolution, and no first response to take the middle of.
  await handled(supervisor, agent, { closed: 200 });
  expect(await medians()).toEqual([4, 7, 250]);
  await handled(supervisor, agent, { opened: 10, responded: 18.001, closed: 10.25 });
  expect(await medians()).toEqual([5, 7.501, 200]);
});

it('counts what was closed from the first instant on, up to the last and without it', async () => {
  const supervisor = await desk.supervisor();
  const agent = await desk.agent(supervisor);
  for (const closed of [10, 20, 30]) await handled(supervisor, agent, { closed });
  const count = async (query: string) => (await read(query)).totals.closedConversations;
  const [t10, t20, t30] = [10, 20, 30].map((seconds) => at(seconds).toISOString());
  expect(await count(`?from=${t10}&to=${t30}`)).toBe(2);
  expect(await count(`?from=${t20}&to=${t20}`)).toBe(0);
  expect(await count(`?from=${t20}`)).toBe(2);
  expect(await count(`?to=${t20}`)).toBe(1);
  expect(await count(`?from=${t30}&to=${t10}`)).toBe(0);
  expect(await read(`?from=2026-01-31T10:00:10%2B01:00&to=${t20}`)).toMatchObject({
    from: t10,
    to: t20,
    totals: { closedConversations: 1 },
    supervisors: [{ medianResolutionSeconds: 10 }],
  });
});

it('counts for the agent and the supervisor it was with when it closed, wherever the agent is now', async () => {
  const [one, two] = [await desk.supervisor('One'), await desk.supervisor('Two')];
  const [first, second] = [await desk.agent(one, 'First'), await desk.agent(one, 'Second')];
  // Given from the first to the second, then closed: the second's.
  const { id } = await desk.conversation(candidate);
  await desk.assign(one, id, first);
  await desk.assign(one, id, second);
  await desk.ok('POST', `/conversations/${id}/close`, second.token);
  const counts = async () =>
    (await read()).supervisors.map(({ supervisor, agentCount, closedConversations, agents }) => [
      supervisor.name,
      agentCount,
      closedConversations,
      agents.map(({ name, closedConversations: count }) => `${name} ${count}`),
    ]);
  expect(await counts()).toEqual([
    ['One', 2, 1, ['Second 1', 'First 0']],
    ['Two', 0, 0, []],
  ]);
  // Moved away: what they did stays; what they do next is the new supervisor's.
  await desk.ok('PATCH', `/users/${second.user.id}`, desk.admin.token, { supervisorId: two.user.id });
  expect(await counts()).toEqual([
    ['One', 1, 1, ['Second 1', 'First 0']],
    ['Two', 1, 0, ['Second 0']],
  ]);
  await handled(two, second, { closed: 1 });
  await handled(two, second, { closed: 1 });
  expect(await counts()).toEqual([
    ['Two', 1, 2, ['Second 2']],
    ['One', 1, 1, ['Second 1', 'First 0']],
  ]);
  await desk.ok('PATCH', `/users/${second.user.id}`, desk.admin.token, { active: false });
  expect(await counts()).toEqual([
    ['Two', 0, 2, ['Second 2']],
    ['One', 1, 1, ['Second 1', 'First 0']],
  ]);
  expect((await read()).totals).toEqual({ supervisors: 2, agents: 1, closedConversations: 3 });
});

it('counts what a supervisor closed while it was open for nobody, nor what is not closed', async () => {
  const supervisor = await desk.supervisor();
  const agent = await desk.agent(supervisor);
  const { id } = await desk.conversation(candidate);
  await desk.ok('POST', `/conversations/${id}/close`, supervisor.token);
  await desk.assign(supervisor, (await desk.conversation(candidate)).id, agent);
  await desk.conversation(candidate);
  expect(await read()).toMatchObject({
    supervisors: [{ closedConversations: 0, medianResolutionSeconds: null, agents: [{ closedConversations: 0 }] }],
    totals: { closedConversations: 0 },
  });
});

it('is ordered by what was closed, then by name, within a team too', async () => {
  const [b, a, c] = [await desk.supervisor('B'), await desk.supervisor('A'), await desk.supervisor('C')];
  const [x, y, z] = [await desk.agent(c, 'X'), await desk.agent(c, 'Y'), await desk.agent(c, 'Z')];
  await desk.agent(b, 'only');
  await handled(c, z, { closed: 1 });
  await handled(c, y, { closed: 1 });
  await handled(c, y, { closed: 1 });
  const { supervisors } = await read();
  expect(supervisors.map(({ supervisor }) => supervisor.id)).toEqual([c, a, b].map(({ user }) => user.id));
  expect(supervisors[0]?.agents.map(({ id }) => id)).toEqual([y, z, x].map(({ user }) => user.id));
});

import mongoose from 'mongoose';
import { DEFAULT_CAPACITY, LEASE_SECONDS } from '../../lib/domain/desk.ts';
import { resetConfig } from '../../lib/runtime/config.ts';
import * as clock from '../../lib/services/desk/dispatch.ts';
import { auditModel } from '../../lib/store/audit.ts';
import { conversationModel, countAssigned } from '../../lib/store/conversations.ts';
import { userModel } from '../../lib/store/users.ts';
import { WATCHED, watchCommands } from '../support/commands.ts';
import { HANG_MS } from '../support/deadline.ts';
import { inFull } from '../support/inFull.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Socket } from '../support/socket.ts';
import { tapStdout } from '../support/stdout.ts';
import type { Desk, Person } from '../support/system.ts';

/** Availability, capacity and automatic assignment. */

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk(WATCHED)));
afterAll(() => system.stop());

const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.close();
  sockets.clear();
  await system.gateway.idle();
  // Nobody of an earlier test is given what a later one opens.
  await userModel().updateMany({ role: 'agent' }, { $set: { active: false }, $unset: { leased: 1 } });
  await conversationModel().updateMany({ status: 'open' }, { $set: { status: 'closed' } });
});

/** How many a tick gives: more than 500 with `SOAK=1`. */
const MANY = inFull ? 510 : 120;
const MINUTE_MS = 60_000;
const ago = (ms: number) => new Date(Date.now() - ms);
const tick = () => system.operate('dispatch', { tick: true });

async function connect(person: Person): Promise<Socket> {
  const socket = await desk.connect(person);
  sockets.add(socket);
  return socket;
}

/** A team that is given its conversations automatically. */
async function team(size: number, routing: object = {}): Promise<{ supervisor: Person; agents: Person[] }> {
  const supervisor = await desk.supervisor();
  const agents: Person[] = [];
  for (let made = 0; made < size; made += 1) agents.push(await desk.agent(supervisor, `Agent ${made}`));
  await route(supervisor, routing);
  return { supervisor, agents };
}

const route = (supervisor: Person, routing: object = {}) =>
  desk.ok('PUT', '/routing', supervisor.token, {
    mode: 'automatic',
    requeueAfterSeconds: null,
    answerWithinSeconds: null,
    ...routing,
  });

async function become(person: Person, status: 'available' | 'away' = 'available'): Promise<Socket> {
  const socket = await connect(person);
  await socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status });
  await system.gateway.idle();
  return socket;
}

/** Opens a conversation, and waits until whoever is to be given it has been. */
async function open(candidate: Person): Promise<string> {
  const opened = await desk.conversation(candidate, 'hello');
  expect(opened.status).toBe('open');
  await system.gateway.idle();
  return opened.id;
}

const get = (id: string) => desk.ok('GET', `/conversations/${id}`, desk.admin.token);
const agentOf = async (id: string): Promise<string | null> => (await get(id)).agentId;
const user = (person: Person) => desk.ok('GET', `/users/${person.user.id}`, desk.admin.token);
const setCapacity = (by: Person, agent: Person, maxConversations: number) =>
  desk.ok('PUT', `/users/${agent.user.id}/capacity`, by.token, { maxConversations });
const lapse = (agent: Person, ms = 1_000) =>
  userModel().updateOne({ _id: agent.user.id }, { $set: { availableUntil: ago(ms) } });

describe('availability', () => {
  it('is a lease that the client renews', async () => {
    const { agents } = await team(1);
    const [agent] = agents as [Person];
    expect(await user(agent)).toMatchObject({ availability: 'away', maxConversations: DEFAULT_CAPACITY });
    const socket = await connect(agent);
    const begun = await socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'available' });
    expect(begun.status).toBe('available');
    const left = Date.parse(begun.until ?? '') - Date.now();
    expect(left).toBeGreaterThan((LEASE_SECONDS - 60) * 1000);
    expect(left).toBeLessThanOrEqual((LEASE_SECONDS + 1) * 1000);
    await userModel().updateOne({ _id: agent.user.id }, { $set: { availableUntil: new Date(Date.now() + 30_000) } });
    const renewed = await socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'available', renew: true });
    expect(Date.parse(renewed.until ?? '') - Date.now()).toBeGreaterThan(60_000);
    expect(await user(agent)).toMatchObject({ availability: 'available' });
  });

  it('that has ended is not renewed, and connecting, or another tab, brings nobody back', async () => {
    const { agents } = await team(1);
    const [agent] = agents as [Person];
    const socket = await become(agent);
    await lapse(agent);
    const answer = await socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'available', renew: true });
    expect(answer).toEqual({ status: 'away', until: null });
    const tab = await connect(agent);
    await tab.settle();
    expect(await user(agent)).toMatchObject({ availability: 'away' });
  });

  it('is told to the agent’s other connections, and survives one of them going', async () => {
    const { agents } = await team(1);
    const [agent] = agents as [Person];
    const tab = await connect(agent);
    const socket = await become(agent);
    expect(tab.frames('AVAILABILITY_SET')).toMatchObject([{ status: 'available' }]);
    tab.close();
    await system.gateway.idle();
    expect(await user(agent)).toMatchObject({ availability: 'available' });
    await socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'away' });
    expect(await user(agent)).toMatchObject({ availability: 'away' });
  });

  it('is ended by the supervisor of who forgot, and a forgotten tab does not undo it', async () => {
    const { supervisor, agents } = await team(1);
    const [agent] = agents as [Person];
    const socket = await become(agent);
    const path = `/users/${agent.user.id}/availability`;
    expect(await desk.ok('PUT', path, supervisor.token, { status: 'away' })).toMatchObject({ availability: 'away' });
    expect(socket.frames('AVAILABILITY_SET').at(-1)).toEqual({ status: 'away', until: null });
    const answer = await socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'available', renew: true });
    expect(answer).toEqual({ status: 'away', until: null });
    const refused = await desk.call('PUT', path, supervisor.token, { status: 'available' });
    expect(refused.status).toBe(400);
    expect(await auditModel().countDocuments({ action: 'agent_sent_away', targetId: agent.user.id })).toBe(1);
  });

  it('capacity and name are told to watching admins and the agent’s supervisor, lapses by the clock', async () => {
    const { supervisor, agents } = await team(1);
    const [agent] = agents as [Person];
    const [theirs, others, admins] = await Promise.all([
      connect(supervisor),
      connect(await desk.supervisor()),
      connect(desk.admin),
    ]);
    for (const socket of [theirs, others, admins]) await socket.expect('QUEUE_WATCHED', 'WATCH_QUEUE', {});
    const socket = await become(agent);
    await socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'available' });
    await socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'available', renew: true });
    await setCapacity(supervisor, agent, 7);
    await system.gateway.idle();
    await desk.ok('PATCH', `/users/${agent.user.id}`, desk.admin.token, { name: 'Alexandra' });
    await system.gateway.idle();
    await lapse(agent);
    await tick();
    await system.gateway.idle();
    const told = [
      { user: { id: agent.user.id, availability: 'available' } },
      { user: { availability: 'available', maxConversations: 7 } },
      { user: { name: 'Alexandra', availability: 'available' } },
      { user: { availability: 'away', maxConversations: 7 } },
    ];
    expect(theirs.frames('AGENT_CHANGED')).toMatchObject(told);
    expect(admins.frames('AGENT_CHANGED')).toMatchObject(told);
    expect(others.frames('AGENT_CHANGED')).toEqual([]);
  });

  it('of an agent who joins a team is told to its supervisor, and gets what waits for it', async () => {
    const { supervisor } = await team(0);
    const agent = await desk.agent(await desk.supervisor());
    await become(agent);
    const { id } = await desk.conversation(await desk.candidate());
    await system.gateway.idle();
    const watcher = await connect(supervisor);
    await watcher.expect('QUEUE_WATCHED', 'WATCH_QUEUE', {});
    await desk.ok('PATCH', `/users/${agent.user.id}`, desk.admin.token, { supervisorId: supervisor.user.id });
    await watcher.next('AGENT_CHANGED', ({ user }) => user.id === agent.user.id && user.availability === 'available');
    await system.gateway.idle();
    expect(await desk.ok('GET', `/conversations/${id}`, desk.admin.token)).toMatchObject({ agentId: agent.user.id });
  });

  it('ends with the agent’s deactivation', async () => {
    const { agents } = await team(1);
    const [agent] = agents as [Person];
    await become(agent);
    await desk.ok('PATCH', `/users/${agent.user.id}`, desk.admin.token, { active: false });
    await desk.ok('PATCH', `/users/${agent.user.id}`, desk.admin.token, { active: true });
    expect(await user(agent)).toMatchObject({ availability: 'away' });
  });

  it('of anybody opens the desk', async () => {
    const { open: now } = await desk.ok('GET', '/desk');
    expect(typeof now).toBe('boolean');
  });
});

describe('routing', () => {
  it('is by hand until the supervisor says otherwise', async () => {
    const supervisor = await desk.supervisor();
    const agent = await desk.agent(supervisor);
    const manual = { mode: 'manual', requeueAfterSeconds: null, answerWithinSeconds: null };
    expect(await desk.ok('GET', '/routing', supervisor.token)).toEqual(manual);
    await become(agent);
    const id = await open(await desk.candidate());
    await tick();
    expect(await agentOf(id)).toBeNull();
    // It is given what waits as soon as it is automatic.
    await route(supervisor, { requeueAfterSeconds: 60 });
    await system.gateway.idle();
    expect(await agentOf(id)).toBe(agent.user.id);
    expect(await desk.ok('GET', '/routing', supervisor.token)).toMatchObject({
      mode: 'automatic',
      requeueAfterSeconds: 60,
    });
    expect(await auditModel().countDocuments({ action: 'routing_set', actorId: supervisor.user.id })).toBe(1);
  });

  it.each([
    [{ mode: 'automatic' }],
    [{ mode: 'automatic', requeueAfterSeconds: 59, answerWithinSeconds: null }],
    [{ mode: 'automatic', requeueAfterSeconds: null, answerWithinSeconds: 86_401 }],
    [{ mode: 'sometimes', requeueAfterSeconds: null, answerWithinSeconds: null }],
  ])('refuses %j', async (body) => {
    const { status } = await desk.call('PUT', '/routing', (await desk.supervisor()).token, body);
    expect(status).toBe(400);
  });

  it('follows an agent who is made, moved or made active again', async () => {
    const [{ supervisor }, { supervisor: manual }] = [await team(0), await team(0, { mode: 'manual' })];
    const [made, moved] = [await desk.agent(supervisor), await desk.agent(manual)];
    await desk.ok('PATCH', `/users/${moved.user.id}`, desk.admin.token, { supervisorId: supervisor.user.id });
    const routed = async (agent: Person) => (await userModel().findById(agent.user.id).lean())?.automatic ?? false;
    expect([await routed(made), await routed(moved)]).toEqual([true, true]);
    await desk.ok('PATCH', `/users/${made.user.id}`, desk.admin.token, { supervisorId: manual.user.id });
    expect(await routed(made)).toBe(false);
    await desk.ok('PATCH', `/users/${made.user.id}`, desk.admin.token, { active: false });
    await route(manual);
    await desk.ok('PATCH', `/users/${made.user.id}`, desk.admin.token, { active: true });
    expect(await routed(made)).toBe(true);
  });
});

describe('automatic assignment', () => {
  it('gives what is opened to who has fewest, then to who waited longest', async () => {
    const { agents } = await team(3);
    const [a, b, c] = agents as [Person, Person, Person];
    for (const agent of agents) await become(agent);
    const candidate = await desk.candidate();
    const got: (string | null)[] = [];
    for (let opened = 0; opened < 6; opened += 1) got.push(await agentOf(await open(candidate)));
    const ids = [a, b, c].map(({ user: { id } }) => id);
    expect(got.slice(0, 3).toSorted()).toEqual(ids.toSorted());
    // Each was given one: who was given theirs first has waited longest.
    expect(got.slice(3)).toEqual(got.slice(0, 3));
  });

  it('tells the customer and the agent, and puts nobody on record as having done it', async () => {
    const { supervisor, agents } = await team(1);
    const [agent] = agents as [Person];
    const socket = await become(agent);
    const candidate = await desk.candidate();
    const { id } = await desk.conversation(candidate, 'hello');
    const { data } = await socket.next('CONVERSATION_ASSIGNED');
    expect(data.conversation).toMatchObject({ id, agentId: agent.user.id, supervisorId: supervisor.user.id });
    const [entry] = await auditModel().find({ targetId: id, action: 'conversation_assigned' }).lean();
    expect(entry).toMatchObject({ actorId: null, details: { agentId: agent.user.id } });
  });

  it('takes the most urgent first, then the oldest', async () => {
    const { supervisor, agents } = await team(1);
    const [agent] = agents as [Person];
    await setCapacity(supervisor, agent, 1);
    const candidate = await desk.candidate();
    const ids: string[] = [];
    for (let opened = 0; opened < 4; opened += 1) ids.push(await open(candidate));
    await desk.ok('PATCH', `/conversations/${ids[2]}`, supervisor.token, { priority: 'urgent' });
    await desk.ok('PATCH', `/conversations/${ids[0]}`, supervisor.token, { priority: 'low' });
    await become(agent);
    const order: string[] = [];
    for (let given = 0; given < 4; given += 1) {
      const held = await conversationModel().findOne({ agentId: agent.user.id, status: 'assigned' }).lean().orFail();
      order.push(held._id);
      await desk.ok('POST', `/conversations/${held._id}/close`, agent.token);
      await system.gateway.idle();
    }
    expect(order).toEqual([ids[2], ids[1], ids[3], ids[0]]);
  });

  it('stops at the capacity, however many are opened at once, and goes on when one is closed', async () => {
    const { supervisor, agents } = await team(2);
    for (const agent of agents) {
      await setCapacity(supervisor, agent, 3);
      await become(agent);
    }
    const candidate = await desk.candidate();
    const opened = await Promise.all(Array.from({ length: 12 }, () => desk.conversation(candidate)));
    await system.gateway.idle();
    await tick();
    const held = async () => Promise.all(agents.map((agent) => countAssigned(agent.user.id)));
    expect(await held()).toEqual([3, 3]);
    const statuses = (await Promise.all(opened.map(({ id }) => get(id)))).map(({ status }) => status);
    expect(statuses.filter((status) => status === 'open')).toHaveLength(6);
    const [agent] = agents as [Person];
    const one = await conversationModel().findOne({ agentId: agent.user.id, status: 'assigned' }).lean().orFail();
    await desk.ok('POST', `/conversations/${one._id}/close`, agent.token);
    await system.gateway.idle();
    expect(await held()).toEqual([3, 3]);
    for (const {
      user: { id },
    } of agents) {
      expect((await userModel().findById(id).lean())?.assignedCount).toBe(await countAssigned(id));
    }
  });

  it('counts what was given by hand, which may exceed it; lowering takes nothing away', async () => {
    const { supervisor, agents } = await team(1);
    const [agent] = agents as [Person];
    await setCapacity(supervisor, agent, 2);
    const candidate = await desk.candidate();
    const ids = [await open(candidate), await open(candidate), await open(candidate)];
    for (const id of ids) await desk.assign(supervisor, id, agent);
    await become(agent);
    const waiting = await open(candidate);
    expect(await agentOf(waiting)).toBeNull();
    await setCapacity(supervisor, agent, 0);
    await tick();
    expect(await countAssigned(agent.user.id)).toBe(3);
    // A raised capacity is used at once.
    await setCapacity(supervisor, agent, 4);
    await system.gateway.idle();
    expect(await agentOf(waiting)).toBe(agent.user.id);
  });

  it('gives nothing to who is away, inactive, or in a team by hand', async () => {
    const [{ supervisor, agents }, { agents: byHand }] = [await team(3), await team(1, { mode: 'manual' })];
    const [away, inactive, lapsed] = agents as [Person, Person, Person];
    for (const agent of [...agents, ...byHand]) await become(agent);
    await become(away, 'away');
    await desk.ok('PATCH', `/users/${inactive.user.id}`, desk.admin.token, { active: false });
    await lapse(lapsed);
    const id = await open(await desk.candidate());
    await tick();
    expect(await agentOf(id)).toBeNull();
    await become(lapsed);
    expect(await agentOf(id)).toBe(lapsed.user.id);
    expect(supervisor.user.role).toBe('supervisor');
  });

  it('does not give it back to whom a supervisor has taken it from, until they become available anew', async () => {
    const { supervisor, agents } = await team(2);
    const [x, y] = agents as [Person, Person];
    const socket = await become(x);
    const { id } = await desk.conversation(await desk.candidate());
    await system.gateway.idle();
    expect(await desk.ok('GET', `/conversations/${id}`, x.token)).toMatchObject({ agentId: x.user.id });
    await desk.assign(supervisor, id, y);
    await desk.ok('POST', `/conversations/${id}/requeue`, y.token);
    await system.gateway.idle();
    expect(await get(id)).toMatchObject({ status: 'open' });
    for (const status of ['away', 'available']) {
      await socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status });
    }
    await system.gateway.idle();
    expect(await desk.ok('GET', `/conversations/${id}`, x.token)).toMatchObject({ agentId: x.user.id });
  });

  it('does not give it back to who has lost it, until they become available anew', async () => {
    const { agents } = await team(2);
    const [agent, other] = agents as [Person, Person];
    const socket = await become(agent);
    const id = await open(await desk.candidate());
    expect(await agentOf(id)).toBe(agent.user.id);
    await desk.ok('POST', `/conversations/${id}/requeue`, agent.token);
    await system.gateway.idle();
    await socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'available', renew: true });
    await socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'available' });
    await system.gateway.idle();
    for (let minute = 0; minute < 3; minute += 1) await tick();
    expect(await get(id)).toMatchObject({ agentId: null, requeues: 1 });
    // Others may be given it, and so may a later conversation be given to them.
    const later = await open(await desk.candidate());
    expect(await agentOf(later)).toBe(agent.user.id);
    await become(other);
    expect(await agentOf(id)).toBe(other.user.id);
    await desk.ok('POST', `/conversations/${id}/requeue`, other.token);
    await system.gateway.idle();
    expect(await agentOf(id)).toBeNull();
    await become(agent, 'away');
    await become(agent);
    expect(await agentOf(id)).toBe(agent.user.id);
  });

  it('goes to another while a machine that died holds the record of the best', async () => {
    const { agents } = await team(2);
    const [best, other] = agents as [Person, Person];
    const customer = await desk.candidate();
    await become(other);
    await open(customer);
    await become(best);
    const session = await mongoose.connection.startSession();
    try {
      // As that machine left it, between its choice and its commit.
      session.startTransaction();
      await userModel()
        .updateOne({ _id: best.user.id }, { $inc: { assignedCount: 1 } })
        .session(session);
      expect(await agentOf(await open(customer))).toBe(other.user.id);
    } finally {
      await session.abortTransaction();
      await session.endSession();
    }
    expect(await agentOf(await open(customer))).toBe(best.user.id);
  });

  it('of many is made by every tick, 500 at least', async () => {
    const { supervisor, agents } = await team(6);
    const {
      user: { id: candidateId },
    } = await desk.candidate();
    const now = new Date();
    await conversationModel().insertMany(
      Array.from({ length: MANY }, (_, index) => ({
        _id: `many-${index}`,
        subject: 'Many',
        status: 'open',
        candidateId,
        lastSeq: 0,
        createdAt: now,
        room: [],
        urgency: 1,
        revision: 0,
      })),
    );
    for (const agent of agents) await setCapacity(supervisor, agent, 100);
    // What the changes of capacity have set off is through: the clock alone gives what waits.
    await system.gateway.idle();
    await userModel().updateMany(
      { supervisorId: supervisor.user.id },
      { $set: { leased: true, availableUntil: new Date(Date.now() + 10 * MINUTE_MS), availabilities: 1 } },
    );
    // However long it takes on this machine.
    expect(await clock.tick(Date.now() + HANG_MS)).toMatchObject({ assigned: MANY });
    const counts = await Promise.all(agents.map((agent) => countAssigned(agent.user.id)));
    expect(counts).toEqual(Array.from({ length: 6 }, () => MANY / 6));
  });
});

describe('the clock', () => {
  const assignedAgo = (id: string, ms: number) =>
    conversationModel().updateOne({ _id: id }, { $set: { assignedAt: ago(ms) } });

  it('takes from who has vanished, without a word of theirs, and gives to who is there', async () => {
    const { agents } = await team(2, { requeueAfterSeconds: 60 });
    const [gone, there] = agents as [Person, Person];
    const socket = await become(gone);
    const id = await open(await desk.candidate());
    system.gateway.losesDisconnects = true;
    socket.close();
    system.gateway.losesDisconnects = false;
    await assignedAgo(id, 10 * MINUTE_MS);
    await lapse(gone, 59_000);
    await become(there);
    await tick();
    expect(await agentOf(id)).toBe(gone.user.id);
    await lapse(gone, 61_000);
    await tick();
    await system.gateway.idle();
    expect(await get(id)).toMatchObject({ agentId: there.user.id, requeues: 1 });
    const entries = await auditModel().find({ targetId: id, action: 'conversation_requeued' }).lean();
    expect(entries).toMatchObject([{ actorId: null, details: { agentId: gone.user.id, reason: 'agent_absent' } }]);
  });

  it('counts the absence from the assignment where that is later, and what was given by hand too', async () => {
    const { supervisor, agents } = await team(1, { requeueAfterSeconds: 60 });
    const [agent] = agents as [Person];
    const id = await open(await desk.candidate());
    await desk.assign(supervisor, id, agent);
    await tick();
    expect(await agentOf(id)).toBe(agent.user.id);
    await assignedAgo(id, 61_000);
    await tick();
    expect(await get(id)).toMatchObject({ status: 'open', requeues: 1 });
  });

  it('takes nothing from who is there, or whose team is by hand, or has no such rule', async () => {
    const rules = [{ requeueAfterSeconds: 60 }, { mode: 'manual', requeueAfterSeconds: 60 }, {}];
    const ids: string[] = [];
    for (const rule of rules) {
      const { supervisor, agents } = await team(1, rule);
      const [agent] = agents as [Person];
      if (rules.indexOf(rule) === 0) await become(agent);
      const id = await open(await desk.candidate());
      if (rules.indexOf(rule) > 0) await desk.assign(supervisor, id, agent);
      if (rules.indexOf(rule) === 0) await become(agent);
      await setCapacity(supervisor, agent, 0);
      await assignedAgo(id, 60 * MINUTE_MS);
      ids.push(id);
    }
    await tick();
    for (const id of ids) expect(await get(id)).toMatchObject({ status: 'assigned', requeues: 0 });
  });

  it('takes from who says nothing in time, and sends them away', async () => {
    const { supervisor, agents } = await team(2, { answerWithinSeconds: 60 });
    const [silent, other] = agents as [Person, Person];
    const socket = await become(silent);
    const id = await open(await desk.candidate());
    await assignedAgo(id, 59_000);
    await tick();
    expect(await agentOf(id)).toBe(silent.user.id);
    await assignedAgo(id, 61_000);
    const watcher = await connect(supervisor);
    await watcher.expect('QUEUE_WATCHED', 'WATCH_QUEUE', {});
    await tick();
    await system.gateway.idle();
    expect(await get(id)).toMatchObject({ status: 'open', requeues: 1 });
    expect(await user(silent)).toMatchObject({ availability: 'away' });
    expect(socket.frames('AVAILABILITY_SET').at(-1)).toEqual({ status: 'away', until: null });
    expect(watcher.frames('AGENT_CHANGED')).toMatchObject([{ user: { id: silent.user.id, availability: 'away' } }]);
    await become(other);
    expect(await agentOf(id)).toBe(other.user.id);
  });

  it('tells what it has taken before it failed', async () => {
    const { supervisor, agents } = await team(1, { answerWithinSeconds: 60 });
    const [silent] = agents as [Person];
    const socket = await become(silent);
    const id = await open(await desk.candidate());
    await assignedAgo(id, 61_000);
    const watcher = await connect(supervisor);
    await watcher.expect('QUEUE_WATCHED', 'WATCH_QUEUE', {});
    // A team whose agents can't be looked for.
    const { supervisor: broken } = await team(1, { answerWithinSeconds: 60 });
    const rule = (seconds: unknown) =>
      userModel().collection.updateOne(
        { _id: broken.user.id as never },
        { $set: { 'routing.requeueAfterSeconds': seconds } },
      );
    await rule('for ever');
    await expect(tick()).rejects.toThrow();
    await rule(null);
    await system.gateway.idle();
    expect(watcher.frames('QUEUE_CHANGED')).toMatchObject([{ reason: 'requeued', conversation: { id } }]);
    expect(socket.frames('AVAILABILITY_SET').at(-1)).toEqual({ status: 'away', until: null });
  });

  it('takes nothing from who has said something since they were given it', async () => {
    const { supervisor, agents } = await team(2, { answerWithinSeconds: 60 });
    const [agent, next] = agents as [Person, Person];
    const id = await open(await desk.candidate());
    await desk.assign(supervisor, id, agent);
    const socket = await desk.join(agent, id);
    sockets.add(socket);
    await socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId: id, content: 'I am here' });
    await assignedAgo(id, 60 * MINUTE_MS);
    await tick();
    expect(await agentOf(id)).toBe(agent.user.id);
    // The next agent has not.
    await desk.assign(supervisor, id, next);
    await assignedAgo(id, 61_000);
    await tick();
    expect(await get(id)).toMatchObject({ status: 'open', requeues: 1 });
  });

  it('writes to the log when it has done something, and nothing when it has not', async () => {
    const { agents } = await team(1);
    const [agent] = agents as [Person];
    await become(agent);
    const lines: string[] = [];
    const stop = tapStdout((text) => lines.push(text) > 0);
    process.env['LOG_LEVEL'] = 'info';
    resetConfig();
    try {
      await tick();
      expect(lines).toEqual([]);
      await lapse(agent);
      await tick();
      expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ level: 'info', message: 'ticked', lapsed: 1 }]);
    } finally {
      stop();
      process.env['LOG_LEVEL'] = 'silent';
      resetConfig();
    }
  });

  it('is one read while nobody is available and no team automatic', async () => {
    await userModel().updateMany({}, { $unset: { leased: 1, routing: 1 } });
    await tick();
    const { seen, stop } = watchCommands();
    await tick();
    stop();
    expect(seen.map(({ name }) => name)).toEqual(['find']);
  });
});

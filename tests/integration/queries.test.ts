import mongoose from 'mongoose';
import { CONVERSATION_STATUSES } from '../../lib/domain/conversation.ts';
import { ROLES } from '../../lib/domain/roles.ts';
import { countClosed } from '../../lib/services/analytics/countClosed.ts';
import { type Command, WATCHED, watchCommands } from '../support/commands.ts';
import { httpFunctions, routeKeyOfEvent, socketFunctions } from '../support/handlers.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { insertPast, pastConversations, seeded } from '../support/seeding.ts';
import { type Desk, PASSWORD, type Person } from '../support/system.ts';

/**
 * Every command the service sends to the database, on a desk with a past: none looks at more than it answers, and each one
 * says how long it may take.
 */

const CONVERSATIONS = process.env['SOAK'] === '1' ? 10_000 : 4_000;
const DAY_MS = 24 * 3600 * 1000;

let system: InProcess;
let desk: Desk;
let invoked: Set<string>;
let commands: { name: string; command: Command }[];
let people: Record<'supervisor' | 'other' | 'agent' | 'teammate' | 'elsewhere' | 'candidate' | 'stranger', Person>;

beforeAll(async () => {
  ({ system, desk } = await startDesk({ ...WATCHED, RATE_LIMITS: 'on', RATE_LIMIT_FRAMES_PER_MINUTE: '10000' }));
  const { carrier } = system;
  invoked = new Set();
  system.carrier = (file, event) => {
    invoked.add(routeKeyOfEvent(event) ?? file);
    return carrier(file, event);
  };
  await populate();
  const watch = watchCommands();
  await listEverything();
  await everyOtherCommand();
  watch.stop();
  commands = watch.seen;
});
afterAll(() => system.stop());

async function populate(): Promise<void> {
  const [supervisor, other] = [await desk.supervisor(), await desk.supervisor()];
  const [agent, teammate] = [await desk.agent(supervisor), await desk.agent(supervisor)];
  const [elsewhere, candidate, stranger] = [await desk.agent(other), await desk.candidate(), await desk.candidate()];
  people = { supervisor, other, agent, teammate, elsewhere, candidate, stranger };
  const [mine, theirs] = [supervisor.user.id, other.user.id];
  const population = {
    // A few with thousands of conversations, and a crowd with one or two.
    candidates: [candidate, stranger]
      .map(({ user }) => user.id)
      .concat(Array.from({ length: 18 }, (_, index) => `candidate-${index}`)),
    supervisors: [mine, theirs],
    agents: [
      { id: agent.user.id, supervisors: [theirs, mine] },
      { id: teammate.user.id, supervisors: [mine] },
      { id: elsewhere.user.id, supervisors: [mine, theirs] },
      ...Array.from({ length: 5 }, (_, index) => ({ id: `agent-${index}`, supervisors: [mine, theirs] })),
    ],
  };
  const to = Date.now() - DAY_MS;
  const past = { from: to - 300 * DAY_MS, to, count: CONVERSATIONS, open: 0.05, assigned: 0.05 };
  await insertPast(pastConversations(population, past, seeded(1)));
  await countClosed(Number.POSITIVE_INFINITY);
  const database = mongoose.connection.db as mongoose.mongo.Db;
  const many = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
  const ago = (index: number) => new Date(Date.now() - index * 60_000);
  const insert = (name: string, rows: object[]) => database.collection(name).insertMany(rows);
  const ids = Object.values(people).map(({ user }) => user.id);
  const one = (index: number) => ids[index % ids.length];
  await insert(
    'users',
    many(5_000, (index) => ({
      _id: `user-${index}`,
      name: `User ${index}`,
      emailKey: `user-${index}@example.com`,
      email: `user-${index}@example.com`,
      passwordHash: 'none',
      role: index % 50 ? 'candidate' : index % 100 ? 'agent' : 'supervisor',
      supervisorId: index % 100 === 50 ? [mine, theirs, 'somebody'][index % 3] : null,
      active: index % 7 > 0,
      createdAt: ago(index),
    })),
  );
  await insert(
    'audit',
    many(10_000, (index) => ({
      _id: `entry-${index}`,
      createdAt: ago(index),
      action: index % 1_000 ? 'signed_in' : 'signed_out',
      actorId: one(index),
      actorRole: null,
      targetId: one(index * 3),
      sourceIp: '192.0.2.1',
      details: {},
      expiresAt: new Date(Date.now() + DAY_MS),
    })),
  );
  const lasting = { expiresAt: new Date(Date.now() + DAY_MS) };
  await insert(
    'connections',
    many(3_000, (i) => ({ _id: `c-${i}`, userId: `u-${i}`, sessionId: `s-${i}`, rooms: [`r-${i}`], ...lasting })),
  );
  await insert(
    'sessions',
    many(3_000, (i) => ({ _id: `s-${i}`, userId: `user-${i}`, createdAt: ago(i), ...lasting })),
  );
  await insert(
    'refresh_tokens',
    many(3_000, (i) => ({ _id: `t-${i}`, sessionId: `s-${i}`, spentAt: null, ...lasting })),
  );
  for (const name of ['messages', 'active_messages']) {
    await insert(
      name,
      many(3_000, (index) => ({
        _id: `m-${index}`,
        conversationId: `conversation-${Math.floor(index / 1_000)}`,
        seq: (index % 1_000) + 1,
        senderId: one(index),
        clientMessageId: `client-${index}`,
        sentAt: ago(index),
        ...(name === 'active_messages' && index % 2 ? lasting : {}),
      })),
    );
  }
}

/** Every list, by every set of filters and whoever may ask, from the beginning and from the middle. */
async function listEverything(): Promise<void> {
  const { supervisor, other, agent, teammate, elsewhere, candidate, stranger } = people;
  const conversations = {
    status: CONVERSATION_STATUSES,
    agentId: [agent.user.id],
    supervisorId: [supervisor.user.id],
    candidateId: [candidate.user.id],
  };
  for (const person of [desk.admin, supervisor, agent, candidate])
    await listBy('/conversations', conversations, person);
  // What is hardly ever together, or never.
  const elsewhereOnly = {
    agentId: [elsewhere.user.id],
    supervisorId: [other.user.id],
    candidateId: [stranger.user.id],
  };
  for (const person of [supervisor, agent]) await listBy('/conversations', elsewhereOnly, person);
  const users = { role: ROLES, supervisorId: [supervisor.user.id], active: ['true', 'false'] };
  for (const person of [desk.admin, supervisor]) await listBy('/users', users, person);
  const entries = { action: ['signed_out'], actorId: [teammate.user.id], targetId: [candidate.user.id] };
  await listBy('/audit', entries, desk.admin);
}

async function listBy(path: string, filters: Record<string, readonly string[]>, person: Person): Promise<void> {
  let queries = [''];
  for (const [name, values] of Object.entries(filters)) {
    queries = queries.flatMap((query) => [query, ...values.map((value) => `${query}&${name}=${value}`)]);
  }
  const middle = Buffer.from(`${Date.now() - 150 * DAY_MS}.middle`).toString('base64url');
  const near = Buffer.from(`${Date.now() - 3_600_000}.near`).toString('base64url');
  const cursor = path === '/conversations' ? middle : near;
  for (const query of queries) {
    for (const page of ['', `&cursor=${cursor}`]) await desk.ok('GET', `${path}?limit=10${query}${page}`, person.token);
  }
}

/** Everything else that can be asked of the service, at least once. */
async function everyOtherCommand(): Promise<void> {
  const { supervisor, agent, teammate, elsewhere, candidate, stranger } = people;
  const admin = desk.admin.token;
  await desk.ok('GET', '/health');
  await desk.ok('GET', '/auth/me', agent.token);
  await desk.ok('GET', `/users/${agent.user.id}`, supervisor.token);
  await desk.ok('PATCH', `/users/${teammate.user.id}`, admin, {
    name: 'Another Name',
    supervisorId: supervisor.user.id,
  });
  const leaving = await desk.anotherAdmin();
  await desk.ok('PATCH', `/users/${leaving.user.id}`, admin, { active: false });
  for (const period of ['', `?from=${iso(-200.3)}&to=${iso(-10.7)}`, `?from=${iso(-1.9)}`, `?to=${iso(-299.99)}`]) {
    await desk.ok('GET', `/analytics/supervisors${period}`, admin);
  }
  const { id } = await desk.conversation(candidate, 'hello');
  await desk.assign(supervisor, id, teammate);
  await desk.ok('POST', `/conversations/${id}/requeue`, supervisor.token);
  await desk.assign(supervisor, id, teammate);
  await desk.assign(supervisor, id, agent);
  const [c, a] = [await desk.join(candidate, id), await desk.join(agent, id)];
  const message = { conversationId: id, content: 'x', clientMessageId: 'mine' };
  await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', message);
  await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', message);
  await c.expect('PONG', 'PING', {});
  await c.expect('CONVERSATION_LEFT', 'LEAVE_CONVERSATION', { conversationId: id });
  await c.ask('NO_SUCH_EVENT', {});
  await desk.ok('GET', `/conversations/${id}`, candidate.token);
  await desk.ok('GET', `/conversations/${id}/messages`, candidate.token);
  await a.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', { conversationId: id });
  await system.gateway.idle();
  await desk.ok('GET', `/conversations/${id}/messages`, candidate.token);
  await desk.ok('POST', `/conversations/${(await desk.conversation(stranger)).id}/close`, supervisor.token);
  c.close();
  a.close();
  await system.gateway.idle();
  await desk.call('POST', '/auth/login', undefined, { email: elsewhere.email, password: 'not the password' });
  const session = await desk.ok('POST', '/auth/login', undefined, { email: elsewhere.email, password: PASSWORD });
  const { refreshToken } = session;
  const renewed = await desk.ok('POST', '/auth/refresh', undefined, { refreshToken });
  await desk.ok('PUT', '/auth/password', renewed.accessToken, {
    currentPassword: PASSWORD,
    newPassword: `${PASSWORD} too`,
  });
  await desk.ok('POST', '/auth/logout', renewed.accessToken);
  await desk.call('POST', '/auth/refresh', undefined, { refreshToken });
  await desk.conversation(stranger, 'erase me');
  await desk.ok('POST', `/users/${stranger.user.id}/erase`, admin);
  await desk.call('GET', '/no/such/route');
  await system.operate('createFirstAdmin', { name: 'Second', email: 'no@example.com', password: PASSWORD });
  await system.operate('sweep');
}

const iso = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString();

it('goes through every route and event there is', () => {
  const known = new Set([...httpFunctions.keys(), ...socketFunctions.keys()]);
  expect([...invoked].sort()).toEqual([...known].sort());
});

/** What the driver sends on its own account. */
const DRIVERS = ['endSessions', 'abortTransaction', 'killCursors'];

it('says with every command how long it may take', () => {
  const endless = commands.filter(
    ({ name, command }) => !DRIVERS.includes(name) && !(Number(command['maxTimeMS']) > 0),
  );
  expect(endless.map(({ name, command }) => `${name} ${String(command[name])}`)).toEqual([]);
  expect(Math.max(...commands.map(({ command }) => Number(command['maxTimeMS'] ?? 0)))).toBeLessThanOrEqual(8_000);
});

const EXPLAINED = ['find', 'aggregate', 'count', 'distinct', 'findAndModify', 'update', 'delete'];
/** The fields that say what a command is to do, not how it is carried. */
const CARRIED = ['lsid', 'txnNumber', 'autocommit', 'startTransaction', '$clusterTime', '$db', 'maxTimeMS'];
const CONCERNS = ['readConcern', 'writeConcern'];

/** Each statement by itself, as `explain` wants it. */
function statements({ name, command }: { name: string; command: Command }): Command[] {
  const plain = Object.fromEntries(Object.entries(command).filter(([key]) => ![...CARRIED, ...CONCERNS].includes(key)));
  const several = { update: 'updates', delete: 'deletes' }[name];
  if (several) return (plain[several] as object[]).map((one) => ({ ...plain, [several]: [one] }));
  if (name !== 'aggregate') return [plain];
  const pipeline = (plain['pipeline'] as object[]).filter((stage) => !('$merge' in stage));
  return [{ ...plain, pipeline, cursor: {} }];
}

/** What a statement looks like with other values. */
const shapeOf = (statement: Command): string =>
  JSON.stringify(statement, (_, value: unknown) =>
    typeof value === 'object' && value !== null ? value : typeof value,
  );

interface Cost {
  readonly keys: number;
  readonly documents: number;
  readonly returned: number;
}

const objectsIn = (value: unknown): Record<string, unknown>[] =>
  typeof value !== 'object' || value === null
    ? []
    : [
        value as Record<string, unknown>,
        // Plans that were turned down say nothing of what is done.
        ...Object.entries(value).flatMap(([key, within]) => (key === 'rejectedPlans' ? [] : objectsIn(within))),
      ];

/** How a statement is carried out: its stages, and what each plan it has looked at for what it returned. */
async function explain(statement: Command): Promise<{ stages: Set<unknown>; costs: Cost[] }> {
  const database = mongoose.connection.db as mongoose.mongo.Db;
  const answer = objectsIn(await database.command({ explain: statement, verbosity: 'executionStats' }));
  const stages = new Set(answer.map(({ stage }) => stage));
  if (answer.some(({ collectionScans }) => Number(collectionScans ?? 0) > 0)) stages.add('COLLSCAN');
  const costs = answer
    .filter((found) => 'totalKeysExamined' in found && 'nReturned' in found)
    .map((found) => ({
      keys: Number(found['totalKeysExamined']),
      documents: Number(found['totalDocsExamined']),
      returned: Math.max(
        Number(found['nReturned']),
        ...['nMatched', 'nWouldModify'].map((key) => changed(answer, key)),
      ),
    }));
  return { stages, costs };
}

/** An update returns nothing: what counts is what it would change. */
const changed = (answer: readonly Record<string, unknown>[], key: string): number =>
  Math.max(0, ...answer.map((found) => Number(found[key] ?? 0)));

/** An erasure goes through what the person did, once when it is asked for, and once more when nothing can come any more. */
const isRepeatedErasure = ({ update, updates }: Command): boolean =>
  update === 'audit' && (updates as { q: object }[]).some(({ q }) => 'sourceIp' in q);

it('has an index for every one of them, that serves the filter and the order', async () => {
  const seen = new Map<string, number>();
  const wrong: string[] = [];
  for (const { name, command } of commands.filter((sent) => EXPLAINED.includes(sent.name))) {
    for (const statement of statements({ name, command })) {
      const shape = shapeOf(statement);
      const before = seen.get(shape) ?? 0;
      seen.set(shape, before + 1);
      // The lists are asked with values that match much and little; of others a few will do.
      if (before >= (name === 'find' && statement['sort'] ? 100 : 3)) continue;
      const { stages, costs } = await explain(statement);
      const bad = ['COLLSCAN', 'SORT'].filter((stage) => stages.has(stage));
      const dear = costs.filter(({ keys, documents, returned }) => Math.max(keys, documents) > 2 * returned + 12);
      if (bad.length + dear.length > 0 && !isRepeatedErasure(statement))
        wrong.push(JSON.stringify([bad, dear, statement]));
    }
  }
  expect(seen.size).toBeGreaterThan(100);
  expect(wrong).toEqual([]);
});

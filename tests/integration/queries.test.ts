import mongoose from 'mongoose';
import { CONVERSATION_STATUSES } from '../../lib/domain/conversation.ts';
import { PRIORITIES } from '../../lib/domain/desk.ts';
import { ROLES } from '../../lib/domain/roles.ts';
import type { Session } from '../../lib/protocol/objects/users.ts';
import { countClosed } from '../../lib/services/analytics/countClosed.ts';
import { finishMerging } from '../../lib/services/auth/mergeVisitor.ts';
import { type ConversationRecord, countAssigned } from '../../lib/store/conversations.ts';
import { sessionModel } from '../../lib/store/sessions.ts';
import { userModel } from '../../lib/store/users.ts';
import { type Command, WATCHED, watchCommands } from '../support/commands.ts';
import { httpFunctions, routeKeyOfEvent, SITE_ROUTES, socketFunctions } from '../support/handlers.ts';
import { siteToken } from '../support/identity.ts';
import { inFull } from '../support/inFull.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { insertPast, pastConversations, seeded } from '../support/seeding.ts';
import { linkIn } from '../support/ses.ts';
import { type Desk, PASSWORD, type Person } from '../support/system.ts';

/**
 * Every command the service sends to the database, on a desk with a past: none looks at more than it answers, and each one
 * says how long it may take.
 */

const CONVERSATIONS = process.env['SOAK'] === '1' ? 10_000 : 2_500;
const DAY_MS = 24 * 3600 * 1000;
const many = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

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
  commands = [
    ...(await sentBy(async () => {
      await listEverything();
      await everyOtherCommand();
    })),
  ];
  await staffTheDesk();
  commands.push(...(await sentBy(deskAtWork)));
});

async function sentBy(work: () => Promise<void>): Promise<typeof commands> {
  const watch = watchCommands();
  await work();
  watch.stop();
  return watch.seen;
}
afterAll(() => system.stop());

/** What today's code notes of a conversation from its start. */
function* asOfToday(past: Iterable<ConversationRecord>): Generator<ConversationRecord> {
  let index = 0;
  for (const record of past) {
    index += 1;
    yield {
      ...record,
      revision: 1,
      urgency: index % PRIORITIES.length,
      requeues: 0,
      ...(index % 9 === 0 && { tags: index % 18 ? ['billing'] : ['billing', 'vip'] }),
      ...(record.status !== 'closed' && { room: [] }),
      ...(record.status === 'assigned' && { answeredAt: index % 2 ? record.assignedAt : null }),
    };
  }
}

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
  await insertPast(asOfToday(pastConversations(population, past, seeded(1))));
  await countClosed(Number.POSITIVE_INFINITY);
  const database = mongoose.connection.db as mongoose.mongo.Db;
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

/** Every list, by every set of filters and whoever may ask, from the beginning or from the middle; with `SOAK=1` from both. */
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
  // By a tag and a candidate, what this candidate has with that tag is gone through: that is not much.
  const { candidateId, ...others } = conversations;
  for (const person of [desk.admin, supervisor, agent])
    await listBy('/conversations', { tag: ['billing'], ...others }, person);
  await listBy('/conversations', { tag: ['vip'], status: conversations.status, candidateId }, desk.admin);
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
  for (const [index, query] of queries.entries()) {
    const pages = ['', `&cursor=${cursor}`].filter((_, page) => inFull || page === index % 2);
    for (const page of pages) await desk.ok('GET', `${path}?limit=4${query}${page}`, person.token);
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
  await desk.ok('POST', '/auth/password/forgot', undefined, { email: elsewhere.email });
  await desk.ok('POST', '/auth/password/forgot', undefined, { email: 'nobody@example.com' });
  await system.gateway.idle();
  const { token } = linkIn(system.gateway.ses.mails.at(-1)?.text ?? '');
  await desk.ok('POST', '/auth/password/reset', undefined, { token, newPassword: PASSWORD });
  await desk.ok('POST', `/users/${elsewhere.user.id}/password-reset`, admin);
  await desk.call('POST', '/auth/password/reset', undefined, { token, newPassword: PASSWORD });
  // SES refuses it three times: it waits in the outbox, where the sweep finds it.
  system.gateway.ses.faults = Array(3).fill({ status: 503, type: 'ServiceUnavailableException' });
  await desk.ok('POST', '/auth/password/forgot', undefined, { email: elsewhere.email });
  await system.gateway.idle();
  await desk.ok('POST', '/auth/logout', (await desk.login(elsewhere.email)).token);
  await desk.call('POST', '/auth/refresh', undefined, { refreshToken });
  await customersComeAndGo();
  await desk.conversation(stranger, 'erase me');
  await desk.ok('POST', `/users/${stranger.user.id}/erase`, admin);
  await desk.call('GET', '/no/such/route');
  await system.operate('createFirstAdmin', { name: 'Second', email: 'no@example.com', password: PASSWORD });
  await system.operate('sweep');
}

/** A visitor turns out to be a customer, twice: somebody new, and somebody who is known. Another one goes. */
async function customersComeAndGo(): Promise<void> {
  const come = (): Promise<Session> => desk.ok('POST', '/auth/visitor', undefined, {});
  const exchange = (visitorToken?: string): Promise<Session> => {
    const token = siteToken({ sub: 'a-customer', name: 'Ada', email: 'ada@example.com' });
    return desk.ok('POST', '/auth/exchange', undefined, { token, visitorToken });
  };
  await exchange((await come()).accessToken);
  const visitor = await come();
  const say = { subject: 'Who am I?', message: 'hello' };
  const { id } = await desk.ok('POST', '/conversations', visitor.accessToken, say);
  await desk.ok('PUT', `/conversations/${id}/read`, visitor.accessToken, { seq: 1 });
  const customer = await exchange(visitor.accessToken);
  const socket = await system.connect({ token: customer.accessToken });
  await socket.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', { conversationId: id });
  const message = { conversationId: id, content: 'x', clientMessageId: 'mine' };
  await socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', message);
  await socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', message);
  await socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { ...message, clientMessageId: 'next', after: 'mine' });
  socket.close();
  await finishMerging(visitor.user.id, Number.POSITIVE_INFINITY);
  await desk.ok('POST', '/auth/logout', (await come()).accessToken);
  const gone = await come();
  await userModel().updateOne({ _id: gone.user.id }, { visitorUntil: new Date(0) });
  await sessionModel().deleteMany({ userId: gone.user.id });
  await desk.ok('POST', `/users/${customer.user.id}/erase`, desk.admin.token);
}

const ROUTING = { mode: 'automatic', requeueAfterSeconds: 60, answerWithinSeconds: 60 };

/** Some agents of other teams are available, most have room, and the leases of a few have run out. */
async function staffTheDesk(): Promise<void> {
  const users = userModel().collection;
  await users.updateMany(
    { _id: { $in: many(10, (index) => `user-${index * 100}`) as never[] } },
    {
      $set: { routing: ROUTING },
    },
  );
  await users.updateMany({ role: 'agent', _id: /^user-/ as never }, { $set: { automatic: true, assignedCount: 0 } });
  const leased = (index: number) => ({
    leased: true as const,
    availableUntil: new Date(Date.now() + (index % 5 ? 1 : -1) * 3_600_000),
    availabilities: 1,
    assignedCount: index % 7,
  });
  for (const index of many(15, (i) => i)) {
    await users.updateOne({ _id: `user-${index * 100 + 50}` as never }, { $set: { ...leased(index), active: true } });
  }
  const { other, elsewhere } = people;
  const assignedCount = await countAssigned(elsewhere.user.id);
  await users.updateOne({ _id: elsewhere.user.id as never }, { $set: { assignedCount } });
  await desk.ok('PUT', '/routing', other.token, ROUTING);
}

/** Somebody watches, agents come and go, and the clock gives conversations and takes them back. */
async function deskAtWork(): Promise<void> {
  const { supervisor, other, teammate, candidate } = people;
  const watcher = await desk.connect(supervisor);
  const { nextCursor } = await watcher.expect('QUEUE_WATCHED', 'WATCH_QUEUE', {});
  await watcher.expect('QUEUE_WATCHED', 'WATCH_QUEUE', { cursor: nextCursor });
  await desk.ok('PUT', '/routing', supervisor.token, ROUTING);
  await desk.ok('GET', '/routing', other.token);
  await desk.ok('GET', '/desk');
  await desk.ok('PUT', `/users/${teammate.user.id}/capacity`, supervisor.token, { maxConversations: 7 });
  const agent = await desk.connect(teammate);
  for (const renew of [false, true])
    await agent.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'available', renew });
  const talk = await desk.conversation(candidate, 'hello');
  await desk.assign(supervisor, talk.id, teammate);
  const path = `/conversations/${talk.id}`;
  const c = await desk.join(candidate, talk.id);
  c.send('TYPING', { conversationId: talk.id, typing: true });
  await c.expect('MESSAGES_READ', 'MARK_READ', { conversationId: talk.id, seq: 1 });
  await desk.ok('PUT', `/conversations/${talk.id}/read`, teammate.token, { seq: 1 });
  for (const clientNoteId of ['n-1', 'n-1'])
    await desk.ok('POST', `/conversations/${talk.id}/notes`, teammate.token, { content: 'noted', clientNoteId });
  const { nextCursor: next } = await desk.ok('GET', `/conversations/${talk.id}/notes?limit=1`, teammate.token);
  expect(next).toBeNull();
  await desk.ok('GET', `/conversations/${talk.id}/transcript`, candidate.token);
  await desk.ok('POST', `${path}/close`, teammate.token);
  await desk.ok('PUT', `/conversations/${talk.id}/rating`, candidate.token, { score: 5, comment: 'Thanks.' });
  const canned = { scope: 'own', shortcut: 'hello', title: 'Hello', content: 'Hello, how can I help?' };
  const { id: replyId } = await desk.ok('POST', '/replies', teammate.token, canned);
  await desk.ok('PATCH', `/replies/${replyId}`, teammate.token, { title: 'A greeting' });
  await desk.ok('GET', '/replies', teammate.token);
  await desk.ok('DELETE', `/replies/${replyId}`, teammate.token);
  const times = 'from=2026-01-01T00:00:00Z&to=2026-12-31T00:00:00Z&timeZone=Europe/Berlin';
  for (const { token } of [desk.admin, supervisor]) await desk.ok('GET', `/analytics/timeline?${times}`, token);
  c.close();
  const { id } = await desk.conversation(candidate, 'hello');
  await desk.ok('PATCH', `/conversations/${id}`, desk.admin.token, { priority: 'high', addTags: ['billing'] });
  await system.gateway.idle();
  for (let ticks = 0; ticks < 2; ticks += 1) await system.operate('dispatch', { tick: true });
  await desk.ok('PUT', `/users/${teammate.user.id}/availability`, supervisor.token, { status: 'away' });
  await agent.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'available' });
  await agent.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'away' });
  await system.gateway.idle();
  await watcher.expect('QUEUE_UNWATCHED', 'UNWATCH_QUEUE', {});
  watcher.close();
  agent.close();
  await system.gateway.idle();
  await system.operate('sweep');
}

const iso = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString();

it('goes through every route and event there is', () => {
  // The pages ask nothing of the database.
  const asking = [...httpFunctions.keys()].filter((route) => !SITE_ROUTES.includes(route));
  const known = new Set([...asking, ...socketFunctions.keys(), 'dispatch', 'mail']);
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
async function explain(statement: Command): Promise<{ stages: Set<unknown>; indexes: Set<unknown>; costs: Cost[] }> {
  const database = mongoose.connection.db as mongoose.mongo.Db;
  const answer = objectsIn(await database.command({ explain: statement, verbosity: 'executionStats' }));
  const stages = new Set(answer.map(({ stage }) => stage));
  const indexes = new Set(answer.map(({ indexName }) => indexName));
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
  return { stages, indexes, costs };
}

/** An update returns nothing: what counts is what it would change. */
const changed = (answer: readonly Record<string, unknown>[], key: string): number =>
  Math.max(0, ...answer.map((found) => Number(found[key] ?? 0)));

/** An erasure goes through what the person did, once when it is asked for, and once more when nothing can come any more. */
const isRepeatedErasure = ({ update, updates }: Command): boolean =>
  update === 'audit' && (updates as { q: object }[]).some(({ q }) => 'sourceIp' in q);

/** The indexes of a desk at work. */
const DESKS = [
  'queue',
  'routed',
  'leased',
  'routing',
  'held',
  'unanswered',
  'watching_1',
  ...['', 'agentId_1_', 'supervisorId_1_', 'candidateId_1_', 'closedBy_1_'].map(
    (who) => `tags_1_${who}status_1_createdAt_-1__id_-1`,
  ),
];

/** A change of routing, and the clock, go through the agents of a team. */
const isAboutATeam = (statement: Command): boolean =>
  (statement['update'] === 'users' || statement['find'] === 'users') &&
  JSON.stringify(statement['updates'] ?? statement['filter']).includes('"automatic"') &&
  JSON.stringify(statement['updates'] ?? statement['filter']).includes('"supervisorId"');

it('has an index for every one of them, that serves the filter and the order', async () => {
  const seen = new Map<string, number>();
  const used = new Set<unknown>();
  const wrong: string[] = [];
  for (const { name, command } of commands.filter((sent) => EXPLAINED.includes(sent.name))) {
    for (const statement of statements({ name, command })) {
      const shape = shapeOf(statement);
      const before = seen.get(shape) ?? 0;
      seen.set(shape, before + 1);
      // The lists are asked with values that match much and little; of others a few will do.
      if (before >= (name === 'find' && statement['sort'] ? 100 : 3)) continue;
      const { stages, indexes, costs } = await explain(statement);
      for (const index of indexes) used.add(index);
      const bad = ['COLLSCAN', 'SORT'].filter((stage) => stages.has(stage));
      const dear = costs.filter(({ keys, documents, returned }) => Math.max(keys, documents) > 2 * returned + 12);
      if (bad.length > 0 || (dear.length > 0 && !isRepeatedErasure(statement) && !isAboutATeam(statement)))
        wrong.push(JSON.stringify([bad, dear, statement]));
    }
  }
  expect(seen.size).toBeGreaterThan(100);
  expect(wrong).toEqual([]);
  expect([...used]).toEqual(expect.arrayContaining(DESKS));
});

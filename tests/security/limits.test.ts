import { routes } from '../../lib/protocol/routes.ts';
import { resetConfig } from '../../lib/runtime/config.ts';
import { rateLimitModel } from '../../lib/store/rateLimits.ts';
import { siteToken } from '../support/identity.ts';
import { type Environment, type InProcess, startDesk } from '../support/inProcess.ts';
import { type Desk, PASSWORD, type Person } from '../support/system.ts';

/** Every write, watch, transcript, exchange and reset is limited: by user, else by address. */

let system: InProcess;
let desk: Desk;
let people: Readonly<Record<'admin' | 'supervisor' | 'agent' | 'candidate' | 'nobody', Person | null>>;
let conversationId: string;

/** One of each at most. What a limit counts is counted before anything is looked for, so the ids below need not be there. */
const ONE: Environment = Object.fromEntries(
  [
    ...['CONVERSATIONS_PER_HOUR', 'STAFF_WRITES_PER_MINUTE', 'WATCHES_PER_MINUTE', 'AVAILABILITY_PER_MINUTE'],
    ...['READS_PER_MINUTE', 'TRANSCRIPTS_PER_HOUR', 'REGISTRATIONS_PER_HOUR', 'EXCHANGES_PER_MINUTE'],
    ...['VISITORS_PER_HOUR', 'REFRESHES_PER_MINUTE', 'RESETS_PER_HOUR', 'MESSAGES_PER_MINUTE'],
  ].map((name) => [`RATE_LIMIT_${name}`, '1']),
);

beforeAll(async () => {
  ({ system, desk } = await startDesk());
  const { supervisor, agent, candidate, conversation } = await desk.assigned('hello');
  people = { admin: desk.admin, supervisor, agent, candidate, nobody: null };
  conversationId = conversation.id;
  Object.assign(process.env, { ...ONE, RATE_LIMITS: 'on' });
  resetConfig();
});
afterAll(async () => {
  for (const name of Object.keys(ONE)) delete process.env[name];
  process.env['RATE_LIMITS'] = 'off';
  resetConfig();
  await system.stop();
});

type Call = readonly [who: keyof typeof people, path: string, body?: unknown];

const reply = { shortcut: 'hi', title: 'Hi', content: 'Hello', scope: 'own' };
const routing = { mode: 'manual', requeueAfterSeconds: null, answerWithinSeconds: null };
const email = 'somebody@example.com';

const CALLS: Readonly<Record<string, Call | (() => Call)>> = {
  register: ['nobody', '/auth/register', { name: 'Kim', email, password: PASSWORD }],
  exchangeIdentity: () => ['nobody', '/auth/exchange', { token: siteToken({ sub: 'limited' }) }],
  createVisitor: ['nobody', '/auth/visitor', {}],
  refreshSession: () => ['nobody', '/auth/refresh', { refreshToken: people.candidate?.session.refreshToken }],
  forgotPassword: ['nobody', '/auth/password/forgot', { email }],
  resetPassword: ['nobody', '/auth/password/reset', { token: 'x'.repeat(43), newPassword: PASSWORD }],
  createUser: ['admin', '/users', { name: 'New', email, password: PASSWORD, role: 'admin' }],
  updateUser: ['admin', '/users/none', { name: 'New' }],
  eraseUser: ['admin', '/users/none/erase'],
  createPasswordReset: ['admin', '/users/none/password-reset'],
  sendAway: ['supervisor', '/users/none/availability', { status: 'away' }],
  setCapacity: ['supervisor', '/users/none/capacity', { maxConversations: 3 }],
  setRouting: ['supervisor', '/routing', routing],
  createReply: ['agent', '/replies', reply],
  updateReply: ['agent', '/replies/none', { title: 'Hello' }],
  deleteReply: ['agent', '/replies/none'],
  createConversation: ['candidate', '/conversations', { subject: 'Another' }],
  assignConversation: ['supervisor', '/conversations/none/assign', { agentId: 'none' }],
  requeueConversation: ['agent', '/conversations/none/requeue'],
  closeConversation: ['agent', '/conversations/none/close'],
  editConversation: ['agent', '/conversations/none', { priority: 'high' }],
  addNote: ['agent', '/conversations/none/notes', { content: 'A note' }],
  markRead: ['candidate', '/conversations/none/read', { seq: 1 }],
  rateConversation: ['candidate', '/conversations/none/rating', { score: 5 }],
  getTranscript: ['agent', '/conversations/none/transcript'],
};

/** What is limited otherwise: see throttling.test.ts, and sessionBounds.test.ts. */
const OTHERWISE = ['login', 'logout', 'changePassword'];

/** A route's calls are counted with other ones: from now on only its own count. */
const forgetCounts = () => rateLimitModel().deleteMany({});

it('has all routes that write', () => {
  const writing = Object.values(routes).filter(({ method }) => method !== 'GET');
  const known = [...Object.keys(CALLS), ...OTHERWISE];
  expect(writing.map(({ operation }) => operation).filter((operation) => !known.includes(operation))).toEqual([]);
});

it.each(Object.keys(CALLS))('%s', async (operation) => {
  const { method, errors } = routes[operation as keyof typeof routes];
  const call = CALLS[operation] as (typeof CALLS)[string];
  const [who, path, body] = typeof call === 'function' ? call() : call;
  await forgetCounts();
  expect(errors).toContain('RATE_LIMITED');
  const first = await desk.call(method, path, people[who]?.token, body);
  expect(first.status).not.toBe(429);
  const { status, body: problem, headers } = await desk.call(method, path, people[who]?.token, body);
  expect([status, problem.code, headers['retry-after']]).toEqual([429, 'RATE_LIMITED', expect.any(String)]);
});

it.each([
  ['WATCH_QUEUE', 'supervisor', () => ({})],
  ['SET_AVAILABILITY', 'agent', () => ({ status: 'away' })],
  ['MARK_READ', 'candidate', () => ({ conversationId, seq: 1 })],
  ['SEND_MESSAGE', 'candidate', () => ({ conversationId, content: 'hello' })],
] as const)('%s', async (event, who, data) => {
  const person = people[who] as Person;
  const socket = who === 'candidate' ? await desk.join(person, conversationId) : await desk.connect(person);
  await forgetCounts();
  expect((await socket.ask(event, data())).event).not.toBe('ERROR');
  const refused = await socket.ask(event, data());
  socket.close();
  expect(refused).toMatchObject({ event: 'ERROR', data: { code: 'RATE_LIMITED', retryAfter: expect.any(Number) } });
});

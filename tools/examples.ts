import type { AnswerOf, EventData, HttpOperation, RequestOf } from '../lib/protocol/client.ts';
import type { ErrorCode } from '../lib/protocol/errors.ts';
import type { ClientEventName, ServerData, ServerEventName } from '../lib/protocol/events.ts';
import type { SupervisorAnalytics } from '../lib/protocol/objects/analytics.ts';
import type {
  Conversation,
  HeldConversation,
  Message,
  Note,
  Rating,
  StaffConversation,
} from '../lib/protocol/objects/conversations.ts';
import type { AuditEntry } from '../lib/protocol/objects/operations.ts';
import type { Problem } from '../lib/protocol/objects/problem.ts';
import type { Reply } from '../lib/protocol/objects/replies.ts';
import type { User } from '../lib/protocol/objects/users.ts';
import type { Route } from '../lib/protocol/route.ts';

/**
 * The documents' examples: one conversation between Kim, a candidate, and Robin, an agent. Every route and event has an
 * example, which mock servers and importers use as it is. A test validates every example by its schema.
 */
const id = (last: number): string => `5f1c2a52-93a4-4b83-8c0e-0a3c4c0b7d${String(last).padStart(2, '0')}`;
const at = (time: string): string => `2026-01-31T${time}.000Z`;

const SUPERVISOR = id(2);
const AGENT = id(3);
const CANDIDATE = id(4);
const CONVERSATION = id(10);
const PASSWORD = 'correct horse battery staple';

const candidate: User = {
  id: CANDIDATE,
  name: 'Kim',
  email: 'kim@example.com',
  role: 'candidate',
  supervisorId: null,
  active: true,
  createdAt: at('09:00:00'),
  maxConversations: null,
  availability: null,
};

const agent: User = {
  id: AGENT,
  name: 'Robin',
  email: 'robin@example.com',
  role: 'agent',
  supervisorId: SUPERVISOR,
  active: true,
  createdAt: at('08:00:00'),
  maxConversations: 5,
  availability: 'available',
};

const erased: User = { ...candidate, name: 'Erased', email: null, active: false };

/** As an answer over HTTP to one of the staff who doesn't take part in it. */
const held = (conversation: Conversation, requeues = 0): HeldConversation => ({
  ...toStaff(conversation, requeues),
  unread: null,
});

const routing = { mode: 'automatic', requeueAfterSeconds: 300, answerWithinSeconds: 600 } as const;

const reset = {
  url: 'https://support.example.com/console#token=mHhz3Wq0c7Jw4x9Yd2nRkT6vBpLs8GfUeXaQiZoM1tE',
  expiresAt: at('09:30:00'),
} as const;

const session = {
  user: candidate,
  accessToken: 'eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImsxIn0.e30.signature',
  refreshToken: 'm1f0Zr1mWJ0Tn0s3cV5o2yXb8q9LhPzK4uEwG7dRtAo',
  tokenType: 'Bearer',
  expiresIn: 900,
} as const;

const open: Conversation = {
  id: CONVERSATION,
  subject: 'My application',
  status: 'open',
  candidateId: CANDIDATE,
  agentId: null,
  supervisorId: null,
  lastSeq: 1,
  createdAt: at('09:01:00'),
  assignedAt: null,
  firstResponseAt: null,
  closedAt: null,
  closedBy: null,
  candidate: { id: CANDIDATE, name: candidate.name },
  agent: null,
  lastMessageAt: at('09:01:00'),
  revision: 0,
};

const assigned: Conversation = {
  ...open,
  status: 'assigned',
  agentId: AGENT,
  supervisorId: SUPERVISOR,
  assignedAt: at('09:02:00'),
  agent: { id: AGENT, name: agent.name },
  revision: 1,
};

/** As the staff are shown it. */
const toStaff = (conversation: Conversation, requeues = 0): StaffConversation => ({
  ...conversation,
  candidate: { ...conversation.candidate, email: candidate.email },
  priority: 'normal',
  tags: ['billing'],
  requeues,
  context: { page: '/orders/4711' },
  rating: null,
});

const requeued: Conversation = { ...open, lastSeq: 2, firstResponseAt: at('09:03:00'), lastMessageAt: at('09:03:00') };

const closed: Conversation = {
  ...assigned,
  status: 'closed',
  lastSeq: 2,
  firstResponseAt: at('09:03:00'),
  closedAt: at('09:10:00'),
  closedBy: AGENT,
  lastMessageAt: at('09:03:00'),
};

const question: Message = {
  id: id(21),
  conversationId: CONVERSATION,
  seq: 1,
  senderId: CANDIDATE,
  senderRole: 'candidate',
  senderName: candidate.name,
  content: 'Hello, is anybody there?',
  clientMessageId: null,
  sentAt: at('09:01:00'),
};

const reply: Message = {
  id: id(22),
  conversationId: CONVERSATION,
  seq: 2,
  senderId: AGENT,
  senderRole: 'agent',
  senderName: agent.name,
  content: 'Yes. How can I help?',
  clientMessageId: 'robin-1',
  sentAt: at('09:03:00'),
};

const note: Note = {
  id: id(35),
  conversationId: CONVERSATION,
  authorId: AGENT,
  authorName: agent.name,
  content: 'Asked for this before.',
  clientNoteId: 'robin-note-1',
  createdAt: at('09:04:00'),
};

const rating: Rating = { score: 5, comment: 'That was quick.', ratedAt: at('09:12:00') };

const cannedReply: Reply = {
  id: id(40),
  shortcut: 'hello',
  title: 'A greeting',
  content: 'Hello, how can I help?',
  scope: 'own',
  createdAt: at('08:30:00'),
};

const analytics: SupervisorAnalytics = {
  from: at('00:00:00'),
  to: null,
  supervisors: [
    {
      supervisor: { id: SUPERVISOR, name: 'Sasha', email: 'sasha@example.com' },
      agentCount: 1,
      closedConversations: 1,
      medianFirstResponseSeconds: 120,
      medianResolutionSeconds: 540,
      ratings: { count: 1, mean: 5 },
      agents: [{ id: AGENT, name: 'Robin', closedConversations: 1, ratings: { count: 1, mean: 5 } }],
    },
  ],
  totals: { supervisors: 1, agents: 1, closedConversations: 1 },
};

const auditEntry: AuditEntry = {
  id: id(31),
  at: at('09:02:00'),
  action: 'conversation_assigned',
  actorId: SUPERVISOR,
  actorRole: 'supervisor',
  sourceIp: '203.0.113.7',
  targetId: CONVERSATION,
  details: { agentId: AGENT },
};

type Example<N extends HttpOperation> = (RequestOf<N> extends { readonly body: infer B }
  ? { readonly request: B }
  : unknown) &
  (AnswerOf<N> extends undefined ? unknown : { readonly answer: AnswerOf<N> });

const lastPage = <T>(...items: T[]) => ({ items, nextCursor: null });

/** The request and the answer of each route. */
export const ROUTE_EXAMPLES: { readonly [Name in HttpOperation]: Example<Name> } = {
  register: { request: { name: 'Kim', email: 'kim@example.com', password: PASSWORD }, answer: session },
  login: { request: { email: 'kim@example.com', password: PASSWORD }, answer: session },
  exchangeIdentity: {
    request: { token: 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InMxIn0.e30.signature' },
    answer: session,
  },
  createVisitor: {
    request: { name: 'Kim' },
    answer: { ...session, user: { ...candidate, email: null } },
  },
  refreshSession: { request: { refreshToken: session.refreshToken }, answer: session },
  logout: {},
  getMe: { answer: candidate },
  changePassword: { request: { currentPassword: PASSWORD, newPassword: 'a longer pass phrase than before' } },
  forgotPassword: { request: { email: 'kim@example.com' } },
  resetPassword: { request: { token: reset.url.split('=')[1] ?? '', newPassword: PASSWORD } },
  createUser: {
    request: {
      name: 'Robin',
      email: 'robin@example.com',
      password: PASSWORD,
      role: 'agent',
      supervisorId: SUPERVISOR,
    },
    answer: agent,
  },
  listUsers: { answer: lastPage(agent) },
  getUser: { answer: agent },
  updateUser: { request: { name: 'Robin' }, answer: agent },
  eraseUser: { answer: erased },
  createPasswordReset: { answer: reset },
  sendAway: { request: { status: 'away' }, answer: { ...agent, availability: 'away' } },
  setCapacity: { request: { maxConversations: 8 }, answer: { ...agent, maxConversations: 8 } },
  createConversation: {
    request: { subject: open.subject, message: question.content, context: { page: '/orders/4711' } },
    answer: { ...open, unread: 0, rating: null },
  },
  listConversations: { answer: lastPage(held(assigned)) },
  getConversation: { answer: held(assigned) },
  listMessages: { answer: { items: [question, reply], nextAfterSeq: null } },
  assignConversation: { request: { agentId: AGENT }, answer: held(assigned) },
  requeueConversation: { answer: held(requeued, 1) },
  closeConversation: { answer: held(closed) },
  editConversation: {
    request: { priority: 'high', addTags: ['vip'], removeTags: ['billing'] },
    answer: { ...held(assigned), priority: 'high', tags: ['vip'], revision: 2 },
  },
  markRead: {
    request: { seq: 2 },
    answer: { conversationId: CONVERSATION, userId: CANDIDATE, seq: 2, readAt: at('09:05:00') },
  },
  getTranscript: { answer: { conversation: closed, messages: [question, reply] } },
  listNotes: { answer: lastPage(note) },
  addNote: { request: { content: note.content, clientNoteId: 'robin-note-1' }, answer: note },
  rateConversation: { request: { score: 5, comment: 'That was quick.' }, answer: rating },
  listReplies: { answer: lastPage(cannedReply) },
  createReply: {
    request: { shortcut: 'hello', title: 'A greeting', content: cannedReply.content, scope: 'own' },
    answer: cannedReply,
  },
  updateReply: { request: { title: 'A greeting' }, answer: cannedReply },
  deleteReply: {},
  timeline: {
    answer: {
      days: [
        {
          date: '2026-01-31',
          opened: 1,
          closed: 1,
          medianFirstResponseSeconds: 120,
          medianResolutionSeconds: 540,
          ratings: { count: 1, mean: 5 },
        },
      ],
    },
  },
  getRouting: { answer: routing },
  setRouting: { request: routing, answer: routing },
  getDesk: { answer: { open: true } },
  supervisorAnalytics: { answer: analytics },
  listAudit: { answer: lastPage(auditEntry) },
  health: { answer: { status: 'ok', version: '1.0.0' } },
};

/** Returns the example of one route. */
export const routeExample = (route: Route): { readonly request?: unknown; readonly answer?: unknown } =>
  ROUTE_EXAMPLES[route.operation as HttpOperation] as { request?: unknown; answer?: unknown };

/**
 * Parameters of paths and queries, by name. A cursor has none: no cursor is good for two lists, and the tools that send
 * examples as they are begin with the first page.
 */
export const PARAMETER_EXAMPLES: Readonly<Record<string, string | number | boolean>> = {
  userId: AGENT,
  conversationId: CONVERSATION,
  agentId: AGENT,
  supervisorId: SUPERVISOR,
  candidateId: CANDIDATE,
  actorId: SUPERVISOR,
  targetId: CONVERSATION,
  action: auditEntry.action,
  role: agent.role,
  active: true,
  status: assigned.status,
  tag: 'billing',
  format: 'json',
  timeZone: 'Europe/Berlin',
  replyId: id(40),
  limit: 20,
  afterSeq: 0,
  from: at('00:00:00'),
  to: at('23:59:59'),
};

/** The data of each client event. */
export const CLIENT_EVENT_EXAMPLES: { readonly [Name in ClientEventName]: EventData<Name> } = {
  JOIN_CONVERSATION: { conversationId: CONVERSATION, afterSeq: 0 },
  SEND_MESSAGE: { conversationId: CONVERSATION, content: reply.content, clientMessageId: 'robin-1' },
  LEAVE_CONVERSATION: { conversationId: CONVERSATION },
  CLOSE_CONVERSATION: { conversationId: CONVERSATION },
  TYPING: { conversationId: CONVERSATION, typing: true },
  MARK_READ: { conversationId: CONVERSATION, seq: 2 },
  WATCH_QUEUE: {},
  UNWATCH_QUEUE: {},
  SET_AVAILABILITY: { status: 'available', renew: true },
  PING: {},
};

/** The data of each server event. */
export const SERVER_EVENT_EXAMPLES: { readonly [Name in ServerEventName]: ServerData<Name> } = {
  CONVERSATION_JOINED: {
    conversation: assigned,
    readSeqs: { [CANDIDATE]: 1, [AGENT]: 0 },
    present: [CANDIDATE],
    messages: [question],
    nextAfterSeq: null,
  },
  MESSAGE_ACCEPTED: {
    conversationId: CONVERSATION,
    messageId: reply.id,
    seq: reply.seq,
    clientMessageId: reply.clientMessageId,
    sentAt: reply.sentAt,
    duplicate: false,
  },
  NEW_MESSAGE: reply,
  CONVERSATION_LEFT: { conversationId: CONVERSATION },
  CONVERSATION_ASSIGNED: { conversation: assigned },
  CONVERSATION_REQUEUED: { conversation: requeued },
  CONVERSATION_CLOSED: { conversationId: CONVERSATION, closedAt: at('09:10:00'), closedBy: AGENT, lastSeq: 2 },
  TYPING: { conversationId: CONVERSATION, userId: AGENT, typing: true },
  MESSAGES_READ: { conversationId: CONVERSATION, userId: CANDIDATE, seq: 2, readAt: at('09:05:00') },
  PARTICIPANT_JOINED: { conversationId: CONVERSATION, userId: AGENT },
  PARTICIPANT_LEFT: { conversationId: CONVERSATION, userId: AGENT },
  QUEUE_WATCHED: { conversations: [toStaff(open)], nextCursor: null },
  QUEUE_UNWATCHED: {},
  QUEUE_CHANGED: { conversation: toStaff(assigned), reason: 'assigned' },
  QUEUE_REMOVED: { conversationId: CONVERSATION, revision: 1 },
  QUEUE_STALE: {},
  NOTE_ADDED: { note },
  AGENT_CHANGED: { user: agent },
  AVAILABILITY_SET: { status: 'available', until: at('09:02:30') },
  PONG: {},
  ERROR: {
    code: 'NOT_JOINED',
    message: 'This connection has not joined the conversation.',
    event: 'SEND_MESSAGE',
  },
};

/** Makes a problem document with this code. */
export const problemExample = (code: ErrorCode, status: number, title: string, detail: string): Problem => ({
  type: 'about:blank',
  title,
  status,
  detail,
  code,
  requestId: '8f2a0c1e-6d0b-4f0e-9a53-3f6f2f1d9b77',
  ...(code === 'VALIDATION_FAILED' && { errors: [{ pointer: '/query/limit', detail: 'must be a whole number' }] }),
});

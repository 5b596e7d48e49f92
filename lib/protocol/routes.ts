import * as z from 'zod/mini';
import { type Operation, PERMISSIONS } from '../domain/permissions.ts';
import { STAFF_ROLES } from '../domain/roles.ts';
import type { ErrorCode } from './errors.ts';
import {
  AUDIT_ACTIONS,
  auditEntrySchema,
  clientConversationIdSchema,
  contentSchema,
  conversationSchema,
  emailSchema,
  givenPasswordSchema,
  healthSchema,
  idSchema,
  messageSchema,
  nameSchema,
  passwordSchema,
  roleSchema,
  schema,
  sessionSchema,
  statusSchema,
  subjectSchema,
  supervisorAnalyticsSchema,
  timestampSchema,
  userSchema,
} from './objects.ts';
import type { Repeating } from './repeating.ts';
import { readTime } from './time.ts';

/** Everything the outside may know of one HTTP route. Requests are strict: an unknown field is an error naming it. */
export interface Route {
  readonly operation: Operation;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  /** With `{name}` for path parameters. */
  readonly path: string;
  readonly summary: string;
  readonly tag: 'auth' | 'users' | 'conversations' | 'analytics' | 'operations';
  readonly params?: z.ZodMiniType<Record<string, unknown>>;
  readonly query?: z.ZodMiniType<Record<string, unknown>>;
  readonly body?: z.ZodMiniType<Record<string, unknown>>;
  readonly status: 200 | 201 | 204;
  /** Where a request that repeats one which has been carried out is answered with another status. */
  readonly repeatedStatus?: 200;
  /** Makes the schema of the answer's body; `null` where it has none. */
  readonly response: (() => z.ZodMiniType) | null;
  readonly repeat: Repeating;
  /** What this route may refuse with, beyond what every route of its kind may (see `refusals`). */
  readonly errors: readonly ErrorCode[];
}

/** As `schema` makes schemas. */
const route = <const R extends Route>(make: () => R): R => make();

/** Digits only, so `1e9`, `-1` and ` 5` are refused rather than guessed at. */
const whole = (digits: RegExp, error: string) =>
  z.pipe(z.string().check(z.regex(digits, { error, abort: true })), z.transform(Number));

const limit = (most: number, byDefault: number) => {
  const error = `must be a whole number from 1 to ${most}`;
  const least = z.minimum(1, { error });
  return schema(
    () => z._default(z.pipe(whole(/^\d{1,9}$/, error), z.int().check(least, z.maximum(most, { error }))), byDefault),
    { override: { type: 'integer', minimum: 1, maximum: most, default: byDefault } },
  );
};

const afterSeqQuery = /* @__PURE__ */ schema(
  () => {
    const number = whole(/^\d{1,16}$/, 'must be a whole number, 0 or more');
    return z._default(z.pipe(number, z.int({ error: 'must be a whole number that a double holds exactly' })), 0);
  },
  { override: { type: 'integer', minimum: 0, default: 0 } },
);

const flag = /* @__PURE__ */ schema(
  () =>
    z.pipe(
      z.enum(['true', 'false']),
      z.transform((value) => value === 'true'),
    ),
  { override: { type: 'boolean' } },
);

const cursorQuery = /* @__PURE__ */ schema(
  () => z.string().check(z.maxLength(512, { error: 'is not a cursor of ours' })),
  { description: 'The `nextCursor` of the page before.' },
);

const listQuery = () => ({ limit: limit(100, 20), cursor: z.optional(cursorQuery) });

const listOf = <T extends z.ZodMiniType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.nullable(z.string()) });

/** A day without a time is no RFC 3339 time, and `to` is exclusive. */
const timeQuery = /* @__PURE__ */ schema(
  () =>
    z
      .pipe(
        timestampSchema,
        // The schema before has read it already.
        z.transform((value: string) => readTime(value) as Date),
      )
      // An offset can carry it past either end of what RFC 3339 can write in UTC.
      .check(z.refine((date) => !/^[+-]/.test(date.toISOString()), { error: 'must be within the years 0000 to 9999' })),
  { override: { type: 'string', format: 'date-time' } },
);

const refreshTokenSchema = /* @__PURE__ */ schema(() =>
  z
    .string()
    .check(z.minLength(1, { error: 'is required' }), z.maxLength(512, { error: 'is not a refresh token of ours' })),
);

const userParams = /* @__PURE__ */ schema(() => z.strictObject({ userId: idSchema }));
const conversationParams = /* @__PURE__ */ schema(() => z.strictObject({ conversationId: idSchema }));

export const register = /* @__PURE__ */ route(() => ({
  operation: 'register',
  method: 'POST',
  path: '/auth/register',
  summary: 'Register as a candidate and sign in.',
  tag: 'auth',
  body: z.strictObject({ name: nameSchema, email: emailSchema, password: passwordSchema }),
  status: 201,
  response: sessionSchema,
  repeat: { findOut: 'Sign in with this address and password: that works where it was done.' },
  errors: ['EMAIL_TAKEN', 'RATE_LIMITED'],
}));

export const login = /* @__PURE__ */ route(() => ({
  operation: 'login',
  method: 'POST',
  path: '/auth/login',
  summary: 'Sign in.',
  tag: 'auth',
  body: z.strictObject({ email: emailSchema, password: givenPasswordSchema }),
  status: 200,
  response: sessionSchema,
  repeat: { findOut: 'Sign in again: a session that you were not told of ends by itself, unused.' },
  errors: ['INVALID_CREDENTIALS', 'RATE_LIMITED'],
}));

export const refreshSession = /* @__PURE__ */ route(() => ({
  operation: 'refreshSession',
  method: 'POST',
  path: '/auth/refresh',
  summary:
    'Trade a refresh token for two new tokens. A repeat within 30 seconds gets the same ones; later reuse ends the session.',
  tag: 'auth',
  body: z.strictObject({ refreshToken: refreshTokenSchema }),
  status: 200,
  response: sessionSchema,
  repeat: { safeWithin: '30 seconds', findOut: 'Sign in again: it would pass for a theft.' },
  errors: ['INVALID_TOKEN', 'RATE_LIMITED'],
}));

export const logout = /* @__PURE__ */ route(() => ({
  operation: 'logout',
  method: 'POST',
  path: '/auth/logout',
  summary: 'End this session: its refresh token, its access tokens and its sockets.',
  tag: 'auth',
  status: 204,
  response: null,
  repeat: { findOut: 'Send it again: `INVALID_TOKEN` says that the session has ended.' },
  errors: [],
}));

export const getMe = /* @__PURE__ */ route(() => ({
  operation: 'getMe',
  method: 'GET',
  path: '/auth/me',
  summary: 'Who am I?',
  tag: 'auth',
  status: 200,
  response: userSchema,
  repeat: 'safe',
  errors: [],
}));

export const changePassword = /* @__PURE__ */ route(() => ({
  operation: 'changePassword',
  method: 'PUT',
  path: '/auth/password',
  summary: 'Change the password and end the other sessions.',
  tag: 'auth',
  body: z.strictObject({ currentPassword: givenPasswordSchema, newPassword: passwordSchema }),
  status: 204,
  response: null,
  repeat: 'safe',
  errors: ['INVALID_CREDENTIALS', 'RATE_LIMITED'],
}));

export const createUser = /* @__PURE__ */ route(() => ({
  operation: 'createUser',
  method: 'POST',
  path: '/users',
  summary: 'Make a supervisor, an agent or an admin.',
  tag: 'users',
  body: z.strictObject({
    name: nameSchema,
    email: emailSchema,
    password: passwordSchema,
    role: z.enum(STAFF_ROLES),
    supervisorId: z.optional(idSchema),
  }),
  status: 201,
  response: userSchema,
  repeat: {
    findOut: 'Look for the address in `GET /users`, or send it again: `EMAIL_TAKEN` says that somebody has it.',
  },
  errors: ['EMAIL_TAKEN'],
}));

export const listUsers = /* @__PURE__ */ route(() => ({
  operation: 'listUsers',
  method: 'GET',
  path: '/users',
  summary: 'List people; a supervisor sees their own agents.',
  tag: 'users',
  query: z.strictObject({
    role: z.optional(roleSchema),
    supervisorId: z.optional(idSchema),
    active: z.optional(flag),
    ...listQuery(),
  }),
  status: 200,
  response: () => listOf(userSchema()),
  repeat: 'safe',
  errors: [],
}));

export const getUser = /* @__PURE__ */ route(() => ({
  operation: 'getUser',
  method: 'GET',
  path: '/users/{userId}',
  summary: 'Read one person.',
  tag: 'users',
  params: userParams,
  status: 200,
  response: userSchema,
  repeat: 'safe',
  errors: ['NOT_FOUND'],
}));

export const updateUser = /* @__PURE__ */ route(() => ({
  operation: 'updateUser',
  method: 'PATCH',
  path: '/users/{userId}',
  summary: 'Rename, give another address, move to another supervisor, deactivate or reactivate.',
  tag: 'users',
  params: userParams,
  body: z.strictObject({
    name: z.optional(nameSchema),
    email: z.optional(emailSchema),
    supervisorId: z.optional(idSchema),
    active: z.optional(z.boolean()),
  }),
  status: 200,
  response: userSchema,
  repeat: 'safe',
  errors: ['NOT_FOUND', 'EMAIL_TAKEN', 'LAST_ADMIN', 'HAS_TEAM'],
}));

export const eraseUser = /* @__PURE__ */ route(() => ({
  operation: 'eraseUser',
  method: 'POST',
  path: '/users/{userId}/erase',
  summary: 'Erase a candidate: their personal data and the text of their conversations are gone for good.',
  tag: 'users',
  params: userParams,
  status: 200,
  response: userSchema,
  repeat: 'safe',
  errors: ['NOT_FOUND'],
}));

export const createConversation = /* @__PURE__ */ route(() => ({
  operation: 'createConversation',
  method: 'POST',
  path: '/conversations',
  summary: 'Open a conversation; `message` becomes its first message.',
  tag: 'conversations',
  body: z.strictObject({
    subject: subjectSchema,
    message: z.optional(contentSchema),
    clientConversationId: z.optional(clientConversationIdSchema),
  }),
  status: 201,
  repeatedStatus: 200,
  response: conversationSchema,
  repeat: {
    safeWith: 'clientConversationId',
    findOut: 'Look for it in `GET /conversations`, newest first, before you send it again.',
  },
  errors: ['RATE_LIMITED'],
}));

export const listConversations = /* @__PURE__ */ route(() => ({
  operation: 'listConversations',
  method: 'GET',
  path: '/conversations',
  summary: 'List the conversations you may see, newest first.',
  tag: 'conversations',
  query: z.strictObject({
    status: z.optional(statusSchema),
    agentId: z.optional(idSchema),
    supervisorId: z.optional(idSchema),
    candidateId: z.optional(idSchema),
    ...listQuery(),
  }),
  status: 200,
  response: () => listOf(conversationSchema()),
  repeat: 'safe',
  errors: [],
}));

export const getConversation = /* @__PURE__ */ route(() => ({
  operation: 'getConversation',
  method: 'GET',
  path: '/conversations/{conversationId}',
  summary: 'Read one conversation.',
  tag: 'conversations',
  params: conversationParams,
  status: 200,
  response: conversationSchema,
  repeat: 'safe',
  errors: ['NOT_FOUND'],
}));

export const listMessages = /* @__PURE__ */ route(() => ({
  operation: 'listMessages',
  method: 'GET',
  path: '/conversations/{conversationId}/messages',
  summary: 'Read messages after `afterSeq`, oldest first; the same before, during and after archiving.',
  tag: 'conversations',
  params: conversationParams,
  query: z.strictObject({ afterSeq: afterSeqQuery, limit: limit(200, 50) }),
  status: 200,
  response: () => z.object({ items: z.array(messageSchema()), nextAfterSeq: z.nullable(z.int()) }),
  repeat: 'safe',
  errors: ['NOT_FOUND'],
}));

export const assignConversation = /* @__PURE__ */ route(() => ({
  operation: 'assignConversation',
  method: 'POST',
  path: '/conversations/{conversationId}/assign',
  summary: 'Assign to an agent of yours, or give it to another one. Again to the same one changes nothing.',
  tag: 'conversations',
  params: conversationParams,
  body: z.strictObject({ agentId: idSchema }),
  status: 200,
  response: conversationSchema,
  repeat: 'safe',
  errors: ['NOT_FOUND', 'AGENT_NOT_AVAILABLE', 'CONVERSATION_CLOSED', 'CONFLICT'],
}));

export const requeueConversation = /* @__PURE__ */ route(() => ({
  operation: 'requeueConversation',
  method: 'POST',
  path: '/conversations/{conversationId}/requeue',
  summary: 'Give it back: it is open again, and its agent out of the room.',
  tag: 'conversations',
  params: conversationParams,
  status: 200,
  response: conversationSchema,
  repeat: {
    findOut: 'Read the conversation: `open` says that it was given back, and `NOT_FOUND` tells its agent so.',
  },
  errors: ['NOT_FOUND', 'CONVERSATION_CLOSED', 'CONFLICT'],
}));

export const closeConversation = /* @__PURE__ */ route(() => ({
  operation: 'closeConversation',
  method: 'POST',
  path: '/conversations/{conversationId}/close',
  summary: 'Close: the assigned agent, or a supervisor while it is open.',
  tag: 'conversations',
  params: conversationParams,
  status: 200,
  response: conversationSchema,
  repeat: { findOut: 'Read the conversation, or send it again: `CONVERSATION_CLOSED` says that it is closed.' },
  errors: ['NOT_FOUND', 'CONVERSATION_CLOSED', 'CONVERSATION_ASSIGNED', 'CONFLICT'],
}));

export const supervisorAnalytics = /* @__PURE__ */ route(() => ({
  operation: 'supervisorAnalytics',
  method: 'GET',
  path: '/analytics/supervisors',
  summary: 'Closed conversations per supervisor and agent, with median times.',
  tag: 'analytics',
  query: z.strictObject({ from: z.optional(timeQuery), to: z.optional(timeQuery) }),
  status: 200,
  response: supervisorAnalyticsSchema,
  repeat: 'safe',
  errors: [],
}));

export const listAudit = /* @__PURE__ */ route(() => ({
  operation: 'listAudit',
  method: 'GET',
  path: '/audit',
  summary: 'Who did what to whom, when and from where; newest first.',
  tag: 'operations',
  query: z.strictObject({
    action: z.optional(z.enum(AUDIT_ACTIONS)),
    actorId: z.optional(idSchema),
    targetId: z.optional(idSchema),
    ...listQuery(),
  }),
  status: 200,
  response: () => listOf(auditEntrySchema()),
  repeat: 'safe',
  errors: [],
}));

export const health = /* @__PURE__ */ route(() => ({
  operation: 'health',
  method: 'GET',
  path: '/health',
  summary: 'Is the service up, and its database within reach?',
  tag: 'operations',
  status: 200,
  response: healthSchema,
  repeat: 'safe',
  errors: [],
}));

/** All of them, in the order of the documents. A function takes the one it answers: the others are not in its package. */
export const routes = {
  register,
  login,
  refreshSession,
  logout,
  getMe,
  changePassword,
  createUser,
  listUsers,
  getUser,
  updateUser,
  eraseUser,
  createConversation,
  listConversations,
  getConversation,
  listMessages,
  assignConversation,
  requeueConversation,
  closeConversation,
  supervisorAnalytics,
  listAudit,
  health,
} as const satisfies Record<string, Route>;

/** Every code the route can answer with: its own, and those its kind brings along. For the documents and the tests. */
export function refusals(route: Route): readonly ErrorCode[] {
  const codes = new Set<ErrorCode>(route.errors);
  const access = PERMISSIONS[route.operation];
  if (access !== 'anyone') codes.add('INVALID_TOKEN');
  if (typeof access === 'object') codes.add('FORBIDDEN');
  if (route.body) codes.add('MALFORMED_JSON').add('PAYLOAD_TOO_LARGE').add('UNSUPPORTED_MEDIA_TYPE');
  // Strict everywhere: a query parameter is refused where none is known.
  return [...codes.add('VALIDATION_FAILED').add('INTERNAL').add('UNAVAILABLE')];
}

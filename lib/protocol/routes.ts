import * as z from 'zod';
import { type Operation, PERMISSIONS } from '../domain/permissions.ts';
import { STAFF_ROLES } from '../domain/roles.ts';
import type { ErrorCode } from './errors.ts';
import {
  AUDIT_ACTIONS,
  auditEntrySchema,
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
  sessionSchema,
  statusSchema,
  subjectSchema,
  supervisorAnalyticsSchema,
  timestampSchema,
  userSchema,
} from './objects.ts';

/** Everything the outside may know of one HTTP route. Requests are strict: an unknown field is an error naming it. */
export interface Route {
  readonly operation: Operation;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  /** With `{name}` for path parameters. */
  readonly path: string;
  readonly summary: string;
  readonly tag: 'auth' | 'users' | 'conversations' | 'analytics' | 'operations';
  readonly params?: z.ZodType<Record<string, unknown>>;
  readonly query?: z.ZodType<Record<string, unknown>>;
  readonly body?: z.ZodType<Record<string, unknown>>;
  readonly status: 200 | 201 | 204;
  /** `null` for an answer without a body. */
  readonly response: z.ZodType | null;
  /** What this route may refuse with, beyond what every route of its kind may (see `refusals`). */
  readonly errors: readonly ErrorCode[];
}

const define = <const R extends Route>(route: R): R => route;

/** `?limit=`: digits only, so `1e9`, `-1` and ` 5` are refused rather than guessed at. */
const limit = (most: number, byDefault: number) => {
  const error = `must be a whole number from 1 to ${most}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, { error, abort: true })
    .transform(Number)
    .pipe(z.int().min(1, { error }).max(most, { error }))
    .default(byDefault)
    .meta({ override: { type: 'integer', minimum: 1, maximum: most, default: byDefault } });
};

const afterSeqQuery = z
  .string()
  .regex(/^\d{1,16}$/, { error: 'must be a whole number, 0 or more', abort: true })
  .transform(Number)
  .pipe(z.int({ error: 'must be a whole number that a double holds exactly' }))
  .default(0)
  .meta({ override: { type: 'integer', minimum: 0, default: 0 } });

const flag = z
  .enum(['true', 'false'])
  .transform((value) => value === 'true')
  .meta({ override: { type: 'boolean' } });

const cursorQuery = z
  .string()
  .max(512, { error: 'is not a cursor of ours' })
  .meta({ description: 'The `nextCursor` of the page before.' });

const listQuery = { limit: limit(100, 20), cursor: cursorQuery.optional() };

const listOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), nextCursor: z.string().nullable() });

/** A day without a time is no RFC 3339 time, and `to` is exclusive. */
const timeQuery = timestampSchema
  .transform((value) => new Date(value))
  // An offset can carry it past either end of what RFC 3339 can write in UTC.
  .refine((date) => !/^[+-]/.test(date.toISOString()), { error: 'must be within the years 0000 to 9999' })
  .meta({ override: { type: 'string', format: 'date-time' } });

const userParams = z.strictObject({ userId: idSchema });
const conversationParams = z.strictObject({ conversationId: idSchema });

export const routes = {
  register: define({
    operation: 'register',
    method: 'POST',
    path: '/auth/register',
    summary: 'Register as a candidate and sign in.',
    tag: 'auth',
    body: z.strictObject({ name: nameSchema, email: emailSchema, password: passwordSchema }),
    status: 201,
    response: sessionSchema,
    errors: ['EMAIL_TAKEN', 'RATE_LIMITED'],
  }),
  login: define({
    operation: 'login',
    method: 'POST',
    path: '/auth/login',
    summary: 'Sign in.',
    tag: 'auth',
    body: z.strictObject({ email: emailSchema, password: givenPasswordSchema }),
    status: 200,
    response: sessionSchema,
    errors: ['INVALID_CREDENTIALS', 'RATE_LIMITED'],
  }),
  refreshSession: define({
    operation: 'refreshSession',
    method: 'POST',
    path: '/auth/refresh',
    summary: 'Trade a refresh token for two new tokens. Using a spent one ends the session.',
    tag: 'auth',
    body: z.strictObject({ refreshToken: z.string().min(1).max(512) }),
    status: 200,
    response: sessionSchema,
    errors: ['INVALID_TOKEN', 'RATE_LIMITED'],
  }),
  logout: define({
    operation: 'logout',
    method: 'POST',
    path: '/auth/logout',
    summary: 'End this session: its refresh token, its access tokens and its sockets.',
    tag: 'auth',
    status: 204,
    response: null,
    errors: [],
  }),
  getMe: define({
    operation: 'getMe',
    method: 'GET',
    path: '/auth/me',
    summary: 'Who am I?',
    tag: 'auth',
    status: 200,
    response: userSchema,
    errors: [],
  }),
  changePassword: define({
    operation: 'changePassword',
    method: 'PUT',
    path: '/auth/password',
    summary: 'Change the password and end the other sessions.',
    tag: 'auth',
    body: z.strictObject({ currentPassword: givenPasswordSchema, newPassword: passwordSchema }),
    status: 204,
    response: null,
    errors: ['INVALID_CREDENTIALS', 'RATE_LIMITED'],
  }),
  createUser: define({
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
      supervisorId: idSchema.optional(),
    }),
    status: 201,
    response: userSchema,
    errors: ['EMAIL_TAKEN'],
  }),
  listUsers: define({
    operation: 'listUsers',
    method: 'GET',
    path: '/users',
    summary: 'List people; a supervisor sees their own agents.',
    tag: 'users',
    query: z.strictObject({
      role: roleSchema.optional(),
      supervisorId: idSchema.optional(),
      active: flag.optional(),
      ...listQuery,
    }),
    status: 200,
    response: listOf(userSchema),
    errors: [],
  }),
  getUser: define({
    operation: 'getUser',
    method: 'GET',
    path: '/users/{userId}',
    summary: 'Read one person.',
    tag: 'users',
    params: userParams,
    status: 200,
    response: userSchema,
    errors: ['NOT_FOUND'],
  }),
  updateUser: define({
    operation: 'updateUser',
    method: 'PATCH',
    path: '/users/{userId}',
    summary: 'Rename, move to another supervisor, deactivate or reactivate.',
    tag: 'users',
    params: userParams,
    body: z.strictObject({
      name: nameSchema.optional(),
      supervisorId: idSchema.optional(),
      active: z.boolean().optional(),
    }),
    status: 200,
    response: userSchema,
    errors: ['NOT_FOUND', 'LAST_ADMIN'],
  }),
  eraseUser: define({
    operation: 'eraseUser',
    method: 'POST',
    path: '/users/{userId}/erase',
    summary: 'Erase a candidate: their personal data and the text of their conversations are gone for good.',
    tag: 'users',
    params: userParams,
    status: 200,
    response: userSchema,
    errors: ['NOT_FOUND'],
  }),
  createConversation: define({
    operation: 'createConversation',
    method: 'POST',
    path: '/conversations',
    summary: 'Open a conversation; `message` becomes its first message.',
    tag: 'conversations',
    body: z.strictObject({ subject: subjectSchema, message: contentSchema.optional() }),
    status: 201,
    response: conversationSchema,
    errors: ['RATE_LIMITED'],
  }),
  listConversations: define({
    operation: 'listConversations',
    method: 'GET',
    path: '/conversations',
    summary: 'List the conversations you may see, newest first.',
    tag: 'conversations',
    query: z.strictObject({
      status: statusSchema.optional(),
      agentId: idSchema.optional(),
      supervisorId: idSchema.optional(),
      candidateId: idSchema.optional(),
      ...listQuery,
    }),
    status: 200,
    response: listOf(conversationSchema),
    errors: [],
  }),
  getConversation: define({
    operation: 'getConversation',
    method: 'GET',
    path: '/conversations/{conversationId}',
    summary: 'Read one conversation.',
    tag: 'conversations',
    params: conversationParams,
    status: 200,
    response: conversationSchema,
    errors: ['NOT_FOUND'],
  }),
  listMessages: define({
    operation: 'listMessages',
    method: 'GET',
    path: '/conversations/{conversationId}/messages',
    summary: 'Read messages after `afterSeq`, oldest first; the same before, during and after archiving.',
    tag: 'conversations',
    params: conversationParams,
    query: z.strictObject({ afterSeq: afterSeqQuery, limit: limit(200, 50) }),
    status: 200,
    response: z.object({ items: z.array(messageSchema), nextAfterSeq: z.int().nullable() }),
    errors: ['NOT_FOUND'],
  }),
  assignConversation: define({
    operation: 'assignConversation',
    method: 'POST',
    path: '/conversations/{conversationId}/assign',
    summary: 'Assign to an agent of yours, or give it to another one.',
    tag: 'conversations',
    params: conversationParams,
    body: z.strictObject({ agentId: idSchema }),
    status: 200,
    response: conversationSchema,
    errors: ['NOT_FOUND', 'AGENT_NOT_AVAILABLE', 'CONVERSATION_CLOSED', 'CONFLICT'],
  }),
  closeConversation: define({
    operation: 'closeConversation',
    method: 'POST',
    path: '/conversations/{conversationId}/close',
    summary: 'Close: the assigned agent, or a supervisor while it is open.',
    tag: 'conversations',
    params: conversationParams,
    status: 200,
    response: conversationSchema,
    errors: ['NOT_FOUND', 'CONVERSATION_CLOSED', 'CONVERSATION_ASSIGNED', 'CONFLICT'],
  }),
  supervisorAnalytics: define({
    operation: 'supervisorAnalytics',
    method: 'GET',
    path: '/analytics/supervisors',
    summary: 'Closed conversations per supervisor and agent, with median times.',
    tag: 'analytics',
    query: z.strictObject({ from: timeQuery.optional(), to: timeQuery.optional() }),
    status: 200,
    response: supervisorAnalyticsSchema,
    errors: [],
  }),
  listAudit: define({
    operation: 'listAudit',
    method: 'GET',
    path: '/audit',
    summary: 'Who did what to whom, when and from where; newest first.',
    tag: 'operations',
    query: z.strictObject({
      action: z.enum(AUDIT_ACTIONS).optional(),
      actorId: idSchema.optional(),
      targetId: idSchema.optional(),
      ...listQuery,
    }),
    status: 200,
    response: listOf(auditEntrySchema),
    errors: [],
  }),
  health: define({
    operation: 'health',
    method: 'GET',
    path: '/health',
    summary: 'Is the service up, and its database within reach?',
    tag: 'operations',
    status: 200,
    response: healthSchema,
    errors: [],
  }),
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

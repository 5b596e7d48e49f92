import * as z from 'zod/mini';
import { CONVERSATION_STATUSES } from '../domain/conversation.ts';
import { ROLES } from '../domain/roles.ts';
import { ERROR_CODES } from './errors.ts';
import { EMAIL, hasSomethingToSee, isOneLine, NO_NUL, ONE_LINE, SOMETHING_TO_SEE } from './text.ts';
import { readTime } from './time.ts';

/**
 * Makes a schema, and notes what the documents say of it. Every definition of the protocol is a call marked `@__PURE__`
 * with a function to make it: a Lambda's bundle drops the calls it has no use for, and makes a few schemas, not hundred.
 */
export function schema<S extends z.ZodMiniType>(make: () => S, about: z.core.GlobalMeta = {}): S {
  const made = make();
  z.globalRegistry.add(made, { ...z.globalRegistry.get(made), ...about });
  return made;
}

/**
 * As `schema`, for what the server sends, made when it is asked for: documents and tests hold answers against these,
 * a Lambda never does.
 */
function answerSchema<S extends z.ZodMiniType>(make: () => S, about: z.core.GlobalMeta): () => S {
  let made: S | undefined;
  return () => {
    made ??= schema(make, about);
    return made;
  };
}

/**
 * A string of `min` to `max` characters, a character being a Unicode code point as JSON Schema counts them
 * (so an emoji is one), well-formed (no lone surrogates, which UTF-8 cannot carry) and free of U+0000.
 */
const text = (min: number, max: number) =>
  schema(
    () =>
      z.string().check(
        z.refine((value) => value.isWellFormed(), { error: 'must be well-formed Unicode', abort: true }),
        z.refine((value) => !value.includes('\u0000'), { error: 'must not contain U+0000', abort: true }),
        z.refine((value) => inRange(value, min, max), { error: `must have ${min} to ${max} characters` }),
      ),
    { minLength: min, maxLength: max, pattern: NO_NUL },
  );

function inRange(value: string, min: number, max: number): boolean {
  // A string of more than 2 × max units is too long however it is counted: don't walk it.
  if (value.length > 2 * max) return false;
  const length = [...value].length;
  return length >= min && length <= max;
}

/** As `text`, with something to see in it. */
const nonBlank = (min: number, max: number) =>
  schema(() => text(min, max).check(z.refine(hasSomethingToSee, { error: 'must not be blank', abort: true })), {
    pattern: SOMETHING_TO_SEE,
  });

/** As `nonBlank`, and shown in a line with other text, which it must not break or turn round. */
const oneLine = (min: number, max: number) =>
  schema(
    () =>
      nonBlank(min, max).check(
        z.refine(isOneLine, {
          error: 'must not contain line breaks, control characters or bidirectional overrides',
        }),
      ),
    {
      description:
        'One line with something to see in it: no line breaks, control characters or bidirectional overrides.',
      pattern: ONE_LINE,
    },
  );

export const idSchema = /* @__PURE__ */ schema(
  () => z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/, { error: 'is not an id' })),
  { id: 'Id', description: 'An opaque id.', examples: ['5f1c2a52-93a4-4b83-8c0e-0a3c4c0b7d11'] },
);

export const timestampSchema = /* @__PURE__ */ schema(
  () => z.string().check(z.refine((value) => readTime(value) !== null, { error: 'must be an RFC 3339 time' })),
  {
    description: 'RFC 3339; answers are in UTC with milliseconds.',
    format: 'date-time',
    examples: ['2026-01-31T09:30:00.000Z'],
  },
);

export const nameSchema = /* @__PURE__ */ oneLine(1, 100);
export const emailSchema = /* @__PURE__ */ schema(
  () =>
    z.pipe(
      z.string().check(z.maxLength(254, { error: 'must have at most 254 characters', abort: true })),
      z.email({ pattern: EMAIL, error: 'must be an e-mail address' }),
    ),
  {
    description: 'What RFC 5321 and browsers both take for an e-mail address. Compared without regard to case.',
    format: 'email',
    pattern: EMAIL.source,
    examples: ['kim@example.com'],
  },
);
export const passwordSchema = /* @__PURE__ */ text(8, 128);
/** A password somebody claims to have: bounded, but not held to today's rules. */
export const givenPasswordSchema = /* @__PURE__ */ text(1, 128);
export const subjectSchema = /* @__PURE__ */ oneLine(1, 200);
export const contentSchema = /* @__PURE__ */ schema(() => nonBlank(1, 4000), {
  description:
    'Has something to see in it: more than white space and invisible characters. Stored verbatim, never interpreted.',
});
export const clientMessageIdSchema = /* @__PURE__ */ schema(() => text(1, 64), {
  description: 'Chosen by the sender; sending the same one again stores nothing more.',
});
export const afterSchema = /* @__PURE__ */ schema(() => text(1, 64), {
  description:
    'The `clientMessageId` of a message of the same sender and conversation that is to be stored first. It is waited for, 3 s at most.',
});
export const clientConversationIdSchema = /* @__PURE__ */ schema(() => text(1, 64), {
  description: 'Chosen by the candidate; the same one again opens nothing more and is answered with the first one.',
});
export const requestIdSchema = /* @__PURE__ */ text(1, 64);
export const seqSchema = /* @__PURE__ */ schema(() => z.int().check(z.minimum(0)));

export const roleSchema = /* @__PURE__ */ schema(() => z.enum(ROLES), {
  id: 'Role',
  description: 'A candidate is the customer.',
});
export const statusSchema = /* @__PURE__ */ schema(() => z.enum(CONVERSATION_STATUSES), {
  id: 'ConversationStatus',
  description: '`open` → `assigned` → `closed`; a requeued one is `open` again.',
});

export const userSchema = /* @__PURE__ */ answerSchema(
  () =>
    z.object({
      id: idSchema,
      name: z.string(),
      email: schema(() => z.nullable(z.string()), { description: '`null` for an erased user.' }),
      role: roleSchema,
      supervisorId: z.nullable(idSchema),
      active: z.boolean(),
      createdAt: timestampSchema,
    }),
  { id: 'User' },
);
export type User = z.infer<ReturnType<typeof userSchema>>;

export const sessionSchema = /* @__PURE__ */ answerSchema(
  () =>
    z.object({
      user: userSchema(),
      accessToken: z.string(),
      refreshToken: z.string(),
      tokenType: z.literal('Bearer'),
      expiresIn: schema(() => z.int(), { description: 'Seconds until the access token expires.' }),
    }),
  { id: 'Session' },
);
export type Session = z.infer<ReturnType<typeof sessionSchema>>;

const personSchema = /* @__PURE__ */ answerSchema(() => z.object({ id: idSchema, name: z.string() }), {
  id: 'Person',
  description: 'Somebody in a conversation, by the name they have now; "Erased" once they are.',
});

export const conversationSchema = /* @__PURE__ */ answerSchema(
  () =>
    z.object({
      id: idSchema,
      subject: z.string(),
      status: statusSchema,
      candidateId: idSchema,
      agentId: z.nullable(idSchema),
      supervisorId: z.nullable(idSchema),
      lastSeq: seqSchema,
      createdAt: timestampSchema,
      assignedAt: z.nullable(timestampSchema),
      firstResponseAt: z.nullable(timestampSchema),
      closedAt: z.nullable(timestampSchema),
      closedBy: z.nullable(idSchema),
      candidate: personSchema(),
      agent: z.nullable(personSchema()),
      lastMessageAt: z.nullable(timestampSchema),
    }),
  { id: 'Conversation' },
);
export type Conversation = z.infer<ReturnType<typeof conversationSchema>>;

export const messageSchema = /* @__PURE__ */ answerSchema(
  () =>
    z.object({
      id: idSchema,
      conversationId: idSchema,
      seq: z.int().check(z.minimum(1)),
      senderId: idSchema,
      senderRole: roleSchema,
      senderName: schema(() => z.string(), { description: 'As it was when this was sent; "Erased" once they are.' }),
      content: z.string(),
      clientMessageId: z.nullable(z.string()),
      sentAt: timestampSchema,
    }),
  { id: 'Message' },
);
export type Message = z.infer<ReturnType<typeof messageSchema>>;

const MEDIAN = 'Exact where the period has at most 1,000 closed conversations in all, else within 1 %.';

export const supervisorAnalyticsSchema = /* @__PURE__ */ answerSchema(
  () =>
    z.object({
      from: z.nullable(timestampSchema),
      to: z.nullable(timestampSchema),
      supervisors: z.array(
        z.object({
          supervisor: z.object({ id: idSchema, name: z.string(), email: z.string() }),
          agentCount: schema(() => z.int(), { description: 'Active agents under this supervisor now.' }),
          closedConversations: z.int(),
          medianFirstResponseSeconds: schema(() => z.nullable(z.number()), { description: MEDIAN }),
          medianResolutionSeconds: schema(() => z.nullable(z.number()), { description: MEDIAN }),
          agents: z.array(z.object({ id: idSchema, name: z.string(), closedConversations: z.int() })),
        }),
      ),
      totals: z.object({ supervisors: z.int(), agents: z.int(), closedConversations: z.int() }),
    }),
  { id: 'SupervisorAnalytics' },
);
export type SupervisorAnalytics = z.infer<ReturnType<typeof supervisorAnalyticsSchema>>;

export const AUDIT_ACTIONS = [
  'registered',
  'signed_in',
  'sign_in_failed',
  'attempts_throttled',
  'signed_out',
  'password_changed',
  'password_change_failed',
  'refresh_token_repeated',
  'refresh_token_reused',
  'sessions_displaced',
  'first_admin_created',
  'user_created',
  'user_updated',
  'user_erased',
  'conversation_assigned',
  'conversation_requeued',
  'conversation_moved',
  'conversation_closed',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export const auditEntrySchema = /* @__PURE__ */ answerSchema(
  () =>
    z.object({
      id: idSchema,
      at: timestampSchema,
      action: z.enum(AUDIT_ACTIONS),
      actorId: z.nullable(idSchema),
      actorRole: z.nullable(roleSchema),
      sourceIp: z.nullable(z.string()),
      targetId: schema(() => z.nullable(idSchema), { description: 'The user or conversation it was done to.' }),
      details: z.record(z.string(), z.string()),
    }),
  { id: 'AuditEntry' },
);
export type AuditEntry = z.infer<ReturnType<typeof auditEntrySchema>>;

export const fieldErrorSchema = /* @__PURE__ */ answerSchema(
  () => z.object({ pointer: z.string(), detail: z.string() }),
  {
    id: 'FieldError',
  },
);

/** RFC 9457, `application/problem+json`. */
export const problemSchema = /* @__PURE__ */ answerSchema(
  () =>
    z.object({
      type: z.string(),
      title: z.string(),
      status: z.int(),
      detail: z.string(),
      code: z.enum(ERROR_CODES),
      requestId: z.string(),
      errors: z.optional(z.array(fieldErrorSchema())),
    }),
  { id: 'Problem' },
);
export type Problem = z.infer<ReturnType<typeof problemSchema>>;

export const healthSchema = /* @__PURE__ */ answerSchema(
  () => z.object({ status: z.literal('ok'), version: z.string() }),
  {
    id: 'Health',
  },
);

import * as z from 'zod';
import { CONVERSATION_STATUSES } from '../domain/conversation.ts';
import { ROLES } from '../domain/roles.ts';
import { ERROR_CODES } from './errors.ts';

/**
 * A string of `min` to `max` characters, a character being a Unicode code point as JSON Schema counts them
 * (so an emoji is one), well-formed (no lone surrogates, which UTF-8 cannot carry) and free of U+0000.
 */
const text = (min: number, max: number) =>
  z
    .string()
    .refine((value) => value.isWellFormed(), { error: 'must be well-formed Unicode', abort: true })
    .refine((value) => !value.includes('\u0000'), { error: 'must not contain U+0000' })
    .refine((value) => inRange(value, min, max), { error: `must have ${min} to ${max} characters` })
    .meta({ minLength: min, maxLength: max });

function inRange(value: string, min: number, max: number): boolean {
  // A string of more than 2 × max units is too long however it is counted: don't walk it.
  if (value.length > 2 * max) return false;
  const length = [...value].length;
  return length >= min && length <= max;
}

const nonBlank = (min: number, max: number) =>
  text(min, max).refine((value) => value.trim() !== '', { error: 'must not be blank' });

export const idSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, { error: 'is not an id' })
  .meta({ description: 'An opaque id.', examples: ['5f1c2a52-93a4-4b83-8c0e-0a3c4c0b7d11'] });

export const timestampSchema = z.iso
  .datetime({ offset: true, error: 'must be an RFC 3339 time' })
  .meta({ description: 'RFC 3339; answers are in UTC with milliseconds.', examples: ['2026-01-31T09:30:00.000Z'] });

export const nameSchema = nonBlank(1, 100);
export const emailSchema = z
  .string()
  .max(254, { error: 'must have at most 254 characters', abort: true })
  .pipe(z.email({ error: 'must be an e-mail address' }))
  .meta({ description: 'Compared without regard to case.', format: 'email', examples: ['kim@example.com'] });
export const passwordSchema = text(8, 128);
/** A password somebody claims to have: bounded, but not held to today's rules. */
export const givenPasswordSchema = text(1, 128);
export const subjectSchema = nonBlank(1, 200);
export const contentSchema = nonBlank(1, 4000).meta({ description: 'Stored verbatim, never interpreted.' });
export const clientMessageIdSchema = text(1, 64).meta({
  description: 'Chosen by the sender; sending the same one again stores nothing more.',
});
export const requestIdSchema = text(1, 64);
export const seqSchema = z.int().min(0);

export const roleSchema = z.enum(ROLES);
export const statusSchema = z.enum(CONVERSATION_STATUSES);

export const userSchema = z
  .object({
    id: idSchema,
    name: z.string(),
    email: z.string(),
    role: roleSchema,
    supervisorId: idSchema.nullable(),
    active: z.boolean(),
    createdAt: timestampSchema,
  })
  .meta({ id: 'User' });
export type User = z.infer<typeof userSchema>;

export const sessionSchema = z
  .object({
    user: userSchema,
    accessToken: z.string(),
    refreshToken: z.string(),
    tokenType: z.literal('Bearer'),
    expiresIn: z.int().meta({ description: 'Seconds until the access token expires.' }),
  })
  .meta({ id: 'Session' });
export type Session = z.infer<typeof sessionSchema>;

export const conversationSchema = z
  .object({
    id: idSchema,
    subject: z.string(),
    status: statusSchema,
    candidateId: idSchema,
    agentId: idSchema.nullable(),
    supervisorId: idSchema.nullable(),
    lastSeq: seqSchema,
    createdAt: timestampSchema,
    assignedAt: timestampSchema.nullable(),
    firstResponseAt: timestampSchema.nullable(),
    closedAt: timestampSchema.nullable(),
    closedBy: idSchema.nullable(),
  })
  .meta({ id: 'Conversation' });
export type Conversation = z.infer<typeof conversationSchema>;

export const messageSchema = z
  .object({
    id: idSchema,
    conversationId: idSchema,
    seq: z.int().min(1),
    senderId: idSchema,
    senderRole: roleSchema,
    content: z.string(),
    clientMessageId: z.string().nullable(),
    sentAt: timestampSchema,
  })
  .meta({ id: 'Message' });
export type Message = z.infer<typeof messageSchema>;

export const supervisorAnalyticsSchema = z
  .object({
    from: timestampSchema.nullable(),
    to: timestampSchema.nullable(),
    supervisors: z.array(
      z.object({
        supervisor: z.object({ id: idSchema, name: z.string(), email: z.string() }),
        agentCount: z.int().meta({ description: 'Active agents under this supervisor now.' }),
        closedConversations: z.int(),
        medianFirstResponseSeconds: z.number().nullable(),
        medianResolutionSeconds: z.number().nullable(),
        agents: z.array(z.object({ id: idSchema, name: z.string(), closedConversations: z.int() })),
      }),
    ),
    totals: z.object({ supervisors: z.int(), agents: z.int(), closedConversations: z.int() }),
  })
  .meta({ id: 'SupervisorAnalytics' });
export type SupervisorAnalytics = z.infer<typeof supervisorAnalyticsSchema>;

export const AUDIT_ACTIONS = [
  'registered',
  'signed_in',
  'sign_in_failed',
  'signed_out',
  'password_changed',
  'refresh_token_reused',
  'first_admin_created',
  'user_created',
  'user_updated',
  'user_erased',
  'conversation_assigned',
  'conversation_closed',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export const auditEntrySchema = z
  .object({
    id: idSchema,
    at: timestampSchema,
    action: z.enum(AUDIT_ACTIONS),
    actorId: idSchema.nullable(),
    actorRole: roleSchema.nullable(),
    sourceIp: z.string().nullable(),
    targetId: idSchema.nullable().meta({ description: 'The user or conversation it was done to.' }),
    details: z.record(z.string(), z.string()),
  })
  .meta({ id: 'AuditEntry' });
export type AuditEntry = z.infer<typeof auditEntrySchema>;

export const fieldErrorSchema = z.object({ pointer: z.string(), detail: z.string() }).meta({ id: 'FieldError' });

/** RFC 9457, `application/problem+json`. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(ERROR_CODES),
    requestId: z.string(),
    errors: z.array(fieldErrorSchema).optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problemSchema>;

export const healthSchema = z.object({ status: z.literal('ok'), version: z.string() }).meta({ id: 'Health' });

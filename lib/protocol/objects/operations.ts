import * as z from 'zod/mini';
import { answerSchema, schema } from '../schema.ts';
import { idSchema, timestampSchema } from './common.ts';
import { roleSchema } from './users.ts';

export const AUDIT_ACTIONS = [
  'registered',
  'signed_in',
  'sign_in_failed',
  'attempts_throttled',
  'signed_out',
  'password_changed',
  'password_change_failed',
  'password_reset',
  'password_reset_made',
  'refresh_token_repeated',
  'refresh_token_reused',
  'sessions_displaced',
  'first_admin_created',
  'user_created',
  'user_updated',
  'user_erased',
  'visitor_merged',
  'conversation_assigned',
  'conversation_requeued',
  'conversation_moved',
  'conversation_closed',
  'conversation_edited',
  'agent_sent_away',
  'capacity_set',
  'routing_set',
] as const;

export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export const auditActionSchema = /* @__PURE__ */ schema(() => z.enum(AUDIT_ACTIONS), {
  id: 'AuditAction',
  description: 'There will be more.',
});

export const auditEntrySchema = /* @__PURE__ */ answerSchema(
  () =>
    z.object({
      id: idSchema,
      at: timestampSchema,
      action: auditActionSchema,
      actorId: z.nullable(idSchema),
      actorRole: z.nullable(roleSchema),
      sourceIp: z.nullable(z.string()),
      targetId: schema(() => z.nullable(idSchema), { description: 'The user or conversation it was done to.' }),
      details: z.record(z.string(), z.string()),
    }),
  { id: 'AuditEntry' },
);
export type AuditEntry = z.infer<ReturnType<typeof auditEntrySchema>>;

export const healthSchema = /* @__PURE__ */ answerSchema(
  () => z.object({ status: z.literal('ok'), version: z.string() }),
  {
    id: 'Health',
  },
);

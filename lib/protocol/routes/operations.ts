import * as z from 'zod/mini';
import { idSchema } from '../objects/common.ts';
import { auditActionSchema, auditEntrySchema, healthSchema } from '../objects/operations.ts';
import { listOf, listQuery, route } from '../route.ts';

export const listAudit = /* @__PURE__ */ route(() => ({
  operation: 'listAudit',
  method: 'GET',
  path: '/audit',
  summary: 'Who did what to whom, when and from where; newest first.',
  tag: 'operations',
  query: z.strictObject({
    action: z.optional(auditActionSchema),
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

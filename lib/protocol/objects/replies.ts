import * as z from 'zod/mini';
import { REPLY_SCOPES } from '../../domain/permissions.ts';
import { answerSchema, oneLine, schema, slug } from '../schema.ts';
import { idSchema, timestampSchema } from './common.ts';

export const shortcutSchema = /* @__PURE__ */ schema(() => slug(), {
  description: 'What is typed to find it. One of a kind within its scope.',
  examples: ['hello'],
});

export const titleSchema = /* @__PURE__ */ oneLine(1, 100);

export const scopeSchema = /* @__PURE__ */ schema(() => z.enum(REPLY_SCOPES), {
  id: 'ReplyScope',
  description: "`own` by anyone on the staff, `team` by its supervisor, `all` by an admin. A reply's scope stays.",
});

export const replySchema = /* @__PURE__ */ answerSchema(
  () =>
    z.object({
      id: idSchema,
      shortcut: z.string(),
      title: z.string(),
      content: z.string(),
      scope: scopeSchema,
      createdAt: timestampSchema,
    }),
  { id: 'Reply' },
);
export type Reply = z.infer<ReturnType<typeof replySchema>>;

import * as z from 'zod/mini';
import { CONVERSATION_STATUSES } from '../../domain/conversation.ts';
import { answerSchema, nonBlank, oneLine, schema, text } from '../schema.ts';
import { idSchema, seqSchema, timestampSchema } from './common.ts';
import { roleSchema } from './users.ts';

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

export const statusSchema = /* @__PURE__ */ schema(() => z.enum(CONVERSATION_STATUSES), {
  id: 'ConversationStatus',
  description: '`open` → `assigned` → `closed`; a requeued one is `open` again.',
});

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

import * as z from 'zod/mini';
import { CONVERSATION_STATUSES } from '../../domain/conversation.ts';
import { MOST_TAGS, PRIORITIES } from '../../domain/desk.ts';
import { answerSchema, nonBlank, oneLine, schema, slug, text } from '../schema.ts';
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

export const prioritySchema = /* @__PURE__ */ schema(() => z.enum(PRIORITIES), { id: 'Priority' });

export const tagSchema = /* @__PURE__ */ schema(() => slug(), { examples: ['billing'] });

export const tagsSchema = /* @__PURE__ */ schema(() =>
  z.array(tagSchema).check(z.maxLength(MOST_TAGS, { error: `must be at most ${MOST_TAGS} tags` })),
);

const MOST_CONTEXT = 20;

export const contextSchema = /* @__PURE__ */ schema(
  () =>
    z
      .record(
        z.string().check(z.regex(/^[A-Za-z0-9_.-]{1,40}$/, { error: 'must be 1 to 40 of A-Z a-z 0-9 _ . -' })),
        text(0, 500),
      )
      .check(
        z.refine((given) => Object.keys(given).length <= MOST_CONTEXT, {
          error: `must have at most ${MOST_CONTEXT} entries`,
        }),
      ),
  {
    description: 'The page, the order, the version: for the staff to read. Not to be trusted.',
    maxProperties: MOST_CONTEXT,
    examples: [{ page: '/orders/4711', version: '2.3.0' }],
  },
);

const revisionSchema = /* @__PURE__ */ answerSchema(() => z.int().check(z.minimum(0)), {
  description: 'Grows with every change of the conversation but a message. Drop what is older than what you have.',
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
      revision: revisionSchema(),
    }),
  { id: 'Conversation' },
);
export type Conversation = z.infer<ReturnType<typeof conversationSchema>>;

export const ratingSchema = /* @__PURE__ */ answerSchema(
  () =>
    z.object({
      score: z.int().check(z.minimum(1), z.maximum(5)),
      comment: z.nullable(z.string()),
      ratedAt: timestampSchema,
    }),
  { id: 'Rating' },
);
export type Rating = z.infer<ReturnType<typeof ratingSchema>>;

export const commentSchema = /* @__PURE__ */ nonBlank(1, 1000);

export const clientNoteIdSchema = /* @__PURE__ */ schema(() => text(1, 64), {
  description: 'Chosen by the author; the same one again notes nothing more.',
});

/** What the staff note of a conversation. It is in nothing that a candidate gets. */
export const noteSchema = /* @__PURE__ */ answerSchema(
  () =>
    z.object({
      id: idSchema,
      conversationId: idSchema,
      authorId: idSchema,
      authorName: schema(() => z.string(), { description: 'As it was when this was noted.' }),
      content: z.string(),
      clientNoteId: z.nullable(z.string()),
      createdAt: timestampSchema,
    }),
  { id: 'Note' },
);
export type Note = z.infer<ReturnType<typeof noteSchema>>;

/** What the staff are told of a conversation. No candidate gets any of it. */
export const staffConversationSchema = /* @__PURE__ */ answerSchema(
  () =>
    z.object({
      ...conversationSchema().shape,
      candidate: schema(() => z.object({ id: idSchema, name: z.string(), email: z.nullable(z.string()) }), {
        id: 'Customer',
        description: 'The candidate, with their address; `null` for an erased one, and for one who came without.',
      }),
      priority: prioritySchema,
      tags: z.array(z.string()),
      requeues: schema(() => z.int().check(z.minimum(0)), { description: 'How often it went back to the queue.' }),
      context: schema(() => z.nullable(z.record(z.string(), z.string())), {
        description: "What the customer's client said of itself. Not to be trusted.",
      }),
      rating: z.nullable(ratingSchema()),
    }),
  { id: 'StaffConversation' },
);
export type StaffConversation = z.infer<ReturnType<typeof staffConversationSchema>>;

const unread = /* @__PURE__ */ answerSchema(() => z.nullable(z.int().check(z.minimum(0))), {
  description:
    'How many messages of the other side its candidate, or its agent, has not read; `null` for everybody else.',
});

/** A `Conversation` as its candidate gets it over HTTP. */
export const ownConversationSchema = /* @__PURE__ */ answerSchema(
  () => z.object({ ...conversationSchema().shape, unread: unread(), rating: z.nullable(ratingSchema()) }),
  { id: 'OwnConversation' },
);
export type OwnConversation = z.infer<ReturnType<typeof ownConversationSchema>>;

/** A `StaffConversation` as the staff get it over HTTP. */
export const heldConversationSchema = /* @__PURE__ */ answerSchema(
  () => z.object({ ...staffConversationSchema().shape, unread: unread() }),
  { id: 'HeldConversation' },
);
export type HeldConversation = z.infer<ReturnType<typeof heldConversationSchema>>;

/** What somebody has read of a conversation. */
export const readMarkSchema = /* @__PURE__ */ answerSchema(
  () => z.object({ conversationId: idSchema, userId: idSchema, seq: seqSchema, readAt: timestampSchema }),
  { id: 'ReadMark' },
);
export type ReadMark = z.infer<ReturnType<typeof readMarkSchema>>;

/** The staff get a `HeldConversation`, a candidate an `OwnConversation`. */
export const anyConversationSchema = /* @__PURE__ */ answerSchema(
  () => z.union([heldConversationSchema(), ownConversationSchema()]),
  { id: 'SeenConversation', description: 'The staff get a `HeldConversation`, a candidate an `OwnConversation`.' },
);

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

/** All that was said in a conversation, as a file of JSON. */
export const transcriptSchema = /* @__PURE__ */ answerSchema(
  () => z.object({ conversation: conversationSchema(), messages: z.array(messageSchema()) }),
  { id: 'Transcript' },
);

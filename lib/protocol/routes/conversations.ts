import * as z from 'zod/mini';
import { idSchema, seqSchema } from '../objects/common.ts';
import {
  anyConversationSchema,
  clientConversationIdSchema,
  clientNoteIdSchema,
  commentSchema,
  contentSchema,
  contextSchema,
  heldConversationSchema,
  messageSchema,
  noteSchema,
  ownConversationSchema,
  prioritySchema,
  ratingSchema,
  readMarkSchema,
  statusSchema,
  subjectSchema,
  tagSchema,
  tagsSchema,
  transcriptSchema,
} from '../objects/conversations.ts';
import { afterSeqQuery, limit, listOf, listQuery, route } from '../route.ts';
import { schema } from '../schema.ts';

const conversationParams = /* @__PURE__ */ schema(() => z.strictObject({ conversationId: idSchema }));

export const createConversation = /* @__PURE__ */ route(() => ({
  operation: 'createConversation',
  method: 'POST',
  path: '/conversations',
  summary: 'Open a conversation; `message` becomes its first message.',
  tag: 'conversations',
  body: z.strictObject({
    subject: subjectSchema,
    message: z.optional(contentSchema),
    context: z.optional(contextSchema),
    clientConversationId: z.optional(clientConversationIdSchema),
  }),
  status: 201,
  repeatedStatus: 200,
  response: ownConversationSchema,
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
    tag: z.optional(schema(() => tagSchema, { description: 'For the staff only.' })),
    ...listQuery(),
  }),
  status: 200,
  response: () => listOf(anyConversationSchema()),
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
  response: anyConversationSchema,
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
  response: heldConversationSchema,
  repeat: {
    findOut:
      'Read the conversation: `agentId` says who has it. Sent again it would take it from whoever was given it since.',
  },
  errors: ['NOT_FOUND', 'AGENT_NOT_AVAILABLE', 'CONVERSATION_CLOSED', 'CONFLICT', 'RATE_LIMITED'],
}));

export const requeueConversation = /* @__PURE__ */ route(() => ({
  operation: 'requeueConversation',
  method: 'POST',
  path: '/conversations/{conversationId}/requeue',
  summary: 'Give it back: it is open again, and its agent out of the room.',
  tag: 'conversations',
  params: conversationParams,
  status: 200,
  response: heldConversationSchema,
  repeat: {
    findOut: 'Read the conversation: `open` says that it was given back, and `NOT_FOUND` tells its agent so.',
  },
  errors: ['NOT_FOUND', 'CONVERSATION_CLOSED', 'CONFLICT', 'RATE_LIMITED'],
}));

export const closeConversation = /* @__PURE__ */ route(() => ({
  operation: 'closeConversation',
  method: 'POST',
  path: '/conversations/{conversationId}/close',
  summary: 'Close: the assigned agent, or a supervisor while it is open.',
  tag: 'conversations',
  params: conversationParams,
  status: 200,
  response: heldConversationSchema,
  repeat: { findOut: 'Read the conversation, or send it again: `CONVERSATION_CLOSED` says that it is closed.' },
  errors: ['NOT_FOUND', 'CONVERSATION_CLOSED', 'CONVERSATION_ASSIGNED', 'CONFLICT', 'RATE_LIMITED'],
}));

export const editConversation = /* @__PURE__ */ route(() => ({
  operation: 'editConversation',
  method: 'PATCH',
  path: '/conversations/{conversationId}',
  summary: 'Give it another priority or other tags: its agent, its supervisor (any, while it is open), an admin.',
  tag: 'conversations',
  params: conversationParams,
  body: schema(
    () =>
      z.strictObject({
        priority: z.optional(prioritySchema),
        addTags: z.optional(tagsSchema),
        removeTags: z.optional(tagsSchema),
      }),
    { description: 'Removes tags, then adds: at most 10 are left. No change, no revision.' },
  ),
  status: 200,
  response: heldConversationSchema,
  repeat: { findOut: 'Read the conversation. Sent again it would undo what somebody else has changed since.' },
  errors: ['NOT_FOUND', 'CONFLICT', 'RATE_LIMITED'],
}));

export const markRead = /* @__PURE__ */ route(() => ({
  operation: 'markRead',
  method: 'PUT',
  path: '/conversations/{conversationId}/read',
  summary: 'Say up to where you have read: never back, never beyond the last message.',
  tag: 'conversations',
  params: conversationParams,
  body: z.strictObject({ seq: seqSchema }),
  status: 200,
  response: readMarkSchema,
  repeat: 'safe',
  errors: ['NOT_FOUND', 'RATE_LIMITED'],
}));

export const listNotes = /* @__PURE__ */ route(() => ({
  operation: 'listNotes',
  method: 'GET',
  path: '/conversations/{conversationId}/notes',
  summary: 'Read what the staff have noted, oldest first.',
  tag: 'conversations',
  params: conversationParams,
  query: z.strictObject(listQuery()),
  status: 200,
  response: () => listOf(noteSchema()),
  repeat: 'safe',
  errors: ['NOT_FOUND'],
}));

export const addNote = /* @__PURE__ */ route(() => ({
  operation: 'addNote',
  method: 'POST',
  path: '/conversations/{conversationId}/notes',
  summary: 'Note something for the staff: its agent, its supervisor (any, while it is open), an admin.',
  tag: 'conversations',
  params: conversationParams,
  body: z.strictObject({ content: contentSchema, clientNoteId: z.optional(clientNoteIdSchema) }),
  status: 201,
  repeatedStatus: 200,
  response: noteSchema,
  repeat: { safeWith: 'clientNoteId', findOut: 'Look for it in the notes before you send it again.' },
  errors: ['NOT_FOUND', 'CONFLICT', 'RATE_LIMITED'],
}));

export const rateConversation = /* @__PURE__ */ route(() => ({
  operation: 'rateConversation',
  method: 'PUT',
  path: '/conversations/{conversationId}/rating',
  summary: 'Say how it went: its candidate, within 14 days of the close, once.',
  tag: 'conversations',
  params: conversationParams,
  body: z.strictObject({ score: z.int().check(z.minimum(1), z.maximum(5)), comment: z.optional(commentSchema) }),
  status: 200,
  response: ratingSchema,
  repeat: 'safe',
  errors: ['NOT_FOUND', 'ALREADY_RATED', 'CONFLICT', 'RATE_LIMITED'],
}));

export const getTranscript = /* @__PURE__ */ route(() => ({
  operation: 'getTranscript',
  method: 'GET',
  path: '/conversations/{conversationId}/transcript',
  summary: 'Get all that was said, as a file: text, or JSON.',
  tag: 'conversations',
  params: conversationParams,
  query: z.strictObject({ format: z._default(z.enum(['text', 'json']), 'text') }),
  status: 200,
  files: ['text/plain', 'application/json'],
  response: transcriptSchema,
  repeat: 'safe',
  errors: ['NOT_FOUND', 'PAYLOAD_TOO_LARGE', 'RATE_LIMITED'],
}));

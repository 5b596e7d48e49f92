import * as z from 'zod/mini';
import { idSchema } from '../objects/common.ts';
import {
  anyConversationSchema,
  clientConversationIdSchema,
  contentSchema,
  contextSchema,
  conversationSchema,
  messageSchema,
  prioritySchema,
  staffConversationSchema,
  statusSchema,
  subjectSchema,
  tagSchema,
  tagsSchema,
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
  response: staffConversationSchema,
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
  response: staffConversationSchema,
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
  response: staffConversationSchema,
  repeat: { findOut: 'Read the conversation, or send it again: `CONVERSATION_CLOSED` says that it is closed.' },
  errors: ['NOT_FOUND', 'CONVERSATION_CLOSED', 'CONVERSATION_ASSIGNED', 'CONFLICT'],
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
  response: staffConversationSchema,
  repeat: { findOut: 'Read the conversation. Sent again it would undo what somebody else has changed since.' },
  errors: ['NOT_FOUND', 'CONFLICT', 'RATE_LIMITED'],
}));

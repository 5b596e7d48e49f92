import * as z from 'zod/mini';
import { idSchema } from '../objects/common.ts';
import { contentSchema } from '../objects/conversations.ts';
import { deskSchema, routingBodySchema, routingSchema } from '../objects/desk.ts';
import { replySchema, scopeSchema, shortcutSchema, titleSchema } from '../objects/replies.ts';
import { listOf, listQuery, route } from '../route.ts';
import { schema } from '../schema.ts';

export const getRouting = /* @__PURE__ */ route(() => ({
  operation: 'getRouting',
  method: 'GET',
  path: '/routing',
  summary: 'Read how your team gets its conversations.',
  tag: 'desk',
  status: 200,
  response: routingSchema,
  repeat: 'safe',
  errors: [],
}));

export const setRouting = /* @__PURE__ */ route(() => ({
  operation: 'setRouting',
  method: 'PUT',
  path: '/routing',
  summary: 'Say how your team gets its conversations.',
  tag: 'desk',
  body: routingBodySchema,
  status: 200,
  response: routingSchema,
  repeat: 'safe',
  errors: ['RATE_LIMITED'],
}));

export const getDesk = /* @__PURE__ */ route(() => ({
  operation: 'getDesk',
  method: 'GET',
  path: '/desk',
  summary: 'Ask whether anybody is available; the answer may be 30 seconds old.',
  tag: 'desk',
  status: 200,
  response: deskSchema,
  repeat: 'safe',
  errors: [],
}));

const replyParams = /* @__PURE__ */ schema(() => z.strictObject({ replyId: idSchema }));

export const listReplies = /* @__PURE__ */ route(() => ({
  operation: 'listReplies',
  method: 'GET',
  path: '/replies',
  summary: "List the canned replies you may use: your own, your team's, and those for all.",
  tag: 'desk',
  query: z.strictObject(listQuery()),
  status: 200,
  response: () => listOf(replySchema()),
  repeat: 'safe',
  errors: [],
}));

export const createReply = /* @__PURE__ */ route(() => ({
  operation: 'createReply',
  method: 'POST',
  path: '/replies',
  summary: 'Make a canned reply.',
  tag: 'desk',
  body: z.strictObject({
    shortcut: shortcutSchema,
    title: titleSchema,
    content: contentSchema,
    scope: scopeSchema,
  }),
  status: 201,
  response: replySchema,
  repeat: {
    findOut: 'Look for the shortcut in `GET /replies`, or send it again: `SHORTCUT_TAKEN` says that it is there.',
  },
  errors: ['SHORTCUT_TAKEN', 'RATE_LIMITED'],
}));

export const updateReply = /* @__PURE__ */ route(() => ({
  operation: 'updateReply',
  method: 'PATCH',
  path: '/replies/{replyId}',
  summary: 'Change a canned reply that is yours to change.',
  tag: 'desk',
  params: replyParams,
  body: z.strictObject({
    shortcut: z.optional(shortcutSchema),
    title: z.optional(titleSchema),
    content: z.optional(contentSchema),
  }),
  status: 200,
  response: replySchema,
  repeat: { findOut: 'Read the replies. Sent again it would undo what somebody else has changed since.' },
  errors: ['NOT_FOUND', 'SHORTCUT_TAKEN', 'RATE_LIMITED'],
}));

export const deleteReply = /* @__PURE__ */ route(() => ({
  operation: 'deleteReply',
  method: 'DELETE',
  path: '/replies/{replyId}',
  summary: 'Delete a canned reply that is yours to change.',
  tag: 'desk',
  params: replyParams,
  status: 204,
  response: null,
  repeat: { findOut: 'Send it again: `NOT_FOUND` says that it is gone.' },
  errors: ['NOT_FOUND', 'RATE_LIMITED'],
}));

import * as z from 'zod/mini';
import { CHANGE_REASONS } from '../domain/desk.ts';
import type { Operation } from '../domain/permissions.ts';
import { ERROR_CODES, ERRORS, type ErrorCode } from './errors.ts';
import { cursorSchema, idSchema, requestIdSchema, seqSchema, timestampSchema } from './objects/common.ts';
import {
  afterSchema,
  clientMessageIdSchema,
  contentSchema,
  conversationSchema,
  messageSchema,
  noteSchema,
  readMarkSchema,
  staffConversationSchema,
} from './objects/conversations.ts';
import { fieldErrorSchema } from './objects/problem.ts';
import { availabilitySchema, userSchema } from './objects/users.ts';
import type { Repeating } from './repeating.ts';
import { schema } from './schema.ts';

/** The subprotocol that a browser offers first, followed by its access token. The server answers with this one alone. */
export const SUBPROTOCOL = 'live-support.v1';

const inConversation = /* @__PURE__ */ schema(() => z.strictObject({ conversationId: idSchema }));

export interface ClientEvent {
  readonly event: Operation;
  readonly summary: string;
  readonly data: z.ZodMiniType<Record<string, unknown>>;
  /** `null`: it is answered by refusals only. */
  readonly answer: ServerEventName | null;
  readonly repeat: Repeating;
  readonly errors: readonly ErrorCode[];
}

/** As `schema` makes schemas. */
const clientEvent = <const E extends ClientEvent>(make: () => E): E => make();

export const JOIN_CONVERSATION = /* @__PURE__ */ clientEvent(() => ({
  event: 'JOIN_CONVERSATION',
  summary: 'Enter the room and get the messages after `afterSeq`.',
  data: z.extend(inConversation, { afterSeq: z.optional(seqSchema) }),
  answer: 'CONVERSATION_JOINED',
  repeat: 'safe',
  errors: ['NOT_FOUND', 'CONVERSATION_CLOSED', 'RATE_LIMITED'],
}));

export const SEND_MESSAGE = /* @__PURE__ */ clientEvent(() => ({
  event: 'SEND_MESSAGE',
  summary: 'Say something in a room this connection has joined.',
  data: z
    .extend(inConversation, {
      content: contentSchema,
      clientMessageId: z.optional(clientMessageIdSchema),
      after: z.optional(afterSchema),
    })
    .check(
      z.refine(({ clientMessageId, after }) => after === undefined || after !== clientMessageId, {
        error: 'must not be the message itself',
        path: ['after'],
      }),
    ),
  answer: 'MESSAGE_ACCEPTED',
  repeat: { safeWith: 'clientMessageId', findOut: 'Look for it in the messages before you send it again.' },
  errors: ['NOT_FOUND', 'NOT_JOINED', 'CONVERSATION_CLOSED', 'CONFLICT', 'OUT_OF_ORDER', 'RATE_LIMITED'],
}));

export const LEAVE_CONVERSATION = /* @__PURE__ */ clientEvent(() => ({
  event: 'LEAVE_CONVERSATION',
  summary: 'Leave the room.',
  data: inConversation,
  answer: 'CONVERSATION_LEFT',
  repeat: { findOut: 'Send it again: `NOT_JOINED` says that you are out.' },
  errors: ['NOT_FOUND', 'NOT_JOINED'],
}));

export const CLOSE_CONVERSATION = /* @__PURE__ */ clientEvent(() => ({
  event: 'CLOSE_CONVERSATION',
  summary: 'Close the conversation; its assigned agent only, joined or not.',
  data: z.extend(inConversation, { after: z.optional(afterSchema) }),
  answer: 'CONVERSATION_CLOSED',
  repeat: { findOut: 'Read the conversation, or send it again: `CONVERSATION_CLOSED` says that it is closed.' },
  errors: ['NOT_FOUND', 'CONVERSATION_CLOSED', 'CONFLICT', 'OUT_OF_ORDER', 'RATE_LIMITED'],
}));

export const TYPING = /* @__PURE__ */ clientEvent(() => ({
  event: 'TYPING',
  summary: 'Say that you are typing, or not any more. Too many are dropped in silence.',
  data: z.extend(inConversation, { typing: z.boolean() }),
  answer: null,
  repeat: 'safe',
  errors: ['NOT_FOUND', 'NOT_JOINED', 'CONVERSATION_CLOSED'],
}));

export const MARK_READ = /* @__PURE__ */ clientEvent(() => ({
  event: 'MARK_READ',
  summary: 'Say up to where you have read, joined or not: never back, never beyond the last message.',
  data: z.extend(inConversation, { seq: seqSchema }),
  answer: 'MESSAGES_READ',
  repeat: 'safe',
  errors: ['NOT_FOUND', 'RATE_LIMITED'],
}));

export const WATCH_QUEUE = /* @__PURE__ */ clientEvent(() => ({
  event: 'WATCH_QUEUE',
  summary: 'Be told of the queue as it changes, and get what waits: the most urgent first, then the oldest.',
  data: z.strictObject({ cursor: z.optional(cursorSchema) }),
  answer: 'QUEUE_WATCHED',
  repeat: 'safe',
  errors: ['RATE_LIMITED'],
}));

export const UNWATCH_QUEUE = /* @__PURE__ */ clientEvent(() => ({
  event: 'UNWATCH_QUEUE',
  summary: 'Be told of the queue no more.',
  data: z.strictObject({}),
  answer: 'QUEUE_UNWATCHED',
  repeat: 'safe',
  errors: [],
}));

export const SET_AVAILABILITY = /* @__PURE__ */ clientEvent(() => ({
  event: 'SET_AVAILABILITY',
  summary: 'Be available for 150 seconds, or away. `renew: true` only extends: send it each minute.',
  data: z.strictObject({ status: availabilitySchema, renew: z.optional(z.boolean()) }),
  answer: 'AVAILABILITY_SET',
  repeat: {
    safeWith: 'renew',
    findOut:
      'Send it with `renew: true`: the answer says whether you are available. Sent again it could undo that somebody has sent you away since.',
  },
  errors: ['RATE_LIMITED'],
}));

export const PING = /* @__PURE__ */ clientEvent(() => ({
  event: 'PING',
  summary: 'Keep the connection from being idle.',
  data: z.strictObject({}),
  answer: 'PONG',
  repeat: 'safe',
  errors: [],
}));

/** The client events, by name. An endpoint imports the one it handles, so that a package has no others. */
export const clientEvents = {
  JOIN_CONVERSATION,
  SEND_MESSAGE,
  LEAVE_CONVERSATION,
  CLOSE_CONVERSATION,
  TYPING,
  MARK_READ,
  WATCH_QUEUE,
  UNWATCH_QUEUE,
  SET_AVAILABILITY,
  PING,
} as const satisfies Record<string, ClientEvent>;

export type ClientEventName = keyof typeof clientEvents;

/** The envelope of a client frame. The event's own schema then validates `data`. */
export const clientFrameSchema = /* @__PURE__ */ schema(() =>
  z.strictObject({
    event: z.string(),
    // Passed on as it is: `z.record` would drop a `__proto__` key before the event's schema could name it.
    data: z.custom<Record<string, unknown>>(
      (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
      { error: 'must be an object' },
    ),
    requestId: z.optional(requestIdSchema),
  }),
);

const socketErrorCodeSchema = /* @__PURE__ */ schema(() => z.enum(ERROR_CODES.filter((code) => ERRORS[code].socket)), {
  id: 'SocketErrorCode',
  description: 'There will be more.',
});

const changeReasonSchema = /* @__PURE__ */ schema(() => z.enum(CHANGE_REASONS), { id: 'ChangeReason' });

const serverSchemas = <T extends Record<string, z.ZodMiniObject>>(make: () => T): T => make();

/** The server events, by name. */
export const serverEvents = /* @__PURE__ */ serverSchemas(() => ({
  CONVERSATION_JOINED: z.object({
    conversation: schema(() => z.union([staffConversationSchema(), conversationSchema()]), {
      id: 'JoinedConversation',
      description: 'An agent gets a `StaffConversation`, a candidate a `Conversation`.',
    }),
    readSeqs: schema(() => z.record(z.string(), seqSchema), {
      description: 'Up to where the candidate and the present agent have read, by their ids.',
    }),
    present: schema(() => z.array(idSchema), { description: 'Who is in the room now.' }),
    messages: z.array(messageSchema()),
    nextAfterSeq: z.nullable(z.int()),
  }),
  MESSAGE_ACCEPTED: z.object({
    conversationId: idSchema,
    messageId: idSchema,
    seq: z.int().check(z.minimum(1)),
    clientMessageId: z.nullable(z.string()),
    sentAt: timestampSchema,
    duplicate: z.boolean(),
  }),
  NEW_MESSAGE: messageSchema(),
  CONVERSATION_LEFT: z.object({ conversationId: idSchema }),
  CONVERSATION_ASSIGNED: z.object({ conversation: conversationSchema() }),
  CONVERSATION_REQUEUED: z.object({ conversation: conversationSchema() }),
  CONVERSATION_CLOSED: z.object({
    conversationId: idSchema,
    closedAt: timestampSchema,
    closedBy: idSchema,
    lastSeq: seqSchema,
  }),
  TYPING: z.object({ conversationId: idSchema, userId: idSchema, typing: z.boolean() }),
  MESSAGES_READ: z.object(readMarkSchema().shape),
  PARTICIPANT_JOINED: z.object({ conversationId: idSchema, userId: idSchema }),
  PARTICIPANT_LEFT: z.object({ conversationId: idSchema, userId: idSchema }),
  QUEUE_WATCHED: z.object({
    conversations: z.array(staffConversationSchema()),
    nextCursor: z.nullable(z.string()),
  }),
  QUEUE_UNWATCHED: z.object({}),
  QUEUE_CHANGED: z.object({ conversation: staffConversationSchema(), reason: changeReasonSchema }),
  QUEUE_REMOVED: z.object({ conversationId: idSchema, revision: z.int() }),
  QUEUE_STALE: z.object({}),
  NOTE_ADDED: z.object({ note: noteSchema() }),
  AGENT_CHANGED: z.object({ user: userSchema() }),
  AVAILABILITY_SET: z.object({
    status: availabilitySchema,
    until: schema(() => z.nullable(timestampSchema), {
      description: "When it ends without a renewal, by the service's clock; `null` when away.",
    }),
  }),
  PONG: z.object({}),
  ERROR: z.object({
    code: socketErrorCodeSchema,
    message: z.string(),
    event: z.nullable(z.string()),
    errors: z.optional(z.array(fieldErrorSchema())),
    retryAfter: z.optional(
      schema(() => z.int().check(z.minimum(0)), {
        description: 'Seconds to wait: with `RATE_LIMITED` and `UNAVAILABLE`.',
      }),
    ),
  }),
}));

export type ServerEventName = keyof typeof serverEvents;
export type ServerData<N extends ServerEventName> = z.infer<(typeof serverEvents)[N]>;

/** One frame from the server. A direct answer has the `requestId` of the client's frame. */
export type ServerFrame = {
  [N in ServerEventName]: { event: N; data: ServerData<N>; requestId?: string };
}[ServerEventName];

/** Every code that can refuse an event, beside those about the frame itself. */
export function socketRefusals(event: ClientEvent): readonly ErrorCode[] {
  return [
    ...new Set<ErrorCode>([
      ...event.errors,
      'INVALID_TOKEN',
      'FORBIDDEN',
      'VALIDATION_FAILED',
      'PAYLOAD_TOO_LARGE',
      'INTERNAL',
      'UNAVAILABLE',
    ]),
  ];
}

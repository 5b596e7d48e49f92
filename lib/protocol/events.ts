import * as z from 'zod';
import type { Operation } from '../domain/permissions.ts';
import { ERROR_CODES, ERRORS, type ErrorCode } from './errors.ts';
import {
  clientMessageIdSchema,
  contentSchema,
  conversationSchema,
  fieldErrorSchema,
  idSchema,
  messageSchema,
  requestIdSchema,
  seqSchema,
  timestampSchema,
} from './objects.ts';

/** The subprotocol a browser offers first, followed by its access token; the server answers with this one alone. */
export const SUBPROTOCOL = 'live-support.v1';

const inConversation = z.strictObject({ conversationId: idSchema });

export interface ClientEvent {
  readonly event: Operation;
  readonly summary: string;
  readonly data: z.ZodType<Record<string, unknown>>;
  readonly answer: ServerEventName;
  readonly errors: readonly ErrorCode[];
}

const define = <const E extends ClientEvent>(event: E): E => event;

/** What a client may send, by name. */
export const clientEvents = {
  JOIN_CONVERSATION: define({
    event: 'JOIN_CONVERSATION',
    summary: 'Enter the room and get the messages after `afterSeq`.',
    data: inConversation.extend({ afterSeq: seqSchema.optional() }),
    answer: 'CONVERSATION_JOINED',
    errors: ['NOT_FOUND', 'CONVERSATION_CLOSED', 'RATE_LIMITED'],
  }),
  SEND_MESSAGE: define({
    event: 'SEND_MESSAGE',
    summary: 'Say something in a room this connection has joined.',
    data: inConversation.extend({ content: contentSchema, clientMessageId: clientMessageIdSchema.optional() }),
    answer: 'MESSAGE_ACCEPTED',
    errors: ['NOT_FOUND', 'NOT_JOINED', 'CONVERSATION_CLOSED', 'CONFLICT', 'RATE_LIMITED'],
  }),
  LEAVE_CONVERSATION: define({
    event: 'LEAVE_CONVERSATION',
    summary: 'Leave the room.',
    data: inConversation,
    answer: 'CONVERSATION_LEFT',
    errors: ['NOT_FOUND', 'NOT_JOINED'],
  }),
  CLOSE_CONVERSATION: define({
    event: 'CLOSE_CONVERSATION',
    summary: 'Close the conversation; its assigned agent only, joined or not.',
    data: inConversation,
    answer: 'CONVERSATION_CLOSED',
    errors: ['NOT_FOUND', 'CONVERSATION_CLOSED', 'CONFLICT'],
  }),
  PING: define({
    event: 'PING',
    summary: 'Keep the connection from being idle.',
    data: z.strictObject({}),
    answer: 'PONG',
    errors: [],
  }),
} as const satisfies Record<string, ClientEvent>;

export type ClientEventName = keyof typeof clientEvents;
export type ClientData<N extends ClientEventName> = z.infer<(typeof clientEvents)[N]['data']>;

/** The envelope of a client frame; `data` is then held against the event's own schema. */
export const clientFrameSchema = z.strictObject({
  event: z.string(),
  // Passed on untouched: `z.record` would drop a `__proto__` key before the event's schema could name it.
  data: z.custom<Record<string, unknown>>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    { error: 'must be an object' },
  ),
  requestId: requestIdSchema.optional(),
});

const SOCKET_ERROR_CODES = ERROR_CODES.filter((code) => ERRORS[code].socket) as [ErrorCode, ...ErrorCode[]];

/** What the server may send, by name. */
export const serverEvents = {
  CONVERSATION_JOINED: z.object({
    conversation: conversationSchema,
    messages: z.array(messageSchema),
    nextAfterSeq: z.int().nullable(),
  }),
  MESSAGE_ACCEPTED: z.object({
    conversationId: idSchema,
    messageId: idSchema,
    seq: z.int().min(1),
    clientMessageId: z.string().nullable(),
    sentAt: timestampSchema,
    duplicate: z.boolean(),
  }),
  NEW_MESSAGE: messageSchema,
  CONVERSATION_LEFT: z.object({ conversationId: idSchema }),
  CONVERSATION_ASSIGNED: z.object({ conversation: conversationSchema }),
  CONVERSATION_CLOSED: z.object({
    conversationId: idSchema,
    closedAt: timestampSchema,
    closedBy: idSchema,
    lastSeq: seqSchema,
  }),
  PONG: z.object({}),
  ERROR: z.object({
    code: z.enum(SOCKET_ERROR_CODES),
    message: z.string(),
    event: z.string().nullable(),
    errors: z.array(fieldErrorSchema).optional(),
  }),
} as const;

export type ServerEventName = keyof typeof serverEvents;
export type ServerData<N extends ServerEventName> = z.infer<(typeof serverEvents)[N]>;

/** One frame from the server. `requestId` repeats that of the client frame it directly answers. */
export type ServerFrame = {
  [N in ServerEventName]: { event: N; data: ServerData<N>; requestId?: string };
}[ServerEventName];

/** Every code an event can be refused with, beyond those of the frame itself. */
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

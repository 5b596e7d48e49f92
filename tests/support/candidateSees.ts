import * as z from 'zod/mini';
import type { ServerEventName, ServerFrame } from '../../lib/protocol/events.ts';

/**
 * Everything that the contract gives a candidate, field by field. It is written out here, and not taken from the schemas that
 * the service builds its answers by: these are told of a field that somebody adds to a schema. Every answer and every frame
 * that a candidate receives in any test is held to this.
 */
const given = z.unknown();
const only = (fields: string, nested: Readonly<Record<string, z.ZodMiniType>> = {}) =>
  z.strictObject({ ...Object.fromEntries(fields.split(' ').map((field) => [field, given])), ...nested });

const CONVERSATION =
  'id subject status candidateId agentId supervisorId lastSeq createdAt assignedAt firstResponseAt closedAt closedBy lastMessageAt revision';
const people = { candidate: only('id name'), agent: z.nullable(only('id name')) };
const conversation = only(CONVERSATION, people);
const rating = only('score comment ratedAt');
const ownConversation = only(`${CONVERSATION} unread`, { ...people, rating: z.nullable(rating) });
const message = only('id conversationId seq senderId senderRole senderName content clientMessageId sentAt');
const readMark = only('conversationId userId seq readAt');
/** Themselves: nobody else's is for them. */
const user = only('id name email active createdAt', {
  role: z.literal('candidate'),
  supervisorId: z.null(),
  maxConversations: z.null(),
  availability: z.null(),
});
const session = only('accessToken refreshToken tokenType expiresIn', { user });

/** By operation; what is not here is refused a candidate, or has no body. */
const ANSWERS: Readonly<Record<string, z.ZodMiniType>> = {
  register: session,
  login: session,
  exchangeIdentity: session,
  createVisitor: session,
  refreshSession: session,
  getMe: user,
  getUser: user,
  createConversation: ownConversation,
  listConversations: only('nextCursor', { items: z.array(ownConversation) }),
  getConversation: ownConversation,
  listMessages: only('nextAfterSeq', { items: z.array(message) }),
  markRead: readMark,
  rateConversation: rating,
  getTranscript: z.strictObject({ conversation, messages: z.array(message) }),
  getDesk: only('open'),
  health: only('status version'),
};

const FRAMES: Readonly<Partial<Record<ServerEventName, z.ZodMiniType>>> = {
  CONVERSATION_JOINED: only('readSeqs present nextAfterSeq', { conversation, messages: z.array(message) }),
  MESSAGE_ACCEPTED: only('conversationId messageId seq clientMessageId sentAt duplicate'),
  NEW_MESSAGE: message,
  CONVERSATION_LEFT: only('conversationId'),
  CONVERSATION_ASSIGNED: z.strictObject({ conversation }),
  CONVERSATION_REQUEUED: z.strictObject({ conversation }),
  CONVERSATION_CLOSED: only('conversationId closedAt closedBy lastSeq'),
  TYPING: only('conversationId userId typing'),
  MESSAGES_READ: readMark,
  PARTICIPANT_JOINED: only('conversationId userId'),
  PARTICIPANT_LEFT: only('conversationId userId'),
  PONG: z.strictObject({}),
  ERROR: z.strictObject({
    ...{ code: given, message: given, event: given },
    ...{ errors: z.optional(given), retryAfter: z.optional(given) },
  }),
};

/** Whether this is the access token of a candidate. */
export function isCandidates(token: string | undefined): boolean {
  try {
    const claims = Buffer.from(token?.split('.')[1] ?? '', 'base64url').toString();
    return (JSON.parse(claims) as { role?: unknown }).role === 'candidate';
  } catch {
    return false;
  }
}

/** Throws when a candidate is answered with more than the contract gives them. */
export function checkCandidatesAnswer(operation: string, body: unknown): void {
  // A file of text is words that its test reads.
  if (body === undefined || typeof body === 'string') return;
  held(`the answer to ${operation}`, ANSWERS[operation], body);
}

/** Throws when a candidate is sent more than the contract gives them. */
export const checkCandidatesFrame = ({ event, data }: ServerFrame): void => held(event, FRAMES[event], data);

function held(what: string, allowed: z.ZodMiniType | undefined, found: unknown): void {
  if (!allowed) throw new Error(`${what} is not for a candidate: ${JSON.stringify(found)}`);
  const { error } = allowed.safeParse(found);
  if (error) throw new Error(`${what} is more, or less, than a candidate is given: ${z.prettifyError(error)}`);
}

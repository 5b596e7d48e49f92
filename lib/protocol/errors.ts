/**
 * The error catalogue: every code a client can meet, on either transport.
 * `status` is its HTTP status, or `null` where the code exists on the WebSocket only; `socket` says whether an
 * `ERROR` frame may carry it; `title` is the RFC 9457 title, the same for every occurrence.
 */
export const ERRORS = {
  MALFORMED_JSON: { status: 400, socket: true, title: 'Not a JSON object' },
  VALIDATION_FAILED: { status: 400, socket: true, title: 'Invalid input' },
  INVALID_CREDENTIALS: { status: 401, socket: false, title: 'Wrong e-mail or password' },
  INVALID_TOKEN: { status: 401, socket: true, title: 'Missing, bad, expired or revoked token' },
  FORBIDDEN: { status: 403, socket: true, title: 'Not allowed for this role' },
  NOT_FOUND: { status: 404, socket: true, title: 'Not found' },
  NOT_CONFIGURED: { status: 404, socket: false, title: 'Not switched on here' },
  EMAIL_TAKEN: { status: 409, socket: false, title: 'E-mail already in use' },
  LAST_ADMIN: { status: 409, socket: false, title: 'The last active admin' },
  HAS_TEAM: { status: 409, socket: false, title: 'A supervisor with active agents' },
  CONVERSATION_CLOSED: { status: 409, socket: true, title: 'Conversation closed' },
  CONVERSATION_ASSIGNED: { status: 409, socket: false, title: 'Conversation assigned' },
  CONFLICT: { status: 409, socket: true, title: 'Lost to a concurrent change' },
  ALREADY_RATED: { status: 409, socket: false, title: 'Already rated' },
  SHORTCUT_TAKEN: { status: 409, socket: false, title: 'Shortcut already in use' },
  AGENT_NOT_AVAILABLE: { status: 422, socket: false, title: 'Agent not available' },
  PAYLOAD_TOO_LARGE: { status: 413, socket: true, title: 'Too large' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, socket: false, title: 'Unsupported media type' },
  RATE_LIMITED: { status: 429, socket: true, title: 'Too many requests' },
  UNKNOWN_EVENT: { status: null, socket: true, title: 'Unknown event' },
  NOT_JOINED: { status: null, socket: true, title: 'Not joined' },
  TOO_MANY_CONNECTIONS: { status: null, socket: true, title: 'Too many connections' },
  OUT_OF_ORDER: { status: null, socket: true, title: 'Out of order' },
  INTERNAL: { status: 500, socket: true, title: 'Internal error' },
  UNAVAILABLE: { status: 503, socket: true, title: 'Temporarily unavailable' },
} as const satisfies Record<string, { status: number | null; socket: boolean; title: string }>;

export type ErrorCode = keyof typeof ERRORS;
export const ERROR_CODES = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];

/** The text of a refusal, unless it has a more exact one. It never names something that the caller may not see. */
export const DEFAULT_DETAIL: Record<ErrorCode, string> = {
  MALFORMED_JSON: 'The body must be one JSON object.',
  VALIDATION_FAILED: 'The input does not match what this operation takes.',
  INVALID_CREDENTIALS: 'The e-mail address or the password is wrong.',
  INVALID_TOKEN: 'The token is missing, bad, expired or revoked. Sign in again.',
  FORBIDDEN: 'Your role may not do this.',
  NOT_FOUND: 'There is no such thing, or it is not yours to see.',
  NOT_CONFIGURED: 'This deployment has not switched this on.',
  EMAIL_TAKEN: 'Somebody already uses this e-mail address.',
  LAST_ADMIN: 'The last active admin cannot be made inactive.',
  HAS_TEAM: 'A supervisor with active agents cannot be made inactive. Move the agents, or make them inactive, first.',
  CONVERSATION_CLOSED: 'The conversation is closed.',
  CONVERSATION_ASSIGNED: 'The conversation is assigned; its agent closes it.',
  CONFLICT: 'Somebody else changed this at the same time. Read it again.',
  ALREADY_RATED: 'This conversation has another rating already.',
  SHORTCUT_TAKEN: 'There is a reply with this shortcut in this scope.',
  AGENT_NOT_AVAILABLE: 'There is no such active agent under you.',
  PAYLOAD_TOO_LARGE: 'The body or frame is too large.',
  UNSUPPORTED_MEDIA_TYPE: 'Send application/json, in UTF-8 and without a content-encoding.',
  RATE_LIMITED: 'Too many requests. Wait a little.',
  UNKNOWN_EVENT: 'There is no such event.',
  NOT_JOINED: 'This connection has not joined the conversation.',
  TOO_MANY_CONNECTIONS: 'A newer connection of yours took the place of this one. Do not connect again by yourself.',
  OUT_OF_ORDER: 'The message that `after` names did not come. Send that one, then this one again.',
  INTERNAL: 'Something went wrong on our side.',
  // `goOn` adds how to go on, which depends on the operation.
  UNAVAILABLE: 'The service cannot reach its database, or was not answered in time.',
};

/** One error in the input: an RFC 6901 pointer to the wrong part, and the reason. */
export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
}

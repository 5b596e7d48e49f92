import type { ErrorCode, FieldError } from './protocol.ts';

/**
 * What can go wrong beside what the service refuses.
 * `NETWORK`: no answer came; what became of the command is unknown.
 * `TIMEOUT`: no answer came in time; what became of the command is unknown, unless it was never sent.
 * `SIGNED_OUT`: there is no session any more, or none yet.
 * `CLOSED`: this client, or its connection, was closed.
 * `UNEXPECTED`: an answer that is none of the service's.
 */
export type ClientErrorCode = 'NETWORK' | 'TIMEOUT' | 'SIGNED_OUT' | 'CLOSED' | 'UNEXPECTED';

export interface ErrorFields {
  /** The HTTP status, where the error came over HTTP. */
  readonly status?: number | null;
  readonly retryable?: boolean;
  readonly outcomeUnknown?: boolean;
  readonly errors?: readonly FieldError[];
  readonly retryAfter?: number | null;
  readonly requestId?: string | null;
  readonly cause?: unknown;
}

/** Every error of this package, except that of an aborted signal, which is the signal's reason. */
export class LiveSupportError extends Error {
  override readonly name = 'LiveSupportError';
  /** Which error. There will be more codes: treat one that you do not know by `status` and `retryable`. */
  readonly code: ErrorCode | ClientErrorCode;
  /** The HTTP status; `null` where the error came over the WebSocket, or from this package. */
  readonly status: number | null;
  /** Whether the same call may be made again, unchanged: its effect would be there once, and it may succeed. */
  readonly retryable: boolean;
  /** Whether the command may have had its effect all the same. */
  readonly outcomeUnknown: boolean;
  /** What is wrong with the input, field by field. */
  readonly errors: readonly FieldError[];
  /** How many seconds to wait before the next attempt, where the service says so. */
  readonly retryAfter: number | null;
  /** The service's id of the request, for its log. */
  readonly requestId: string | null;

  constructor(code: ErrorCode | ClientErrorCode, message: string, fields: ErrorFields = {}) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.code = code;
    this.status = fields.status ?? null;
    this.retryable = fields.retryable ?? false;
    this.outcomeUnknown = fields.outcomeUnknown ?? false;
    this.errors = fields.errors ?? [];
    this.retryAfter = fields.retryAfter ?? null;
    this.requestId = fields.requestId ?? null;
  }
}

export const isLiveSupportError = (error: unknown): error is LiveSupportError => error instanceof LiveSupportError;

/** Whether the service took the access token, or the refresh token, for none. */
export const isTokenRefused = (error: unknown): boolean => isLiveSupportError(error) && error.code === 'INVALID_TOKEN';

/** Of a call that named here what it makes: made again, it would make another one. What surely had no effect may be made again. */
export const madeHere = (error: unknown): unknown =>
  error instanceof LiveSupportError && error.retryable && error.outcomeUnknown
    ? new LiveSupportError(error.code, error.message, { ...error, retryable: false, cause: error.cause })
    : error;

/** Codes with which the service says that it did nothing, and that it may do it later. */
export const PASSING: ReadonlySet<string> = new Set<ErrorCode>(['RATE_LIMITED', 'OUT_OF_ORDER', 'CONFLICT']);
/** Codes that leave open whether the command was carried out. */
export const UNKNOWN_OUTCOME: ReadonlySet<string> = new Set<ErrorCode | ClientErrorCode>([
  'UNAVAILABLE',
  'INTERNAL',
  'NETWORK',
  'TIMEOUT',
]);

/** What says nothing of the command: an answer that is none of the service's, and a token that was refused, for which there is another. */
const NO_REFUSAL: ReadonlySet<string> = new Set<LiveSupportError['code']>(['UNEXPECTED', 'INVALID_TOKEN']);

/** Whether the service refuses it for good. */
export const isRefusal = ({ retryable, outcomeUnknown, code }: LiveSupportError): boolean =>
  !retryable && !outcomeUnknown && !NO_REFUSAL.has(code);

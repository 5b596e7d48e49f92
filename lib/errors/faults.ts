import { isNativeError } from 'node:util/types';
import { AppError } from './appError.ts';

// Names and labels tell faults apart, not classes: a function without a database then needs no driver in its bundle.

/** Names of errors that mean that the database is out of reach, or the Parameter Store that has its address. */
const OUT_OF_REACH = new Set([
  'DeadlineExceeded',
  'ParameterStoreUnavailable',
  'MongoNetworkError',
  'MongoNetworkTimeoutError',
  'MongoServerSelectionError',
  'MongooseServerSelectionError',
  'MongoOperationTimeoutError',
  'MongoWaitQueueTimeoutError',
  'MongoNotConnectedError',
  'MongoTopologyClosedError',
  'MongoClientClosedError',
  'MongoPoolClearedError',
  'MongoPoolClosedError',
  'PoolClearedOnNetworkError',
  'MongoServerClosedError',
  'MongoStalePrimaryError',
  'MongoExpiredSessionError',
  'MongoWriteConcernError',
]);

/** Errors that the server answered; several writes sent as one have an error of their own. */
const FROM_THE_SERVER = new Set(['MongoServerError', 'MongoBulkWriteError']);

/**
 * Codes of server errors that mean "not now": stepping down, shutting down, no majority in time, time limit exceeded; and that
 * the database doesn't let the service in (13, 18, and 8000, which is Atlas's own), as while it is being restored.
 * https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
 */
const NOT_NOW = new Set([
  6, 7, 13, 18, 50, 64, 89, 91, 112, 133, 189, 251, 262, 8000, 9001, 10_058, 10_107, 11_600, 11_602, 13_435, 13_436,
]);

const LABELS = ['TransientTransactionError', 'UnknownTransactionCommitResult', 'RetryableWriteError'];

/**
 * Codes of errors that a socket throws and the driver fails to wrap, for example after a write to a socket that was
 * just closed.
 */
const BROKEN_SOCKET = new Set([
  'EPIPE',
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
]);

/** Whether the database was out of reach or failing over, so that a later try may succeed. */
export function isUnavailable(error: unknown): boolean {
  if (!isNativeError(error)) return false;
  if (OUT_OF_REACH.has(error.name)) return true;
  const { code, errorLabels } = error as { code?: unknown; errorLabels?: unknown };
  if (typeof code === 'string' && BROKEN_SOCKET.has(code)) return true;
  if (FROM_THE_SERVER.has(error.name) && typeof code === 'number' && NOT_NOW.has(code)) return true;
  if (Array.isArray(errorLabels) && LABELS.some((label) => errorLabels.includes(label))) return true;
  // mongoose throws this while there is no connection, with `bufferCommands: false`.
  return error.name === 'MongooseError' && error.message.includes('initial connection');
}

/**
 * Turns anything thrown into an error of the catalogue. A refusal stays as it is, a database out of reach becomes
 * `UNAVAILABLE`, anything else `INTERNAL`. The text of `INTERNAL` says nothing of its cause.
 */
export function asAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  if (isUnavailable(thrown)) return new AppError('UNAVAILABLE', undefined, { cause: thrown });
  return new AppError('INTERNAL', undefined, { cause: thrown });
}

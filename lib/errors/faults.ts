import { isNativeError } from 'node:util/types';
import { AppError } from './appError.ts';

// Faults are told apart by name and label, not by class: the functions that need no database needn't carry its driver.

/** What is thrown when the database, or the parameter that says where it is, is out of reach. */
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

/** What the server answered; to several writes sent as one, in an error of their own. */
const FROM_THE_SERVER = new Set(['MongoServerError', 'MongoBulkWriteError']);

/**
 * Server errors that say "not now": stepping down, shutting down, no majority in time, time limit exceeded.
 * https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
 */
const NOT_NOW = new Set([
  6, 7, 50, 64, 89, 91, 112, 133, 189, 251, 262, 9001, 10_058, 10_107, 11_600, 11_602, 13_435, 13_436,
]);

const LABELS = ['TransientTransactionError', 'UnknownTransactionCommitResult', 'RetryableWriteError'];

/** What a socket throws by itself where the driver fails to wrap it: written to just after the other side ended it, say. */
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

/** Whether the database was out of reach or busy failing over, so that trying again later may well work. */
export function isUnavailable(error: unknown): boolean {
  if (!isNativeError(error)) return false;
  if (OUT_OF_REACH.has(error.name)) return true;
  const { code, errorLabels } = error as { code?: unknown; errorLabels?: unknown };
  if (typeof code === 'string' && BROKEN_SOCKET.has(code)) return true;
  if (FROM_THE_SERVER.has(error.name) && typeof code === 'number' && NOT_NOW.has(code)) return true;
  if (Array.isArray(errorLabels) && LABELS.some((label) => errorLabels.includes(label))) return true;
  // What `bufferCommands: false` throws while there is no connection.
  return error.name === 'MongooseError' && error.message.includes('initial connection');
}

/**
 * Whatever was thrown, as one of the catalogue: a refusal stays what it is, a database out of reach is `UNAVAILABLE`,
 * anything else `INTERNAL`, whose text says nothing of its cause.
 */
export function asAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  if (isUnavailable(thrown)) return new AppError('UNAVAILABLE', undefined, { cause: thrown });
  return new AppError('INTERNAL', undefined, { cause: thrown });
}

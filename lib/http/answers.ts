import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { retryAfterOf } from '../errors/appError.ts';
import { asAppError } from '../errors/faults.ts';
import { ERRORS } from '../protocol/errors.ts';
import type { Repeating } from '../protocol/repeating.ts';
import { detailOf } from '../protocol/repeating.ts';
import type { Route } from '../protocol/route.ts';
import { errorFields, logger } from '../runtime/logger.ts';
import { metrics } from '../runtime/metrics.ts';

/** The headers of every answer. */
export const commonHeaders = (requestId: string) => ({
  'x-request-id': requestId,
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
});

/** Makes the route's answer. `repeated`: the request repeats one that was carried out before. */
export function answer(
  { status, repeatedStatus, response }: Route,
  body: unknown,
  requestId: string,
  repeated: boolean,
): APIGatewayProxyStructuredResultV2 {
  const statusCode = (repeated && repeatedStatus) || status;
  logger.info('answered', { status: statusCode });
  if (response === null) return { statusCode, headers: commonHeaders(requestId) };
  return {
    statusCode,
    headers: { ...commonHeaders(requestId), 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify(body),
  };
}

/** A file that a route answers with. */
export interface AnsweredFile {
  readonly contentType: string;
  /** ASCII, without quotes. */
  readonly fileName: string;
  readonly text: string;
}

/** Makes the answer of a route whose answer is a file, for the browser to keep. */
export function fileAnswer(
  { status }: Route,
  { contentType, fileName, text }: AnsweredFile,
  requestId: string,
): APIGatewayProxyStructuredResultV2 {
  logger.info('answered', { status });
  return {
    statusCode: status,
    headers: {
      ...commonHeaders(requestId),
      'content-type': contentType,
      'content-disposition': `attachment; filename="${fileName}"`,
    },
    body: text,
  };
}

/** Makes an answer without a body. */
export const noContent = (requestId: string): APIGatewayProxyStructuredResultV2 => ({
  statusCode: 204,
  headers: commonHeaders(requestId),
});

/** The part of a request that a problem document depends on. */
export interface Asked {
  readonly repeat: Repeating;
  /** The request's body; still text, if the request failed before it was parsed. */
  readonly body: unknown;
}

/**
 * Makes the problem document (RFC 9457) for anything thrown, and logs it. A fault's document has its request id and
 * nothing else of it.
 */
export function problem(
  thrown: unknown,
  requestId: string,
  { repeat, body }: Asked = { repeat: 'safe', body: undefined },
): APIGatewayProxyStructuredResultV2 {
  const error = asAppError(thrown);
  const { title, status } = ERRORS[error.code];
  const statusCode = status ?? 400;
  if (statusCode >= 500) {
    logger.error('failed', { code: error.code, status: statusCode, ...errorFields(thrown) });
    metrics({ Faults: 1 });
  } else logger.info('refused', { code: error.code, status: statusCode });
  const retryAfter = retryAfterOf(error);
  return {
    statusCode,
    headers: {
      ...commonHeaders(requestId),
      'content-type': 'application/problem+json; charset=utf-8',
      ...(statusCode === 401 && { 'www-authenticate': 'Bearer' }),
      ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
    },
    body: JSON.stringify({
      type: 'about:blank',
      title,
      status: statusCode,
      detail: detailOf(error, repeat, asObject(body)),
      code: error.code,
      requestId,
      ...(error.errors && { errors: error.errors }),
    }),
  };
}

/** Parses a body that was not parsed before the database turned out to be out of reach. */
function asObject(body: unknown): unknown {
  if (typeof body !== 'string') return body;
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

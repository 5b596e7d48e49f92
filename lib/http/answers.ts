import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { errorFields, logger } from '../logger.ts';
import { metrics } from '../metrics.ts';
import { ERRORS } from '../protocol/errors.ts';
import type { Route } from '../protocol/routes.ts';
import { asAppError } from '../store/faults.ts';

const commonHeaders = (requestId: string) => ({
  'x-request-id': requestId,
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
});

/** The route's answer. */
export function answer(route: Route, body: unknown, requestId: string): APIGatewayProxyStructuredResultV2 {
  logger.info('answered', { status: route.status });
  if (route.response === null) return { statusCode: route.status, headers: commonHeaders(requestId) };
  return {
    statusCode: route.status,
    headers: { ...commonHeaders(requestId), 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify(body),
  };
}

/** Done, and nothing to say. */
export const noContent = (requestId: string): APIGatewayProxyStructuredResultV2 => ({
  statusCode: 204,
  headers: commonHeaders(requestId),
});

/** RFC 9457. A refusal says what it is; a fault says its request id and nothing else, the rest goes to the log. */
export function problem(thrown: unknown, requestId: string): APIGatewayProxyStructuredResultV2 {
  const error = asAppError(thrown);
  const { title, status } = ERRORS[error.code];
  const statusCode = status ?? 400;
  if (statusCode >= 500) {
    logger.error('failed', { code: error.code, status: statusCode, ...errorFields(thrown) });
    metrics({ Faults: 1 });
  } else logger.info('refused', { code: error.code, status: statusCode });
  return {
    statusCode,
    headers: {
      ...commonHeaders(requestId),
      'content-type': 'application/problem+json; charset=utf-8',
      ...(statusCode === 401 && { 'www-authenticate': 'Bearer' }),
      ...((statusCode === 429 || statusCode === 503) && { 'retry-after': String(error.retryAfter ?? 1) }),
    },
    body: JSON.stringify({
      type: 'about:blank',
      title,
      status: statusCode,
      detail: error.message,
      code: error.code,
      requestId,
      ...(error.errors && { errors: error.errors }),
    }),
  };
}

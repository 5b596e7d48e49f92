import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { config } from '../config.ts';
import { errorFields, logger } from '../logger.ts';
import type { ServerFrame } from '../protocol/events.ts';
import { waitToRetry } from '../retry.ts';

/** How a post ended: delivered to the gateway; the connection is gone for good; or it could not be done in time. */
export type Delivery = 'delivered' | 'gone' | 'failed';

/** The longest one attempt, and all attempts together, may take: a slow connection must not hold up a command. */
const ATTEMPT_MS = 1_000;
const DELIVERY_MS = 2_000;
const ATTEMPTS = 4;

let cached: { endpoint: string; client: ApiGatewayManagementApiClient } | undefined;

function client(): ApiGatewayManagementApiClient {
  const endpoint = config().WEBSOCKET_ENDPOINT;
  if (cached?.endpoint !== endpoint) {
    // Retries are decided here, per kind of answer, not by the SDK.
    cached = { endpoint, client: new ApiGatewayManagementApiClient({ endpoint, maxAttempts: 1 }) };
  }
  return cached.client;
}

/** Posts a frame to a connection. Never throws, and never takes longer than two seconds. */
export async function post(connectionId: string, frame: ServerFrame): Promise<Delivery> {
  const Data = Buffer.from(JSON.stringify(frame));
  const end = Date.now() + DELIVERY_MS;
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await attemptPost(connectionId, Data, Math.min(ATTEMPT_MS, end - Date.now()));
    if (outcome !== 'throttled') return outcome;
    // 429: over the account's rate, or the client reads too slowly.
    if (!(await waitToRetry(attempt, { attempts: ATTEMPTS, end }))) {
      logger.warn('post failed', { connectionId, status: 429 });
      return 'failed';
    }
  }
}

async function attemptPost(connectionId: string, Data: Buffer, timeoutMs: number): Promise<Delivery | 'throttled'> {
  try {
    await client().send(new PostToConnectionCommand({ ConnectionId: connectionId, Data }), {
      abortSignal: AbortSignal.timeout(timeoutMs),
    });
    return 'delivered';
  } catch (error) {
    switch (statusOf(error)) {
      case 410:
        return 'gone';
      case 429:
        return 'throttled';
      default:
        logger.warn('post failed', { connectionId, status: statusOf(error), ...errorFields(error) });
        return 'failed';
    }
  }
}

/** Closes a socket from our side. Never throws: one that is gone, or can't be cut now, has no record any more anyway. */
export async function cut(connectionId: string): Promise<void> {
  try {
    await client().send(new DeleteConnectionCommand({ ConnectionId: connectionId }), {
      abortSignal: AbortSignal.timeout(DELIVERY_MS),
    });
  } catch (error) {
    if (statusOf(error) !== 410) logger.warn('cut failed', { connectionId, ...errorFields(error) });
  }
}

/** SDK v3 names the exception and keeps the HTTP status in `$metadata`. */
function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'GoneException') return 410;
  if (error.name === 'LimitExceededException') return 429;
  const { $metadata } = error as { $metadata?: { httpStatusCode?: number } };
  return $metadata?.httpStatusCode;
}

import { DeleteConnectionCommand } from '@aws-sdk/client-apigatewaymanagementapi';
import { logger } from '../runtime/logger.ts';
import { DELIVERY_MS, persist } from './managementApi.ts';
import { inParallel } from './parallel.ts';

/**
 * Closes sockets whose records are gone already, some at a time. Never throws, and takes two seconds at most in all: a
 * socket that isn't cut by then is deaf and dumb, for it has no record any more.
 */
export async function cutAll(connectionIds: readonly string[]): Promise<void> {
  const end = Date.now() + DELIVERY_MS;
  let uncut = 0;
  await inParallel(connectionIds, async (connectionId) => {
    if (Date.now() >= end) uncut += 1;
    else await cut(connectionId, end);
  });
  if (uncut > 0) logger.warn('no time to cut every socket', { uncut });
}

/** Closes a socket from our side. Never throws: one that is gone, or can't be cut now, has no record any more anyway. */
export async function cut(connectionId: string, end?: number): Promise<void> {
  const send: Parameters<typeof persist>[2] = (client, abortSignal) =>
    client.send(new DeleteConnectionCommand({ ConnectionId: connectionId }), { abortSignal });
  await persist('cut failed', connectionId, send, end);
}

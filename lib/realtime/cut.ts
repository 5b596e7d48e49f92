import { DeleteConnectionCommand } from '@aws-sdk/client-apigatewaymanagementapi';
import { logger } from '../runtime/logger.ts';
import { DELIVERY_MS, prepare } from './managementApi.ts';
import { inParallel } from './parallel.ts';

/**
 * Closes sockets whose records are gone already, some at a time. Never throws, and takes two seconds at most in all. A
 * socket that isn't closed by then has no record any more: its frames are refused and it gets none.
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

/** Closes a socket. Never throws: a socket that is gone, or can't be closed now, has no record any more. */
export async function cut(connectionId: string, end?: number): Promise<void> {
  const input = { ConnectionId: connectionId };
  const send = prepare({
    input,
    send: (client) => client.send(new DeleteConnectionCommand(input)),
    complaint: 'cut failed',
  });
  await send(end);
}

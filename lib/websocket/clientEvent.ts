import type * as z from 'zod/mini';
import { type Operation, roleMay } from '../domain/permissions.ts';
import { AppError } from '../errors/appError.ts';
import { limitFrames } from '../limits/rateLimits.ts';
import type { ClientEvent } from '../protocol/events.ts';
import { deliver } from '../realtime/broadcast.ts';
import { logger } from '../runtime/logger.ts';
import { deleteConnection, findSocketCaller, type SocketCaller } from '../store/connections.ts';
import { connect } from '../store/database.ts';
import { type Outlet, onFrame, type SocketEndpoint } from './frameHandler.ts';
import { type SocketEvent, sourceIpOf, validateFrame } from './frames.ts';

/** A client event that was let in: its caller may attempt the command, and its data has the event's shape. */
export interface ClientCommand<E extends ClientEvent> extends Outlet {
  readonly caller: SocketCaller;
  readonly data: z.infer<E['data']>;
}

/**
 * Makes the endpoint of a client event: parse, authenticate by the connection, check the role, validate, run the use
 * case.
 */
export function onClientEvent<const E extends ClientEvent>(
  expected: E,
  handle: (command: ClientCommand<E>) => Promise<void>,
): SocketEndpoint {
  return onFrame(expected, deliver, async (raw, outlet, event) => {
    await connect();
    const caller = await authorize(expected.event, event);
    if (caller === null) await cutOff(event);
    else await handle({ caller, data: validateFrame(expected, raw), ...outlet });
  });
}

/**
 * Finds the caller of a connection, and checks whether their role may attempt the command. Returns `null` when the
 * connection floods.
 */
async function authorize(operation: Operation, event: SocketEvent): Promise<SocketCaller | null> {
  const { connectionId } = event.requestContext;
  const [caller, frames] = await Promise.all([
    findSocketCaller(connectionId, sourceIpOf(event)),
    limitFrames(connectionId),
  ]);
  if (frames === 'flood') return null;
  if (!caller) throw new AppError('INVALID_TOKEN');
  if (!roleMay(operation, caller.role)) throw new AppError('FORBIDDEN');
  return caller;
}

/**
 * Ends a connection that goes on sending beyond its limit. Forgets it first: even if it can't be cut, it is nobody's
 * then.
 */
async function cutOff({ requestContext: { connectionId } }: SocketEvent): Promise<void> {
  logger.warn('connection cut: a flood of frames');
  await deleteConnection(connectionId);
  // Loaded only when needed: a connection is hardly ever cut.
  const { cut } = await import('../realtime/cut.ts');
  await cut(connectionId);
}

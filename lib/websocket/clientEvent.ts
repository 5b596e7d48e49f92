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

/** A client event that has passed the door: its caller may attempt this, and its data has the shape it should. */
export interface ClientCommand<E extends ClientEvent> extends Outlet {
  readonly caller: SocketCaller;
  readonly data: z.infer<E['data']>;
}

/**
 * Makes the endpoint of a client event: parse, authenticate by the connection, check the role, validate, then the
 * use case.
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

/** Whose connection is it, are they still who they were, and may their role attempt this at all? `null` for a flood's. */
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

/** Ends a connection that goes on and on beyond its limit: forgotten first, it is nobody's even where it can't be cut. */
async function cutOff({ requestContext: { connectionId } }: SocketEvent): Promise<void> {
  logger.warn('connection cut: a flood of frames');
  await deleteConnection(connectionId);
  // Loaded when it comes to that: a connection hardly ever is.
  const { cut } = await import('../realtime/cut.ts');
  await cut(connectionId);
}

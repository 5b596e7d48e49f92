import type * as z from 'zod/mini';
import { type Operation, roleMay } from '../domain/permissions.ts';
import { AppError } from '../errors/appError.ts';
import { limitFrames } from '../limits/rateLimits.ts';
import type { ClientEvent } from '../protocol/events.ts';
import { deliver } from '../realtime/broadcast.ts';
import { findSocketCaller, type SocketCaller } from '../store/connections.ts';
import { connect, connectAhead } from '../store/database.ts';
import { type Outlet, onFrame, type SocketHandler } from './frameHandler.ts';
import { type SocketEvent, sourceIpOf, validateFrame } from './frames.ts';

/** A client event that has passed the door: its caller may attempt this, and its data has the shape it should. */
export interface ClientCommand<E extends ClientEvent> extends Outlet {
  readonly caller: SocketCaller;
  readonly data: z.infer<E['data']>;
}

/**
 * Makes the Lambda handler of a client event: parse, authenticate by the connection, check the role, validate, then the
 * use case.
 */
export function onClientEvent<const E extends ClientEvent>(
  expected: E,
  handle: (command: ClientCommand<E>) => Promise<void>,
): SocketHandler {
  connectAhead();
  return onFrame(expected, deliver, async (raw, outlet, event) => {
    await connect();
    const caller = await authorize(expected.event, event);
    await handle({ caller, data: validateFrame(expected, raw), ...outlet });
  });
}

/** Whose connection is it, are they still who they were, and may their role attempt this at all? */
async function authorize(operation: Operation, event: SocketEvent): Promise<SocketCaller> {
  const { connectionId } = event.requestContext;
  const [caller] = await Promise.all([findSocketCaller(connectionId, sourceIpOf(event)), limitFrames(connectionId)]);
  if (!caller) throw new AppError('INVALID_TOKEN');
  if (!roleMay(operation, caller.role)) throw new AppError('FORBIDDEN');
  return caller;
}

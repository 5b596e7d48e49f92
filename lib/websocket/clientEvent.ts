import type * as z from 'zod';
import { limitFrames } from '../auth/limits.ts';
import { roleMay } from '../domain/permissions.ts';
import { AppError } from '../protocol/errors.ts';
import { type ClientData, type ClientEventName, clientEvents } from '../protocol/events.ts';
import { deliver } from '../realtime/broadcast.ts';
import { findSocketCaller, type SocketCaller } from '../store/connections.ts';
import { connect, connectAhead } from '../store/database.ts';
import { type Outlet, onFrame, type SocketHandler } from './frameHandler.ts';
import { type SocketEvent, sourceIpOf, validateFrame } from './frames.ts';

/** A client event that has passed the door: its caller may attempt this, and its data has the shape it should. */
export interface ClientCommand<N extends ClientEventName> extends Outlet {
  readonly caller: SocketCaller;
  readonly data: ClientData<N>;
}

/**
 * Makes the Lambda handler of a client event: parse, authenticate by the connection, check the role, validate, then the
 * use case.
 */
export function onClientEvent<const N extends ClientEventName>(
  name: N,
  handle: (command: ClientCommand<N>) => Promise<void>,
): SocketHandler {
  connectAhead();
  return onFrame(name, deliver, async (raw, outlet, event) => {
    await connect();
    const caller = await admit(name, event);
    const schema: z.ZodType = clientEvents[name].data;
    const data = validateFrame(name, schema, raw) as ClientData<N>;
    await handle({ caller, data, ...outlet });
  });
}

/** Whose connection is it, are they still who they were, and may their role attempt this at all? */
async function admit(name: ClientEventName, event: SocketEvent): Promise<SocketCaller> {
  const { connectionId } = event.requestContext;
  const [caller] = await Promise.all([findSocketCaller(connectionId, sourceIpOf(event)), limitFrames(connectionId)]);
  if (!caller) throw new AppError('INVALID_TOKEN');
  if (!roleMay(name, caller.role)) throw new AppError('FORBIDDEN');
  return caller;
}

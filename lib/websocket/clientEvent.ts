import type * as z from 'zod/mini';
import { type Operation, roleMay } from '../domain/permissions.ts';
import { AppError } from '../errors/appError.ts';
import { limitFrames, limitUnknown } from '../limits/rateLimits.ts';
import type { ClientEvent } from '../protocol/events.ts';
import { deliver } from '../realtime/broadcast.ts';
import { config } from '../runtime/config.ts';
import { logger } from '../runtime/logger.ts';
import { admitFrame, type SocketCaller } from '../store/connections.ts';
import { connect } from '../store/database.ts';
import { deleteConnection } from '../store/endedConnections.ts';
import { type Outlet, onFrame, type SocketEndpoint } from './frameHandler.ts';
import { type RawFrame, type SocketEvent, validateFrame } from './frames.ts';

/** A client event that was let in: its caller may attempt the command, and its data has the event's shape. */
export interface ClientCommand<E extends ClientEvent> extends Outlet {
  readonly caller: SocketCaller;
  readonly data: z.infer<E['data']>;
}

/**
 * Makes the endpoint of a client event: parse, authenticate by the connection, check the role, validate, run the use
 * case. `entering`: the conversation whose room the command enters, which the connection's record notes before.
 */
export function onClientEvent<const E extends ClientEvent>(
  expected: E,
  handle: (command: ClientCommand<E>) => Promise<void>,
  entering: (data: z.infer<E['data']>) => string | undefined = () => undefined,
): SocketEndpoint {
  return onFrame(expected, deliver, async (raw, outlet, event) => {
    await connect();
    const validated = validation(expected, raw);
    const caller = await authorize(expected.event, event, 'data' in validated ? entering(validated.data) : undefined);
    if (caller === null) return cutOff(event);
    // Whoever may not attempt the command learns nothing of what is wrong with it.
    if ('refusal' in validated) throw validated.refusal;
    return handle({ caller, data: validated.data, ...outlet });
  });
}

/** Validates a frame without throwing. */
function validation<E extends ClientEvent>(
  expected: E,
  raw: RawFrame,
): { readonly data: z.infer<E['data']> } | { readonly refusal: unknown } {
  try {
    return { data: validateFrame(expected, raw) };
  } catch (refusal) {
    return { refusal };
  }
}

/**
 * Finds the caller of a connection, and checks whether their role may attempt the command. Returns `null` when the
 * connection floods.
 */
async function authorize(
  operation: Operation,
  { requestContext: { connectionId } }: SocketEvent,
  entering: string | undefined,
): Promise<SocketCaller | null> {
  const admitted = await admitFrame(connectionId, { entering, most: config().MAX_ROOMS_PER_CONNECTION });
  if ((admitted ? limitFrames(admitted.frames) : await limitUnknown(connectionId)) === 'flood') return null;
  if (!admitted) throw new AppError('INVALID_TOKEN');
  if (!roleMay(operation, admitted.caller.role)) throw new AppError('FORBIDDEN');
  return admitted.caller;
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

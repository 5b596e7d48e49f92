import type * as z from 'zod/mini';
import { type Operation, roleMay } from '../domain/permissions.ts';
import { AppError } from '../errors/appError.ts';
import { limitFrames, limitUnknown } from '../limits/rateLimits.ts';
import type { ClientEvent } from '../protocol/events.ts';
import { prepareDelivery } from '../realtime/broadcast.ts';
import { config } from '../runtime/config.ts';
import { logger } from '../runtime/logger.ts';
import { admitFrame, type SocketCaller } from '../store/connections.ts';
import { connect } from '../store/database.ts';
import { endConnection } from '../store/endedConnections.ts';
import { type Outlet, onFrame, type SocketEndpoint } from './frameHandler.ts';
import { type RawFrame, validateFrame } from './frames.ts';

/** A client event that was let in: its caller may attempt the command, and its data has the event's shape. */
export interface ClientCommand<E extends ClientEvent> extends Outlet {
  readonly caller: SocketCaller;
  readonly data: z.infer<E['data']>;
}

/** A client event whose caller is being found. The command must await it before it does anything that lasts. */
export interface EarlyCommand<E extends ClientEvent> extends Outlet {
  readonly connectionId: string;
  /** Rejects where the caller may not attempt the command. */
  readonly caller: Promise<SocketCaller>;
  readonly data: z.infer<E['data']>;
}

/**
 * Makes the endpoint of a client event: parse, authenticate by the connection, check the role, validate, run the use
 * case. `entering`: the conversation whose room the command enters, which the connection's record notes before.
 */
export function onClientEvent<const E extends ClientEvent>(
  expected: E,
  handle: (command: ClientCommand<E>) => Promise<void>,
  entering?: (data: z.infer<E['data']>) => string,
): SocketEndpoint {
  return onEarlyEvent(
    expected,
    async ({ caller, connectionId: _, ...command }) => handle({ ...command, caller: await caller }),
    entering,
  );
}

/** As `onClientEvent`, for a command that begins while its caller is being found. */
export function onEarlyEvent<const E extends ClientEvent>(
  expected: E,
  handle: (command: EarlyCommand<E>) => Promise<void>,
  entering: (data: z.infer<E['data']>) => string | undefined = () => undefined,
): SocketEndpoint {
  return onFrame(expected, prepareDelivery, async (raw, outlet, event) => {
    await connect();
    const { connectionId } = event.requestContext;
    const validated = validation(expected, raw);
    const caller = authorize(expected.event, connectionId, 'data' in validated ? entering(validated.data) : undefined);
    caller.catch(() => undefined);
    try {
      if ('data' in validated) return await handle({ connectionId, caller, data: validated.data, ...outlet });
      // Whoever may not attempt the command learns nothing of what is wrong with it.
      await caller;
      throw validated.refusal;
    } catch (error) {
      if (error instanceof Flood) return cutOff(connectionId);
      // Where nothing is answered, too many are dropped in silence.
      if (expected.answer === null && error instanceof AppError && error.code === 'RATE_LIMITED') return undefined;
      throw error;
    }
  });
}

/** A connection goes on sending beyond its limit: it gets no answer any more. */
class Flood extends Error {
  override readonly name = 'Flood';
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

/** Finds the caller of a connection, and checks whether their role may attempt the command. Throws `Flood`. */
async function authorize(
  operation: Operation,
  connectionId: string,
  entering: string | undefined,
): Promise<SocketCaller> {
  const admitted = await admitFrame(connectionId, { entering, most: config().MAX_ROOMS_PER_CONNECTION });
  if ((admitted ? limitFrames(admitted.frames) : await limitUnknown(connectionId)) === 'flood') throw new Flood();
  if (!admitted) throw new AppError('INVALID_TOKEN');
  if (!roleMay(operation, admitted.caller.role)) throw new AppError('FORBIDDEN');
  return admitted.caller;
}

/** Ends a flood. Forgets the connection first: even if it can't be cut, it is nobody's then. */
async function cutOff(connectionId: string): Promise<void> {
  logger.warn('connection cut: a flood of frames');
  await endConnection(connectionId);
  // Loaded only when needed: a connection is hardly ever cut.
  const { cut } = await import('../realtime/cut.ts');
  await cut(connectionId);
}

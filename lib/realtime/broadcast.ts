import { errorFields, logger } from '../logger.ts';
import { metrics } from '../metrics.ts';
import type { ServerFrame } from '../protocol/events.ts';
import { connectionsInRoom, connectionsOfUsers, forgetGone } from '../store/connections.ts';
import { participants } from '../store/conversations.ts';
import { type Delivery, post } from './gateway.ts';
import { inParallel } from './parallel.ts';

/** Who is to receive a frame: any of these, each connection once, but for the one left out. */
export interface Audience {
  /** The connections in this conversation's room, of those who may be in it at this moment. */
  readonly room?: string;
  /** Every connection of these users. */
  readonly users?: readonly string[];
  /** A connection that is answered otherwise. */
  readonly except?: string | undefined;
}

/** How many connections each outcome had. */
export type Outcome = Record<Delivery, number>;

/**
 * Delivers a frame to an audience. What a single connection answers never makes it fail: what a recipient misses it
 * finds by `seq` when it joins again, and a connection that turns out gone is forgotten. Throws when the database can't
 * say who the audience is, for then nobody was told.
 */
export async function broadcast(audience: Audience, frame: ServerFrame): Promise<Outcome> {
  const waiting = await resolve(audience);
  const outcome: Outcome = { delivered: 0, gone: 0, failed: 0 };
  await inParallel(waiting, async (connectionId) => {
    outcome[await deliver(connectionId, frame)] += 1;
  });
  logger.info('broadcast', { event: frame.event, ...outcome });
  metrics({
    DeliveriesDelivered: outcome.delivered,
    DeliveriesGone: outcome.gone,
    DeliveriesFailed: outcome.failed,
  });
  return outcome;
}

/** Posts to one connection and forgets it when it is gone. Never throws. */
export async function deliver(connectionId: string, frame: ServerFrame): Promise<Delivery> {
  const delivery = await post(connectionId, frame);
  if (delivery === 'gone') {
    await forgetGone(connectionId).catch((error: unknown) =>
      logger.warn('could not forget a gone connection', { connectionId, ...errorFields(error) }),
    );
  }
  return delivery;
}

async function resolve({ room, users = [], except }: Audience): Promise<string[]> {
  const [inRoom, ofUsers] = await Promise.all([
    // The participants are read now, not taken from what the sender knew: one who was in the room but has since lost
    // the conversation to another agent is not entitled to this frame any more.
    room === undefined ? [] : participants(room).then((entitled) => connectionsInRoom(room, entitled)),
    users.length === 0 ? [] : connectionsOfUsers(users),
  ]);
  const all = new Set([...inRoom, ...ofUsers]);
  if (except !== undefined) all.delete(except);
  return [...all];
}

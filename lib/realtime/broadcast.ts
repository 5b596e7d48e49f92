import type { ServerFrame } from '../protocol/events.ts';
import { errorFields, logger } from '../runtime/logger.ts';
import { metrics } from '../runtime/metrics.ts';
import { connectionsInRoom, connectionsOfUsers, forgetGone } from '../store/connections.ts';
import { participants } from '../store/conversations.ts';
import { inTurn } from '../store/turns.ts';
import { type Delivery, post } from './gateway.ts';
import { inParallel } from './parallel.ts';
import { answersGiven } from './turns.ts';

/** Who is to receive a frame: any of these, each connection once, but for the one left out. */
export interface Audience {
  /** The connections in this conversation's room, of those who may be in it at this moment. */
  readonly room?: string;
  /** Every connection of these users. */
  readonly users?: readonly string[];
  /** A connection that is answered otherwise. */
  readonly except?: string | undefined;
  /**
   * The frame ends somebody's stay in the room: a connection that has a join or leave under way there hears it after the
   * answer to that, so that what it hears last is how it stands.
   */
  readonly afterAnswers?: boolean;
  /** Tells whether the frame is still news to those who hear it later than the others, by `afterAnswers`. */
  stillNews?(): Promise<boolean>;
}

/** How many connections each outcome had. */
export type Outcome = Record<Delivery, number>;

/**
 * Delivers a frame to an audience. What a single connection answers never makes it fail: what a recipient misses it
 * finds by `seq` when it joins again, and a connection that turns out gone is forgotten. Throws when the database can't
 * say who the audience is, for then nobody was told.
 */
export async function broadcast(audience: Audience, frame: ServerFrame): Promise<Outcome> {
  const all = await resolve(audience);
  const { room, afterAnswers } = audience;
  const busy = new Set(room !== undefined && afterAnswers ? await inTurn(all, room) : []);
  const outcome: Outcome = { delivered: 0, gone: 0, failed: 0 };
  const deliverAll = (to: string[]) =>
    inParallel(to, async (connectionId) => {
      outcome[await deliver(connectionId, frame)] += 1;
    });
  const later = async () => {
    if (room === undefined || busy.size === 0) return;
    await answersGiven([...busy], room);
    const isNews = (await audience.stillNews?.()) ?? true;
    if (isNews) await deliverAll([...busy]);
  };
  await Promise.all([deliverAll(all.filter((id) => !busy.has(id))), later()]);
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

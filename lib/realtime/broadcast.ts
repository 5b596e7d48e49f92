import type { ServerFrame } from '../protocol/events.ts';
import { errorFields, logger } from '../runtime/logger.ts';
import { metrics } from '../runtime/metrics.ts';
import { connectionsOfUsers } from '../store/connections.ts';
import type { Room } from '../store/conversations.ts';
import { forgetGone } from '../store/endedConnections.ts';
import { type Delivery, post } from './gateway.ts';
import { inParallel } from './parallel.ts';
import { answersGiven } from './turns.ts';

/** Who receives a frame: the connections in `room` and those of `users`, each once, but not `except`. */
export interface Audience {
  /** As the write left it that the frame is about. */
  readonly room?: Room;
  /** Every connection of these users. */
  readonly users?: readonly string[];
  /** A connection that gets another answer. */
  readonly except?: string | undefined;
  /**
   * The frame ends somebody's stay in the room. A connection that has a join or leave under way there gets the frame
   * after the answer to that, so that the last frame it gets says how it stands.
   */
  readonly afterAnswers?: boolean;
  /** Whether the frame is still news to the connections that `afterAnswers` made wait. */
  stillNews?(): Promise<boolean>;
}

/** The number of connections per outcome. */
export type Outcome = Record<Delivery, number>;

/**
 * Posts a frame to an audience. No connection makes it fail: a client finds a missed message by `seq` when it joins
 * again, and a gone connection is forgotten. Throws when the database can't say who the audience is, because then
 * nobody was told.
 */
export async function broadcast(audience: Audience, frame: ServerFrame): Promise<Outcome> {
  const all = await resolve(audience);
  const { room, afterAnswers } = audience;
  const busy = new Set(room && afterAnswers ? all.filter((id) => room.inTurn.includes(id)) : []);
  const outcome: Outcome = { delivered: 0, gone: 0, failed: 0 };
  const deliverAll = (to: string[]) =>
    inParallel(to, async (connectionId) => {
      outcome[await deliver(connectionId, frame, { room: room?.conversationId })] += 1;
    });
  const later = async () => {
    if (!room || busy.size === 0) return;
    await answersGiven([...busy], room.conversationId);
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

/** What is known of a connection that is posted to. */
interface Known {
  /** The conversation in whose room it is. */
  readonly room?: string | undefined;
  /** It has sent a frame: so its upgrade is through, and a 410 means that it is gone. */
  readonly hasSpoken?: boolean;
  /** No attempt begins after this, in epoch milliseconds. */
  readonly end?: number;
}

/** Posts a frame to one connection, and forgets the connection when it is gone, in this room too. Never throws. */
export async function deliver(connectionId: string, frame: ServerFrame, known: Known = {}): Promise<Delivery> {
  const delivery = await post(connectionId, frame, known.end);
  if (delivery === 'gone') {
    await forgetGone(connectionId, known).catch((error: unknown) =>
      logger.warn('could not forget a gone connection', { connectionId, ...errorFields(error) }),
    );
  }
  return delivery;
}

async function resolve({ room, users = [], except }: Audience): Promise<string[]> {
  const ofUsers = users.length === 0 ? [] : await connectionsOfUsers(users);
  const all = new Set([...(room?.connectionIds ?? []), ...ofUsers]);
  if (except !== undefined) all.delete(except);
  return [...all];
}

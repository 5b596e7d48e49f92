import type { ServerFrame } from '../protocol/events.ts';
import { errorFields, logger } from '../runtime/logger.ts';
import { metrics } from '../runtime/metrics.ts';
import { connectionsOfUsers } from '../store/connections.ts';
import { forgetGone } from '../store/endedConnections.ts';
import type { Room } from '../store/room.ts';
import { type Delivery, type Post, preparePost } from './gateway.ts';
import { inParallel } from './parallel.ts';
import { answersGiven } from './turns.ts';

/** Who receives a frame: the connections in `room` and those of `users`, each once, but not `except`. */
export interface Audience {
  /** The room as the write that the frame reports has left it. */
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
export const broadcast = (audience: Audience, frame: ServerFrame): Promise<Outcome> => tell(audience, frame, new Map());

/** So many posts are made ready at most, because each takes the processor for a while: a room has two people. */
const MOST_READY = 4;

/** Makes ready to post a frame to a room, and returns what does it: see `broadcast`. */
export function prepareBroadcast(room: Room, frame: ServerFrame): () => Promise<Outcome> {
  const ready = new Map(
    room.connectionIds.slice(-MOST_READY).map((id) => [id, prepareDelivery(id, frame, { room: room.conversationId })]),
  );
  return () => tell({ room }, frame, ready);
}

/** As `broadcast`, with the posts that are ready, by connection. */
async function tell(audience: Audience, frame: ServerFrame, ready: ReadonlyMap<string, Post>): Promise<Outcome> {
  const all = await resolve(audience);
  const { room, afterAnswers } = audience;
  const busy = new Set(room && afterAnswers ? all.filter((id) => room.inTurn.includes(id)) : []);
  const outcome: Outcome = { delivered: 0, gone: 0, failed: 0 };
  const deliverAll = (to: string[]) =>
    inParallel(to, async (connectionId) => {
      const make = ready.get(connectionId) ?? prepareDelivery(connectionId, frame, { room: room?.conversationId });
      outcome[await make()] += 1;
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
export const deliver = (connectionId: string, frame: ServerFrame, known: Known = {}): Promise<Delivery> =>
  prepareDelivery(connectionId, frame, known)();

/** Makes ready to `deliver`. */
export function prepareDelivery(connectionId: string, frame: ServerFrame, known: Known = {}): Post {
  const post = preparePost(connectionId, frame);
  return async () => {
    const delivery = await post(known.end);
    if (delivery === 'gone') {
      await forgetGone(connectionId, known).catch((error: unknown) =>
        logger.warn('could not forget a gone connection', { connectionId, ...errorFields(error) }),
      );
    }
    return delivery;
  };
}

async function resolve({ room, users = [], except }: Audience): Promise<string[]> {
  const ofUsers = users.length === 0 ? [] : await connectionsOfUsers(users);
  const all = new Set([...(room?.connectionIds ?? []), ...ofUsers]);
  if (except !== undefined) all.delete(except);
  return [...all];
}

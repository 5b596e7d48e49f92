import { COMMAND_MS } from '../runtime/deadline.ts';
import { connectionModel, holdFrames, live } from './connections.ts';
import { type Transaction, trusted } from './database.ts';
import { type Room, roomOf } from './room.ts';
import { type Ending, expel, roomsWith } from './rooms.ts';
import type { WhichSessions } from './sessions.ts';

// However a connection ends, it is taken out of its rooms. What a crash leaves of a closed one goes at the next post there.

/**
 * For this long after `$connect` a 410 may mean that the upgrade isn't through yet. A connection with a room has sent a
 * frame, so it is past that.
 */
const CONNECTING_MS = 10_000;

const ENDING = { userId: 1, notedRooms: 1, rooms: 1, expiresAt: 1, connectedAt: 1 } as const;

/** A socket whose place a newer one took. */
export interface Displaced {
  readonly id: string;
  /** Its upgrade may not be through yet. */
  readonly isConnecting: boolean;
}

/** The most sockets of a user that one connect displaces. A user has more only where the limit was lowered. */
const MOST_DISPLACED = 100;

/**
 * Forgets the oldest sockets of a user, so that at most `most` are left. Returns the forgotten sockets, for the gateway
 * to cut.
 */
export async function displaceOldest(userId: string, most: number, session: Transaction): Promise<Displaced[]> {
  const held = await connectionModel()
    .countDocuments(trusted({ userId, ...live() }))
    .limit(most + MOST_DISPLACED)
    .session(session);
  if (held <= most) return [];
  const oldest = await connectionModel()
    .find(trusted({ userId, ...live() }), ENDING)
    .sort({ admission: 1 })
    .limit(held - most)
    .session(session)
    .lean();
  await end(oldest, session);
  const since = Date.now() - CONNECTING_MS;
  return oldest.map(({ _id, connectedAt }) => ({ id: _id, isConnecting: connectedAt.getTime() > since }));
}

/** Forgets the sockets of sessions. Call it inside a transaction. Returns the sockets' ids, for the gateway to cut. */
export async function deleteConnections(which: WhichSessions, session: Transaction): Promise<string[]> {
  const filter =
    'userId' in which
      ? { userId: which.userId, sessionId: { $ne: which.exceptSession ?? '' } }
      : { sessionId: { $in: [...which.sessionIds] } };
  // Not at the first attempt: hardly anybody sends frames at that moment.
  if (tried.has(session)) await holdFrames(filter);
  tried.add(session);
  const found = await connectionModel().find(trusted(filter), ENDING).session(session).lean();
  await end(found, session);
  return found.map(({ _id }) => _id);
}

/** Transactions that have tried to end connections. */
const tried = new WeakSet<Transaction>();

async function end(ending: readonly Ending[], session: Transaction): Promise<void> {
  await expel(ending, session);
  await connectionModel().deleteMany(trusted({ _id: { $in: ending.map(({ _id }) => _id) } }), { session });
}

/** Ends a connection whose session goes on. Its record goes last: what a crash leaves is ended by its next frame. */
export async function endConnection(connectionId: string): Promise<void> {
  const found = await connectionModel().find({ _id: connectionId }, ENDING).lean();
  await expel(found);
  await connectionModel().deleteOne({ _id: connectionId });
}

/** A person whose socket is closed, and the rooms it was in, as they are without it. */
export interface Left {
  readonly userId: string;
  readonly rooms: readonly Room[];
}

/** Forgets a socket that is closed for certain. Returns `null` where nothing is known of it. */
export async function deleteConnection(connectionId: string): Promise<Left | null> {
  const closed = await connectionModel().findOneAndDelete({ _id: connectionId }, { projection: ENDING }).lean();
  if (!closed) return null;
  const { userId, notedRooms = [] } = closed;
  const noted = notedRooms.map(({ id }) => id);
  const was = noted.length === 0 ? [] : await roomsWith(connectionId, noted);
  await expel([{ ...closed, expiresAt: soon() }]);
  const rooms = was.map(({ room = [], ...rest }) =>
    roomOf({ ...rest, room: room.filter((member) => member.connectionId !== connectionId) }),
  );
  return { userId, rooms };
}

/**
 * Forgets a connection after a 410, unless its upgrade may still be under way. `hasSpoken`: it isn't, for the connection has sent a
 * frame. `room`: where it was heard of. Its record may be gone already, and a join that was under way meanwhile have put it there.
 */
export async function forgetGone(
  connectionId: string,
  { room, hasSpoken = false }: { readonly room?: string | undefined; readonly hasSpoken?: boolean } = {},
): Promise<void> {
  const isOpen = {
    $or: [{ 'notedRooms.0': { $exists: true } }, { connectedAt: { $lt: new Date(Date.now() - CONNECTING_MS) } }],
  };
  const gone = await connectionModel()
    .findOneAndDelete(trusted({ _id: connectionId, ...(!hasSpoken && isOpen) }), { projection: ENDING })
    .lean();
  const notedRooms = [...(gone?.notedRooms ?? []), ...(room === undefined ? [] : [{ id: room, at: new Date() }])];
  await expel([{ _id: connectionId, userId: gone?.userId ?? '', expiresAt: soon(), notedRooms }]);
}

/** A command that was under way when a socket closed is over by then. */
const soon = () => new Date(Date.now() + 12 * COMMAND_MS);

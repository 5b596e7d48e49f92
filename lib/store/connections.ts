import type { PipelineStage } from 'mongoose';
import type { Caller } from '../domain/permissions.ts';
import { type Transaction, trusted } from './database.ts';
import { defineModel } from './model.ts';
import { callerOfSession, type Identity, SESSIONS, type WhichSessions } from './sessions.ts';

/** A `Turn` of turns.ts, as the record has it. */
interface TurnRecord {
  token: string;
  /** The id of the conversation that is entered or left. */
  of: string;
  entering: boolean;
  until: Date;
}

/** A socket: its user, its session and its rooms. The record goes with its session, at a 410, or when it expires. */
interface ConnectionRecord {
  /** API Gateway's connection id. */
  _id: string;
  userId: string;
  sessionId: string;
  /** The address that opened the socket. Behind a proxy, the gateway later knows the proxy's address alone. */
  sourceIp: string | null;
  rooms: string[];
  /** Commands that have changed `rooms` and are not answered yet. */
  turns?: TurnRecord[];
  connectedAt: Date;
  /**
   * The user's newest connection has the highest number, whatever the clocks say. A connection of the first release has
   * none.
   */
  admission?: number;
  expiresAt: Date;
}

export const connectionModel = /* @__PURE__ */ defineModel<ConnectionRecord>(
  'Connection',
  'connections',
  {
    _id: { type: String, required: true },
    userId: { type: String, required: true },
    sessionId: { type: String, required: true },
    sourceIp: { type: String, default: null },
    rooms: { type: [String], default: [] },
    turns: { type: Array, required: false },
    connectedAt: { type: Date, required: true },
    admission: { type: Number, required: false },
    expiresAt: { type: Date, required: true },
  },
  [[{ rooms: 1 }], [{ userId: 1, admission: 1 }], [{ sessionId: 1 }], [{ expiresAt: 1 }, { expireAfterSeconds: 0 }]],
);

/** API Gateway ends a connection after two hours. `$disconnect` may never come, so the record expires a bit later. */
const CONNECTION_LIFE_MS = (2 * 60 + 5) * 60 * 1000;

/**
 * For this long after `$connect` a 410 may mean that the upgrade isn't through yet. A connection in a room has sent a
 * frame, so it is past that.
 */
const CONNECTING_MS = 10_000;

/** A new socket. */
export interface NewConnection {
  /** API Gateway's connection id. */
  readonly id: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly sourceIp: string | null;
  /** From `countAdmission`. */
  readonly admission: number;
  /** From `touchSession`: the connection ends with its session. */
  readonly sessionEnds: Date;
}

/** Records a socket of a live session. Call it inside the transaction that has made sure of the session. */
export async function insertConnection(
  { id, sessionEnds, ...connection }: NewConnection,
  session: Transaction,
): Promise<void> {
  const now = Date.now();
  await connectionModel().create(
    [
      {
        ...connection,
        _id: id,
        rooms: [],
        connectedAt: new Date(now),
        expiresAt: new Date(Math.min(now + CONNECTION_LIFE_MS, sessionEnds.getTime())),
      },
    ],
    { session },
  );
}

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
    .find(trusted({ userId, ...live() }), { connectedAt: 1 })
    .sort({ admission: 1 })
    .limit(held - most)
    .session(session)
    .lean();
  await connectionModel().deleteMany(trusted({ _id: { $in: ids(oldest) } }), { session });
  const since = Date.now() - CONNECTING_MS;
  return oldest.map(({ _id, connectedAt }) => ({ id: _id, isConnecting: connectedAt.getTime() > since }));
}

/** The person who speaks through a socket, and the socket's rooms. */
export interface SocketCaller extends Caller {
  readonly connectionId: string;
  readonly rooms: readonly string[];
}

/**
 * Finds the caller of a connection. Returns `null` when the connection is unknown, its session has ended, or its user
 * is not active. `sourceIp` is for connections of an earlier release, whose records have no address.
 */
export async function findSocketCaller(connectionId: string, sourceIp: string | null): Promise<SocketCaller | null> {
  const [found] = await connectionModel().aggregate<{ rooms: string[]; sourceIp?: string | null; caller: Identity }>([
    { $match: { _id: connectionId, expiresAt: { $gt: new Date() } } },
    {
      $lookup: {
        from: SESSIONS,
        localField: 'sessionId',
        foreignField: '_id',
        pipeline: [{ $match: { expiresAt: { $gt: new Date() } } }, ...callerOfSession] as Exclude<
          PipelineStage,
          PipelineStage.Merge | PipelineStage.Out
        >[],
        as: 'caller',
      },
    },
    { $unwind: '$caller' },
    { $project: { rooms: 1, sourceIp: 1, caller: 1 } },
  ]);
  return found ? { ...found.caller, sourceIp: found.sourceIp ?? sourceIp, connectionId, rooms: found.rooms } : null;
}

/** Takes every connection out of a room. */
export async function emptyRoom(room: string): Promise<void> {
  await connectionModel().updateMany({ rooms: room }, { $pull: { rooms: room } });
}

/** Takes every connection of one user out of a room. */
export async function removeFromRoom(room: string, userId: string, session: Transaction): Promise<void> {
  await connectionModel().updateMany({ rooms: room, userId }, { $pull: { rooms: room } }, { session });
}

/** The TTL monitor runs once a minute. Until then, a record past its own time, or its session's, counts for nothing. */
const live = () => ({ expiresAt: { $gt: new Date() } });

/** Finds the connections in a room that belong to these users. */
export async function connectionsInRoom(room: string, userIds: readonly string[]): Promise<string[]> {
  return ids(
    await connectionModel()
      .find(trusted({ rooms: room, userId: { $in: userIds }, ...live() }), { _id: 1 })
      .lean(),
  );
}

/** Finds every connection of these users, in whatever room. */
export async function connectionsOfUsers(userIds: readonly string[]): Promise<string[]> {
  return ids(
    await connectionModel()
      .find(trusted({ userId: { $in: userIds }, ...live() }), { _id: 1 })
      .lean(),
  );
}

/** Forgets a socket after `$disconnect`: it is closed for certain. */
export async function deleteConnection(connectionId: string): Promise<void> {
  await connectionModel().deleteOne({ _id: connectionId });
}

/** Forgets a connection after a 410, unless its upgrade may still be under way. */
export async function forgetGone(connectionId: string): Promise<void> {
  await connectionModel().deleteOne(
    trusted({
      _id: connectionId,
      $or: [{ 'rooms.0': { $exists: true } }, { connectedAt: { $lt: new Date(Date.now() - CONNECTING_MS) } }],
    }),
  );
}

/** Forgets the sockets of sessions. Call it inside a transaction. Returns the sockets' ids, for the gateway to cut. */
export async function deleteConnections(which: WhichSessions, session: Transaction): Promise<string[]> {
  const filter =
    'userId' in which
      ? { userId: which.userId, sessionId: { $ne: which.exceptSession ?? '' } }
      : { sessionId: { $in: [...which.sessionIds] } };
  const found = ids(await connectionModel().find(trusted(filter), { _id: 1 }).session(session).lean());
  await connectionModel().deleteMany(trusted({ _id: { $in: found } }), { session });
  return found;
}

const ids = (rows: readonly { readonly _id: string }[]): string[] => rows.map((row) => row._id);

import type { Caller } from '../domain/permissions.ts';
import type { Role } from '../domain/roles.ts';
import { COMMAND_MS } from '../runtime/deadline.ts';
import { type Transaction, trusted } from './database.ts';
import { defineModel, native } from './model.ts';
import { currentWindow, type Window } from './rateLimits.ts';
import { findCaller } from './sessions.ts';
import type { Admitted } from './users.ts';

/**
 * A socket: who speaks through it, and its rooms. The record goes with its session, at a 410, or when it expires. So a
 * record means a live session of an active user: whatever ends a session, or changes who its user is, changes the user's
 * connections with the same commit.
 */
export interface ConnectionRecord {
  /** API Gateway's connection id. */
  _id: string;
  userId: string;
  sessionId: string;
  /** Who speaks, as they are now. Absent in a record of an earlier release, until its first frame or `migrate`. */
  role?: Role;
  name?: string;
  supervisorId?: string | null;
  /** The address that opened the socket. Behind a proxy, the gateway later knows the proxy's address alone. */
  sourceIp: string | null;
  /**
   * The conversations whose room may have the connection: which it is in, the conversations say. A room is noted here
   * before it is entered. One that was left, or is closed, stays noted until room is needed.
   */
  notedRooms?: { id: string; at: Date }[];
  /** The rooms of a connection of an earlier release. */
  rooms?: string[];
  /** The frames of the minute that ends then. */
  frames?: { ends: Date; count: number };
  /** It is told of the queue: see watchers.ts. */
  watching?: true;
  /** Until then its frames are refused, so that they don't keep a transaction from ending it: see `holdFrames`. */
  heldUntil?: Date;
  turns?: unknown[];
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
    role: { type: String, required: false },
    name: { type: String, required: false },
    supervisorId: { type: String, required: false },
    sourceIp: { type: String, default: null },
    notedRooms: { type: Array, default: undefined },
    rooms: { type: [String], default: undefined },
    frames: { type: Object, required: false },
    heldUntil: { type: Date, required: false },
    watching: { type: Boolean, required: false },
    // An earlier release has its turns here.
    turns: { type: Array, default: undefined },
    connectedAt: { type: Date, required: true },
    admission: { type: Number, required: false },
    expiresAt: { type: Date, required: true },
  },
  [
    [{ rooms: 1 }],
    [{ userId: 1, admission: 1 }],
    [{ sessionId: 1 }],
    [{ watching: 1 }, { partialFilterExpression: { watching: true } }],
    [{ expiresAt: 1 }, { expireAfterSeconds: 0 }],
  ],
);

/** API Gateway ends a connection after two hours. `$disconnect` may never come, so the record expires a bit later. */
const CONNECTION_LIFE_MS = (2 * 60 + 5) * 60 * 1000;

/** A new socket. */
export interface NewConnection {
  /** API Gateway's connection id. */
  readonly id: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly sourceIp: string | null;
  /** From `countAdmission`. */
  readonly admitted: Admitted;
  /** From `touchSession`: the connection ends with its session. */
  readonly sessionEnds: Date;
}

/** Records a socket of a live session. Call it inside the transaction that has made sure of the session. */
export async function insertConnection(
  { id, sessionEnds, admitted, ...connection }: NewConnection,
  session: Transaction,
): Promise<void> {
  const now = Date.now();
  await connectionModel().create(
    [
      {
        ...connection,
        ...admitted,
        _id: id,
        notedRooms: [],
        // For the release before, which may still run.
        rooms: [],
        connectedAt: new Date(now),
        expiresAt: new Date(Math.min(now + CONNECTION_LIFE_MS, sessionEnds.getTime())),
      },
    ],
    { session },
  );
}

/** The person who speaks through a socket. */
export interface SocketCaller extends Caller {
  readonly connectionId: string;
  /** The conversations whose room may have the connection: see `ConnectionRecord`. */
  readonly rooms: readonly string[];
  /** When the record expires. */
  readonly until: Date;
}

/** A frame of a known connection. */
export interface AdmittedFrame {
  readonly caller: SocketCaller;
  /** The connection's frames of this minute, with this one. */
  readonly frames: Window;
}

const MINUTE_S = 60;

/**
 * Counts a frame of a connection, and finds who speaks, with one write. `entering`: the conversation whose room the frame
 * wants to enter, which is noted unless the connection has `most` rooms; `rooms` says whether it was. Returns `null` when
 * the connection is unknown, or has ended.
 */
export async function admitFrame(
  connectionId: string,
  { entering, most = 0 }: { readonly entering?: string | undefined; readonly most?: number } = {},
): Promise<AdmittedFrame | null> {
  const window = currentWindow(MINUTE_S);
  const ends = new Date(window.ends);
  const room = { $literal: entering };
  const otherRooms = { $filter: { input: '$notedRooms', cond: { $ne: ['$$this.id', room] } } };
  const noted = { $concatArrays: [otherRooms, [{ id: room, at: '$$NOW' }]] };
  const record = await native(connectionModel()).findOneAndUpdate(
    {
      _id: connectionId,
      ...live(),
      role: { $exists: true },
      $or: [{ heldUntil: { $exists: false } }, { heldUntil: { $lt: new Date() } }],
    },
    [
      {
        $set: {
          frames: {
            // A machine whose clock is behind doesn't begin an earlier minute again.
            $cond: [
              { $gte: ['$frames.ends', ends] },
              { ends: '$frames.ends', count: { $add: ['$frames.count', 1] } },
              { ends, count: { $literal: 1 } },
            ],
          },
          ...(entering !== undefined && {
            notedRooms: { $cond: [{ $lt: [{ $size: otherRooms }, most] }, noted, '$notedRooms'] },
          }),
        },
      },
    ],
    // A count lost in a failover lets one more frame through. A room lost there is lost with the entry that follows it.
    { returnDocument: 'after', writeConcern: { w: 1 } },
  );
  if (!record) return (await adoptConnection(connectionId)) ? admitFrame(connectionId, { entering, most }) : null;
  return { caller: toCaller(record), frames: { count: record.frames?.count ?? 1, endsIn: window.endsIn } };
}

function toCaller(record: ConnectionRecord): SocketCaller {
  const {
    _id: connectionId,
    userId,
    sessionId,
    role,
    name = '',
    supervisorId = null,
    sourceIp,
    notedRooms = [],
  } = record;
  if (!role) throw new Error('a connection of an earlier release');
  const rooms = notedRooms.map(({ id }) => id);
  return { connectionId, userId, sessionId, role, name, supervisorId, sourceIp, rooms, until: record.expiresAt };
}

/**
 * Notes in a connection of an earlier release who speaks through it. Returns `false` when there is no such connection, or
 * its session has ended.
 */
export async function adoptConnection(connectionId: string): Promise<boolean> {
  const old = await connectionModel()
    .findOne(trusted({ _id: connectionId, role: { $exists: false }, ...live() }), { sessionId: 1, rooms: 1 })
    .lean();
  const caller = old && (await findCaller(old.sessionId));
  if (!caller) return false;
  const { userId, role, name, supervisorId } = caller;
  const notedRooms = (old.rooms ?? []).map((id) => ({ id, at: new Date() }));
  await connectionModel().updateOne(trusted({ _id: connectionId, role: { $exists: false } }), {
    $set: { role, name, supervisorId, notedRooms },
  });
  // A change of the user beside this didn't find anything to change here.
  const now = await findCaller(old.sessionId);
  if (now) await connectionModel().updateOne({ _id: connectionId, userId }, { $set: speakerOf(now) });
  return true;
}

/**
 * Has the frames of connections refused for a moment. Every frame writes its connection's record, so who sends enough of them
 * could keep a transaction from ending their connections. It finds them held at its next attempt.
 */
export async function holdFrames(filter: Readonly<Record<string, unknown>>): Promise<void> {
  const soon = Date.now() + HOLD_MS;
  const isHeld = { $gte: new Date(soon - HOLD_MS / 2) };
  await native(connectionModel()).updateMany(
    { ...filter, heldUntil: { $not: isHeld } },
    { $set: { heldUntil: new Date(soon) } },
  );
}

const HOLD_MS = COMMAND_MS;

/** What may change of who speaks. */
type Speaker = Pick<Caller, 'name' | 'supervisorId'>;

const speakerOf = ({ name, supervisorId }: Speaker): Speaker => ({ name, supervisorId });

/** Changes who speaks through a user's connections. Call it inside the transaction that changes the user. */
export async function changeSpeaker(user: Speaker & { readonly id: string }, session: Transaction): Promise<void> {
  await connectionModel().updateMany({ userId: user.id }, { $set: speakerOf(user) }, { session });
}

/** Notes that a connection may enter a room, unless it has noted `most` rooms. */
export async function noteRoom(connectionId: string, room: string, most: number): Promise<'noted' | 'full' | 'gone'> {
  const { matchedCount } = await connectionModel().updateOne(
    trusted({ _id: connectionId, ...live(), [`notedRooms.${most - 1}`]: { $exists: false } }),
    [{ $set: { notedRooms: { $concatArrays: ['$notedRooms', [{ id: { $literal: room }, at: '$$NOW' }]] } } }],
    { updatePipeline: true },
  );
  if (matchedCount === 1) return 'noted';
  return (await stillConnected([connectionId])).length > 0 ? 'full' : 'gone';
}

/** A room that was noted this long ago was entered by now, or is not entered any more: the command is over. */
const ENTERS_MS = 2 * COMMAND_MS;

/** Forgets all noted rooms of a connection but these, and those that it may be about to enter. */
export async function forgetRooms(connectionId: string, but: readonly string[]): Promise<void> {
  const isRecent = { $gt: ['$$this.at', { $subtract: ['$$NOW', ENTERS_MS] }] };
  const stays = { $or: [{ $in: ['$$this.id', { $literal: but }] }, isRecent] };
  await native(connectionModel()).updateOne({ _id: connectionId }, [
    { $set: { notedRooms: { $filter: { input: '$notedRooms', cond: stays } } } },
  ]);
}

/** The TTL monitor runs once a minute. Until then, a record past its own time, or its session's, counts for nothing. */
export const live = () => ({ expiresAt: { $gt: new Date() } });

/** Finds those of the connections that have not ended. */
export async function stillConnected(connectionIds: readonly string[]): Promise<string[]> {
  return connectionIds.length === 0 ? [] : liveOnes({ _id: { $in: [...connectionIds] } });
}

/** Finds every connection of these users, in whatever room. */
export async function connectionsOfUsers(userIds: readonly string[]): Promise<string[]> {
  return liveOnes({ userId: { $in: [...userIds] } });
}

async function liveOnes(filter: Readonly<Record<string, unknown>>): Promise<string[]> {
  const rows = await connectionModel()
    .find(trusted({ ...filter, ...live() }), { _id: 1 })
    .lean();
  return rows.map(({ _id }) => _id);
}

import { config } from '../config.ts';
import type { Caller } from '../domain/permissions.ts';
import { isDuplicateKey, type Transaction, transaction, trusted } from './database.ts';
import { newId } from './ids.ts';
import { defineModel } from './model.ts';
import { USERS } from './users.ts';

interface SessionRecord {
  _id: string;
  userId: string;
  createdAt: Date;
  expiresAt: Date;
  /** How many sockets it has opened: opening one writes here, so that it can't slip past the session's end. */
  socketsOpened: number;
}

/** For what looks sessions up from another collection, and needs no model of them. */
export const SESSIONS = 'sessions';

export const sessionModel = /* @__PURE__ */ defineModel<SessionRecord>(
  'Session',
  SESSIONS,
  {
    _id: { type: String, required: true },
    userId: { type: String, required: true },
    createdAt: { type: Date, required: true },
    expiresAt: { type: Date, required: true },
    socketsOpened: { type: Number, default: 0 },
  },
  [[{ userId: 1 }], [{ expiresAt: 1 }, { expireAfterSeconds: 0 }]],
);

/** `_id` is the SHA-256 of the token. A spent one is kept until it would have expired, to recognize its reuse. */
interface RefreshTokenRecord {
  _id: string;
  sessionId: string;
  spentAt: Date | null;
  expiresAt: Date;
}

export const refreshTokenModel = /* @__PURE__ */ defineModel<RefreshTokenRecord>(
  'RefreshToken',
  'refresh_tokens',
  {
    _id: { type: String, required: true },
    sessionId: { type: String, required: true },
    spentAt: { type: Date, default: null },
    expiresAt: { type: Date, required: true },
  },
  [[{ sessionId: 1 }], [{ expiresAt: 1 }, { expireAfterSeconds: 0 }]],
);

/** Opens a session for a user, with its first refresh token, and in the same transaction does what `along` does. */
export async function insertSession(
  userId: string,
  refreshTokenHash: string,
  expiresAt: Date,
  along: (session: Transaction) => Promise<void>,
): Promise<string> {
  const id = newId();
  await transaction(async (session) => {
    await along(session);
    await sessionModel().create([{ _id: id, userId, createdAt: new Date(), expiresAt }], { session });
    await refreshTokenModel().create([{ _id: refreshTokenHash, sessionId: id, spentAt: null, expiresAt }], { session });
  });
  return id;
}

export type Rotation =
  | { readonly outcome: 'rotated'; readonly sessionId: string; readonly userId: string }
  | { readonly outcome: 'reused'; readonly sessionId: string; readonly userId: string | null }
  | { readonly outcome: 'unknown' };

/**
 * Spends a refresh token and stores its successor, both or neither. Of two that spend the same token at once one
 * succeeds; the other learns `reused`.
 */
export async function rotateRefreshToken(hash: string, successorHash: string, expiresAt: Date): Promise<Rotation> {
  try {
    return await transaction(async (session): Promise<Rotation> => {
      const spent = await refreshTokenModel()
        .findOneAndUpdate(
          trusted({ _id: hash, spentAt: null, expiresAt: { $gt: new Date() } }),
          { $set: { spentAt: new Date() } },
          { session },
        )
        .lean();
      if (!spent) {
        const known = await refreshTokenModel().findById(hash).session(session).lean();
        if (!known?.spentAt) return { outcome: 'unknown' };
        const owner = await sessionModel().findById(known.sessionId).session(session).lean();
        return { outcome: 'reused', sessionId: known.sessionId, userId: owner?.userId ?? null };
      }
      const extended = await sessionModel()
        .findOneAndUpdate(
          trusted({ _id: spent.sessionId, expiresAt: { $gt: new Date() } }),
          [
            {
              $set: {
                expiresAt: { $min: [expiresAt, { $add: ['$createdAt', config().SESSION_LONGEST_SECONDS * 1000] }] },
              },
            },
          ],
          { session, updatePipeline: true },
        )
        .lean();
      if (!extended) return { outcome: 'unknown' };
      await refreshTokenModel().create([{ _id: successorHash, sessionId: spent.sessionId, spentAt: null, expiresAt }], {
        session,
      });
      return { outcome: 'rotated', sessionId: spent.sessionId, userId: extended.userId };
    });
  } catch (error) {
    // Two rotations in flight with the same successor cannot be: successors are random.
    if (isDuplicateKey(error)) return { outcome: 'unknown' };
    throw error;
  }
}

/** Ends sessions within a transaction: their refresh tokens go too. Sockets are `connections.ts`'s. */
export async function deleteSessions(
  which: { readonly sessionId: string } | { readonly userId: string; readonly exceptSession?: string },
  session: Transaction,
): Promise<void> {
  const filter =
    'sessionId' in which ? { _id: which.sessionId } : { userId: which.userId, _id: { $ne: which.exceptSession ?? '' } };
  const ids = (await sessionModel().find(trusted(filter), { _id: 1 }).session(session).lean()).map(
    (found) => found._id,
  );
  await sessionModel().deleteMany(trusted({ _id: { $in: ids } }), { session });
  await refreshTokenModel().deleteMany(trusted({ sessionId: { $in: ids } }), { session });
}

/** Notes that the session opens a socket; `false` when it has ended. */
export async function touchSession(id: string, session: Transaction): Promise<Date | null> {
  const found = await sessionModel()
    .findOneAndUpdate(trusted({ _id: id, expiresAt: { $gt: new Date() } }), { $inc: { socketsOpened: 1 } }, { session })
    .lean();
  return found?.expiresAt ?? null;
}

/** A caller, but for where the request came from. */
export type Identity = Omit<Caller, 'sourceIp'>;

/** Who a live session belongs to, as they are now; `null` when it has ended or its user is not active. */
export async function findCaller(sessionId: string): Promise<Identity | null> {
  const [caller] = await sessionModel().aggregate<Identity>([
    { $match: { _id: sessionId, expiresAt: { $gt: new Date() } } },
    ...callerOfSession,
  ]);
  return caller ?? null;
}

/** Pipeline stages that turn a session into the `Caller` it stands for. */
export const callerOfSession = [
  { $lookup: { from: USERS, localField: 'userId', foreignField: '_id', as: 'user' } },
  { $unwind: '$user' },
  { $match: { 'user.active': true } },
  {
    $project: {
      _id: 0,
      sessionId: '$_id',
      userId: '$user._id',
      role: '$user.role',
      supervisorId: '$user.supervisorId',
    },
  },
];

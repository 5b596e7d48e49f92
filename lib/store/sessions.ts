import type { Caller } from '../domain/permissions.ts';
import { config } from '../runtime/config.ts';
import { type Transaction, trusted } from './database.ts';
import { defineModel } from './model.ts';
import { USERS } from './people.ts';

interface SessionRecord {
  _id: string;
  userId: string;
  createdAt: Date;
  expiresAt: Date;
  /**
   * When the session was opened, last refreshed, or last opened a socket. A session of the first release has it from
   * then on.
   */
  usedAt?: Date;
  /**
   * SHA-256 of the session's one unspent refresh token. A session of the first release has it from its next refresh on.
   */
  tokenHash?: string;
  /**
   * SHA-256 of the secret that all its refresh tokens share. A token with that secret and another hash is a spent one.
   */
  familyHash?: string;
  /** How many sockets the session has opened. Opening one writes this, so that it can't slip past the session's end. */
  socketsOpened: number;
}

/** For queries that join sessions from another collection without their model. */
export const SESSIONS = 'sessions';

export const sessionModel = /* @__PURE__ */ defineModel<SessionRecord>(
  'Session',
  SESSIONS,
  {
    _id: { type: String, required: true },
    userId: { type: String, required: true },
    createdAt: { type: Date, required: true },
    expiresAt: { type: Date, required: true },
    usedAt: { type: Date, required: false },
    tokenHash: { type: String, required: false },
    familyHash: { type: String, required: false },
    socketsOpened: { type: Number, default: 0 },
  },
  [[{ userId: 1, usedAt: 1, expiresAt: 1 }], [{ expiresAt: 1 }, { expireAfterSeconds: 0 }]],
);

/** The token that a session spent last, and its successor, encrypted; as long as a repeat gets the successor. */
interface SpentTokenRecord {
  /** The session's id: one per session, however often it is refreshed. */
  _id: string;
  hash: string;
  sealedSuccessor: string;
  /** Whether the audit trail knows that it was repeated. */
  repeatMarked?: boolean;
  expiresAt: Date;
}

const SPENT_TOKENS = 'spent_refresh_tokens';

export const spentTokenModel = /* @__PURE__ */ defineModel<SpentTokenRecord>(
  'SpentRefreshToken',
  SPENT_TOKENS,
  {
    _id: { type: String, required: true },
    hash: { type: String, required: true },
    sealedSuccessor: { type: String, required: true },
    repeatMarked: { type: Boolean, required: false },
    expiresAt: { type: Date, required: true },
  },
  [[{ expiresAt: 1 }, { expireAfterSeconds: 0 }]],
);

/** A token of the first release, by its SHA-256. These tokens are valid until they expire; the service adds no more. */
interface FirstReleaseTokenRecord {
  _id: string;
  sessionId: string;
  spentAt: Date | null;
  expiresAt: Date;
}

export const firstReleaseTokenModel = /* @__PURE__ */ defineModel<FirstReleaseTokenRecord>(
  'RefreshToken',
  'refresh_tokens',
  {
    _id: { type: String, required: true },
    sessionId: { type: String, required: true },
    spentAt: { type: Date, default: null },
    expiresAt: { type: Date, required: true },
  },
  [[{ expiresAt: 1 }, { expireAfterSeconds: 0 }]],
);

export interface NewSession {
  readonly id: string;
  readonly userId: string;
  readonly tokenHash: string;
  readonly familyHash: string;
  readonly expiresAt: Date;
}

/** Stores a new session. Call it inside a transaction. */
export async function insertSession({ id, ...rest }: NewSession, session: Transaction): Promise<void> {
  const now = new Date();
  await sessionModel().create([{ _id: id, ...rest, createdAt: now, usedAt: now }], { session });
}

/** The most sessions of a user that one transaction ends because there are too many. */
const MOST_DISPLACED = 100;

/**
 * Finds the sessions of a user that must end so that `most` are left: those longest unused, and no more than one
 * transaction can end with ease. A user of the first release may have thousands.
 */
export async function longestUnused(userId: string, most: number, session: Transaction): Promise<string[]> {
  const live = trusted({ userId, expiresAt: { $gt: new Date() } });
  const held = await sessionModel()
    .countDocuments(live)
    .limit(most + MOST_DISPLACED)
    .session(session);
  if (held <= most) return [];
  const rows = await sessionModel()
    .find(live, { _id: 1 })
    .sort({ usedAt: 1, expiresAt: 1 })
    .limit(held - most)
    .session(session)
    .lean();
  return rows.map(({ _id }) => _id);
}

/** How long a repeated, spent token gets its successor again, by the database's clock. */
const REPEATABLE_MS = 30_000;

/** A refresh token, as the store knows it. */
export interface PresentedToken {
  readonly hash: string;
  readonly family: { readonly sessionId: string; readonly hash: string } | null;
}

/**
 * What a refresh token is to its session. `current`: it can be spent. `repeated`: it was spent just now, and its
 * successor isn't spent. `reused`: it was spent before that.
 */
export type TokenState = { readonly sessionId: string; readonly userId: string } & (
  | { readonly is: 'current' | 'reused' }
  | { readonly is: 'repeated'; readonly sealedSuccessor: string; readonly repeatMarked: boolean }
);

/**
 * Finds what a token is to its session, and changes nothing. Returns `null` for a token that isn't the service's, or
 * whose session has ended.
 */
export async function readTokenState(token: PresentedToken): Promise<TokenState | null> {
  const old = token.family ? null : await firstReleaseTokenModel().findById(token.hash).lean();
  const sessionId = token.family?.sessionId ?? old?.sessionId;
  if (sessionId === undefined) return null;
  const [found] = await sessionModel().aggregate<SessionRecord & { now: Date; spent: SpentTokenRecord[] }>([
    { $match: { _id: sessionId } },
    { $lookup: { from: SPENT_TOKENS, localField: '_id', foreignField: '_id', as: 'spent' } },
    { $set: { now: '$$NOW' } },
  ]);
  if (!found || found.expiresAt <= found.now) return null;
  // Somebody who knows only the session's id has never had a token of it.
  if (token.family && token.family.hash !== found.familyHash) return null;
  const { userId, now, spent } = found;
  const current = found.tokenHash ?? (old && !old.spentAt && old.expiresAt > now ? old._id : undefined);
  if (token.hash === current) return { sessionId, userId, is: 'current' };
  const repeatable = spent.find(({ hash, expiresAt }) => hash === token.hash && expiresAt > now);
  if (repeatable) {
    const { sealedSuccessor, repeatMarked = false } = repeatable;
    return { sessionId, userId, is: 'repeated', sealedSuccessor, repeatMarked };
  }
  return { sessionId, userId, is: 'reused' };
}

export interface Successor {
  readonly hash: string;
  readonly family: { readonly hash: string };
  /** Encrypted with a key that only a holder of the spent token has. */
  readonly sealed: string;
}

/**
 * Spends a session's refresh token, stores its successor and extends the session. Call it inside a transaction, so that
 * all of it happens or nothing. Returns `false` when another request has spent the token, or the session has ended.
 */
export async function spendToken(
  sessionId: string,
  token: PresentedToken,
  { hash: tokenHash, family: { hash: familyHash }, sealed: sealedSuccessor }: Successor,
  expiresAt: Date,
  session: Transaction,
): Promise<boolean> {
  if (!token.family) {
    // Code of the first release, where it still runs, must see it spent too.
    const { modifiedCount } = await firstReleaseTokenModel().updateOne(
      { _id: token.hash, spentAt: null },
      { $set: { spentAt: new Date() } },
      { session },
    );
    if (modifiedCount === 0) return false;
  }
  const longest = { $add: ['$createdAt', config().SESSION_LONGEST_SECONDS * 1000] };
  const { matchedCount } = await sessionModel().updateOne(
    trusted({
      _id: sessionId,
      tokenHash: token.family ? token.hash : null,
      $expr: { $gt: ['$expiresAt', '$$NOW'] },
    }),
    [{ $set: { tokenHash, familyHash, usedAt: '$$NOW', expiresAt: { $min: [expiresAt, longest] } } }],
    { session, updatePipeline: true },
  );
  if (matchedCount === 0) return false;
  // Replaces the token before: its successor is spent now, so a repeat of it gets nothing any more.
  await spentTokenModel().updateOne(
    { _id: sessionId },
    [
      {
        $set: {
          hash: token.hash,
          sealedSuccessor,
          repeatMarked: false,
          expiresAt: { $add: ['$$NOW', REPEATABLE_MS] },
        },
      },
    ],
    { session, upsert: true, updatePipeline: true },
  );
  return true;
}

/** Notes that a session's spent token was repeated. Returns whether this is the token's first repeat. */
export async function markRepeated(sessionId: string, hash: string, session: Transaction): Promise<boolean> {
  const { modifiedCount } = await spentTokenModel().updateOne(
    trusted({ _id: sessionId, hash, repeatMarked: { $ne: true } }),
    { $set: { repeatMarked: true } },
    { session },
  );
  return modifiedCount === 1;
}

/** One session or several; or all of a user's, except one where it is named. */
export type WhichSessions =
  | { readonly sessionIds: readonly string[] }
  | { readonly userId: string; readonly exceptSession?: string };

/**
 * Ends sessions. Call it inside a transaction. Without the session, its refresh tokens are worth nothing;
 * `connections.ts` has its sockets. The work grows with the user's sessions, whose number is limited, and with nothing
 * else. Returns how many there were.
 */
export async function deleteSessions(which: WhichSessions, session: Transaction): Promise<number> {
  const filter =
    'userId' in which
      ? { userId: which.userId, _id: { $ne: which.exceptSession ?? '' } }
      : { _id: { $in: [...which.sessionIds] } };
  const { deletedCount } = await sessionModel().deleteMany(trusted(filter), { session });
  return deletedCount;
}

/**
 * Writes the session, within the transaction that opens a socket in it, so that the two conflict with the session's end.
 * Returns when the session expires; `null` when it has ended.
 */
export async function touchSession(
  { sessionId, userId }: { readonly sessionId: string; readonly userId: string },
  session: Transaction,
): Promise<Date | null> {
  const found = await sessionModel()
    .findOneAndUpdate(
      trusted({ _id: sessionId, userId, expiresAt: { $gt: new Date() } }),
      { $inc: { socketsOpened: 1 }, $currentDate: { usedAt: true } },
      { session },
    )
    .lean();
  return found?.expiresAt ?? null;
}

/** Finds when the session of each of these visitors ends that has not ended yet: a visitor has one. */
export async function liveSessionEnds(userIds: readonly string[]): Promise<ReadonlyMap<string, Date>> {
  const rows = await sessionModel()
    .find(trusted({ userId: { $in: [...userIds] }, expiresAt: { $gt: new Date() } }), { userId: 1, expiresAt: 1 })
    .lean();
  return new Map(rows.map(({ userId, expiresAt }) => [userId, expiresAt]));
}

/** A caller without the address of the request. */
export type Identity = Omit<Caller, 'sourceIp'>;

/**
 * Finds the user of a live session, as they are now. Returns `null` when the session has ended or its user is not
 * active.
 */
export async function findCaller(sessionId: string): Promise<Identity | null> {
  const [caller] = await sessionModel().aggregate<Identity>([
    { $match: { _id: sessionId, expiresAt: { $gt: new Date() } } },
    ...callerOfSession,
  ]);
  return caller ?? null;
}

/** Pipeline stages that turn a session into its `Caller`. */
export const callerOfSession = [
  { $lookup: { from: USERS, localField: 'userId', foreignField: '_id', as: 'user' } },
  { $unwind: '$user' },
  { $match: { 'user.active': true } },
  {
    $project: {
      _id: 0,
      sessionId: '$_id',
      userId: '$user._id',
      name: '$user.name',
      role: '$user.role',
      supervisorId: '$user.supervisorId',
      isVisitor: '$user.visitor',
    },
  },
];

import { DAY_MS } from '../domain/spans.ts';
import { isDuplicateKey, trusted } from './database.ts';
import { newId } from './ids.ts';
import { defineModel } from './model.ts';

/** The attempts to prove a password under one key that a right password has not taken back. */
interface LoginAttemptsRecord {
  _id: string;
  /** The count at `countedAt`. It fades from then on. */
  failures: number;
  countedAt: Date;
  /** The id of the attempt that was counted last: the one that has set the block, if there is one. */
  countedLast: string;
  /** Until when no further attempt is let through. */
  blockedUntil: Date | null;
  /** Whether the audit trail knows that this block refused somebody. */
  refusalNoted: boolean;
  expiresAt: Date;
}

export const loginAttemptsModel = /* @__PURE__ */ defineModel<LoginAttemptsRecord>(
  'LoginAttempts',
  'login_attempts',
  {
    _id: { type: String, required: true },
    failures: { type: Number, required: true },
    countedAt: { type: Date, required: true },
    countedLast: { type: String, required: true },
    blockedUntil: { type: Date, default: null },
    refusalNoted: { type: Boolean, default: false },
    expiresAt: { type: Date, required: true },
  },
  [[{ expiresAt: 1 }, { expireAfterSeconds: 0 }]],
);

/**
 * An address from which an account's owner has signed in: attempts of others don't block the owner there. Or the lift of
 * an account's blocks: see `rememberLift`.
 */
interface KnownOriginRecord {
  _id: string;
  expiresAt: Date;
}

const KNOWN_ORIGINS = 'known_origins';

export const knownOriginModel = /* @__PURE__ */ defineModel<KnownOriginRecord>(
  'KnownOrigin',
  KNOWN_ORIGINS,
  { _id: { type: String, required: true }, expiresAt: { type: Date, required: true } },
  [[{ expiresAt: 1 }, { expireAfterSeconds: 0 }]],
);

/** How many attempts a key allows before each further one has to wait. */
export interface AttemptLimit {
  readonly key: string;
  readonly most: number;
}

/** After this long, as many failures as are free have faded, one after the other. */
const FADING_MS = 150 * 60 * 1000;
const FIRST_DELAY_MS = 30 * 1000;
const LONGEST_DELAY_MS = 15 * 60 * 1000;

const KNOWN_FOR_MS = 30 * DAY_MS;
/** An origin is noted again after a day at the earliest. */
const NOTED_ANEW_MS = KNOWN_FOR_MS - DAY_MS;

/** A key under which attempts have to wait. */
export interface Block {
  readonly key: string;
  readonly until: Date;
  readonly waitMs: number;
  readonly refusalNoted: boolean;
}

export interface Standing {
  readonly blocks: readonly Block[];
  /** Whether the origin is known, and whether it was noted within the last day. */
  readonly origin: 'unknown' | 'known' | 'known well';
  /** Whether an admin has lifted the blocks of the account for a while. */
  readonly isLifted: boolean;
}

/** Reads, in one read and by the database's clock, the blocks of these keys, and whether the origin and a lift are known. */
export async function readStanding(
  keys: readonly string[],
  { origin, lift }: { readonly origin: string; readonly lift: string },
): Promise<Standing> {
  const rows = await loginAttemptsModel().aggregate<
    { _id: string; blockedUntil: Date; waitMs: number; refusalNoted?: boolean } & { knownForMs?: number }
  >([
    { $match: { _id: { $in: [...keys] } } },
    { $set: { waitMs: { $subtract: ['$blockedUntil', '$$NOW'] } } },
    { $match: { waitMs: { $gt: 0 } } },
    {
      $unionWith: {
        coll: KNOWN_ORIGINS,
        pipeline: [
          { $match: { _id: { $in: [origin, lift] } } },
          { $set: { knownForMs: { $subtract: ['$expiresAt', '$$NOW'] } } },
          { $match: { knownForMs: { $gt: 0 } } },
        ],
      },
    },
  ]);
  const leftMs = (key: string) => rows.find((row) => row._id === key)?.knownForMs ?? 0;
  const knownForMs = leftMs(origin);
  return {
    blocks: rows
      .filter((row) => row.knownForMs === undefined)
      .map(({ _id, blockedUntil, waitMs, refusalNoted }) => ({
        key: _id,
        until: blockedUntil,
        waitMs,
        refusalNoted: refusalNoted === true,
      })),
    origin: knownForMs > NOTED_ANEW_MS ? 'known well' : knownForMs > 0 ? 'known' : 'unknown',
    isLifted: leftMs(lift) > 0,
  };
}

/** An attempt that was allowed. */
export interface CountedAttempt extends AttemptLimit {
  readonly id: string;
}

/**
 * Counts an attempt under a key, before it is known to be right. Returns `null` when it has to wait. `most` attempts
 * are free. Then each attempt blocks the next ones for twice as long as the one before, up to a quarter of an hour. One
 * atomic write decides this, by the database's clock, and changes nothing where it refuses.
 */
export async function countAttempt({ key, most }: AttemptLimit): Promise<CountedAttempt | null> {
  const id = newId();
  const fadeMs = FADING_MS / most;
  const sinceMs = { $max: [0, { $subtract: ['$$NOW', { $ifNull: ['$countedAt', '$$NOW'] }] }] };
  const faded = { $max: [0, { $subtract: [{ $ifNull: ['$failures', 0] }, { $divide: [sinceMs, fadeMs] }] }] };
  // A failure counts until it has faded completely.
  const beyond = { $subtract: [{ $ceil: '$$failures' }, most] };
  const delayMs = {
    $min: [LONGEST_DELAY_MS, { $multiply: [FIRST_DELAY_MS, { $pow: [2, { $min: [beyond, 20] }] }] }],
  };
  const counted = {
    _id: key,
    failures: '$$failures',
    countedAt: '$$NOW',
    countedLast: id,
    blockedUntil: { $cond: [{ $lt: [beyond, 0] }, null, { $add: ['$$NOW', delayMs] }] },
    refusalNoted: false,
    expiresAt: { $add: ['$$NOW', { $multiply: ['$$failures', fadeMs] }] },
  };
  const attempt = () =>
    loginAttemptsModel()
      .findOneAndUpdate(
        { _id: key },
        [
          {
            $replaceWith: {
              $cond: [
                { $gt: [{ $ifNull: ['$blockedUntil', '$$NOW'] }, '$$NOW'] },
                '$$ROOT',
                { $let: { vars: { failures: { $add: [faded, 1] } }, in: counted } },
              ],
            },
          },
        ],
        { upsert: true, returnDocument: 'after', updatePipeline: true },
      )
      .lean();
  const record = await attempt().catch((error: unknown) => {
    // Of two first attempts at once, the second finds the first one's record.
    if (isDuplicateKey(error)) return attempt();
    throw error;
  });
  return record.countedLast === id ? { key, most, id } : null;
}

/** Takes counted attempts back, with the blocks they have set. Forgets everything under the `forgotten` key. */
export async function takeBackAttempts(counted: readonly CountedAttempt[], forgotten?: string): Promise<void> {
  const writes = counted.map(({ key, most, id }) =>
    key === forgotten
      ? { deleteOne: { filter: { _id: key } } }
      : {
          updateOne: {
            filter: { _id: key },
            update: [
              { $set: { failures: { $max: [0, { $subtract: ['$failures', 1] }] } } },
              {
                $set: {
                  blockedUntil: {
                    $cond: [
                      { $or: [{ $lt: [{ $ceil: '$failures' }, most] }, { $eq: ['$countedLast', id] }] },
                      null,
                      '$blockedUntil',
                    ],
                  },
                },
              },
            ],
            updatePipeline: true,
          },
        },
  );
  if (writes.length > 0) await loginAttemptsModel().bulkWrite(writes, { ordered: false });
}

/** Marks a block as one that has refused an attempt. Returns `true` for the block's first refusal. */
export async function markRefused({ key, until, refusalNoted }: Block): Promise<boolean> {
  if (refusalNoted) return false;
  const { modifiedCount } = await loginAttemptsModel().updateOne(
    { _id: key, blockedUntil: until, refusalNoted: false },
    { $set: { refusalNoted: true } },
  );
  return modifiedCount === 1;
}

export const rememberOrigin = (key: string): Promise<void> => rememberFor(key, KNOWN_FOR_MS);

async function rememberFor(key: string, ms: number): Promise<void> {
  await knownOriginModel()
    .updateOne({ _id: key }, [{ $set: { expiresAt: { $add: ['$$NOW', ms] } } }], {
      upsert: true,
      updatePipeline: true,
    })
    .catch((error: unknown) => {
      if (!isDuplicateKey(error)) throw error;
    });
}

/** Keeps a known origin known, at most once a day. An unknown one stays unknown. */
export async function renewOrigin(key: string): Promise<void> {
  await knownOriginModel().updateOne(
    trusted({
      _id: key,
      $expr: {
        $and: [{ $gt: ['$expiresAt', '$$NOW'] }, { $lt: ['$expiresAt', { $add: ['$$NOW', NOTED_ANEW_MS] }] }],
      },
    }),
    [{ $set: { expiresAt: { $add: ['$$NOW', KNOWN_FOR_MS] } } }],
    { updatePipeline: true },
  );
}

/** How long a lift lasts: long enough for an account's owner who is ready to sign in. */
const LIFTED_FOR_MS = 15 * 60 * 1000;

/** Notes that an account's blocks are lifted. */
export async function rememberLift(key: string): Promise<void> {
  await rememberFor(key, LIFTED_FOR_MS);
}

/** Ends a lift, because it was used. */
export async function forgetLift(key: string): Promise<void> {
  await knownOriginModel().deleteOne({ _id: key });
}

/** Forgets the attempts under keys with this prefix. */
export async function forgetAttempts(prefix: string): Promise<void> {
  await loginAttemptsModel().deleteMany(trusted({ _id: { $gte: prefix, $lt: `${prefix}\uffff` } }));
}

/** For migrations: the first release's keys had addresses, and hashes of e-mails that anybody can make. */
export async function migrateAttempts(): Promise<void> {
  const ofTheFirstRelease = () => trusted({ _id: { $regex: /@/ } });
  await loginAttemptsModel().deleteMany(ofTheFirstRelease());
  await knownOriginModel().deleteMany(ofTheFirstRelease());
}

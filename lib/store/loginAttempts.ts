import { isDuplicateKey, trusted } from './database.ts';
import { defineModel } from './model.ts';

/** Attempts to prove a password that have not been taken back by a right one, under one key. */
interface LoginAttemptsRecord {
  _id: string;
  failures: number;
  /** Until when no further attempt is let through. */
  blockedUntil: Date | null;
  /** Whether the last attempt was let through. */
  admitted: boolean;
  expiresAt: Date;
}

export const loginAttemptsModel = /* @__PURE__ */ defineModel<LoginAttemptsRecord>(
  'LoginAttempts',
  'login_attempts',
  {
    _id: { type: String, required: true },
    failures: { type: Number, required: true },
    blockedUntil: { type: Date, default: null },
    admitted: { type: Boolean, required: true },
    expiresAt: { type: Date, required: true },
  },
  [[{ expiresAt: 1 }, { expireAfterSeconds: 0 }]],
);

/** After an hour without an attempt the past is forgotten. */
const MEMORY_MS = 3600 * 1000;
const FIRST_DELAY_MS = 30 * 1000;
const LONGEST_DELAY_MS = 15 * 60 * 1000;

/** Milliseconds: doubled with every failure beyond `most`. */
const delayAfter = (most: number) => ({
  $min: [
    LONGEST_DELAY_MS,
    { $multiply: [FIRST_DELAY_MS, { $pow: [2, { $min: [{ $subtract: ['$failures', most] }, 20] }] }] },
  ],
});

/**
 * Counts an attempt under a key, before it is known to be right: `most` are free, from then on each one must wait twice
 * as long as the one before, a quarter of an hour at most. Answers how many seconds to wait, 0 to go ahead. Decided by
 * one atomic write, on the database's clock.
 */
export async function countAttempt(key: string, most: number): Promise<number> {
  const attempt = () =>
    loginAttemptsModel()
      .findOneAndUpdate(
        { _id: key },
        [
          {
            $set: {
              // A record past its time is one the TTL monitor hasn't come to yet.
              failures: { $cond: [{ $gt: [{ $ifNull: ['$expiresAt', '$$NOW'] }, '$$NOW'] }, '$failures', 0] },
              admitted: { $lte: [{ $ifNull: ['$blockedUntil', '$$NOW'] }, '$$NOW'] },
            },
          },
          { $set: { failures: { $add: ['$failures', { $cond: ['$admitted', 1, 0] }] } } },
          {
            $set: {
              blockedUntil: {
                $cond: [
                  '$admitted',
                  { $cond: [{ $lt: ['$failures', most] }, null, { $add: ['$$NOW', delayAfter(most)] }] },
                  '$blockedUntil',
                ],
              },
              expiresAt: { $cond: ['$admitted', { $add: ['$$NOW', MEMORY_MS] }, '$expiresAt'] },
            },
          },
        ],
        { upsert: true, returnDocument: 'after', updatePipeline: true },
      )
      .lean();
  const record = await attempt().catch((error: unknown) => {
    // Two first attempts at once: the second finds the first's record.
    if (isDuplicateKey(error)) return attempt();
    throw error;
  });
  if (record.admitted) return 0;
  return Math.max(1, Math.ceil(((record.blockedUntil?.getTime() ?? 0) - Date.now()) / 1000));
}

/** The attempt was right: what these keys have counted is forgotten. */
export async function forgetAttempts(keys: readonly string[]): Promise<void> {
  await loginAttemptsModel().deleteMany(trusted({ _id: { $in: [...keys] } }));
}

/** Takes back one attempt that was right, under a key shared with others. */
export async function takeBackAttempt(key: string): Promise<void> {
  await loginAttemptsModel().updateOne(trusted({ _id: key, failures: { $gt: 0 } }), { $inc: { failures: -1 } });
}

/** An address somebody has signed in from: attempts of others elsewhere don't keep them out. */
interface KnownOriginRecord {
  _id: string;
  expiresAt: Date;
}

export const knownOriginModel = /* @__PURE__ */ defineModel<KnownOriginRecord>(
  'KnownOrigin',
  'known_origins',
  { _id: { type: String, required: true }, expiresAt: { type: Date, required: true } },
  [[{ expiresAt: 1 }, { expireAfterSeconds: 0 }]],
);

const KNOWN_FOR_MS = 30 * 24 * 3600 * 1000;

export async function isKnownOrigin(key: string): Promise<boolean> {
  return (await knownOriginModel().exists(trusted({ _id: key, expiresAt: { $gt: new Date() } }))) !== null;
}

export async function rememberOrigin(key: string): Promise<void> {
  const expiresAt = new Date(Date.now() + KNOWN_FOR_MS);
  await knownOriginModel()
    .updateOne({ _id: key }, { $set: { expiresAt } }, { upsert: true })
    .catch((error: unknown) => {
      if (!isDuplicateKey(error)) throw error;
    });
}

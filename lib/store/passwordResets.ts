import type { Transaction } from './database.ts';
import { trusted } from './database.ts';
import { defineModel } from './model.ts';

/** A link by which a user sets a new password. */
interface ResetToken {
  /** SHA-256 of the link's token. */
  hash: string;
  expiresAt: Date;
  /** It was mailed: anybody who knows the address may have asked for it. */
  mailed?: true;
  /** The hash of the link that has taken its place. It works again should that one's mail be refused. */
  displacedBy?: string;
}

/**
 * The links of a user. One record, so that using one link ends all with one delete. Whoever writes it writes the user's record
 * in the same transaction, and first: a link then can't slip past a change of what it was made for.
 */
interface PasswordResetsRecord {
  /** The user's id. */
  _id: string;
  tokens: ResetToken[];
  /** When the last one expires. */
  expiresAt: Date;
}

export const passwordResetsModel = /* @__PURE__ */ defineModel<PasswordResetsRecord>(
  'PasswordResets',
  'password_resets',
  {
    _id: { type: String, required: true },
    tokens: { type: [Object] as never, required: true },
    expiresAt: { type: Date, required: true },
  },
  [[{ 'tokens.hash': 1 }], [{ expiresAt: 1 }, { expireAfterSeconds: 0 }]],
);

/** How long a link works, by the database's clock. */
export const RESET_MS = 30 * 60 * 1000;

/**
 * How many links of a user work at once. One more ends the oldest: of those that were mailed, where there is one. So whoever asks for
 * mails ends none of the last two links that an admin has made, and the newest link always works.
 */
const MOST_LIVE = 3;

const isLive = {
  $and: [{ $gt: ['$$token.expiresAt', '$$NOW'] }, { $eq: [{ $type: '$$token.displacedBy' }, 'missing'] }],
};

/** Adds a link. Call it inside a transaction that has written the user. Returns when the link expires. */
export async function addReset(
  userId: string,
  { hash, mailed }: { readonly hash: string; readonly mailed: boolean },
  session: Transaction,
): Promise<Date> {
  const expiresAt = { $add: ['$$NOW', RESET_MS] };
  const added = { hash, expiresAt, ...(mailed && { mailed }) };
  const live = { $filter: { input: { $ifNull: ['$tokens', []] }, as: 'token', cond: isLive } };
  const mailedOnes = { $filter: { input: '$tokens', as: 'token', cond: { $eq: ['$$token.mailed', true] } } };
  const displaced = { $mergeObjects: ['$$token', { displacedBy: hash }] };
  const oneDisplaced = {
    $let: {
      vars: { one: { $first: { $concatArrays: [mailedOnes, '$tokens'] } } },
      in: {
        $map: {
          input: '$tokens',
          as: 'token',
          in: { $cond: [{ $eq: ['$$token.hash', '$$one.hash'] }, displaced, '$$token'] },
        },
      },
    },
  };
  const record = await passwordResetsModel()
    .findOneAndUpdate(
      { _id: userId },
      [
        { $set: { tokens: live, expiresAt } },
        // First, so that the link that makes one too many isn't the one that ends.
        { $set: { tokens: { $cond: [{ $lt: [{ $size: '$tokens' }, MOST_LIVE] }, '$tokens', oneDisplaced] } } },
        { $set: { tokens: { $concatArrays: ['$tokens', [added]] } } },
      ],
      { upsert: true, returnDocument: 'after', session, updatePipeline: true },
    )
    .lean();
  return record.expiresAt;
}

/** Finds whose link this is, if it works. */
export async function findReset(hash: string): Promise<string | null> {
  const [found] = await passwordResetsModel().aggregate<{ _id: string }>([
    { $match: { 'tokens.hash': hash } },
    { $match: { $expr: works(hash) } },
    { $project: { _id: 1 } },
  ]);
  return found?._id ?? null;
}

/**
 * Uses a user's link, which ends all of theirs. Call it inside a transaction that has written the user. Returns `false` where the
 * link doesn't work, or not any more.
 */
export async function useReset(userId: string, hash: string, session: Transaction): Promise<boolean> {
  const { deletedCount } = await passwordResetsModel().deleteOne(trusted({ _id: userId, $expr: works(hash) }), {
    session,
  });
  return deletedCount === 1;
}

const works = (hash: string) => ({
  $in: [
    true,
    {
      $map: { input: '$tokens', as: 'token', in: { $and: [{ $eq: ['$$token.hash', { $literal: hash }] }, isLive] } },
    },
  ],
});

/** Ends one link, which nobody has been sent. The one whose place it took works again. */
export async function dropReset(userId: string, hash: string): Promise<void> {
  const others = { $filter: { input: '$tokens', as: 'token', cond: { $ne: ['$$token.hash', hash] } } };
  const restored = { $unsetField: { field: 'displacedBy', input: '$$token' } };
  const again = { $cond: [{ $eq: ['$$token.displacedBy', hash] }, restored, '$$token'] };
  await passwordResetsModel().updateOne(
    { _id: userId },
    [{ $set: { tokens: { $map: { input: others, as: 'token', in: again } } } }],
    { updatePipeline: true },
  );
}

/** Ends all links of a user. Call it inside the transaction that changes what they were made for. */
export async function endResets(userId: string, session: Transaction): Promise<void> {
  await passwordResetsModel().deleteOne({ _id: userId }, { session });
}

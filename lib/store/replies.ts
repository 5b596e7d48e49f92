import type { Caller, ReplyScope } from '../domain/permissions.ts';
import { AppError } from '../errors/appError.ts';
import type { Reply } from '../protocol/objects/replies.ts';
import { isDuplicateKey, type Transaction } from './database.ts';
import { defineModel } from './model.ts';
import { defined, NEWEST_FIRST, type Page, type PageRequest, readPage } from './pages.ts';

/** A canned reply. */
interface ReplyRecord {
  _id: string;
  /** `ownerOf`: who uses it. */
  owner: string;
  /** `keyOf`: no two replies have the same one. */
  key: string;
  shortcut: string;
  title: string;
  content: string;
  scope: ReplyScope;
  createdAt: Date;
}

export const replyModel = /* @__PURE__ */ defineModel<ReplyRecord>(
  'Reply',
  'replies',
  {
    _id: { type: String, required: true },
    owner: { type: String, required: true },
    key: { type: String, required: true },
    shortcut: { type: String, required: true },
    title: { type: String, required: true },
    content: { type: String, required: true },
    scope: { type: String, required: true },
    createdAt: { type: Date, required: true },
  },
  [[{ key: 1 }, { unique: true }], [{ owner: 1, ...NEWEST_FIRST }]],
);

const toReply = ({ _id: id, owner: _, key: _key, createdAt, ...rest }: ReplyRecord): Reply => ({
  id,
  ...rest,
  createdAt: createdAt.toISOString(),
});

const keyOf = (owner: string, shortcut: string): string => `${owner}/${shortcut}`;

type User = Pick<Caller, 'userId' | 'role' | 'supervisorId'>;

/** Whose replies of this scope somebody uses; `null` where there are none. */
function ownerOf({ userId, role, supervisorId }: User, scope: ReplyScope): string | null {
  if (scope === 'own') return `own/${userId}`;
  if (scope === 'all') return 'all';
  const team = role === 'supervisor' ? userId : supervisorId;
  return team === null ? null : `team/${team}`;
}

/** Whose replies somebody uses. */
const ownersOf = (user: User): string[] =>
  (['own', 'team', 'all'] as const).map((scope) => ownerOf(user, scope)).filter((owner) => owner !== null);

/** Stores a reply. Throws `SHORTCUT_TAKEN`. */
export async function insertReply(user: User, reply: Omit<Reply, 'createdAt'>): Promise<Reply> {
  const { id, ...rest } = reply;
  const owner = ownerOf(user, reply.scope);
  if (owner === null) throw new AppError('FORBIDDEN');
  const record: ReplyRecord = { _id: id, owner, key: keyOf(owner, reply.shortcut), ...rest, createdAt: new Date() };
  await replyModel().create([record]).catch(shortcutTaken);
  return toReply(record);
}

function shortcutTaken(error: unknown): never {
  throw isDuplicateKey(error, 'key') ? new AppError('SHORTCUT_TAKEN') : error;
}

/** Lists the replies that somebody may use, newest first. */
export async function readReplies(user: User, page: PageRequest): Promise<Page<Reply>> {
  return readPage(
    replyModel(),
    ownersOf(user).map((owner) => ({ owner })),
    page,
    toReply,
  );
}

/** Finds a reply that somebody may use. */
export async function findReply(user: User, id: string): Promise<Reply | null> {
  const record = await replyModel().findById(id).lean();
  return record && ownersOf(user).includes(record.owner) ? toReply(record) : null;
}

/** Changes a reply. Returns `null` when it is gone. Throws `SHORTCUT_TAKEN`. */
export async function changeReply(
  user: User,
  { id, scope }: Pick<Reply, 'id' | 'scope'>,
  change: { readonly [Field in 'shortcut' | 'title' | 'content']?: string | undefined },
): Promise<Reply | null> {
  const record = await replyModel()
    .findByIdAndUpdate(
      id,
      {
        $set: defined({
          ...change,
          key: change.shortcut === undefined ? undefined : keyOf(ownerOf(user, scope) ?? '', change.shortcut),
        }),
      },
      { returnDocument: 'after' },
    )
    .lean()
    .catch(shortcutTaken);
  return record && toReply(record);
}

/** Deletes a reply. Returns `false` when it was gone. */
export async function removeReply(id: string): Promise<boolean> {
  return (await replyModel().deleteOne({ _id: id })).deletedCount === 1;
}

/** Forgets the replies that only this person uses. */
export async function forgetReplies(userId: string, session: Transaction): Promise<void> {
  await replyModel().deleteMany({ owner: `own/${userId}` }, { session });
}

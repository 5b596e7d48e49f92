import { randomBytes } from 'node:crypto';
import { DEFAULT_CAPACITY, type Routing } from '../domain/desk.ts';
import { emailKey } from '../domain/email.ts';
import { ROLES, type Role } from '../domain/roles.ts';
import type { UserChange } from '../domain/staff.ts';
import { AppError } from '../errors/appError.ts';
import type { User } from '../protocol/objects/users.ts';
import { dropIndex, isDuplicateKey, type Transaction, trusted } from './database.ts';
import { defineModel } from './model.ts';
import {
  both,
  defined,
  type Equalities,
  forEvery,
  NEWEST_FIRST,
  type Page,
  type PageRequest,
  readPage,
} from './pages.ts';
import { ERASED_NAME, USERS } from './people.ts';
import { type Due, dueFor, retryAt, waitsSince } from './setBack.ts';

export interface UserRecord {
  _id: string;
  name: string;
  /** `null` once the user is erased. */
  email: string | null;
  /** The e-mail in the form in which e-mails are compared; `null` where the user can't sign in. */
  emailKey: string | null;
  /** `null` for a customer who came without one: see customers.ts. */
  passwordHash: string | null;
  /** What the company calls the customer. */
  identitySub?: string;
  /** A visitor of whom nobody has said yet who they are. */
  visitor?: true;
  /** Until then the session of a visitor without a conversation lasts; then they go. Absent once they have opened one. */
  visitorUntil?: Date;
  /** The customer whom a visitor turned out to be. */
  mergedInto?: string;
  /** Set while conversations of a merged visitor are still to follow. */
  mergingSince?: Date;
  /** A merge failed, and isn't tried again before this. */
  mergingRetryAt?: Date;
  mergingFailures?: number;
  /**
   * The key of hashes that stand for the user elsewhere; without it they are worth nothing. Users of an earlier
   * release get one by `migrate`.
   */
  salt?: string;
  role: Role;
  supervisorId: string | null;
  active: boolean;
  createdAt: Date;
  /** How many sessions and sockets were opened for the user: see `countAdmission`. */
  admissions: number;
  /** How many conversations are assigned to the user, counted in the transactions that change the number. */
  assignedCount: number;
  /** An agent's capacity; absent, it is `DEFAULT_CAPACITY`. */
  maxConversations?: number;
  /** Whether an agent's team is automatic, as its supervisor's `routing` says: changed in the same transactions. */
  automatic?: boolean;
  /** An agent's lease began, and nobody has noted its end: see agents.ts. */
  leased?: true;
  /** When an agent's lease ends or has ended, by the database's clock. Absent where there was none. */
  availableUntil?: Date;
  /** When an agent became available, for the last time. */
  availableSince?: Date;
  /** How often an agent became available. */
  availabilities?: number;
  /** When an agent was given a conversation, for the last time. */
  lastGivenAt?: Date;
  /** How a supervisor's team gets its conversations; absent, by hand. */
  routing?: Routing;
  /** How many decisions about the user were written elsewhere: see `touchUser`. */
  touches: number;
  /** Set while the user's conversations follow a change of theirs: given back, or moved to another supervisor. */
  handingOverSince?: Date;
  /** Handing over failed, and isn't tried again before this. */
  handingOverRetryAt?: Date;
  handingOverFailures?: number;
  /** Set while an erasure is under way. */
  erasingSince?: Date;
  /** Erasing failed, and isn't tried again before this. */
  erasingRetryAt?: Date;
  erasingFailures?: number;
  /** Since when the user is erased; they stay so. */
  erasedAt?: Date;
}

/** A name of its own: the index of the first release has MongoDB's default name, and both exist for a while. */
const EMAIL_INDEX = 'unique_email';

export const userModel = /* @__PURE__ */ defineModel<UserRecord>(
  'User',
  USERS,
  {
    _id: { type: String, required: true },
    name: { type: String, required: true },
    email: { type: String, default: null },
    emailKey: { type: String, default: null },
    passwordHash: { type: String, default: null },
    identitySub: { type: String, required: false },
    visitor: { type: Boolean, required: false },
    visitorUntil: { type: Date, required: false },
    mergedInto: { type: String, required: false },
    mergingSince: { type: Date, required: false },
    mergingRetryAt: { type: Date, required: false },
    mergingFailures: { type: Number, required: false },
    salt: { type: String, required: false },
    role: { type: String, required: true },
    supervisorId: { type: String, default: null },
    active: { type: Boolean, required: true },
    createdAt: { type: Date, required: true },
    admissions: { type: Number, default: 0 },
    assignedCount: { type: Number, default: 0 },
    maxConversations: { type: Number, required: false },
    automatic: { type: Boolean, required: false },
    leased: { type: Boolean, required: false },
    availableUntil: { type: Date, required: false },
    availableSince: { type: Date, required: false },
    availabilities: { type: Number, required: false },
    lastGivenAt: { type: Date, required: false },
    routing: { type: Object, required: false },
    touches: { type: Number, default: 0 },
    handingOverSince: { type: Date, required: false },
    handingOverRetryAt: { type: Date, required: false },
    handingOverFailures: { type: Number, required: false },
    erasingSince: { type: Date, required: false },
    erasingRetryAt: { type: Date, required: false },
    erasingFailures: { type: Number, required: false },
    erasedAt: { type: Date, required: false },
  },
  [
    // Of those who have one: the erased have none. `$gt`, not `$type`: a query for a string is known to be within it.
    [{ emailKey: 1 }, { name: EMAIL_INDEX, unique: true, partialFilterExpression: { emailKey: { $gt: '' } } }],
    // Of those whom the company has named: one each.
    [
      { identitySub: 1 },
      { name: 'unique_identity', unique: true, partialFilterExpression: { identitySub: { $gt: '' } } },
    ],
    [{ visitorUntil: 1 }, { sparse: true }],
    [{ mergedInto: 1 }, { partialFilterExpression: { mergedInto: { $gt: '' } } }],
    [{ mergingSince: 1 }, { sparse: true }],
    [{ erasingSince: 1 }, { sparse: true }],
    [{ handingOverSince: 1 }, { sparse: true }],
    // The agents to choose from: fewest conversations first, then longest without a new one.
    [
      { automatic: 1, leased: 1, assignedCount: 1, lastGivenAt: 1, _id: 1 },
      { name: 'routed', partialFilterExpression: { leased: true, automatic: true } },
    ],
    [
      { leased: 1, availableUntil: 1 },
      { name: 'leased', partialFilterExpression: { leased: true } },
    ],
    [{ 'routing.mode': 1 }, { name: 'routing', partialFilterExpression: { 'routing.mode': 'automatic' } }],
    // The lists'.
    [{ role: 1, active: 1, ...NEWEST_FIRST }],
    [{ supervisorId: 1, active: 1, ...NEWEST_FIRST }, { partialFilterExpression: { supervisorId: { $gt: '' } } }],
  ],
);

/** The document that every change of who is an active admin writes, so that two admins can't both be the last. */
export const guardModel = /* @__PURE__ */ defineModel<{ _id: string; changes: number }>('Guard', 'guards', {
  _id: { type: String, required: true },
  changes: { type: Number, default: 0 },
});

/** Whether an agent's lease runs, by the database's clock. */
export const IS_AVAILABLE = { $and: [{ $eq: ['$leased', true] }, { $gt: ['$availableUntil', '$$NOW'] }] } as const;

/** The projection of what `toUser` shows. */
export const SHOWN = {
  name: 1,
  email: 1,
  role: 1,
  supervisorId: 1,
  active: 1,
  createdAt: 1,
  maxConversations: 1,
  isAvailable: IS_AVAILABLE,
} as const;

/** A record as `SHOWN` projects it. */
export interface Shown
  extends Pick<
    UserRecord,
    '_id' | 'name' | 'email' | 'role' | 'supervisorId' | 'active' | 'createdAt' | 'maxConversations'
  > {
  /** Absent where nobody has asked the database: of somebody who isn't available, whatever its clock says. */
  readonly isAvailable?: boolean;
}

export function toUser(record: Shown): User {
  return {
    id: record._id,
    name: record.name,
    email: record.email,
    role: record.role,
    supervisorId: record.supervisorId,
    active: record.active,
    createdAt: record.createdAt.toISOString(),
    maxConversations: record.role === 'agent' ? (record.maxConversations ?? DEFAULT_CAPACITY) : null,
    availability: record.role === 'agent' ? (record.isAvailable ? 'available' : 'away') : null,
  };
}

export const newSalt = (): string => randomBytes(16).toString('base64url');

export interface NewUser {
  readonly id: string;
  readonly name: string;
  readonly email: string | null;
  readonly role: Role;
  readonly supervisorId: string | null;
  /** `null`: nobody signs in with this address and a password. */
  readonly passwordHash: string | null;
  readonly salt?: string;
  /** Whether an agent's team is automatic. */
  readonly automatic?: boolean;
  readonly routing?: Routing;
}

/** Makes the record of a new user. */
export const userRecord = ({ id, ...user }: NewUser): UserRecord => ({
  // From the start: making it at the first sign-in would make that slower than a sign-in to an account that doesn't exist.
  salt: newSalt(),
  ...user,
  _id: id,
  emailKey: user.email === null || user.passwordHash === null ? null : emailKey(user.email),
  active: true,
  createdAt: new Date(),
  admissions: 0,
  assignedCount: 0,
  touches: 0,
});

/** Stores a new user. Throws `EMAIL_TAKEN`. */
export async function insertUser(user: NewUser, session: Transaction): Promise<User> {
  const record = userRecord(user);
  await userModel().create([record], { session }).catch(emailTaken);
  return toUser(record);
}

/** Translates the refusal of the unique index on e-mail addresses. Throws `EMAIL_TAKEN`, and any other error as it is. */
function emailTaken(error: unknown): never {
  throw isDuplicateKey(error, 'emailKey') ? new AppError('EMAIL_TAKEN') : error;
}

export async function findUser(id: string): Promise<User | null> {
  const record = await userModel().findById(id, SHOWN).lean<Shown>();
  return record && toUser(record);
}

/** Finds users, by their ids. */
export async function usersById(ids: readonly string[]): Promise<User[]> {
  if (ids.length === 0) return [];
  const rows = await userModel()
    .find(trusted({ _id: { $in: [...ids] } }), SHOWN)
    .lean<Shown[]>();
  return rows.map(toUser);
}

export interface Credentials {
  readonly user: User;
  /** `null` for somebody without a password. */
  readonly passwordHash: string | null;
}

/** As they are stored. */
export interface StoredCredentials extends Credentials {
  readonly salt: string | null;
}

const CREDENTIALS = { ...SHOWN, passwordHash: 1, salt: 1 } as const;

const toCredentials = (record: Shown & Pick<UserRecord, 'passwordHash' | 'salt'>): StoredCredentials => ({
  user: toUser(record),
  passwordHash: record.passwordHash,
  salt: record.salt ?? null,
});

export async function findCredentialsByEmail(email: string): Promise<StoredCredentials | null> {
  const record = await userModel()
    .findOne({ emailKey: emailKey(email) }, CREDENTIALS)
    .lean<Parameters<typeof toCredentials>[0]>();
  return record && toCredentials(record);
}

/** Finds who signs in with this address. The command is the same whether there is anybody. */
export async function findIdByEmail(email: string): Promise<string | null> {
  const record = await userModel()
    .findOne({ emailKey: emailKey(email) }, { _id: 1 })
    .lean();
  return record?._id ?? null;
}

export async function findCredentials(id: string): Promise<StoredCredentials | null> {
  const record = await userModel().findById(id, CREDENTIALS).lean<Parameters<typeof toCredentials>[0]>();
  return record && toCredentials(record);
}

/**
 * Gives a salt to a user without one, as users of an earlier release are until `migrate` has run. Returns the salt; `null` for an erased user.
 */
export async function ensureSalt(id: string): Promise<string | null> {
  const record = await userModel()
    .findOneAndUpdate(
      trusted({ _id: id, erasedAt: { $exists: false } }),
      [{ $set: { salt: { $ifNull: ['$salt', newSalt()] } } }],
      { returnDocument: 'after', updatePipeline: true },
    )
    .lean();
  return record?.salt ?? null;
}

/**
 * Counts one more session or socket of a user. Call it inside the transaction that opens the session or the socket: it
 * writes the user, so that it conflicts with a deactivation, an erasure, a change of password, name or supervisor, and with
 * another session or socket of the same user. Returns `null` when the user is not active any more, or `passwordHash` is
 * passed and is not the user's any more.
 */
export async function countAdmission(
  id: string,
  session: Transaction,
  passwordHash?: string | null,
): Promise<Admitted | null> {
  const counted = await userModel()
    .findOneAndUpdate(
      defined({ _id: id, active: true, passwordHash }),
      { $inc: { admissions: 1 } },
      { session, returnDocument: 'after', projection: { admissions: 1, role: 1, name: 1, supervisorId: 1 } },
    )
    .lean();
  if (!counted) return null;
  const { admissions: admission, role, name, supervisorId } = counted;
  return { admission, role, name, supervisorId };
}

/** Somebody who was let in, as they are at that moment, and their number. */
export interface Admitted {
  readonly admission: number;
  readonly role: Role;
  readonly name: string;
  readonly supervisorId: string | null;
}

// A transaction that only reads an agent or a supervisor doesn't exclude a change of them at the same time: both would
// commit. So every decision about a user writes the user's record, in its own transaction. It writes that record first: many
// transactions may be about one user, and one that has to wait then has lost only its first command.

/**
 * Writes to a user without changing anything: the transaction then conflicts with any other that writes to the same user.
 * Returns the user; `null` when there is none, or when it is erased.
 */
export async function touchUser(id: string, session: Transaction): Promise<User | null> {
  const record = await userModel()
    .findOneAndUpdate(
      { _id: id },
      { $inc: { touches: 1 } },
      { returnDocument: 'before', session, projection: { ...SHOWN, erasedAt: 1 } },
    )
    .lean<Shown & Pick<UserRecord, 'erasedAt'>>();
  return record && !record.erasedAt ? toUser(record) : null;
}

/**
 * As `touchUser`, for who may set a new password by a link: an active user who signs in with an address and a password. Returns
 * that address.
 */
export async function touchResettable(id: string, session: Transaction): Promise<{ email: string } | null> {
  const record = await userModel()
    .findOneAndUpdate(
      trusted({ _id: id, active: true, emailKey: { $gt: '' }, passwordHash: { $gt: '' } }),
      { $inc: { touches: 1 } },
      { session, projection: { email: 1 } },
    )
    .lean();
  return record?.email ? { email: record.email } : null;
}

/** As `touchUser`, for an active supervisor only, whom an agent joins. Returns how the agent's team gets its conversations. */
export async function touchActiveSupervisor(id: string, session: Transaction): Promise<{ automatic: boolean } | null> {
  const record = await userModel()
    .findOneAndUpdate(
      { _id: id, role: 'supervisor', active: true },
      { $inc: { touches: 1 } },
      { session, projection: { routing: 1 } },
    )
    .lean();
  return record && { automatic: record.routing?.mode === 'automatic' };
}

/** Writes to a user who is still as expected: `false` when they aren't. */
async function touch(expected: Partial<UserRecord>, session: Transaction): Promise<boolean> {
  const { matchedCount } = await userModel().updateOne(expected, { $inc: { touches: 1 } }, { session });
  return matchedCount === 1;
}

/** Changes the password of an active user, if it is still the proven one. Returns `false` otherwise. */
export async function replacePasswordHash(
  id: string,
  { from, to }: { readonly from: string; readonly to: string },
  session: Transaction,
): Promise<boolean> {
  const { matchedCount } = await userModel().updateOne(
    { _id: id, active: true, passwordHash: from },
    { $set: { passwordHash: to } },
    { session },
  );
  return matchedCount === 1;
}

/** Sets another password for an active user, whatever theirs is. Returns their role; `null` where there is no such user. */
export async function setPasswordHash(id: string, passwordHash: string, session: Transaction): Promise<Role | null> {
  const record = await userModel()
    .findOneAndUpdate({ _id: id, active: true }, { $set: { passwordHash } }, { session, projection: { role: 1 } })
    .lean();
  return record?.role ?? null;
}

export interface UserFilter {
  readonly role?: Role | undefined;
  readonly supervisorId?: string | undefined;
  readonly active?: boolean | undefined;
}

/** Lists users. `within` is the most that the caller may see; the filter narrows it. */
export async function listUsers(within: UserFilter, filter: UserFilter, page: PageRequest): Promise<Page<User>> {
  const narrowed = both(defined(within), defined(filter));
  const byActive = forEvery(narrowed ? [narrowed] : [], 'active', [true, false]);
  const cases = forEvery(byActive, 'role', ROLES).filter(isPossible);
  return readPage(userModel(), cases, page, toUser, { fields: SHOWN });
}

/** Whether a user can be so: only agents have a supervisor. */
const isPossible = ({ role, supervisorId }: Equalities): boolean => !supervisorId || role === 'agent';

export async function countUsers(): Promise<number> {
  return userModel().countDocuments({});
}

/**
 * Changes a user. `handsOver` also notes, with the same write, that what the user holds is still to follow. `automatic` says
 * how the team of an agent gets its conversations. Throws
 * `EMAIL_TAKEN`, and `NOT_FOUND` when there is no such user.
 */
export async function changeUser(
  id: string,
  change: UserChange,
  { handsOver, automatic }: { readonly handsOver: boolean; readonly automatic?: boolean | undefined },
  session: Transaction,
): Promise<User> {
  const fields = {
    ...change,
    automatic,
    emailKey: await changedKey(id, change, session),
    ...(handsOver && { handingOverSince: new Date() }),
  };
  const after = await userModel()
    .findByIdAndUpdate(
      id,
      {
        $set: defined(fields),
        $unset: {
          ...(handsOver && { handingOverRetryAt: 1, handingOverFailures: 1 }),
          ...(change.active === false && { leased: 1, availableUntil: 1 }),
        },
      },
      { returnDocument: 'after', session, projection: SHOWN },
    )
    .lean<Shown>()
    .catch(emailTaken);
  if (!after) throw new AppError('NOT_FOUND');
  return toUser(after);
}

/** The form of a changed address by which the user signs in. Of a customer without a password the address is a label. */
async function changedKey(id: string, { email }: UserChange, session: Transaction): Promise<string | undefined> {
  if (email === undefined) return undefined;
  const signsIn = await userModel()
    .exists(trusted({ _id: id, passwordHash: { $ne: null } }))
    .session(session);
  return signsIn ? emailKey(email) : undefined;
}

/** Whether a supervisor has an active agent. Asking writes the supervisor, as giving them an agent does. */
export async function hasTeam(supervisorId: string, session: Transaction): Promise<boolean> {
  return (await userModel().exists({ role: 'agent', active: true, supervisorId }).session(session)) !== null;
}

/** An agent as a hand-over finds them. */
export interface HandingOver {
  readonly id: string;
  readonly active: boolean;
  readonly supervisorId: string | null;
  readonly since: Date;
}

/** Finds an agent whose conversations are still to follow. Returns `null` where nothing is. */
export async function findHandingOver(id: string): Promise<HandingOver | null> {
  const record = await userModel().findById(id, { active: 1, supervisorId: 1, handingOverSince: 1 }).lean();
  if (!record?.handingOverSince) return null;
  return { id, active: record.active, supervisorId: record.supervisorId, since: record.handingOverSince };
}

/**
 * Whether the agent is still as the hand-over found them. Writes the agent: call it inside the transaction in which a
 * conversation follows.
 */
export async function touchUnchanged(
  { id, active, supervisorId }: HandingOver,
  session: Transaction,
): Promise<boolean> {
  return touch({ _id: id, active, supervisorId }, session);
}

const NOTHING_TO_HAND_OVER = { handingOverSince: 1, handingOverRetryAt: 1, handingOverFailures: 1 } as const;

/**
 * Marks a hand-over as complete. Returns `false` when the agent has changed since they were found: then there
 * may be something again.
 */
export async function completeHandingOver({ id, active, supervisorId, since }: HandingOver): Promise<boolean> {
  const { modifiedCount } = await userModel().updateOne(
    { _id: id, active, supervisorId, handingOverSince: since },
    { $unset: NOTHING_TO_HAND_OVER },
  );
  return modifiedCount === 1;
}

/** A user whose change or erasure isn't finished. */
export interface UnfinishedUser {
  readonly id: string;
  readonly since: Date;
  readonly failures: number | undefined;
}

/** What may be left unfinished of a user. A record has three fields of each. */
export type UserWork = 'handingOver' | 'erasing' | 'merging';

/** Finds users of whom this is not finished, the longest waiting first. */
export async function findUnfinishedUsers(work: UserWork, due: Due): Promise<UnfinishedUser[]> {
  const [since, failures] = [`${work}Since`, `${work}Failures`] as const;
  const rows = await userModel()
    .find(trusted({ [since]: waitsSince(due), [`${work}RetryAt`]: dueFor(due.pass) }), { [since]: 1, [failures]: 1 })
    .sort({ [since]: 1 })
    .limit(due.most)
    .lean<UserRecord[]>();
  return rows.flatMap((row) => {
    const begun = row[since];
    return begun ? [{ id: row._id, since: begun, failures: row[failures] }] : [];
  });
}

/** Notes that this failed, and when to try again. */
export async function setBackUser(work: UserWork, { id, since, failures }: UnfinishedUser): Promise<void> {
  await userModel().updateOne(
    { _id: id, [`${work}Since`]: since },
    { $set: { [`${work}RetryAt`]: retryAt(failures) }, $inc: { [`${work}Failures`]: 1 } },
  );
}

/** Writes the guard of the admins: transactions that decide who is an active admin then exclude each other. */
export async function touchAdmins(session: Transaction): Promise<void> {
  await guardModel().updateOne({ _id: 'admins' }, { $inc: { changes: 1 } }, { upsert: true, session });
}

/** Whether there is an active admin, other than `except` where it is passed. Call `touchAdmins` first. */
export async function hasActiveAdmin(session: Transaction, except = ''): Promise<boolean> {
  const another = await userModel()
    .exists(trusted({ role: 'admin', active: true, _id: { $ne: except } }))
    .session(session);
  return another !== null;
}

/**
 * Removes a candidate's name, address, password, salt and `sub`, and notes that their conversations are still to be erased.
 * Returns the erased user; `null` when there is no such candidate, or a visitor who was merged. Throws `UNAVAILABLE` before
 * `migrate` has run.
 */
export async function eraseCandidate(id: string, passwordHash: string, session: Transaction): Promise<User | null> {
  const now = new Date();
  const erased = await userModel()
    .findOneAndUpdate(
      trusted({ _id: id, role: 'candidate', mergedInto: { $exists: false } }),
      {
        $set: {
          name: ERASED_NAME,
          email: null,
          emailKey: null,
          passwordHash,
          active: false,
          erasingSince: now,
          erasedAt: now,
        },
        $unset: {
          salt: 1,
          identitySub: 1,
          visitor: 1,
          visitorUntil: 1,
          erasingRetryAt: 1,
          erasingFailures: 1,
        },
      },
      { returnDocument: 'after', session },
    )
    .lean()
    .catch((error: unknown) => {
      // The first release's index still exists, which allows one user without an address.
      if (isDuplicateKey(error, 'emailKey')) throw new AppError('UNAVAILABLE', 'The database is not migrated yet.');
      throw error;
    });
  return erased && toUser(erased);
}

/** For migrations: brings users whom an earlier release erased into today's form, to be erased once more. */
export async function migrateErased(): Promise<void> {
  await dropIndex(userModel().collection, 'emailKey_1');
  const now = new Date();
  await userModel().updateMany(
    trusted({
      emailKey: { $regex: /^erased-.*@erased\.invalid$/ },
      active: false,
      // Somebody else may have registered an address of this form, but not with their own id in it.
      $expr: { $eq: ['$email', { $concat: ['erased-', '$_id', '@erased.invalid'] }] },
    }),
    { $set: { email: null, emailKey: null, erasingSince: now, erasedAt: now } },
  );
}

/** Whether somebody is erased, or about to be. */
export async function isErased(id: string): Promise<boolean> {
  return (await userModel().exists(trusted({ _id: id, erasedAt: { $exists: true } }))) !== null;
}

/** Marks an erasure as complete, if it began before `before`. Returns whether it did. */
export async function completeErasing(id: string, before: Date): Promise<boolean> {
  const { modifiedCount } = await userModel().updateOne(trusted({ _id: id, erasingSince: { $lt: before } }), {
    $unset: { erasingSince: 1, erasingRetryAt: 1, erasingFailures: 1 },
  });
  return modifiedCount === 1;
}

import { randomBytes } from 'node:crypto';
import { ROLES, type Role } from '../domain/roles.ts';
import { AppError } from '../protocol/errors.ts';
import type { User } from '../protocol/objects.ts';
import { dropIndex, isDuplicateKey, type Transaction, transaction, trusted } from './database.ts';
import { newId } from './ids.ts';
import { defineModel } from './model.ts';
import {
  both,
  type Equalities,
  forEvery,
  given,
  NEWEST_FIRST,
  type Page,
  type PageRequest,
  readPage,
} from './pages.ts';

interface UserRecord {
  _id: string;
  name: string;
  /** `null` once they are erased. */
  email: string | null;
  /** The e-mail in the form it is compared in; `null` where there is none to sign in with. */
  emailKey: string | null;
  passwordHash: string;
  /** What stands for them elsewhere is made with it, and worth nothing once it is gone. Given when it is first needed. */
  salt?: string;
  role: Role;
  supervisorId: string | null;
  active: boolean;
  createdAt: Date;
  /** How many sessions and sockets they were given: see `noteAdmission`. */
  admissions: number;
  /** Set while an erasure is under way. */
  erasingSince?: Date;
  /** Since when they are erased: they stay so. */
  erasedAt?: Date;
}

/** For what looks users up from another collection, and needs no model of them. */
export const USERS = 'users';

/** Not the name MongoDB would give it: the index of the first release had that one, and both are there for a while. */
const EMAIL_INDEX = 'unique_email';

export const userModel = /* @__PURE__ */ defineModel<UserRecord>(
  'User',
  USERS,
  {
    _id: { type: String, required: true },
    name: { type: String, required: true },
    email: { type: String, default: null },
    emailKey: { type: String, default: null },
    passwordHash: { type: String, required: true },
    salt: { type: String, required: false },
    role: { type: String, required: true },
    supervisorId: { type: String, default: null },
    active: { type: Boolean, required: true },
    createdAt: { type: Date, required: true },
    admissions: { type: Number, default: 0 },
    erasingSince: { type: Date, required: false },
    erasedAt: { type: Date, required: false },
  },
  [
    // Of those who have one: the erased have none. `$gt`, not `$type`: a query for a string is known to be within it.
    [{ emailKey: 1 }, { name: EMAIL_INDEX, unique: true, partialFilterExpression: { emailKey: { $gt: '' } } }],
    [{ erasingSince: 1 }, { sparse: true }],
    // The lists'.
    [{ role: 1, active: 1, ...NEWEST_FIRST }],
    [{ supervisorId: 1, active: 1, ...NEWEST_FIRST }, { partialFilterExpression: { supervisorId: { $gt: '' } } }],
  ],
);

/** One document every change of who is an active admin writes to, so that two of them can't both be the last. */
export const guardModel = /* @__PURE__ */ defineModel<{ _id: string; changes: number }>('Guard', 'guards', {
  _id: { type: String, required: true },
  changes: { type: Number, default: 0 },
});

export function toUser(record: UserRecord): User {
  return {
    id: record._id,
    name: record.name,
    email: record.email,
    role: record.role,
    supervisorId: record.supervisorId,
    active: record.active,
    createdAt: record.createdAt.toISOString(),
  };
}

const emailKey = (email: string): string => email.normalize('NFC').toLowerCase();

export const newSalt = (): string => randomBytes(16).toString('base64url');

export interface NewUser {
  readonly name: string;
  readonly email: string;
  readonly role: Role;
  readonly supervisorId: string | null;
  readonly passwordHash: string;
  readonly salt?: string;
}

/** A new user as the database holds them. */
export const userRecord = (user: NewUser): UserRecord => ({
  ...user,
  _id: newId(),
  emailKey: emailKey(user.email),
  active: true,
  createdAt: new Date(),
  admissions: 0,
});

/** Stores a new user, and within the same transaction does what `along` does. Throws `EMAIL_TAKEN`. */
export async function insertUser(
  user: NewUser,
  along?: (made: User, session: Transaction) => Promise<void>,
): Promise<User> {
  const record = userRecord(user);
  try {
    await transaction(async (session) => {
      await userModel().create([record], { session });
      await along?.(toUser(record), session);
    });
  } catch (error) {
    if (isDuplicateKey(error, 'emailKey')) throw new AppError('EMAIL_TAKEN');
    throw error;
  }
  return toUser(record);
}

export async function findUser(id: string): Promise<User | null> {
  const record = await userModel().findById(id).lean();
  return record && toUser(record);
}

export interface Credentials {
  readonly user: User;
  readonly passwordHash: string;
}

/** As they are stored. */
export interface StoredCredentials extends Credentials {
  readonly salt: string | null;
}

const toCredentials = (record: UserRecord): StoredCredentials => ({
  user: toUser(record),
  passwordHash: record.passwordHash,
  salt: record.salt ?? null,
});

export async function findCredentialsByEmail(email: string): Promise<StoredCredentials | null> {
  const record = await userModel()
    .findOne({ emailKey: emailKey(email) })
    .lean();
  return record && toCredentials(record);
}

export async function findCredentials(id: string): Promise<StoredCredentials | null> {
  const record = await userModel().findById(id).lean();
  return record && toCredentials(record);
}

/** The salt of somebody who has none yet, as an earlier release gave nobody one; `null` for the erased. */
export async function giveSalt(id: string): Promise<string | null> {
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
 * Notes, within a transaction, that a user is given a session or a socket. Answers which one it is, counted from 1; `null`
 * when they are not active any more, or `passwordHash`, where given, is not their password any more. It writes to the
 * user, so that what is given can't slip past a deactivation, an erasure, a change of password or a limit that is decided
 * on at the same time.
 */
export async function noteAdmission(id: string, session: Transaction, passwordHash?: string): Promise<number | null> {
  const admitted = await userModel()
    .findOneAndUpdate(
      given({ _id: id, active: true, passwordHash }),
      { $inc: { admissions: 1 } },
      { session, returnDocument: 'after', projection: { admissions: 1 } },
    )
    .lean();
  return admitted?.admissions ?? null;
}

/** Whether an agent may be given conversations by this supervisor: active, and the supervisor's own. */
export async function isAvailable(agentId: string, supervisorId: string, session: Transaction): Promise<boolean> {
  const found = await userModel().exists({ _id: agentId, role: 'agent', active: true, supervisorId }).session(session);
  return found !== null;
}

/** Changes the password of an active user, where it is still the one that was proven: `false` otherwise. */
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

export interface UserFilter {
  readonly role?: Role | undefined;
  readonly supervisorId?: string | undefined;
  readonly active?: boolean | undefined;
}

/** `within` is what the caller may see at most; the filter narrows it. */
export async function listUsers(within: UserFilter, filter: UserFilter, page: PageRequest): Promise<Page<User>> {
  const narrowed = both(given(within), given(filter));
  const byActive = forEvery(narrowed ? [narrowed] : [], 'active', [true, false]);
  const cases = forEvery(byActive, 'role', ROLES).filter(isPossible);
  return readPage(userModel(), cases, page, toUser);
}

/** Whoever has a supervisor is an agent: no need to look among others. */
const isPossible = ({ role, supervisorId }: Equalities): boolean => !supervisorId || role === 'agent';

export async function countUsers(): Promise<number> {
  return userModel().countDocuments({});
}

export interface UserChange {
  readonly name?: string | undefined;
  readonly supervisorId?: string | undefined;
  readonly active?: boolean | undefined;
}

/** Changes a user, and within the same transaction whatever `along` does. Throws `NOT_FOUND`, `LAST_ADMIN`. */
export async function updateUser(
  id: string,
  change: UserChange,
  along: (before: User, session: Transaction) => Promise<void>,
): Promise<User> {
  return transaction(async (session) => {
    const before = await userModel().findById(id).session(session).lean();
    if (!before) throw new AppError('NOT_FOUND');
    if (change.active === false && before.role === 'admin' && before.active) await keepAnAdmin(id, session);
    const after = await userModel()
      .findByIdAndUpdate(id, { $set: given(change) }, { returnDocument: 'after', session })
      .lean();
    if (!after) throw new AppError('NOT_FOUND');
    await along(toUser(before), session);
    return toUser(after);
  });
}

/** Makes an admin if there is no active one yet, else answers `null`; decided once among concurrent calls. */
export async function insertFirstAdmin(
  admin: Omit<NewUser, 'role' | 'supervisorId'>,
  along: (made: User, session: Transaction) => Promise<void>,
): Promise<User | null> {
  const record = {
    ...admin,
    role: 'admin' as const,
    supervisorId: null,
    _id: newId(),
    emailKey: emailKey(admin.email),
    active: true,
    createdAt: new Date(),
    admissions: 0,
  };
  try {
    return await transaction(async (session) => {
      await touchGuard(session);
      if (await userModel().exists({ role: 'admin', active: true }).session(session)) return null;
      await userModel().create([record], { session });
      await along(toUser(record), session);
      return toUser(record);
    });
  } catch (error) {
    if (isDuplicateKey(error, 'emailKey')) throw new AppError('EMAIL_TAKEN');
    throw error;
  }
}

async function keepAnAdmin(leaving: string, session: Transaction): Promise<void> {
  await touchGuard(session);
  const another = await userModel()
    .exists(trusted({ role: 'admin', active: true, _id: { $ne: leaving } }))
    .session(session);
  if (!another) throw new AppError('LAST_ADMIN');
}

async function touchGuard(session: Transaction): Promise<void> {
  await guardModel().updateOne({ _id: 'admins' }, { $inc: { changes: 1 } }, { upsert: true, session });
}

/**
 * Takes a candidate's name, address, password and salt out, and notes that their conversations are still to be erased. Within
 * the same transaction does what `along` does. `null` when there is no such candidate.
 */
export async function eraseCandidate(
  id: string,
  passwordHash: string,
  along: (session: Transaction) => Promise<void>,
): Promise<User | null> {
  const now = new Date();
  const erase = async (session: Transaction) => {
    const erased = await userModel()
      .findOneAndUpdate(
        { _id: id, role: 'candidate' },
        {
          $set: {
            name: 'Erased',
            email: null,
            emailKey: null,
            passwordHash,
            active: false,
            erasingSince: now,
            erasedAt: now,
          },
          $unset: { salt: 1 },
        },
        { returnDocument: 'after', session },
      )
      .lean();
    if (!erased) return null;
    await along(session);
    return toUser(erased);
  };
  try {
    return await transaction(erase);
  } catch (error) {
    // The first release's index is still there, in which one user may be without an address.
    if (isDuplicateKey(error, 'emailKey')) throw new AppError('UNAVAILABLE', 'The database is not migrated yet.');
    throw error;
  }
}

/** For migrations: gives the users an earlier release erased the form they are given now, to be erased once more. */
export async function migrateErased(): Promise<void> {
  await dropIndex(userModel().collection, 'emailKey_1');
  const now = new Date();
  await userModel().updateMany(
    trusted({
      emailKey: { $regex: /^erased-.*@erased\.invalid$/ },
      active: false,
      // Somebody else may have registered an address of this kind: it has not their own id.
      $expr: { $eq: ['$email', { $concat: ['erased-', '$_id', '@erased.invalid'] }] },
    }),
    { $set: { email: null, emailKey: null, erasingSince: now, erasedAt: now } },
  );
}

/** Candidates whose conversations are still to be erased. */
export async function findErasing(most: number): Promise<string[]> {
  const rows = await userModel()
    .find(trusted({ erasingSince: { $type: 'date' } }), { _id: 1 })
    .limit(most)
    .lean();
  return rows.map(({ _id }) => _id);
}

/** The erasure is complete, if it began before `before`: answers whether it is. */
export async function noteErased(id: string, before: Date): Promise<boolean> {
  const { modifiedCount } = await userModel().updateOne(trusted({ _id: id, erasingSince: { $lt: before } }), {
    $unset: { erasingSince: 1 },
  });
  return modifiedCount === 1;
}

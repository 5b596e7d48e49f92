import type { User } from '../protocol/objects/users.ts';
import { conversationModel, type Following } from './conversations.ts';
import { type Transaction, trusted } from './database.ts';
import { newId } from './ids.ts';
import { defined } from './pages.ts';
import { ERASED_NAME } from './people.ts';
import { toUser, type UserRecord, userModel, userRecord } from './users.ts';

// Customers who came without a password. The company vouches for some, by a `sub` of its own; the others are visitors, until the
// company says who they are. Their addresses are labels: `emailKey`, by which people sign in, stays `null`.

/** What the company says of a customer. What it doesn't say changes nothing. */
export interface Identity {
  readonly sub: string;
  readonly name?: string | undefined;
  readonly email?: string | undefined;
}

/** The name of a customer of whom the company says none, and of a visitor who says none. */
const UNNAMED = 'Customer';
const VISITOR_NAME = 'Visitor';

const nobodysAccount = { role: 'candidate', supervisorId: null, passwordHash: null } as const;

/**
 * Lets in the customer whom the company calls so, with the name and the address that it says now. Returns the customer as they
 * were before, and are now; `null` when there is none. Call it inside the transaction that opens the session: as
 * `countAdmission`, it conflicts with a deactivation and with an erasure.
 */
export async function admitCustomer(
  { sub, name, email }: Identity,
  session: Transaction,
): Promise<{ readonly before: User; readonly user: User } | null> {
  const record = await userModel()
    .findOneAndUpdate(
      { identitySub: sub },
      { $set: defined({ name, email }), $inc: { admissions: 1 } },
      { session, returnDocument: 'before' },
    )
    .lean();
  if (!record) return null;
  return { before: toUser(record), user: toUser({ ...record, ...(defined({ name, email }) as Partial<UserRecord>) }) };
}

/** Stores a new customer. Throws a duplicate key where another request has stored the same one. */
export async function insertCustomer({ sub, name, email }: Identity, session: Transaction): Promise<User> {
  const record = {
    ...userRecord({ ...nobodysAccount, id: newId(), name: name ?? UNNAMED, email: email ?? null }),
    identitySub: sub,
    admissions: 1,
  };
  await userModel().create([record], { session });
  return toUser(record);
}

/** Stores a new visitor. `until`: when their session ends, if nobody extends it. */
export async function insertVisitor(
  { name = VISITOR_NAME, until }: { readonly name?: string | undefined; readonly until: Date },
  session: Transaction,
): Promise<User> {
  const record = {
    ...userRecord({ ...nobodysAccount, id: newId(), name, email: null }),
    visitor: true as const,
    visitorUntil: until,
    admissions: 1,
  };
  await userModel().create([record], { session });
  return toUser(record);
}

/** A visitor of whom nobody has said yet who they are. */
const aVisitor = (id: string) => ({ _id: id, visitor: true as const, active: true });

/**
 * Makes a visitor the customer whom the company calls so. Returns `null` when they are no visitor any more. Throws a duplicate
 * key where there is such a customer already.
 */
export async function becomeCustomer(
  visitorId: string,
  { sub, name, email }: Identity,
  session: Transaction,
): Promise<User | null> {
  const record = await userModel()
    .findOneAndUpdate(
      aVisitor(visitorId),
      {
        $set: defined({ identitySub: sub, name, email }),
        $unset: { visitor: 1, visitorUntil: 1 },
        $inc: { admissions: 1 },
      },
      { session, returnDocument: 'after' },
    )
    .lean();
  return record && toUser(record);
}

/** Notes that a visitor was merged into a customer, and is inactive. Returns `false` when they are no visitor any more. */
export async function markMerged(visitorId: string, customerId: string, session: Transaction): Promise<boolean> {
  const { modifiedCount } = await userModel().updateOne(
    aVisitor(visitorId),
    {
      $set: { active: false, mergedInto: customerId },
      $unset: { visitor: 1, visitorUntil: 1 },
    },
    { session },
  );
  return modifiedCount === 1;
}

/** Notes that conversations of a merged visitor are still to follow. */
export async function markMerging(visitorId: string, session: Transaction): Promise<void> {
  await userModel().updateOne({ _id: visitorId }, { $set: { mergingSince: new Date() } }, { session });
}

/**
 * Notes that a visitor opens a conversation, so that they stay when their session ends. Call it inside the transaction that opens
 * it: the two exclude a merge and the visitor's end. Returns `false` when they are no visitor any more.
 */
export async function keepVisitor(id: string, session: Transaction): Promise<boolean> {
  const { matchedCount } = await userModel().updateOne(
    aVisitor(id),
    { $unset: { visitorUntil: 1 }, $inc: { touches: 1 } },
    { session },
  );
  return matchedCount === 1;
}

/** Removes a visitor whose session ends, unless they have opened a conversation. */
export async function removeVisitor(id: string, session: Transaction): Promise<void> {
  await userModel().deleteOne(trusted({ _id: id, visitorUntil: { $exists: true } }), { session });
}

/** Finds visitors without a conversation whose sessions may have ended. */
export async function findLapsedVisitors(most: number): Promise<string[]> {
  const rows = await userModel()
    .find(trusted({ visitorUntil: { $lte: new Date() } }), { _id: 1 })
    .sort({ visitorUntil: 1 })
    .limit(most)
    .lean();
  return rows.map(({ _id }) => _id);
}

/** Removes those of the visitors who are without a conversation still. Returns how many. */
export async function removeVisitors(ids: readonly string[]): Promise<number> {
  if (ids.length === 0) return 0;
  const { deletedCount } = await userModel().deleteMany(
    trusted({ _id: { $in: [...ids] }, visitorUntil: { $lte: new Date() } }),
  );
  return deletedCount;
}

/** Notes until when the session of a visitor without a conversation lasts now. */
export async function putOffVisitor(id: string, until: Date): Promise<void> {
  await userModel().updateOne(trusted({ _id: id, visitorUntil: { $exists: true } }), { $set: { visitorUntil: until } });
}

/** Whom a visitor was merged into; `null` where they weren't. */
export async function mergedInto(userId: string, session?: Transaction): Promise<string | null> {
  const record = await userModel()
    .findById(userId, { mergedInto: 1 })
    .session(session ?? null)
    .lean();
  return record?.mergedInto ?? null;
}

/** Marks a merge as complete. */
export async function completeMerging(visitorId: string): Promise<void> {
  await userModel().updateOne(
    { _id: visitorId },
    { $unset: { mergingSince: 1, mergingRetryAt: 1, mergingFailures: 1 } },
  );
}

/** Finds visitors who were merged into this customer, and aren't erased yet. */
export async function findMergedInto(customerId: string, most: number): Promise<string[]> {
  const rows = await userModel()
    .find(trusted({ mergedInto: customerId, erasedAt: { $exists: false } }), { _id: 1 })
    .limit(most)
    .lean();
  return rows.map(({ _id }) => _id);
}

/** Erases a merged visitor, whose conversations are the customer's. An admin may have given them an address. */
export async function eraseMerged(visitorId: string): Promise<void> {
  await userModel().updateOne(trusted({ _id: visitorId, mergedInto: { $gt: '' } }), {
    $set: { name: ERASED_NAME, email: null, active: false, erasedAt: new Date() },
    $unset: { salt: 1 },
  });
}

/**
 * Gives at most `most` of a visitor's conversations to the customer whom the visitor turned out to be. The visitor's own names for
 * them are forgotten: the customer may have used the same. Returns the conversations as they were.
 */
export async function giveConversations(
  visitorId: string,
  customerId: string,
  most: number,
  session: Transaction,
): Promise<Following[]> {
  const found = await conversationModel()
    .find({ candidateId: visitorId }, { status: 1, supervisorId: 1, closedBy: 1 })
    .limit(most)
    .session(session)
    .lean();
  if (found.length === 0) return [];
  await conversationModel().updateMany(
    trusted({ _id: { $in: found.map(({ _id }) => _id) } }),
    { $set: { candidateId: customerId, merged: true }, $unset: { clientConversationId: 1 }, $inc: { revision: 1 } },
    { session },
  );
  return found;
}

import { errorFields, logger } from '../../runtime/logger.ts';
import { type Actor, audit } from '../../store/audit.ts';
import type { Following } from '../../store/conversations.ts';
import { completeMerging, giveConversations, markMerged, markMerging, mergedInto } from '../../store/customers.ts';
import { type Transaction, transaction } from '../../store/database.ts';
import { giveMarks } from '../../store/reads.ts';
import { touchSession } from '../../store/sessions.ts';
import { changed, handOn } from '../desk/changes.ts';
import { endSessions } from './endSessions.ts';

/** So many conversations follow with one commit. A visitor hardly ever has more than one. */
const AT_ONCE = 100;
/** How long the handler has conversations follow. The sweep does the rest. */
const HANDLER_MERGES_MS = 3_000;

/** A visitor, and the session by which they are known. */
export interface SignedInVisitor {
  readonly userId: string;
  readonly sessionId: string;
}

/** What a merge has done so far. */
export interface Merged {
  readonly visitorId: string;
  /** The visitor's sockets, to be cut. */
  readonly sockets: readonly string[];
  /** The conversations that have followed, as they were. */
  readonly followed: readonly Following[];
  /** Whether there may be more: `finishMerging` has them follow. */
  readonly isUnfinished: boolean;
}

/**
 * Merges a visitor into the customer whom they turned out to be: once, and inside the transaction that lets the customer in. The
 * visitor is inactive, without sessions and sockets, and their conversations are the customer's. Returns `null` when they are no
 * visitor any more, or their session has ended.
 */
export async function mergeVisitor(
  visitor: SignedInVisitor,
  customer: Actor & { readonly userId: string },
  session: Transaction,
): Promise<Merged | null> {
  if (!(await touchSession(visitor, session))) return null;
  if (!(await markMerged(visitor.userId, customer.userId, session))) return null;
  const sockets = await endSessions({ userId: visitor.userId }, session);
  const followed = await follow(visitor.userId, customer.userId, session);
  const isUnfinished = followed.length === AT_ONCE;
  if (isUnfinished) await markMerging(visitor.userId, session);
  await audit(customer, 'visitor_merged', visitor.userId, { into: customer.userId }, session);
  return { visitorId: visitor.userId, sockets, followed, isUnfinished };
}

/** Tells who watches, and finishes after the handler has answered. The sweep finishes what fails here. Never throws. */
export async function tryFinishMerging({ visitorId, followed, isUnfinished }: Merged): Promise<void> {
  try {
    await tellFollowed(followed);
    if (isUnfinished) await finishMerging(visitorId, Date.now() + HANDLER_MERGES_MS);
  } catch (error) {
    logger.warn('merging left to the sweep', { userId: visitorId, ...errorFields(error) });
  }
}

/**
 * Has the rest of a merged visitor's conversations follow. May be repeated, by two at once too: the visitor opens none any more.
 * Returns whether nothing is left.
 */
export async function finishMerging(visitorId: string, until: number): Promise<boolean> {
  const customerId = await mergedInto(visitorId);
  if (customerId === null) return true;
  for (;;) {
    if (Date.now() > until) return false;
    const followed = await transaction((session) => follow(visitorId, customerId, session));
    await tellFollowed(followed);
    if (followed.length < AT_ONCE) break;
  }
  await completeMerging(visitorId);
  return true;
}

async function follow(visitorId: string, customerId: string, session: Transaction): Promise<Following[]> {
  const followed = await giveConversations(visitorId, customerId, AT_ONCE, session);
  await giveMarks(
    visitorId,
    customerId,
    followed.map(({ _id }) => _id),
    session,
  );
  return followed;
}

/** Tells those who watch whose the conversations are now. Never throws. */
async function tellFollowed(followed: readonly Following[]): Promise<void> {
  if (followed.length > 0) await handOn({ changes: followed.map((before) => changed(before, 'edited')) });
}

import type { ConversationStatus } from '../domain/conversation.ts';
import { conversationModel } from './conversations.ts';
import { trusted } from './database.ts';

/** How long ago that was, in milliseconds; 0 where there is no such time. */
export const ageMs = (date: Date | undefined): number => (date ? Math.max(0, Date.now() - date.getTime()) : 0);

export interface Backlog {
  /** Open conversations nobody has been given yet, and how long the oldest of them has waited. */
  readonly waiting: number;
  readonly longestWaitMs: number;
  readonly assigned: number;
  /** For how long the oldest unfinished close has been so. */
  readonly archiveLagMs: number;
}

/** Nobody needs to know of more: counting stops here, so that it costs the same on the largest desk. */
const COUNTED_MOST = 10_000;

/** What there is to do, for those who watch the service. Counted from indexes, up to `COUNTED_MOST` each. */
export async function backlog(): Promise<Backlog> {
  const count = (status: ConversationStatus) => conversationModel().countDocuments({ status }).limit(COUNTED_MOST);
  const [waiting, assigned, oldestWaiting, oldestUnfinished] = await Promise.all([
    count('open'),
    count('assigned'),
    conversationModel().findOne({ status: 'open' }, { createdAt: 1 }).sort({ createdAt: 1, _id: 1 }).lean(),
    conversationModel()
      .findOne(trusted({ 'closing.since': { $exists: true } }), { closing: 1 })
      .sort({ 'closing.since': 1 })
      .lean(),
  ]);
  return {
    waiting,
    assigned,
    longestWaitMs: ageMs(oldestWaiting?.createdAt),
    archiveLagMs: ageMs(oldestUnfinished?.closing?.since),
  };
}

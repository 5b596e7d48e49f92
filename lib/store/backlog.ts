import type { ConversationStatus } from '../domain/conversation.ts';
import { conversationModel } from './conversations.ts';
import { trusted } from './database.ts';

/** Returns the age of a date in milliseconds; 0 for no date. */
export const ageMs = (date: Date | undefined): number => (date ? Math.max(0, Date.now() - date.getTime()) : 0);

export interface Backlog {
  /** Open conversations, which wait for an agent, and how long the oldest of them has waited. */
  readonly waiting: number;
  readonly longestWaitMs: number;
  readonly assigned: number;
  /** How long the oldest unfinished close has been unfinished. */
  readonly archiveLagMs: number;
}

/** Counting stops here: nobody needs a higher number, and so it costs the same with any number of conversations. */
const COUNTED_MOST = 10_000;

/** Counts the waiting work, for those who watch the service. Counts from indexes, up to `COUNTED_MOST` each. */
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

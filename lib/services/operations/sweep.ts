import { errorFields, logger } from '../../runtime/logger.ts';
import { metrics } from '../../runtime/metrics.ts';
import { backlog } from '../../store/backlog.ts';
import { findUnfinished, setBackClosing } from '../../store/closing.ts';
import type { ConversationRecord } from '../../store/conversations.ts';
import { oldestUnarchivedMs } from '../../store/messages.ts';
import type { Attempt, Due } from '../../store/setBack.ts';
import {
  findAllHandingOver,
  findErasing,
  setBackErasing,
  setBackHandingOver,
  type UnfinishedUser,
} from '../../store/users.ts';
import { countClosed } from '../analytics/countClosed.ts';
import { expireTexts } from '../conversations/expireTexts.ts';
import { finishClosing } from '../conversations/finishClosing.ts';
import { finishErasing } from '../users/finishErasing.ts';
import { finishHandingOver } from '../users/finishHandingOver.ts';

export interface SweepResult {
  /** Closed conversations found unfinished, and those of them finished now. */
  readonly found: number;
  readonly finished: number;
  /** What could not be finished, of any kind: it is set back. */
  readonly failed: number;
  /** Agents of whom everything has followed now. */
  readonly handedOver: number;
  /** Erasures of candidates that are complete now. */
  readonly erased: number;
  /** Conversations whose messages and subject had their time, and are gone now. */
  readonly expired: number;
  /** Closed conversations taken into the analytics' sums. */
  readonly counted: number;
}

/** How long a change is left to the handler that made it. */
const GRACE_MS = 30_000;
const PAGE = 100;

/** One kind of work that a crash, a fault or a time limit leaves half done. */
interface Kind<T> {
  /** What the log says when it can't be finished. */
  readonly failure: string;
  /** What `idOf` is called in the log. */
  readonly idField: 'conversationId' | 'userId';
  find(due: Due): Promise<T[]>;
  idOf(item: T): string;
  since(item: T): Date;
  /** Goes on from wherever it stopped; answers whether nothing is left. */
  finish(item: T, until: number): Promise<boolean>;
  setBack(item: T): Promise<void>;
}

const unfinishedUsers = {
  idField: 'userId',
  idOf: ({ id }: UnfinishedUser) => id,
  since: ({ since }: UnfinishedUser) => since,
} as const;

const HANDING_OVER: Kind<UnfinishedUser> = {
  ...unfinishedUsers,
  failure: 'could not finish handing over',
  find: findAllHandingOver,
  finish: ({ id }, until) => finishHandingOver(id, until),
  setBack: setBackHandingOver,
};

const CLOSING: Kind<ConversationRecord> = {
  failure: 'could not finish closing',
  idField: 'conversationId',
  find: findUnfinished,
  idOf: ({ _id }) => _id,
  since: ({ closing }) => closing?.since ?? new Date(0),
  finish: (conversation, until) => finishClosing(conversation, { until }),
  setBack: setBackClosing,
};

const ERASING: Kind<UnfinishedUser> = {
  ...unfinishedUsers,
  failure: 'could not finish erasing',
  // However young: whatever the handler does at the same time may be done twice.
  find: ({ before: _, ...due }) => findErasing(due),
  finish: ({ id }, until) => finishErasing(id, until),
  setBack: setBackErasing,
};

/**
 * Counts what was closed. Then finishes what a crash, a fault or a time limit left half done: agents' conversations that
 * are to follow them, closing, and erasing candidates; then deletes what has had its time. What failed before comes last, so that however much of it there is, it keeps nothing else from being finished. `until`: epoch
 * milliseconds after which nothing more is begun.
 */
export async function sweep(until: number, graceMs = GRACE_MS): Promise<SweepResult> {
  const limits = { until, before: new Date(Date.now() - graceMs) };
  const result = { found: 0, finished: 0, failed: 0, handedOver: 0, erased: 0, expired: 0, counted: 0 };
  // First, for it is little work, and the rest may take all the time there is.
  result.counted = await sweepCounts(until);
  for (const attempt of ['first', 'again'] as const) {
    const handingOver = await finishAll(HANDING_OVER, attempt, limits);
    const closing = await finishAll(CLOSING, attempt, limits);
    const erasing = await finishAll(ERASING, attempt, limits);
    result.found += closing.found;
    result.finished += closing.finished;
    result.failed += handingOver.failed + closing.failed + erasing.failed;
    result.handedOver += handingOver.finished;
    result.erased += erasing.finished;
  }
  result.expired = await expireTexts(until);
  logger.info('swept', { ...result });
  await reportBacklog();
  return result;
}

/** What isn't counted now is read one by one until the next sweep: no reason not to tell of the backlog. */
async function sweepCounts(until: number): Promise<number> {
  try {
    return await countClosed(until);
  } catch (error) {
    logger.error('could not count what was closed', errorFields(error));
    return 0;
  }
}

/** Finishes all that is due of one kind, page by page, each once; one that fails is set back, and the next one comes. */
async function finishAll<T>(
  kind: Kind<T>,
  attempt: Attempt,
  { until, before }: { readonly until: number; readonly before: Date },
): Promise<{ found: number; finished: number; failed: number }> {
  const result = { found: 0, finished: 0, failed: 0 };
  const seen = new Set<string>();
  for (let from: Date | undefined; ; ) {
    const page = await kind.find({ attempt, before, from, most: PAGE });
    for (const item of page) {
      if (Date.now() > until) return result;
      if (seen.has(kind.idOf(item))) continue;
      seen.add(kind.idOf(item));
      result.found += 1;
      try {
        if (await kind.finish(item, until)) result.finished += 1;
      } catch (error) {
        result.failed += 1;
        logger.error(kind.failure, { [kind.idField]: kind.idOf(item), ...errorFields(error) });
        await setBack(kind, item);
      }
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return result;
    // What is gone from a page, or set back, made room at its end; else the next page begins after it.
    from = new Date(Math.max(kind.since(last).getTime(), (from?.getTime() ?? -1) + 1));
  }
}

async function setBack<T>(kind: Kind<T>, item: T): Promise<void> {
  try {
    await kind.setBack(item);
  } catch (error) {
    // It comes before others once more; this run goes on all the same.
    logger.error('could not set back', { [kind.idField]: kind.idOf(item), ...errorFields(error) });
  }
}

/** How much waits, and for how long: read after sweeping, so that what was just finished is not counted. */
async function reportBacklog(): Promise<void> {
  const [{ waiting, assigned, longestWaitMs, archiveLagMs }, unarchivedMs] = await Promise.all([
    backlog(),
    oldestUnarchivedMs(),
  ]);
  metrics({
    ConversationsWaiting: waiting,
    ConversationsAssigned: assigned,
    LongestWaitSeconds: Math.round(longestWaitMs / 1000),
    ArchiveLagSeconds: Math.round(archiveLagMs / 1000),
    OldestUnarchivedMessageSeconds: Math.round(unarchivedMs / 1000),
  });
}

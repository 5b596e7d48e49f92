import { errorFields, logger } from '../../logger.ts';
import { metrics } from '../../metrics.ts';
import { countClosed } from '../../store/closedSums.ts';
import { backlog, findUnfinished } from '../../store/conversations.ts';
import { oldestUnarchivedMs } from '../../store/messages.ts';
import { findErasing } from '../../store/users.ts';
import { finishErasing } from '../users/finishErasing.ts';
import { expireTexts } from './expireTexts.ts';
import { finishClosing } from './finishClosing.ts';

export interface SweepResult {
  /** Closed conversations found unfinished, and those of them finished now. */
  readonly found: number;
  readonly finished: number;
  readonly failed: number;
  /** Erasures of candidates that are complete now. */
  readonly erased: number;
  /** Conversations whose messages and subject had their time, and are gone now. */
  readonly expired: number;
  /** Closed conversations taken into the analytics' sums. */
  readonly counted: number;
}

/** How long a close is left to the handler that did it. */
const GRACE_MS = 30_000;
const PAGE = 100;

/**
 * Finishes what a crash, a fault or a time limit left half done of closing conversations, the longest waiting first,
 * and of erasing candidates; then deletes what has had its time, and counts what was closed.
 * `until`: epoch milliseconds after which nothing more is begun.
 */
export async function sweep(until: number, graceMs = GRACE_MS): Promise<SweepResult> {
  const unfinished = await findUnfinished(new Date(Date.now() - graceMs), PAGE);
  let finished = 0;
  let failed = 0;
  for (const conversation of unfinished) {
    if (Date.now() > until) break;
    try {
      if (await finishClosing(conversation, { until })) finished += 1;
    } catch (error) {
      // One that can't be finished must not keep the others from it.
      failed += 1;
      logger.error('could not finish closing', { conversationId: conversation._id, ...errorFields(error) });
    }
  }
  const result: { -readonly [Field in keyof SweepResult]: SweepResult[Field] } = {
    found: unfinished.length,
    finished,
    failed,
    erased: await sweepErasures(until),
    expired: 0,
    counted: 0,
  };
  result.expired = await expireTexts(until);
  result.counted = await sweepCounts(until);
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

async function sweepErasures(until: number): Promise<number> {
  let erased = 0;
  for (const userId of await findErasing(PAGE)) {
    if (Date.now() > until) break;
    try {
      if (await finishErasing(userId, until)) erased += 1;
    } catch (error) {
      logger.error('could not finish erasing', { userId, ...errorFields(error) });
    }
  }
  return erased;
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

import { errorFields, logger } from '../../runtime/logger.ts';
import { metrics } from '../../runtime/metrics.ts';
import { anyoneAvailable, automaticTeams } from '../../store/agents.ts';
import { backlog } from '../../store/backlog.ts';
import { findUnfinished, setBackClosing } from '../../store/closing.ts';
import type { ConversationRecord } from '../../store/conversations.ts';
import { oldestMailMs } from '../../store/mailOutbox.ts';
import { oldestUnarchivedMs } from '../../store/messages.ts';
import { countOpenedDays } from '../../store/openedDays.ts';
import type { Due, Pass } from '../../store/setBack.ts';
import { findUnfinishedUsers, setBackUser, type UnfinishedUser, type UserWork } from '../../store/users.ts';
import { countClosed } from '../analytics/countClosed.ts';
import { finishMerging } from '../auth/mergeVisitor.ts';
import { removeLapsedVisitors } from '../auth/removeLapsedVisitors.ts';
import { expireTexts } from '../conversations/expireTexts.ts';
import { finishClosing } from '../conversations/finishClosing.ts';
import { callMailer, sendsMails } from '../mail/callMailer.ts';
import { finishErasing } from '../users/finishErasing.ts';
import { finishHandingOver } from '../users/finishHandingOver.ts';

export interface SweepResult {
  /** Closed conversations found unfinished, and those of them that are finished now. */
  readonly found: number;
  readonly finished: number;
  /** Work of any kind that could not be finished, and is set back. */
  readonly failed: number;
  /** Agents whose conversations have all followed now. */
  readonly handedOver: number;
  /** Erasures of candidates that are complete now. */
  readonly erased: number;
  /** Conversations whose messages and subject were past their time, and are deleted now. */
  readonly expired: number;
  /** Merged visitors whose conversations have all followed now. */
  readonly merged: number;
  /** Visitors without a conversation whose session has ended, and who are gone now. */
  readonly visitorsRemoved: number;
  /** Closed conversations added to the analytics' sums. */
  readonly counted: number;
}

/** How long the sweep leaves a change to the handler that made it. */
const GRACE_MS = 30_000;
const PAGE = 100;

/** One kind of work that a crash, a fault or a time limit can leave half done. */
interface Kind<T> {
  /** The log's message for work that can't be finished. */
  readonly failure: string;
  /** The log's name for `idOf`. */
  readonly idField: 'conversationId' | 'userId';
  find(due: Due): Promise<T[]>;
  idOf(item: T): string;
  since(item: T): Date;
  /** Goes on from where the work stopped. Returns whether nothing is left. */
  finish(item: T, until: number): Promise<boolean>;
  setBack(item: T): Promise<void>;
}

const unfinishedUsers = (work: UserWork) => ({
  idField: 'userId' as const,
  find: (due: Due) => findUnfinishedUsers(work, due),
  idOf: ({ id }: UnfinishedUser) => id,
  since: ({ since }: UnfinishedUser) => since,
  setBack: (user: UnfinishedUser) => setBackUser(work, user),
});

const HANDING_OVER: Kind<UnfinishedUser> = {
  ...unfinishedUsers('handingOver'),
  failure: 'could not finish handing over',
  finish: ({ id }, until) => finishHandingOver(id, until),
};

const MERGING: Kind<UnfinishedUser> = {
  ...unfinishedUsers('merging'),
  failure: 'could not finish merging',
  finish: ({ id }, until) => finishMerging(id, until),
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
  ...unfinishedUsers('erasing'),
  failure: 'could not finish erasing',
  // Erasures of any age: the handler and the sweep may do the same step at once.
  find: ({ before: _, ...due }) => findUnfinishedUsers('erasing', due),
  finish: ({ id }, until) => finishErasing(id, until),
};

/**
 * Counts closed conversations. Then finishes what a crash, a fault or a time limit left half done: conversations that
 * follow an agent or a merged visitor, closes, and erasures. Then deletes messages past their time, and visitors. Work that failed before comes last, so
 * that it keeps no other work from being finished. `until`: epoch milliseconds after which no work begins.
 */
export async function sweep(until: number, graceMs = GRACE_MS): Promise<SweepResult> {
  const bounds = { until, before: new Date(Date.now() - graceMs) };
  const result = {
    found: 0,
    finished: 0,
    failed: 0,
    handedOver: 0,
    erased: 0,
    expired: 0,
    merged: 0,
    visitorsRemoved: 0,
    counted: 0,
  };
  // First, because it is little work, and the rest may take all the time there is.
  result.counted = await sweepCounts(until);
  await sweepOpened(until);
  const mailLagMs = await sweepMails();
  for (const pass of ['first', 'again'] as const) {
    const handingOver = await finishAll(HANDING_OVER, pass, bounds);
    const merging = await finishAll(MERGING, pass, bounds);
    const closing = await finishAll(CLOSING, pass, bounds);
    const erasing = await finishAll(ERASING, pass, bounds);
    result.found += closing.found;
    result.finished += closing.finished;
    result.failed += handingOver.failed + merging.failed + closing.failed + erasing.failed;
    result.merged += merging.finished;
    result.handedOver += handingOver.finished;
    result.erased += erasing.finished;
  }
  result.expired = await expireTexts(until);
  result.visitorsRemoved = await removeLapsedVisitors(until);
  logger.info('swept', { ...result });
  await reportBacklog(mailLagMs);
  return result;
}

/**
 * Counts closed conversations. A failure must not keep the backlog from being reported: until the next sweep, readers
 * add uncounted conversations one by one.
 */
async function sweepCounts(until: number): Promise<number> {
  try {
    return await countClosed(until);
  } catch (error) {
    logger.error('could not count what was closed', errorFields(error));
    return 0;
  }
}

/** Counts what was opened on the days that are over. Until then, readers count those days themselves. */
async function sweepOpened(until: number): Promise<void> {
  try {
    await countOpenedDays(until);
  } catch (error) {
    logger.error('could not count what was opened', errorFields(error));
  }
}

/**
 * Calls the mail sender where a mail waits: its own call was lost, or SES refused the mail. Returns how long the oldest has waited;
 * `null` where nobody is sent mails, or that could not be read.
 */
async function sweepMails(): Promise<number | null> {
  if (!sendsMails()) return null;
  try {
    const lagMs = await oldestMailMs();
    if (lagMs !== null) await callMailer();
    return lagMs ?? 0;
  } catch (error) {
    logger.error('could not look into the outbox', errorFields(error));
    return null;
  }
}

/** Finishes all due work of one kind, page by page, each once. Work that fails is set back, and the next one comes. */
async function finishAll<T>(
  kind: Kind<T>,
  pass: Pass,
  { until, before }: { readonly until: number; readonly before: Date },
): Promise<{ found: number; finished: number; failed: number }> {
  const result = { found: 0, finished: 0, failed: 0 };
  const seen = new Set<string>();
  for (let from: Date | undefined; ; ) {
    const page = await kind.find({ pass, before, from, most: PAGE });
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
    // Finished or set-back work leaves the page, and makes room at its end. For the rest, the next page begins after it.
    from = new Date(Math.max(kind.since(last).getTime(), (from?.getTime() ?? -1) + 1));
  }
}

async function setBack<T>(kind: Kind<T>, item: T): Promise<void> {
  try {
    await kind.setBack(item);
  } catch (error) {
    // The work keeps its place before others. This run goes on all the same.
    logger.error('could not set back', { [kind.idField]: kind.idOf(item), ...errorFields(error) });
  }
}

/** Reports how much waits, and for how long. Reads this after sweeping, so that finished work doesn't count. */
async function reportBacklog(mailLagMs: number | null): Promise<void> {
  const [{ waiting, assigned, longestWaitMs, archiveLagMs }, unarchivedMs, teams, anyone] = await Promise.all([
    backlog(),
    oldestUnarchivedMs(),
    automaticTeams(),
    anyoneAvailable(),
  ]);
  metrics({
    ConversationsWaiting: waiting,
    ConversationsAssigned: assigned,
    // Where every team is given its conversations by hand, nobody need say that they are available.
    ConversationsUnattended: teams.length > 0 && !anyone ? waiting : 0,
    LongestWaitSeconds: Math.round(longestWaitMs / 1000),
    ArchiveLagSeconds: Math.round(archiveLagMs / 1000),
    OldestUnarchivedMessageSeconds: Math.round(unarchivedMs / 1000),
    ...(mailLagMs !== null && { MailLagSeconds: Math.round(mailLagMs / 1000) }),
  });
}

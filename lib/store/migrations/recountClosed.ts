import type { mongo } from 'mongoose';
import { DAY_MS, type Days, type Range, spanStart } from '../../domain/spans.ts';
import { logger } from '../../runtime/logger.ts';
import {
  addSum,
  closedDayModel,
  closedSumModel,
  complete,
  type DaySumRecord,
  dayId,
  type Handled,
  handledIn,
  readCountedRatings,
  readHandled,
  readRows,
  recordOf,
  STATE,
  type SumRecord,
  sumsAreComplete,
  sumsStateModel,
  sumUp,
  sumUpDays,
  uncounted,
  within,
} from '../closedSums.ts';
import { conversationModel } from '../conversations.ts';
import { type Transaction, transaction, trusted } from '../database.ts';

/** The most that one transaction counts, so that it is over within seconds. */
const COUNTED_AT_ONCE = 5_000;
const DAYS_AT_ONCE = 32;

/** A close longer ago than this is committed, and has a time before the cut-off: no clocks differ by as much. */
const SETTLED_MS = 60_000;
/**
 * A recount goes on where another one stopped that was at work within this time. One that stopped earlier says nothing.
 */
const RESUMABLE_MS = 3_600_000;

/**
 * Counts all closed conversations again, from the first day to the last, and goes on where a recount stopped that was
 * interrupted just now. It may run at any time, and beside others of its kind. One transaction replaces the sums of
 * some days by the sums of the marked conversations. The first time, it marks them before. A longer span is then the
 * sum of the shorter ones in it.
 */
export async function recountClosed(): Promise<{ readonly days: number; readonly conversations: number }> {
  const { through, cutoff } = await beginRecount();
  const documents = await conversationModel().estimatedDocumentCount();
  const today = spanStart(Date.now(), DAY_MS);
  let [days, conversations] = [0, 0];
  for (let from = await nextDay(through); from !== null; ) {
    // Today by itself: it still grows, and the sooner it is counted, the less is counted twice.
    const to = Math.min(await endOfSome(from), from < today ? today : Number.POSITIVE_INFINITY);
    const counted = await recountDays({ from, to }, cutoff);
    days += counted.days;
    conversations += counted.conversations;
    await saveState({ through: new Date(to), throughAt: new Date() });
    logger.info('recounting', { through: new Date(to).toISOString(), days, conversations, documents });
    from = await nextDay(to);
  }
  for (const [longer, shorter] of [
    [32, 1],
    [1024, 32],
  ] as const) {
    for (const start of await startsOf(longer, shorter)) await recountLonger(longer, shorter, start);
  }
  await saveState({ complete: true, byDay: true, through: null, throughAt: null });
  logger.info('recounted', { days, conversations });
  return { days, conversations };
}

/**
 * Returns the time to go on from, and the cut-off, which is the same for all who make the first count. Epoch
 * milliseconds.
 */
async function beginRecount(): Promise<{ through: number; cutoff: number }> {
  const state = await sumsStateModel()
    .findOneAndUpdate(
      { _id: STATE },
      [
        {
          $set: {
            complete: { $ifNull: ['$complete', false] },
            cutoff: { $ifNull: ['$cutoff', { $subtract: ['$$NOW', SETTLED_MS] }] },
          },
        },
      ],
      { upsert: true, returnDocument: 'after', updatePipeline: true },
    )
    .lean();
  const { through, throughAt, cutoff } = state;
  const isResumable = throughAt && Date.now() - throughAt.getTime() < RESUMABLE_MS;
  return { through: isResumable ? (through?.getTime() ?? 0) : 0, cutoff: cutoff?.getTime() ?? 0 };
}

async function saveState(state: {
  complete?: true;
  byDay?: true;
  through: Date | null;
  throughAt: Date | null;
}): Promise<void> {
  await sumsStateModel().updateOne({ _id: STATE }, { $set: state });
}

const since = (from: number) => handledIn({ from, to: Number.POSITIVE_INFINITY });

/** Finds the first day, not before `at`, on which a conversation was closed or is counted. */
async function nextDay(at: number): Promise<number | null> {
  const [closed, counted] = await Promise.all([
    conversationModel().findOne(since(at), { _id: 0, closedAt: 1 }).sort({ closedAt: 1 }).lean(),
    closedSumModel()
      .findOne(trusted({ days: 1, start: { $gte: new Date(at) } }), { start: 1 })
      .sort({ start: 1 })
      .lean(),
  ]);
  const found = [closed?.closedAt, counted?.start].flatMap((date) => (date ? [spanStart(date.getTime(), DAY_MS)] : []));
  return found.length === 0 ? null : Math.min(...found);
}

/** Returns the end of as many days as one transaction counts: at least one. */
async function endOfSome(from: number): Promise<number> {
  const beyond = await conversationModel()
    .findOne(since(from), { _id: 0, closedAt: 1 })
    .sort({ closedAt: 1 })
    .skip(COUNTED_AT_ONCE)
    .lean();
  const end = beyond?.closedAt ? spanStart(beyond.closedAt.getTime(), DAY_MS) : Number.POSITIVE_INFINITY;
  return Math.max(from + DAY_MS, Math.min(end, from + DAYS_AT_ONCE * DAY_MS));
}

async function recountDays(range: Range, cutoff: number): Promise<{ days: number; conversations: number }> {
  // `countClosed` adds closes after the cut-off, to the sums of every length at once.
  const first = { from: range.from, to: Math.min(range.to, cutoff) };
  if (first.from < first.to && !(await sumsAreComplete())) {
    await conversationModel().updateMany(uncounted(first), { $set: { counted: true } });
  }
  return transaction(async (session) => {
    const handled = without(await readHandled([range], session), await readRows(uncounted(range), session));
    const counted = [...handled, ...(await readCountedRatings(range, session))];
    const sums = sumUp(counted, [1]);
    await replace(1, range, sums, session);
    await replaceDays(range, sumUpDays(counted), session);
    return { days: new Set(sums.map(({ start }) => start.getTime())).size, conversations: handled.length };
  });
}

/** Returns all but some of the conversations. They have no ids here, but equal ones count the same. */
function without(all: readonly Handled[], some: readonly Handled[]): Handled[] {
  const left = new Map<string, number>();
  for (const one of some) left.set(JSON.stringify(one), (left.get(JSON.stringify(one)) ?? 0) + 1);
  return all.filter((one) => {
    const key = left.size === 0 ? '' : JSON.stringify(one);
    const count = left.get(key) ?? 0;
    if (count > 0) left.set(key, count - 1);
    return count === 0;
  });
}

async function recountLonger(days: Days, shorter: Days, from: number): Promise<void> {
  const range = { from, to: from + days * DAY_MS };
  await transaction(async (session) => {
    const parts = await closedSumModel()
      .find(trusted({ days: shorter, ...within('start', range) }), { quarters: 0 })
      .session(session)
      .lean();
    const sums = new Map<string, SumRecord>();
    for (const { supervisorId, ...part } of parts) {
      const sum = sums.get(supervisorId) ?? recordOf(supervisorId, days, from);
      sums.set(supervisorId, sum);
      addSum(sum, complete(part));
    }
    await replace(days, range, [...sums.values()], session);
  });
}

/** Replaces all sums of this length that begin in a time. */
async function replace(days: Days, range: Range, sums: readonly SumRecord[], session: Transaction): Promise<void> {
  const stale = await closedSumModel()
    .find(trusted({ days, ...within('start', range), _id: { $nin: sums.map(({ _id }) => _id) } }), { _id: 1 })
    .session(session)
    .lean();
  const writes = [
    ...sums.map((sum) => ({ replaceOne: { filter: { _id: sum._id }, replacement: sum, upsert: true } })),
    ...stale.map(({ _id }) => ({ deleteOne: { filter: { _id } } })),
  ];
  // Past the model, which would cast every number of every histogram.
  if (writes.length > 0)
    await closedSumModel().collection.bulkWrite(writes as unknown as mongo.AnyBulkWriteOperation[], { session });
}

/** Replaces the sums of all teams together of the days that begin in a time. */
async function replaceDays({ from, to }: Range, sums: readonly DaySumRecord[], session: Transaction): Promise<void> {
  await closedDayModel().deleteMany(
    trusted({ _id: { $gte: dayId(Math.max(0, from)), ...(Number.isFinite(to) && { $lt: dayId(to) }) } }),
    { session },
  );
  // Past the model, which would cast every number of every histogram.
  if (sums.length > 0) {
    await closedDayModel().collection.insertMany(sums as unknown as mongo.OptionalId<mongo.Document>[], { session });
  }
}

/** Returns the starts of spans that have something: a shorter sum, or a sum of their own that may be stale. */
async function startsOf(days: Days, shorter: Days): Promise<number[]> {
  const parts = await Promise.all([days, shorter].map((level) => closedSumModel().distinct('start', { days: level })));
  return [...new Set(parts.flat().map((start) => spanStart(start.getTime(), days * DAY_MS)))].sort((a, b) => a - b);
}

import { CONVERSATION_STATUSES } from '../domain/conversation.ts';
import { DAY_MS, QUARTER_MS, type Range, spanStart } from '../domain/spans.ts';
import { dayId } from './closedSums.ts';
import { conversationModel } from './conversations.ts';
import { type Transaction, trusted } from './database.ts';
import { defineModel, native } from './model.ts';

/** How many conversations were opened on a day of UTC, and in each quarter of an hour of it. Days that are over never change. */
interface OpenedDay {
  /** `dayId`. */
  _id: string;
  count: number;
  /** By their number, from 0. */
  quarters: Record<string, number>;
}

export const openedDayModel = /* @__PURE__ */ defineModel<OpenedDay>('OpenedDay', 'opened_days', {
  _id: { type: String, required: true },
  count: { type: Number, required: true },
  quarters: { type: Object, default: {} },
});

/** By then everything that was opened on a day is committed, whatever the clocks say. */
const SETTLED_MS = 10 * 60 * 1000;

/** Counts what was opened in a time, by the start of the quarter of an hour. */
export async function countOpened({ from, to }: Range, session?: Transaction): Promise<Map<number, number>> {
  const rows = await native(conversationModel())
    .aggregate<{ _id: number; count: number }>(
      [
        {
          $match: {
            status: { $in: [...CONVERSATION_STATUSES] },
            createdAt: { $gte: new Date(from), $lt: new Date(to) },
          },
        },
        { $project: { _id: 0, status: 1, createdAt: 1 } },
        { $group: { _id: { $floor: { $divide: [{ $toLong: '$createdAt' }, QUARTER_MS] } }, count: { $sum: 1 } } },
      ],
      { batchSize: 1_000, ...(session && { session }) },
    )
    .toArray();
  return new Map(rows.map(({ _id, count }) => [Number(_id) * QUARTER_MS, count]));
}

/** Counts the days that are over and not counted yet, the oldest first, until `until`, in epoch milliseconds. Returns how many. */
export async function countOpenedDays(until: number): Promise<number> {
  const [last] = await openedDayModel().find({}, { _id: 1 }).sort({ _id: -1 }).limit(1).lean();
  const first = last ? Date.parse(last._id) + DAY_MS : await firstDay();
  const end = spanStart(Date.now() - SETTLED_MS, DAY_MS);
  let counted = 0;
  for (let day = first; day !== null && day < end && Date.now() < until; day += DAY_MS) {
    const quarters = await countOpened({ from: day, to: day + DAY_MS });
    await openedDayModel().updateOne(
      { _id: dayId(day) },
      {
        $set: {
          count: [...quarters.values()].reduce((sum, count) => sum + count, 0),
          quarters: Object.fromEntries([...quarters].map(([at, count]) => [(at - (day ?? 0)) / QUARTER_MS, count])),
        },
      },
      { upsert: true },
    );
    counted += 1;
  }
  return counted;
}

async function firstDay(): Promise<number | null> {
  const firsts = await Promise.all(
    CONVERSATION_STATUSES.map((status) =>
      conversationModel().findOne({ status }, { createdAt: 1 }).sort({ createdAt: 1, _id: 1 }).lean(),
    ),
  );
  const times = firsts.flatMap((first) => (first ? [first.createdAt.getTime()] : []));
  return times.length === 0 ? null : spanStart(Math.min(...times), DAY_MS);
}

/**
 * Reads how many conversations were opened in each quarter of an hour of a time, by its start: counted days as they were counted,
 * the rest from the conversations.
 */
export async function readOpened(range: Range, session: Transaction): Promise<Map<number, number>> {
  const begin = spanStart(range.from, DAY_MS);
  const days = await openedDayModel()
    .find(trusted({ _id: { $gte: dayId(begin), $lt: dayId(spanStart(range.to, DAY_MS) + DAY_MS) } }))
    .session(session)
    .batchSize(1_000)
    .lean();
  const opened = new Map<number, number>();
  for (const { _id, quarters } of days) {
    for (const [at, count] of Object.entries(quarters)) opened.set(Date.parse(_id) + Number(at) * QUARTER_MS, count);
  }
  // Counted days have no gap, and begin with the first conversation.
  const [last] = await openedDayModel().find({}, { _id: 1 }).sort({ _id: -1 }).limit(1).session(session).lean();
  const from = Math.max(begin, last ? Date.parse(last._id) + DAY_MS : 0);
  if (from < range.to) {
    for (const [at, count] of await countOpened({ from, to: range.to }, session)) opened.set(at, count);
  }
  return opened;
}

import type { LocalDay } from '../domain/calendar.ts';
import { DAY_MS, QUARTER_MS, spanStart } from '../domain/spans.ts';
import {
  closedDayModel,
  closedSumModel,
  complete,
  dayId,
  readLate,
  type Sum,
  sumOfOne,
  sumsAreComplete,
} from './closedSums.ts';
import type { Transaction } from './database.ts';
import { native } from './model.ts';

/** More than the days of an answer: they come with one command. */
const MOST_RECORDS = 1_000;
const QUARTERS = DAY_MS / QUARTER_MS;

/** The figures of a day. */
export type DayFigures = Pick<Sum, 'closed' | 'firstResponse' | 'resolution' | 'ratings'>;

const nothing = (): Sum => complete({});

/** Adds the figures of a sum, or with -1 takes them away. */
function addTimes(to: DayFigures, sum: DayFigures, times: 1 | -1): void {
  to.closed += times * sum.closed;
  for (const name of ['firstResponse', 'resolution'] as const) {
    const histogram = to[name];
    for (const [bucket, count] of Object.entries(sum[name]))
      histogram[bucket] = (histogram[bucket] ?? 0) + times * count;
  }
  if (!sum.ratings) return;
  const { count, sum: scores } = to.ratings ?? { count: 0, sum: 0 };
  to.ratings = { count: count + times * sum.ratings.count, sum: scores + times * sum.ratings.sum };
}

/** A day of UTC: its figures, and those of some quarters of an hour, by their number. */
interface UtcDay extends DayFigures {
  readonly quarters: Readonly<Record<string, Sum>>;
}

/** What of a day of UTC comes before one of its quarters: from whichever side there are fewer to add. */
function before(day: UtcDay | undefined, quarter: number): DayFigures {
  const sum = nothing();
  if (!day || quarter === 0) return sum;
  const isNear = quarter <= QUARTERS / 2;
  if (!isNear) addTimes(sum, day, 1);
  for (const at of isNear ? upTo(0, quarter) : upTo(quarter, QUARTERS)) {
    const part = day.quarters[at];
    if (part) addTimes(sum, complete(part), isNear ? 1 : -1);
  }
  return sum;
}

const upTo = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

/** The quarters that `before` needs for one boundary. */
const neededFor = (quarter: number): number[] => (quarter <= QUARTERS / 2 ? upTo(0, quarter) : upTo(quarter, QUARTERS));

const quarterAt = (at: number): number => (at - spanStart(at, DAY_MS)) / QUARTER_MS;

/**
 * Reads the figures of each of these days, which follow one another: of one team, or of all. A day of a zone is the days of UTC in it,
 * more or less some quarters of an hour. So a year costs as many records as it has days, however much was closed. Call it inside a
 * transaction. Returns `null` before everything was counted once.
 */
export async function readTimeline(
  days: readonly LocalDay[],
  supervisorId: string | null,
  session: Transaction,
): Promise<DayFigures[] | null> {
  if (!(await sumsAreComplete(session, { byDay: true }))) return null;
  const [first, last] = [days.at(0), days.at(-1)];
  if (!first || !last) return [];
  const range = { from: first.from, to: last.to };
  const utc = await readUtcDays(range, [...days.map(({ from }) => from), last.to], supervisorId, session);
  const figures = days.map(({ from, to }) => {
    const sum = nothing();
    const [begin, end] = [spanStart(from, DAY_MS), spanStart(to, DAY_MS)];
    for (let at = begin; at < end; at += DAY_MS) {
      const whole = utc.get(dayId(at));
      if (whole) addTimes(sum, whole, 1);
    }
    addTimes(sum, before(utc.get(dayId(begin)), quarterAt(from)), -1);
    addTimes(sum, before(utc.get(dayId(end)), quarterAt(to)), 1);
    return sum;
  });
  for (const one of await readLate(range, supervisorId, session)) {
    const at = one.closedAt.getTime();
    const day = figures[days.findIndex(({ from, to }) => from <= at && at < to)];
    if (day) addTimes(day, sumOfOne(one), 1);
  }
  return figures;
}

async function readUtcDays(
  { from, to }: { readonly from: number; readonly to: number },
  boundaries: readonly number[],
  supervisorId: string | null,
  session: Transaction,
): Promise<ReadonlyMap<string, UtcDay>> {
  const quarters = [...new Set(boundaries.map(quarterAt))].flatMap(neededFor);
  const projection = {
    start: 1,
    closed: 1,
    firstResponse: 1,
    resolution: 1,
    ratings: 1,
    ...Object.fromEntries(quarters.map((quarter) => [`quarters.${quarter}`, 1])),
  };
  const [first, last] = [spanStart(from, DAY_MS), spanStart(to, DAY_MS)];
  const options = { projection, session, batchSize: MOST_RECORDS };
  const rows =
    supervisorId === null
      ? await native(closedDayModel())
          .find({ _id: { $gte: dayId(first), $lte: dayId(last) } }, options)
          .toArray()
      : await native(closedSumModel())
          .find({ supervisorId, days: 1, start: { $gte: new Date(first), $lte: new Date(last) } }, options)
          .toArray();
  return new Map(
    rows.map(({ _id, ...row }) => [
      'start' in row && row.start instanceof Date ? dayId(row.start.getTime()) : _id,
      { ...complete(row), quarters: row.quarters ?? {} } satisfies UtcDay,
    ]),
  );
}

import type { LocalDay } from '../domain/calendar.ts';
import { DAY_MS, QUARTER_MS, quarterOf, spanStart } from '../domain/spans.ts';
import {
  addFigures,
  closedDayModel,
  closedSumModel,
  complete,
  dayId,
  type Figures,
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

/** A day of UTC: its figures, and those of some quarters of an hour, by their number. */
interface UtcDay extends Figures {
  readonly quarters: Readonly<Record<string, Sum>>;
}

/** Sums up the part of a UTC day before one of its quarters of an hour. */
function before(day: UtcDay | undefined, quarter: number): Figures {
  const sum = complete({});
  if (!day) return sum;
  const { quarters, isRest } = shorterSide(quarter);
  if (isRest) addFigures(sum, day);
  for (const at of quarters) {
    const part = day.quarters[at];
    if (part) addFigures(sum, complete(part), isRest ? -1 : 1);
  }
  return sum;
}

/** The quarters of a day before one of them, or the rest of the day, whichever are fewer. */
const shorterSide = (quarter: number): { readonly quarters: readonly number[]; readonly isRest: boolean } =>
  quarter <= QUARTERS / 2
    ? { quarters: upTo(0, quarter), isRest: false }
    : { quarters: upTo(quarter, QUARTERS), isRest: true };

const upTo = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

/**
 * Reads the figures of each of these days, which follow one another: of one team, or of all. A day of a zone is the days of UTC in it,
 * more or less some quarters of an hour. So a year costs as many records as it has days, however much was closed. Call it inside a
 * transaction. Returns `null` before everything was counted once.
 */
export async function readTimeline(
  days: readonly LocalDay[],
  supervisorId: string | null,
  session: Transaction,
): Promise<Figures[] | null> {
  if (!(await sumsAreComplete(session, { byDay: true }))) return null;
  const [first, last] = [days.at(0), days.at(-1)];
  if (!first || !last) return [];
  const range = { from: first.from, to: last.to };
  const utc = await readUtcDays(range, [...days.map(({ from }) => from), last.to], supervisorId, session);
  const figures = days.map(({ from, to }) => {
    const sum = complete({});
    const [begin, end] = [spanStart(from, DAY_MS), spanStart(to, DAY_MS)];
    for (let at = begin; at < end; at += DAY_MS) {
      const whole = utc.get(dayId(at));
      if (whole) addFigures(sum, whole);
    }
    addFigures(sum, before(utc.get(dayId(begin)), quarterOf(from)), -1);
    addFigures(sum, before(utc.get(dayId(end)), quarterOf(to)));
    return sum;
  });
  for (const one of await readLate(range, supervisorId, session)) {
    const at = one.closedAt.getTime();
    const day = figures[days.findIndex(({ from, to }) => from <= at && at < to)];
    if (day) addFigures(day, sumOfOne(one));
  }
  return figures;
}

async function readUtcDays(
  { from, to }: { readonly from: number; readonly to: number },
  boundaries: readonly number[],
  supervisorId: string | null,
  session: Transaction,
): Promise<ReadonlyMap<string, UtcDay>> {
  const quarters = [...new Set(boundaries.map(quarterOf))].flatMap((quarter) => shorterSide(quarter).quarters);
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

import { daysOf, isTimeZone, type LocalDay } from '../../domain/calendar.ts';
import { medianOf } from '../../domain/histogram.ts';
import type { Caller } from '../../domain/permissions.ts';
import { DAY_MS, QUARTER_MS } from '../../domain/spans.ts';
import { AppError, invalid } from '../../errors/appError.ts';
import type { Timeline } from '../../protocol/objects/analytics.ts';
import type { Figures } from '../../store/closedSums.ts';
import { transaction } from '../../store/database.ts';
import { readOpened } from '../../store/openedDays.ts';
import { readTimeline } from '../../store/timeline.ts';
import { ratingsOf, seconds } from './supervisorAnalytics.ts';

const MOST_DAYS = 366;
/** Years of four digits, without the days at their ends that are another year somewhere. */
const [EARLIEST, LATEST] = [Date.UTC(1000, 0, 2), Date.UTC(9999, 11, 30)];

/**
 * Counts day by day what was opened and closed, with median times and ratings: of everybody for an admin, of their own team for a
 * supervisor. A row for every day of the time zone that has an instant from `from` on and before `to`, whole. Throws
 * `VALIDATION_FAILED`.
 */
export async function timeline(
  { role, userId }: Caller,
  { from, to, timeZone }: { readonly from: Date; readonly to: Date; readonly timeZone: string },
): Promise<Timeline> {
  if (!isTimeZone(timeZone)) throw invalid('/query/timeZone', 'is no time zone of the IANA database');
  if (from.getTime() < EARLIEST) throw invalid('/query/from', 'is too early');
  if (to.getTime() > LATEST) throw invalid('/query/to', 'is too late');
  if (from >= to) return { days: [] };
  const days = daysOf({ from: from.getTime(), to: to.getTime() }, timeZone, MOST_DAYS + 1);
  // A time that begins in the middle of a day touches one day more, and one in which the clocks are put back is longer.
  if (days.length > MOST_DAYS && to.getTime() - from.getTime() > MOST_DAYS * DAY_MS) {
    throw invalid('/query/to', `is more than ${MOST_DAYS} days after from`);
  }
  const [first, last] = [days.at(0), days.at(-1)];
  if (!first || !last) return { days: [] };
  const isAdmin = role === 'admin';
  const read = await transaction(async (session) => {
    const figures = await readTimeline(days, isAdmin ? null : userId, session);
    return (
      figures && { figures, opened: isAdmin ? await readOpened({ from: first.from, to: last.to }, session) : null }
    );
  });
  if (!read) throw new AppError('UNAVAILABLE', 'The database is not migrated yet.');
  const { figures, opened } = read;
  return { days: days.map((day, index) => row(day.date, opened && openedOn(day, opened), figures[index])) };
}

/** Sums up the quarters of an hour of a day, by their start. */
function openedOn({ from, to }: LocalDay, opened: ReadonlyMap<number, number>): number {
  let count = 0;
  for (let at = from; at < to; at += QUARTER_MS) count += opened.get(at) ?? 0;
  return count;
}

const row = (date: string, opened: number | null, figures?: Figures): Timeline['days'][number] => ({
  date,
  opened,
  closed: figures?.closed ?? 0,
  medianFirstResponseSeconds: seconds(medianOf(figures?.firstResponse ?? {})),
  medianResolutionSeconds: seconds(medianOf(figures?.resolution ?? {})),
  ratings: ratingsOf(figures),
});

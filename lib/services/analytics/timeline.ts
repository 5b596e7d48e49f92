import { daysOf, isTimeZone } from '../../domain/calendar.ts';
import { medianOf } from '../../domain/histogram.ts';
import type { Caller } from '../../domain/permissions.ts';
import { AppError, invalid } from '../../errors/appError.ts';
import type { Timeline } from '../../protocol/objects/analytics.ts';
import { transaction } from '../../store/database.ts';
import { readOpened } from '../../store/openedDays.ts';
import { type DayFigures, readTimeline } from '../../store/timeline.ts';
import { ratingsOf } from './supervisorAnalytics.ts';

/** The most days that one answer has. */
const MOST_DAYS = 366;

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
  const days = daysOf({ from: from.getTime(), to: to.getTime() }, timeZone, MOST_DAYS + 1);
  if (days.length > MOST_DAYS) throw invalid('/query/to', `is more than ${MOST_DAYS} days after from`);
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
  const openedOn = new Map<string, number>();
  for (const [at, count] of read.opened ?? []) {
    const day = days.find((one) => one.from <= at && at < one.to);
    if (day) openedOn.set(day.date, (openedOn.get(day.date) ?? 0) + count);
  }
  return {
    days: days.map(({ date }, index) => row(date, isAdmin ? (openedOn.get(date) ?? 0) : null, read.figures[index])),
  };
}

const seconds = (ms: number | null): number | null => (ms === null ? null : Math.round(ms) / 1000);

const row = (date: string, opened: number | null, figures?: DayFigures): Timeline['days'][number] => ({
  date,
  opened,
  closed: figures?.closed ?? 0,
  medianFirstResponseSeconds: seconds(medianOf(figures?.firstResponse ?? {})),
  medianResolutionSeconds: seconds(medianOf(figures?.resolution ?? {})),
  ratings: ratingsOf(figures),
});

import { DAY_MS, HOUR_MS, QUARTER_MS, type Range } from './spans.ts';

/** A day of a time zone: the time it lasts, which is 23 or 25 hours where the clocks change. */
export interface LocalDay extends Range {
  /** As people there write it: `2026-01-31`. */
  readonly date: string;
}

/** The furthest that a zone's clock is from UTC, and an hour. */
const FURTHEST_MS = 15 * HOUR_MS;

/** Whether the IANA database has such a time zone. An offset is none, though `Intl` takes it for one. */
export function isTimeZone(timeZone: string): boolean {
  if (!/^[A-Za-z]/.test(timeZone)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns the whole days of a time zone that a range touches, at most `most`. In every zone a day begins with a quarter of an
 * hour of UTC.
 */
export function daysOf({ from, to }: Range, timeZone: string, most: number): LocalDay[] {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  const dateAt = (at: number): string => format.format(at);
  const days: LocalDay[] = [];
  let date = dateAt(from);
  for (let begin = beginOf(date, dateAt); begin < to && days.length < most; ) {
    const next = nextDate(date);
    const end = beginOf(next, dateAt);
    // A date that was left out, where people moved across the date line, is no day.
    if (end > begin) days.push({ date, from: begin, to: end });
    [date, begin] = [next, end];
  }
  return days;
}

const nextDate = (date: string): string => new Date(Date.parse(date) + DAY_MS).toISOString().slice(0, 10);

/** Finds the first quarter of an hour whose date is this one, or a later one: somewhere a day was left out. */
function beginOf(date: string, dateAt: (at: number) => string): number {
  const midnight = Date.parse(date);
  let [before, after] = [midnight - FURTHEST_MS, midnight + FURTHEST_MS];
  while (after - before > QUARTER_MS) {
    const middle = before + Math.floor((after - before) / QUARTER_MS / 2) * QUARTER_MS;
    if (dateAt(middle) >= date) after = middle;
    else before = middle;
  }
  return after;
}

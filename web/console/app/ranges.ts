/** Ranges of whole days, in the viewer's zone. */

/** Days as `2025-03-12`, both of them in the range. */
export interface Range {
  readonly from: string;
  readonly to: string;
}

export const PRESETS = {
  today: 'Today',
  '7': 'Last 7 days',
  '30': 'Last 30 days',
  '90': 'Last 90 days',
  month: 'This month',
  lastMonth: 'Last month',
} as const;
export type Preset = keyof typeof PRESETS;

const two = (value: number): string => String(value).padStart(2, '0');
const dayOf = (date: Date): string => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
/** Counted by the calendar: days of 23 and of 25 hours are days. */
const shifted = (date: Date, days: number): Date =>
  new Date(date.getFullYear(), date.getMonth(), date.getDate() + days);

export function rangeOf(preset: Preset, today: Date): Range {
  if (preset === 'today') return { from: dayOf(today), to: dayOf(today) };
  if (preset === 'month') {
    return { from: dayOf(new Date(today.getFullYear(), today.getMonth(), 1)), to: dayOf(today) };
  }
  if (preset === 'lastMonth') {
    return {
      from: dayOf(new Date(today.getFullYear(), today.getMonth() - 1, 1)),
      to: dayOf(new Date(today.getFullYear(), today.getMonth(), 0)),
    };
  }
  return { from: dayOf(shifted(today, 1 - Number(preset))), to: dayOf(today) };
}

const DAY = /^(\d{4})-(\d{2})-(\d{2})$/;

function dateOf(day: string): Date | null {
  const [, year, month, date] = DAY.exec(day) ?? [];
  if (!year || !month || !date) return null;
  const made = new Date(Number(year), Number(month) - 1, Number(date));
  return dayOf(made) === day ? made : null;
}

export const MOST_DAYS = 366;

/** What is wrong with a range, in words; `null` where nothing is. */
export function faultOf({ from, to }: Range): string | null {
  const [first, last] = [dateOf(from), dateOf(to)];
  if (!first) return 'Give the first day.';
  if (!last) return 'Give the last day.';
  if (first > last) return 'The first day comes after the last one.';
  const days = Math.round((last.getTime() - first.getTime()) / 86_400_000) + 1;
  return days > MOST_DAYS ? `At most ${MOST_DAYS} days at once.` : null;
}

/** The two moments of a range, half-open: from the first midnight to the one after the last day. */
export function momentsOf({ from, to }: Range): { readonly from: string; readonly to: string } {
  const [first, last] = [dateOf(from), dateOf(to)];
  if (!first || !last) throw new RangeError(`${from} to ${to} is no range of days`);
  return { from: first.toISOString(), to: shifted(last, 1).toISOString() };
}

export const zone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

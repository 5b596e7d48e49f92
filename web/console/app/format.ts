/** How times, spans and numbers are said. The times are the viewer's: the browser knows their zone. */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const two = (value: number): string => String(value).padStart(2, '0');

/** A time that runs: `8s`, `3m 05s`, `1h 12m`, `2d 3h`. Never below zero: two clocks differ. */
export function running(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < MINUTE) return `${seconds}s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)}m ${two(seconds % MINUTE)}s`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)}h ${two(Math.floor((seconds % HOUR) / MINUTE))}m`;
  return `${Math.floor(seconds / DAY)}d ${Math.floor((seconds % DAY) / HOUR)}h`;
}

/** A span as a figure: `–`, `42 s`, `3 min 20 s`, `5 h 12 min`, `3 d 4 h`. */
export function span(seconds: number | null): string {
  if (seconds === null) return '–';
  const whole = Math.round(seconds);
  const parts = (large: number, largeUnit: string, small: number, smallUnit: string) => {
    const first = Math.floor(whole / large);
    const second = Math.floor((whole % large) / small);
    return second === 0 ? `${first} ${largeUnit}` : `${first} ${largeUnit} ${second} ${smallUnit}`;
  };
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return parts(MINUTE, 'min', 1, 's');
  if (whole < DAY) return parts(HOUR, 'h', MINUTE, 'min');
  return parts(DAY, 'd', HOUR, 'h');
}

const startOfDay = (time: number): number => {
  const date = new Date(time);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
};

/** How many of the viewer's days lie between the two: days of 23 and of 25 hours count as one. */
export const daysBetween = (earlier: number, later: number): number =>
  Math.round((startOfDay(later) - startOfDay(earlier)) / (DAY * 1000));

const format = (options: Intl.DateTimeFormatOptions) => {
  let made: Intl.DateTimeFormat | undefined;
  return (time: number | string): string => {
    made ??= new Intl.DateTimeFormat('en-GB', options);
    return made.format(new Date(time));
  };
};

/** `14:05` */
export const clockTime = format({ hour: '2-digit', minute: '2-digit' });
/** `14:05:09` */
export const exactTime = format({ hour: '2-digit', minute: '2-digit', second: '2-digit' });
/** `Wed, 12 March 2025, 14:05` */
export const fullTime = format({ dateStyle: 'full', timeStyle: 'short' });
/** `12 Mar 2025, 14:05` */
export const dateTime = format({ dateStyle: 'medium', timeStyle: 'short' });
const weekday = format({ weekday: 'short' });
const dayOfMonth = format({ day: 'numeric', month: 'short' });
const dayOfYear = format({ day: 'numeric', month: 'short', year: 'numeric' });
const longDay = format({ weekday: 'long', day: 'numeric', month: 'long' });
const longDayOfYear = format({ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });

/** How long ago, in as few letters as a list has room for: `now`, `5m`, `3h`, `Tue`, `12 Mar`. */
export function ago(time: string | number, at: number): string {
  const then = new Date(time).getTime();
  const seconds = Math.max(0, (at - then) / 1000);
  if (seconds < MINUTE) return 'now';
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)}m`;
  const days = daysBetween(then, at);
  if (days === 0 || seconds < 6 * HOUR) return `${Math.floor(seconds / HOUR)}h`;
  if (days < 7) return weekday(then);
  return new Date(then).getFullYear() === new Date(at).getFullYear() ? dayOfMonth(then) : dayOfYear(then);
}

/** What a day line says: `Today`, `Yesterday`, `Monday, 3 March`. */
export function dayLine(time: string, at: number): string {
  const then = new Date(time).getTime();
  const days = daysBetween(then, at);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  return new Date(then).getFullYear() === new Date(at).getFullYear() ? longDay(then) : longDayOfYear(then);
}

/** `1 conversation`, `2 conversations`. */
export const count = (number: number, one: string, many = `${one}s`): string =>
  `${number.toLocaleString('en-GB')} ${number === 1 ? one : many}`;

/** The letters of somebody's picture: `KM` of Kim Miller (Ms.). Whole letters or digits, whatever the script. */
export function initials(name: string): string {
  const firsts = name.split(/\s+/).flatMap((word) => (/^[\p{L}\p{N}]/u.test(word) ? ([...word][0] ?? []) : []));
  const [first = name.match(/[\p{L}\p{N}]/u)?.[0] ?? '?'] = firsts;
  return (first + (firsts.length > 1 ? firsts.at(-1) : '')).toUpperCase();
}

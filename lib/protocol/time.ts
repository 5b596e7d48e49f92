const RFC_3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:\.(\d+))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/**
 * Reads a time as RFC 3339 writes it; `null` for anything else. A leap second, which ends a month in UTC, is read as the second
 * after it: POSIX clocks have no other.
 */
export function readTime(value: string): Date | null {
  const match = RFC_3339.exec(value);
  if (!match) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [fraction = '', sign, offsetHour, offsetMinute] = match.slice(7);
  const time = new Date(0);
  // Not `Date.UTC`, which takes the years 0 to 99 for 1900 to 1999.
  time.setUTCFullYear(year, month - 1, day);
  if (time.getUTCMonth() !== month - 1 || time.getUTCDate() !== day) return null;
  const offset = (Number(offsetHour ?? 0) * 60 + Number(offsetMinute ?? 0)) * (sign === '-' ? -1 : 1);
  time.setUTCHours(hour, minute - offset, second, Number(fraction.slice(0, 3).padEnd(3, '0')));
  return second === 60 && !isMonthsFirstSecond(time) ? null : time;
}

const isMonthsFirstSecond = (time: Date): boolean =>
  time.getUTCDate() === 1 && time.getUTCHours() + time.getUTCMinutes() + time.getUTCSeconds() === 0;

/** Where axes end: at round numbers, whose halves are round too. */

/** A round number not below this one. */
export function niceTop(most: number): number {
  if (most <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return ([1, 2, 4, 6, 8, 10].find((step) => step * power >= most) ?? 10) * power;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SPANS = [
  ...[2, 10, 20, 30, 60],
  ...[2, 4, 10, 20, 30, 60].map((minutes) => minutes * MINUTE),
  ...[2, 4, 8, 12, 24].map((hours) => hours * HOUR),
];

/** The same for seconds: half a minute, two hours, a day. */
export const niceSpan = (most: number): number =>
  SPANS.find((span) => span >= most) ?? niceTop(Math.ceil(most / DAY)) * DAY;

/** Whether nothing is known on the days before and after: no line leads to such a value. */
export const isAlone = (values: readonly (number | null)[], index: number): boolean =>
  (values[index - 1] ?? null) === null && (values[index + 1] ?? null) === null;

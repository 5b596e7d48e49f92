/** Options and output of the commands in this folder. */

/** Makes a table with aligned columns: the first to the left, numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Makes an option for each number, for `parseArgs`. */
export const defaultsAsOptions = (defaults: Readonly<Record<string, number>>) =>
  Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, { type: 'string', default: String(value) } as const]),
  );

/** Reads the options as numbers. Throws for an option that isn't one. */
export function numbersFrom<T extends Readonly<Record<string, number>>>(
  defaults: T,
  given: Readonly<Record<string, unknown>>,
): T {
  return Object.fromEntries(
    Object.keys(defaults).map((name) => {
      const value = Number(given[name]);
      if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} is not a number of at least 0`);
      return [name, value];
    }),
  ) as T;
}

/**
 * In which order rows are shown. `sorted` is how they would be; `shown` is how they are. While somebody points at the list or has
 * the focus in it, nothing may move under them: what is shown stays where it is, what is new comes after it.
 */
export function arrange(shown: readonly string[], sorted: readonly string[], held: boolean): readonly string[] {
  if (!held) return sorted;
  const had = new Set(shown);
  const fresh = sorted.filter((id) => !had.has(id));
  return fresh.length === 0 ? shown : [...shown, ...fresh];
}

/** What leaves stays behind the one it stood behind. */
export function withLeaving(
  sorted: readonly string[],
  leaving: readonly string[],
  shown: readonly string[],
): readonly string[] {
  const result = [...sorted];
  for (const gone of leaving) {
    const before = shown
      .slice(0, shown.indexOf(gone))
      .reverse()
      .find((id) => result.includes(id));
    result.splice(before === undefined ? 0 : result.indexOf(before) + 1, 0, gone);
  }
  return result;
}

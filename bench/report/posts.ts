import { ms, named, over, type Part, table, times } from './part.ts';
import type { PostsResult } from './results.ts';
import { medianRatio } from './statistics.ts';

export function posts({ posts: count, runs }: PostsResult): Part {
  const names = runs[0]?.map(({ name }) => name) ?? [];
  const [ours = ''] = names;
  const ratio = (name: string) =>
    medianRatio(runs.map((run) => ({ of: named(run, name).cpuMs, to: named(run, ours).cpuMs })));
  return {
    targets: [],
    text:
      `${runs.length} runs of ${count} posts of each kind. Medians of the runs, and of the ratios in each:\n\n` +
      table(
        ['', 'processor time of one', 'ratio to ours'],
        names.map((name) => [name, ms(over(runs, (run) => named(run, name).cpuMs)), times(ratio(name))]),
      ),
    plots: {},
  };
}

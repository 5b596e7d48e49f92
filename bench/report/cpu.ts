import { image, ms, over, type Part, table, times } from './part.ts';
import type { CpuResult } from './results.ts';
import { median, medianRatio } from './statistics.ts';
import { bars } from './svg.ts';

export function cpu({ messages, baseline, runs, packages, baselinePackages }: CpuResult): Part {
  const pairs = runs.flatMap(({ cpuMs, baselineMs }) => (baselineMs === null ? [] : [{ of: cpuMs, to: baselineMs }]));
  const nowMs = over(runs, ({ cpuMs }) => cpuMs);
  const beforeMs = pairs.length > 0 ? median(pairs.map(({ to }) => to)) : null;
  const names = Object.keys({ ...packages, ...baselinePackages });
  const cell = (value: number | undefined) => (value === undefined ? '' : ms(value));
  const title = 'Processor time of the handlers for one message, by package';
  return {
    targets:
      pairs.length === 0
        ? []
        : [
            {
              what: `Processor time of the handlers for a message: at ${baseline}`,
              limit: 0.6,
              measured: medianRatio(pairs),
              unit: '×',
            },
          ],
    text:
      `${runs.length} runs of ${messages} messages:\n\n` +
      table(
        ['', 'now', ...(baseline === null ? [] : [`at ${baseline}`])],
        [
          ['Together', ms(nowMs), ...(beforeMs === null ? [] : [ms(beforeMs)])],
          ...names.map((name) => [
            name,
            cell(packages[name]),
            ...(baselinePackages === null ? [] : [cell(baselinePackages[name])]),
          ]),
        ],
      ) +
      (pairs.length > 0 ? `\nThe ratio of each run, of which the median: ${times(medianRatio(pairs))}.\n` : '') +
      image('cpu.svg', title),
    plots: {
      'cpu.svg': bars({
        title,
        unit: 'ms',
        series: baselinePackages === null ? ['now'] : ['now', `at ${baseline}`],
        groups: names.map((name) => ({
          name,
          values: [packages[name] ?? 0, ...(baselinePackages === null ? [] : [baselinePackages[name] ?? 0])],
        })),
      }),
    },
  };
}

import { image, ms, over, type Part, table, times } from './part.ts';
import type { ArchiveResult } from './results.ts';
import { medianRatio } from './statistics.ts';
import { inWords, lines } from './svg.ts';

const FLAT_MB = 20;

type Commands = NonNullable<ArchiveResult['sizes'][number]['commands']>;

const whereItGoes = (messages: number, commands: Commands): string =>
  `\nThe commands of the last run with ${inWords(messages)} messages that took longest:\n\n` +
  table(
    ['', 'how many', 'together'],
    commands.map(({ name, count, ms: together }) => [`\`${name}\``, inWords(count), ms(together)]),
  );

export function archive({ sizes }: ArchiveResult): Part {
  const ratio = (runs: ArchiveResult['sizes'][number]['runs']) =>
    medianRatio(runs.map(({ archiveMs, bareMs }) => ({ of: archiveMs, to: bareMs })));
  const largest = sizes.at(-1);
  const title = 'Archiving a conversation';
  return {
    targets: [
      ...sizes.map(({ messages, runs }) => ({
        what: `Archiving ${inWords(messages)} messages: a bare copy by one command`,
        limit: 1.5,
        measured: ratio(runs),
        unit: '×' as const,
      })),
      ...(largest
        ? [
            {
              what: `Archiving ${inWords(largest.messages)} messages: growth of memory, MB`,
              limit: FLAT_MB,
              measured: largest.rssGrowthMb,
              unit: '' as const,
            },
          ]
        : []),
    ],
    text:
      'Medians of the runs:\n\n' +
      table(
        ['messages', 'runs', 'bare copy', 'close and archive', 'ratio', 'growth of memory'],
        sizes.map(({ messages, runs, rssGrowthMb }) => [
          inWords(messages),
          String(runs.length),
          ms(over(runs, ({ bareMs }) => bareMs)),
          ms(over(runs, ({ archiveMs }) => archiveMs)),
          times(ratio(runs)),
          `${rssGrowthMb.toFixed(1)} MB`,
        ]),
      ) +
      [...new Set([sizes[0], largest])]
        .map((size) => (size?.commands ? whereItGoes(size.messages, size.commands) : ''))
        .join('') +
      image('archive.svg', title),
    plots: {
      'archive.svg': lines({
        title,
        xName: 'messages',
        yName: 'ms',
        series: [
          {
            name: 'close and archive',
            points: sizes.map(({ messages, runs }) => [messages, over(runs, ({ archiveMs }) => archiveMs)]),
          },
          {
            name: 'bare copy',
            points: sizes.map(({ messages, runs }) => [messages, over(runs, ({ bareMs }) => bareMs)]),
          },
        ],
      }),
    },
  };
}

import { image, ms, type Part, table, times } from './part.ts';
import type { HistoryResult } from './results.ts';
import { inWords, lines } from './svg.ts';

const OPERATIONS = ['send', 'join', 'list'] as const;

export function history({ rounds, sizes }: HistoryResult): Part {
  const [smallest] = sizes;
  if (!smallest) throw new Error('no size was measured');
  const title = 'An operation in a conversation of so many messages, p50';
  return {
    targets: sizes.slice(1).flatMap((size) =>
      OPERATIONS.map((operation) => ({
        what: `${operation} at ${inWords(size.messages)} messages, p50: at ${smallest.messages}`,
        limit: 1.5,
        measured: size[operation].p50 / smallest[operation].p50,
        unit: '×' as const,
      })),
    ),
    text:
      `${rounds} of each, in turn. The ratio is to the smallest conversation.\n\n` +
      table(
        ['messages', ...OPERATIONS.flatMap((operation) => [`${operation} p50`, 'p95', 'ratio'])],
        sizes.map((size) => [
          inWords(size.messages),
          ...OPERATIONS.flatMap((operation) => [
            ms(size[operation].p50),
            ms(size[operation].p95),
            times(size[operation].p50 / smallest[operation].p50),
          ]),
        ]),
      ) +
      image('history.svg', title),
    plots: {
      'history.svg': lines({
        title,
        xName: 'messages in the conversation',
        yName: 'ms',
        series: OPERATIONS.map((operation) => ({
          name: operation,
          points: sizes.map((size) => [size.messages, size[operation].p50] as const),
        })),
      }),
    },
  };
}

import { image, ms, type Part, table, times } from './part.ts';
import type { FanOutResult } from './results.ts';
import { inWords, lines } from './svg.ts';

/** A process is flat when it has grown by less than this: a garbage collector keeps some room. */
const FLAT_MB = 10;

export function fanOut({ messages, onePostMs, sizes }: FanOutResult): Part {
  const title = 'The last of so many connections has the message, p50, from the commit';
  return {
    targets: [
      ...sizes.map(({ connections, fanOut: ours, bare }) => ({
        what: `Fan-out to ${inWords(connections)}, the last one, p50: as many bare posts`,
        limit: 1.2,
        measured: ours.p50 / bare.p50,
        unit: '×' as const,
      })),
      {
        what: 'Fan-out: growth of the heap over all messages of a size, MB',
        limit: FLAT_MB,
        measured: Math.max(...sizes.map(({ heapGrowthMb }) => heapGrowthMb)),
        unit: '' as const,
      },
    ],
    text:
      `${messages} messages of each size. A bare post to one connection takes ${ms(onePostMs)}, the way there included:\n\n` +
      table(
        [
          'connections',
          'bare posts p50',
          'p95',
          'fan-out p50',
          'p95',
          'ratio of p50',
          'from the send p50',
          'memory',
          'growth of the heap',
        ],
        sizes.map(({ connections, bare, fanOut: ours, total, rssMb, heapGrowthMb }) => [
          inWords(connections),
          ms(bare.p50),
          ms(bare.p95),
          ms(ours.p50),
          ms(ours.p95),
          times(ours.p50 / bare.p50),
          ms(total.p50),
          `${inWords(rssMb)} MB`,
          `${heapGrowthMb.toFixed(1)} MB`,
        ]),
      ) +
      image('fanOut.svg', title),
    plots: {
      'fanOut.svg': lines({
        title,
        xName: 'connections in the room',
        yName: 'ms',
        series: [
          { name: 'Live Support', points: sizes.map(({ connections, fanOut: ours }) => [connections, ours.p50]) },
          { name: 'bare posts', points: sizes.map(({ connections, bare }) => [connections, bare.p50]) },
        ],
      }),
    },
  };
}

import { image, ms, named, OURS, type Part, table } from './part.ts';
import type { LoadResult } from './results.ts';
import { bars, inWords } from './svg.ts';

const EMULATED = 'Live Support, through the emulator';

export function load({ conversations, seconds, messagesPerSecond, contestants }: LoadResult): Part {
  const [emulated, direct] = [named(contestants, EMULATED), named(contestants, OURS)];
  const share = 1 - direct.seen.p50 / emulated.seen.p50;
  const title = `${inWords(2 * conversations)} sockets, ${messagesPerSecond} messages a second: seen by the other side`;
  return {
    targets: [
      {
        what: `Load of ${inWords(conversations)} conversations: messages lost`,
        limit: 0,
        measured: emulated.lost,
        unit: '',
      },
    ],
    text:
      `${inWords(conversations)} conversations, ${inWords(2 * conversations)} sockets, ${seconds} seconds at ${messagesPerSecond} messages a second:\n\n` +
      table(
        ['', 'messages', 'lost', 'acknowledged p50', 'p95', 'p99', 'seen p50', 'p95', 'p99'],
        contestants.map(({ name, messages, lost, acknowledged, seen }) => [
          name,
          inWords(messages),
          String(lost),
          ms(acknowledged.p50),
          ms(acknowledged.p95),
          ms(acknowledged.p99),
          ms(seen.p50),
          ms(seen.p95),
          ms(seen.p99),
        ]),
      ) +
      `\nOf the p50 until a message is seen through the emulator, ${Math.round(100 * share)} % are the emulator's.\n` +
      image('load.svg', title),
    plots: {
      'load.svg': bars({
        title,
        unit: 'ms',
        series: ['p50', 'p95', 'p99'],
        groups: contestants.map(({ name, seen }) => ({ name, values: [seen.p50, seen.p95, seen.p99] })),
      }),
    },
  };
}

import { image, ms, named, OURS, over, type Part, SOCKET_IO, table, times } from './part.ts';
import type { RoomsResult } from './results.ts';
import { medianRatio } from './statistics.ts';
import { bars, inWords } from './svg.ts';

export function rooms({ rooms: count, runMs, runs }: RoomsResult): Part {
  const names = runs[0]?.contestants.map(({ name }) => name) ?? [];
  const ratio = (what: 'messagesPerSecond' | 'cpuMs') =>
    medianRatio(
      runs.map(({ contestants }) => ({ of: named(contestants, OURS)[what], to: named(contestants, SOCKET_IO)[what] })),
    );
  const of = (name: string, what: 'messagesPerSecond' | 'cpuMs') =>
    over(runs, ({ contestants }) => named(contestants, name)[what]);
  const title = `${count} rooms at once: processor time of the server for one message`;
  return {
    targets: [],
    text:
      `${runs.length} runs of ${runMs / 1000} seconds each. Medians of the runs:\n\n` +
      table(
        ['', 'messages a second', 'processor time of the server for one'],
        names.map((name) => [name, inWords(of(name, 'messagesPerSecond')), ms(of(name, 'cpuMs'))]),
      ) +
      `\nRatios of each run to ${SOCKET_IO}, of which the median: ${times(ratio('messagesPerSecond'))} the messages, ` +
      `${times(ratio('cpuMs'))} the processor time, the gateway's included.\n` +
      image('rooms.svg', title),
    plots: {
      'rooms.svg': bars({
        title,
        unit: 'ms',
        series: ['processor time'],
        groups: names.map((name) => ({ name, values: [of(name, 'cpuMs')] })),
      }),
    },
  };
}

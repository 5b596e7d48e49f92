import { ms, type Part, table, times } from './part.ts';
import type { DeskResult, DeskSize } from './results.ts';
import { inWords } from './svg.ts';

/** What is compared: of each size, the time for the same work. */
const COMPARED: readonly { readonly name: string; readonly what: string; of(size: DeskSize): number }[] = [
  { name: 'open', what: 'opening a conversation', of: ({ open }) => open.p50 },
  { name: 'watch', what: 'watching, ten conversations read', of: ({ watch }) => watch.p50 },
  { name: 'assign', what: 'assigning by hand', of: ({ assign }) => assign.p50 },
  { name: 'given', what: 'given to who becomes available', of: ({ given }) => given.p50 },
  { name: 'told', what: 'telling, for each watcher', of: ({ told, watchers }) => told.p50 / watchers },
  { name: 'tick', what: 'a tick, for each assignment', of: ({ tick, assigned }) => tick.p50 / assigned },
  {
    name: 'idleTick',
    what: 'a tick without work, for each team',
    of: ({ idleTick, watchers }) => idleTick.p50 / watchers,
  },
];

export function desk({ rounds, ticks, sizes }: DeskResult): Part {
  const [small] = sizes;
  if (!small) throw new Error('no size was measured');
  const inFull = ({ waiting, agents, watchers }: DeskSize) =>
    `${inWords(waiting)} waiting, ${inWords(agents)} agents, ${inWords(watchers)} watching`;
  return {
    targets: sizes.slice(1).flatMap((size) =>
      COMPARED.map(({ what, of }) => ({
        what: `Desk of ${inFull(size)}, p50, ${what}: of ${inWords(small.waiting)}, ${inWords(small.agents)}, ${inWords(small.watchers)}`,
        limit: 1.5,
        measured: of(size) / of(small),
        unit: '×' as const,
      })),
    ),
    text:
      `${rounds} of each, ${ticks} ticks, in turn; p50, and the ratio to the smallest desk:\n\n` +
      table(
        ['', ...sizes.flatMap((size, index) => (index === 0 ? [inFull(size)] : [inFull(size), 'ratio']))],
        COMPARED.map(({ what, of }) => [
          what,
          ...sizes.flatMap((size, index) =>
            index === 0 ? [ms(of(size))] : [ms(of(size)), times(of(size) / of(small))],
          ),
        ]),
      ) +
      '\n' +
      sizes
        .map(
          (size) =>
            `- ${inFull(size)}: the last watcher is told after ${ms(size.told.p50)} (p95 ${ms(size.told.p95)}), a tick gives ` +
            `${inWords(size.assigned)} conversations in ${ms(size.tick.p50)}, and takes ${ms(size.idleTick.p50)} with nothing to do.\n`,
        )
        .join(''),
    plots: {},
  };
}

import { image, ms, named, OURS, over, type Part, SOCKET_IO, table, times } from './part.ts';
import type { Heard, SendResult, SendRun } from './results.ts';
import { medianRatio } from './statistics.ts';
import { bars } from './svg.ts';

const heard = (run: SendRun, name: string): Heard => named(run.contestants, name);

export function send({ messages, runs }: SendResult): Part {
  const acknowledged = (share: 'p50' | 'p95') =>
    medianRatio(runs.map((run) => ({ of: heard(run, OURS).acknowledged[share], to: run.bare[share] })));
  const seen = (name: string, share: 'p50' | 'p95') =>
    medianRatio(runs.map((run) => ({ of: heard(run, OURS).seen[share], to: heard(run, name).seen[share] })));
  const names = runs[0]?.contestants.map(({ name }) => name).filter((name) => name !== 'Bare') ?? [];
  const quick = names.find((name) => name.includes('w: 1'));
  const rows = names.map((name) => [
    name,
    ...(['acknowledged', 'seen'] as const).flatMap((what) =>
      (['p50', 'p95'] as const).map((share) => ms(over(runs, (run) => heard(run, name)[what][share]))),
    ),
  ]);
  const bare = (what: 'bareTransaction' | 'barePost' | 'bare', name: string) => [
    name,
    ms(over(runs, (run) => run[what].p50)),
    ms(over(runs, (run) => run[what].p95)),
    '',
    '',
  ];
  const ratios = (name: string, of: (share: 'p50' | 'p95') => number) =>
    `- ${name}: ${times(of('p50'))} at p50, ${times(of('p95'))} at p95.\n`;
  const title = 'One room, one message at a time: seen by the other side, p50';
  return {
    targets: [
      {
        what: 'Acknowledged, p50: a bare transaction and a bare post',
        limit: 2,
        measured: acknowledged('p50'),
        unit: '×',
      },
      { what: 'Acknowledged, p95: the same', limit: 2, measured: acknowledged('p95'), unit: '×' },
      { what: `Seen by the other side, p50: ${SOCKET_IO}`, limit: 1.3, measured: seen(SOCKET_IO, 'p50'), unit: '×' },
    ],
    text:
      `${runs.length} runs of ${messages} messages. Medians of the runs:\n\n` +
      table(
        ['', 'acknowledged p50', 'p95', 'seen p50', 'p95'],
        [
          bare('bareTransaction', 'Bare transaction'),
          bare('barePost', 'Bare post'),
          bare('bare', 'Both, one after the other'),
          ...rows,
        ],
      ) +
      '\nRatios of each run, of which the median:\n\n' +
      ratios('Acknowledged, to a bare transaction and a bare post', acknowledged) +
      ratios(`Seen, to ${SOCKET_IO}`, (share) => seen(SOCKET_IO, share)) +
      (quick === undefined ? '' : ratios(`Seen, to ${quick}`, (share) => seen(quick, share))) +
      image('send.svg', title),
    plots: {
      'send.svg': bars({
        title,
        unit: 'ms',
        series: ['acknowledged', 'seen'],
        groups: [
          { name: 'Bare transaction and post', values: [over(runs, (run) => run.bare.p50)] },
          ...names.map((name) => ({
            name,
            values: [
              over(runs, (run) => heard(run, name).acknowledged.p50),
              over(runs, (run) => heard(run, name).seen.p50),
            ],
          })),
        ],
      }),
    },
  };
}

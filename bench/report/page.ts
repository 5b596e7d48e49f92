import type { CpuResult, Heard, Machine, Results, SendResult, SendRun } from './results.ts';
import { median, medianRatio } from './statistics.ts';
import { bars, inWords } from './svg.ts';

/** Makes the tables and plots of docs/performance.md from bench/results.json. */

/** A measure's part of the page. */
interface Part {
  readonly targets: readonly Target[];
  readonly text: string;
  /** SVG by file name, below docs/performance. */
  readonly plots: Readonly<Record<string, string>>;
}

interface Target {
  readonly what: string;
  readonly limit: number;
  readonly measured: number;
  readonly unit: '×' | '' | '%';
}

const OURS = 'Live Support';
const SOCKET_IO = 'Socket.IO + Mongo';
const ms = (value: number) => `${inWords(value)} ms`;
const times = (value: number) => `${value.toFixed(2)} ×`;

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `|${cells.map((cell) => (cell === '' ? ' |' : ` ${cell} |`)).join('')}\n`;
  return [
    line(head),
    `|${head.map((_, index) => (index === 0 ? '---|' : '---:|')).join('')}\n`,
    ...rows.map(line),
  ].join('');
}

const image = (name: string, title: string) => `\n![${title}](performance/${name})\n`;

function heard(run: SendRun, name: string): Heard {
  const found = run.contestants.find((contestant) => contestant.name === name);
  if (!found) throw new Error(`the run has no ${name}`);
  return found;
}

/** The median over the runs. */
const over = <T>(runs: readonly T[], of: (run: T) => number): number => median(runs.map(of));

function send({ messages, runs }: SendResult): Part {
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

function cpu({ messages, baseline, runs, packages, baselinePackages }: CpuResult): Part {
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

const PARTS: { readonly [Name in keyof Results]-?: (data: NonNullable<Results[Name]>['data']) => Part } = { send, cpu };

/** The measures, in the order of the page. */
export const MEASURES = Object.keys(PARTS) as (keyof Results)[];

function partOf<Name extends keyof Results>(name: Name, results: Results): Part | null {
  const run = results[name];
  return run ? (PARTS[name] as (data: unknown) => Part)(run.data) : null;
}

/** Returns the text of each block of the page, by its name: `targets`, and one for each measure. */
export function blocks(results: Results): Record<string, string> {
  const texts = MEASURES.map((name) => {
    const run = results[name];
    const part = partOf(name, results);
    const text =
      run && part
        ? `${part.text}\n${run.date}, commit ${run.commit}; ${machineInWords(run.machine)}.\n`
        : `Not measured yet: \`npm run bench -- ${name}\`.\n`;
    return [name, text] as const;
  });
  return { targets: targets(results), ...Object.fromEntries(texts) };
}

/** Returns the plots, by path from the project's folder. */
export function plots(results: Results): Record<string, string> {
  const all = MEASURES.flatMap((name) => Object.entries(partOf(name, results)?.plots ?? {}));
  return Object.fromEntries(all.map(([name, svg]) => [`docs/performance/${name}`, svg]));
}

const machineInWords = ({ processor, cores, memoryGb, system, node, mongod }: Machine): string =>
  `${processor}, ${cores} cores, ${memoryGb} GB, ${system}, Node ${node}, mongod ${mongod}`;

function targets(results: Results): string {
  const rows = MEASURES.flatMap((name) =>
    (partOf(name, results)?.targets ?? []).map(({ what, limit, measured, unit }) => {
      const number = (value: number) => (unit === '×' ? times(value) : `${inWords(value)}${unit && ` ${unit}`}`);
      return [
        what,
        `≤ ${number(limit)}`,
        number(measured),
        measured <= limit ? 'met' : '**not met**',
        results[name]?.date ?? '',
      ];
    }),
  );
  return table(['', 'target', 'measured', '', 'on'], rows);
}

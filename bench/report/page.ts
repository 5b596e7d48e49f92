import { archive } from './archive.ts';
import { commands } from './commands.ts';
import { cpu } from './cpu.ts';
import { desk } from './desk.ts';
import { fanOut } from './fanOut.ts';
import { history } from './history.ts';
import { load } from './load.ts';
import { type Part, table, times } from './part.ts';
import { posts } from './posts.ts';
import type { Machine, Results } from './results.ts';
import { rooms } from './rooms.ts';
import { send } from './send.ts';
import { inWords } from './svg.ts';

/** Makes the tables and plots of docs/performance.md from bench/results.json. */

const PARTS: { readonly [Name in keyof Results]-?: (data: NonNullable<Results[Name]>['data']) => Part } = {
  send,
  rooms,
  cpu,
  commands,
  posts,
  fanOut,
  archive,
  history,
  desk,
  load,
};

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
        ? `${part.text}\n${run.date}, commit ${run.commit}; ${machineInWords(run.machine)}${busyInWords(run.loadAverage)}.\n`
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

const busyInWords = (loadAverage: number | undefined): string =>
  loadAverage === undefined ? '' : `; load average ${loadAverage.toFixed(1)} when it began`;

function targets(results: Results): string {
  const rows = MEASURES.flatMap((name) =>
    (partOf(name, results)?.targets ?? []).map(({ what, limit, measured, unit }) => {
      const number = (value: number) => (unit === '×' ? times(value) : `${inWords(value)}${unit && ` ${unit}`}`);
      return [
        what,
        `≤ ${number(limit)}`,
        number(measured),
        measured <= limit ? 'met' : '**not met**',
        `${results[name]?.date}, ${results[name]?.commit}`,
      ];
    }),
  );
  return table(['', 'target', 'measured', '', 'on, at the commit'], rows);
}

import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT } from '../support/process.ts';

const FILE = join(PROJECT, 'tests', 'deploy', 'sizes.json');
/** A library's next patch may weigh a little more. */
const TOLERANCE = 1.1;
const KILO = 1000;

export interface Weight {
  readonly name: string;
  readonly kB: number;
  readonly budget: number;
  readonly tooLarge: boolean;
}

/** What each function's package in this folder weighs, against sizes.json. */
export async function weigh(folder: string, names: readonly string[]): Promise<Weight[]> {
  const budgets = JSON.parse(await readFile(FILE, 'utf8')) as Readonly<Record<string, number>>;
  return Promise.all(
    names.map(async (name) => {
      const kB = Math.ceil((await stat(join(folder, `${name}.zip`))).size / KILO);
      const budget = budgets[name] ?? 0;
      return { name, kB, budget, tooLarge: kB > budget * TOLERANCE };
    }),
  );
}

/** Makes these weights the budget. */
export async function accept(weights: readonly Weight[]): Promise<void> {
  const budgets = Object.fromEntries(weights.map(({ name, kB }) => [name, kB]));
  await writeFile(FILE, `${JSON.stringify({ unit: 'kB', ...budgets }, null, 2)}\n`);
}

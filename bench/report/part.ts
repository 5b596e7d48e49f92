import { median } from './statistics.ts';
import { inWords } from './svg.ts';

/** What the parts of docs/performance.md have in common: one for each measure. */

/** A measure's part of the page. */
export interface Part {
  readonly targets: readonly Target[];
  readonly text: string;
  /** SVG by file name, below docs/performance. */
  readonly plots: Readonly<Record<string, string>>;
}

export interface Target {
  readonly what: string;
  readonly limit: number;
  readonly measured: number;
  readonly unit: '×' | '' | '%';
}

export const OURS = 'Live Support';
export const SOCKET_IO = 'Socket.IO + Mongo';
export const ms = (value: number) => `${inWords(value)} ms`;
export const times = (value: number) => `${value.toFixed(2)} ×`;

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `|${cells.map((cell) => (cell === '' ? ' |' : ` ${cell} |`)).join('')}\n`;
  return [
    line(head),
    `|${head.map((_, index) => (index === 0 ? '---|' : '---:|')).join('')}\n`,
    ...rows.map(line),
  ].join('');
}

export const image = (name: string, title: string) => `\n![${title}](performance/${name})\n`;

/** The median over the runs. */
export const over = <T>(runs: readonly T[], of: (run: T) => number): number => median(runs.map(of));

/** Whoever has this name. Throws where nobody has. */
export function named<T extends { readonly name: string }>(all: readonly T[], name: string): T {
  const found = all.find((one) => one.name === name);
  if (!found) throw new Error(`there is no ${name}`);
  return found;
}

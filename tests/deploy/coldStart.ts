import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { PROJECT } from '../support/process.ts';
import { BUNDLING, bundle } from './bundle.ts';
import { type DeployedFunction, fromPackage } from './deployed.ts';
import { packagedService } from './packaging.ts';

/**
 * `npm run bench:cold`, or `npm run bench:cold -- auth sweep`: how much processor time each packaged function takes to load,
 * beside a bundle that loads the same libraries and does nothing. Fails where our own code adds more than `MOST`. Both are
 * measured in turn, in new processes, and what counts is the ratio of the two that were measured together: whatever else this
 * machine does falls on both.
 */

const MOST = 1.25;
const ROUNDS = Number(process.env['ROUNDS'] ?? 31);

async function main(): Promise<void> {
  const packaged = await packagedService();
  try {
    const { functions } = await fromPackage(packaged.folder);
    const measured = [];
    const wanted = process.argv.slice(2);
    for (const one of functions) {
      if (wanted.length === 0 || wanted.includes(one.name)) measured.push(await compare(one, packaged.folder));
    }
    console.log(
      `Loading on Node ${process.versions.node}, medians of ${ROUNDS} rounds, in ms of processor time (an empty process taken off):`,
    );
    console.table(measured);
    const over = measured.filter(({ ratio }) => typeof ratio === 'number' && ratio > MOST);
    if (over.length > 0) {
      console.error(`${over.map((row) => row.function).join(', ')}: more than ${MOST} times what its libraries take`);
      process.exitCode = 1;
    }
  } finally {
    await packaged.remove();
  }
}

async function compare(one: DeployedFunction, folder: string) {
  const file = one.handler.replace(/\.handler$/, '');
  const libraries = await librariesOf(join(PROJECT, `${file}.ts`));
  const bare = join(folder, 'bare', `${one.name}.cjs`);
  await bundleOf(libraries, bare);
  const own = join(one.folder, `${file}.cjs`);
  const pairs: { readonly load: number; readonly alone: number }[] = [];
  // The first of each warms the disk.
  for (let round = 0; round <= ROUNDS; round += 1) {
    // Whichever comes second may find the machine in another mood.
    const first = round % 2 === 0 ? await timeToLoad(own) : undefined;
    const alone = await timeToLoad(bare);
    const load = first ?? (await timeToLoad(own));
    if (round > 0) pairs.push({ load, alone });
  }
  return {
    function: one.name,
    load: round1(median(pairs.map(({ load }) => load))),
    'libraries alone': round1(median(pairs.map(({ alone }) => alone))),
    // Of nothing there is no multiple.
    ratio: libraries.every(({ isLazy }) => isLazy)
      ? '-'
      : Math.round(median(pairs.map(({ load, alone }) => load / alone)) * 100) / 100,
    libraries: libraries.map(({ name, isLazy }) => (isLazy ? `(${name})` : name)).join(' '),
  };
}

interface Library {
  readonly name: string;
  /** What of it is used; all the rest esbuild drops. */
  readonly members: readonly string[];
  /** Loaded when it comes to that, which is after the function has loaded. */
  readonly isLazy: boolean;
}

/** The packages a function's own code imports, by esbuild's account of it, and what of each it uses. */
async function librariesOf(entry: string): Promise<Library[]> {
  const { outputFiles } = await build({
    ...BUNDLING,
    minifyWhitespace: false,
    minifySyntax: false,
    entryPoints: [entry],
    packages: 'external',
    write: false,
  });
  const code = outputFiles[0]?.text ?? '';
  const imports = [...code.matchAll(/^( *)(?:var )?(\w+) = (?:__toESM\()?require\("([^"]+)"\)/gm)];
  const names = [...new Set(imports.map((match) => match[3] ?? ''))].filter((name) => !name.startsWith('node:'));
  return names.sort().map((name) => {
    const own = imports.filter((match) => match[3] === name);
    const uses = own.flatMap(([, , variable]) => [...code.matchAll(new RegExp(`\\b${variable}\\.(\\w+)`, 'g'))]);
    return {
      name,
      members: [...new Set(uses.map((match) => match[1] ?? ''))].sort(),
      // What a dynamic import leads to stands within a function, and so indented.
      isLazy: own.every(([, indent]) => indent !== ''),
    };
  });
}

/** A bundle with as much of these libraries, as its users in lib/ import them, and nothing else. */
async function bundleOf(libraries: readonly Library[], outfile: string): Promise<void> {
  await mkdir(dirname(outfile), { recursive: true });
  const used = libraries.map(({ name, members, isLazy }, index) => {
    const code = `import * as l from '${name}'; export const u = () => [${members.map((member) => `l.${member}`)}];`;
    const load = isLazy
      ? `export const u${index} = () => import('${index}');`
      : `export { u as u${index} } from '${index}';`;
    return { code, load };
  });
  const modules = Object.fromEntries(used.map(({ code }, index) => [String(index), code]));
  await bundle(used.map(({ load }) => load).join('\n'), outfile, modules);
}

async function timeToLoad(file: string): Promise<number> {
  const script = `const before = process.cpuUsage(); require(${JSON.stringify(file)}); const { user, system } = process.cpuUsage(before); process.stdout.write(String((user + system) / 1000)); process.exit();`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { env: {} });
  return Number(stdout);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function round1(value: number): number {
  return Math.round(value * 10) / 10;
}

await main();

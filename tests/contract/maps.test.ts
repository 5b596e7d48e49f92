import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MUTANTS } from '../faults/mutants.ts';
import { LAYERS } from './imports.ts';

/** The maps that newcomers read name what is there, and leave nothing out. */

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(root + path, 'utf8');

describe('docs/architecture.md', () => {
  const text = read('docs/architecture.md');
  const [map = '', ...walks] = text.split(/^## (?!The folders)/m);

  const folders = [...map.matchAll(/^\| \[([\w/]+)\]\([^)]+\) \| (.+) \|(.*) \|$/gm)].map(
    ([, folder = '', , imports = '']) => ({
      folder,
      imports,
    }),
  );

  it('has every folder', () => {
    const foldersIn = (of: string) =>
      readdirSync(root + of, { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && !/^\.|^(node_modules|docs|coverage)$/.test(entry.name))
        .map(({ name }) => name);
    const there = [...foldersIn('lib').map((name) => `lib/${name}`), ...foldersIn('').filter((name) => name !== 'lib')];
    expect(folders.map(({ folder }) => folder).sort()).toEqual(there.sort());
  });

  /** The last one's imports too, where the map says so. */
  function readImports(imports: string): string[] {
    const named = [...imports.matchAll(/`(\w+)`/g)].map(([, name]) => `lib/${name}`);
    const theirs = imports.endsWith('and its imports') ? (LAYERS[named.at(-1) ?? ''] ?? []) : [];
    return [...new Set([...named, ...theirs])].sort();
  }

  it.each(folders.filter(({ folder }) => folder in LAYERS))('says what $folder imports', ({ folder, imports }) => {
    // The version is no folder, and the folders of `functions` are one with it.
    const allowed = (LAYERS[folder] ?? []).filter((layer) => layer.startsWith('lib/'));
    expect(readImports(imports)).toEqual([...allowed].sort());
  });

  const steps = walks.flatMap((walk) =>
    [...walk.matchAll(/^\| \d+ \| `(\w+)` \| \[([\w./]+)\]\(\.\.\/([\w./]+)\) \|/gm)].map(
      ([, name = '', label = '', file = '']) => ({ name, label, file }),
    ),
  );

  it('walks', () => expect(steps.length).toBeGreaterThan(25));

  it('says how many walks there are', () => {
    const walked = walks.filter((walk) => /^\| 1 \| `\w+` \|/m.test(walk));
    const [, number = ''] = /(\w+) walks through it/.exec(map) ?? [];
    expect(['four', 'five', 'six', 'seven', 'eight'].indexOf(number) + 4).toBe(walked.length);
  });

  it.each(steps)('$name is in $file', ({ name, label, file }) => {
    expect(label).toBe(file);
    expect(read(file)).toMatch(new RegExp(`\\b(function|const) ${name}\\b`));
  });

  it('names functions that are there', () => {
    const told = walks.flatMap((walk) => [...walk.matchAll(/`([a-z]+[A-Z]\w+)`/g)].map(([, name = '']) => name));
    const code = ['lib', 'web/build']
      .flatMap((folder) =>
        readdirSync(root + folder, { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`),
      )
      .filter((path) => path.endsWith('.ts'))
      .map(read)
      .join('\n');
    expect(told.filter((name) => !code.includes(name))).toEqual([]);
  });
});

describe('docs/invariants.md', () => {
  const text = read('docs/invariants.md');
  const invariants = [...text.matchAll(/^\*\*(\d+)\. ([\s\S]*?)(?=^\*\*\d|(?![\s\S]))/gm)].map(
    ([all = '', number]) => ({
      number: Number(number),
      shown: [...all.matchAll(/`([\w./]+\.ts) › ([^`]+)`/g)].map(([, file = '', name = '']) => ({ file, name })),
    }),
  );

  it.each(invariants)('$number has tests, and they are there', ({ shown }) => {
    expect(shown.length).toBeGreaterThan(0);
    const missing = shown.filter(
      ({ file, name }) => !existsSync(`${root}tests/${file}`) || !read(`tests/${file}`).includes(name),
    );
    expect(missing).toEqual([]);
  });

  it('has every invariant that a test gives a number', () => {
    const numbered = new Set(
      readdirSync(`${root}tests`, { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.ts') && !path.endsWith('maps.test.ts'))
        .flatMap((path) => [...read(`tests/${path}`).matchAll(/\bInvariants? (\d+)(?: and (\d+))?/g)])
        .flatMap(([, one, two]) => [one, two].flatMap((number) => number ?? []).map(Number)),
    );
    expect(numbered.size).toBeGreaterThan(5);
    expect(invariants.map(({ number }) => number)).toEqual(expect.arrayContaining([...numbered]));
  });
});

describe('tests/README.md', () => {
  const text = read('tests/README.md');
  const linked = new Set([...text.matchAll(/\]\(([\w./]+)\)/g)].map(([, path = '']) => path));

  it('names every test', () => {
    const tests = readdirSync(`${root}tests`, { recursive: true, encoding: 'utf8' }).filter((path) =>
      /\.(test|proof)\.ts$/.test(path),
    );
    expect(tests.filter((path) => !linked.has(path))).toEqual([]);
  });

  it('names nothing else', () => {
    expect([...linked].filter((path) => !existsSync(`${root}tests/${path}`))).toEqual([]);
  });
});

describe('docs/delivery.md names tests that are there:', () => {
  const [, table = ''] = read('docs/delivery.md').split('## How it is tested');
  const paths = readdirSync(`${root}tests`, { recursive: true, encoding: 'utf8' });
  const suites = paths.filter((path) => path.endsWith('/suite.ts')).map((path) => read(`tests/${path}`));
  const rows = [...table.matchAll(/^\| [\d, ]+ \| (.*) \|$/gm)].map(([, tests = '']) => tests);
  /** Each file of a row, with what the row says of it: a name in italics may leave something out, by `…`. */
  const told = rows.flatMap((row) =>
    [...row.matchAll(/`([a-z]\S*)`([^`]*)/g)].map(([, file = '', said = '']) => ({ file, said })),
  );

  it.each(told)('$file', ({ file, said }) => {
    const path = paths.find((one) => `/${one}`.endsWith(`/${file}.test.ts`));
    expect(path).toBeDefined();
    const text = [read(`tests/${path}`), ...suites].join('\n');
    const pieces = [...said.matchAll(/\*([^*]+)\*/g)].flatMap(([, name = '']) => name.split(/ ?… ?/));
    // A name goes from a `describe` into its `it`: only its two ends are in one piece.
    const ends = pieces.filter(Boolean).flatMap((piece) => {
      const words = piece.split(' ');
      return [words.slice(0, 3).join(' '), words.slice(-3).join(' ')];
    });
    expect(ends.filter((end) => !text.includes(end))).toEqual([]);
  });
});

it('docs/delivery.md says how many deliberate mistakes there are', () => {
  const [, ...counts] =
    /against (\d+) deliberate mistakes[\s\S]*?unless all (\d+) are found/.exec(read('docs/delivery.md')) ?? [];
  expect(counts.map(Number)).toEqual([MUTANTS.length, MUTANTS.length]);
});

describe('docs/delivery.md says how many seeds are played:', () => {
  it.each([
    ['faults/historyChecker/suite.ts', /play (\d+) seeded scenarios of people and faults \((\d+) with `SOAK=1`\)/],
    ['faults/deskChecker/suite.ts', /play (\d+) seeded desks \((\d+) with `SOAK=1`\)/],
    ['client/hostile.test.ts', /plays (\d+) seeds \((\d+) with `SOAK=1`\)/],
  ])('those of %s', (file, told) => {
    const [, few, soak] = /\{ few: (\d+), soak: (\d+) \}/.exec(read(`tests/${file}`)) ?? [];
    expect(few).toBeDefined();
    expect(told.exec(read('docs/delivery.md'))?.slice(1)).toEqual([few, soak]);
  });

  it('the races of a connect and a logout', () => {
    const [, full, few] = /RACES = inFull \? (\d+) : (\d+)/.exec(read('tests/faults/endedSessions.test.ts')) ?? [];
    expect(few).toBeDefined();
    expect(read('docs/delivery.md')).toContain(`racing a logout …*: ${few} races (${full} with \`SOAK=1\`)`);
  });
});

import { readFileSync } from 'node:fs';
import { blocks, plots } from '../bench/report/page.ts';
import type { Results } from '../bench/report/results.ts';
import { type Access, type Operation, PERMISSIONS } from '../lib/domain/permissions.ts';
import { ERRORS } from '../lib/protocol/errors.ts';
import { type ClientEvent, clientEvents } from '../lib/protocol/events.ts';
import { repeatingInWords } from '../lib/protocol/repeating.ts';
import { type Route, routeKeyOf } from '../lib/protocol/route.ts';
import { routes } from '../lib/protocol/routes.ts';
import { report as alwaysOn, plot as alwaysOnPlot } from './alwaysOn.ts';
import { report as cost } from './cost.ts';
import { STORED } from './load.ts';
import { report as scale } from './scale.ts';
import { ASKED_FOR, SERVER_EVENTS } from './serverEvents.ts';

/**
 * Makes the tables in README.md and docs/delivery.md that follow from `lib/protocol`; those in docs/performance.md, with its
 * plots, that follow from the last runs of the benchmark; what commands print in docs/cost.md and docs/scale.md; and how many bytes
 * something takes in the database, in docs/scale.md.
 */

interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const code = (text: string): string => `\`${text}\``;

function who(operation: Operation): string {
  const access: Access = PERMISSIONS[operation];
  if (access === 'anyone') return 'anyone';
  return access === 'signedIn' ? 'signed in' : access.join(', ');
}

const allRoutes = Object.values<Route>(routes);
const allEvents = Object.values<ClientEvent>(clientEvents);

/** The tables of each page, which stand between `<!-- name -->` and `<!-- /name -->`. */
const TABLES: Readonly<Record<string, Readonly<Record<string, () => Table>>>> = {
  'README.md': {
    routes: () => ({
      head: ['Route', 'Who', 'What'],
      rows: allRoutes.map((route) => [code(routeKeyOf(route)), who(route.operation), route.summary]),
    }),
    'client-events': () => ({
      head: ['Client event', 'Who', 'Answered with', 'What'],
      rows: allEvents.map(({ event, answer, summary }) => [
        code(event),
        who(event),
        answer === null ? '—' : code(answer),
        summary,
      ]),
    }),
    'server-events': () => ({
      head: ['Server event', 'What', 'Sent'],
      rows: Object.entries(SERVER_EVENTS).map(([name, { summary, sentTo }]) => [
        code(name),
        summary,
        sentTo ?? ASKED_FOR,
      ]),
    }),
    errors: () => ({
      head: ['Code', 'HTTP', 'WebSocket', 'Meaning'],
      rows: Object.entries(ERRORS).map(([name, { status, socket, title }]) => [
        code(name),
        String(status ?? ''),
        socket ? 'yes' : '',
        title,
      ]),
    }),
  },
  'docs/delivery.md': {
    repeating: () => ({
      head: ['Command', 'Sent again'],
      rows: [
        ...allRoutes
          .filter(({ method }) => method !== 'GET')
          .map((route) => [code(routeKeyOf(route)), repeatingInWords(route.repeat)]),
        ...allEvents.map(({ event, repeat }) => [code(event), repeatingInWords(repeat)]),
      ],
    }),
  },
};

const COMMANDS = { cost, alwaysOn, scale } as const;

const SCALE = 'docs/scale.md';

/** The pages that show a command of these, `$ npx node tools/cost.ts …`, and below it what it prints. */
const SHOWING_COMMANDS = ['docs/cost.md', SCALE];

const stored = (): string =>
  [
    `A message of 200 characters takes ${STORED.message} bytes, a closed conversation with a subject of 50 characters ${STORED.conversation}: before compression and`,
    'without indexes. [The test](../tests/integration/writePath.test.ts) of the commands measures both.',
    '',
  ].join('\n');

const PERFORMANCE = 'docs/performance.md';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

/** Returns the text of every page and plot, made new. Throws where a page has no place for a table. */
export async function pages(): Promise<Record<string, string>> {
  const inMarkdownOf = (tables: Readonly<Record<string, () => Table>>) =>
    Object.fromEntries(Object.entries(tables).map(([name, table]) => [name, inMarkdown(table())]));
  const results = JSON.parse(read('bench/results.json')) as Results;
  const printedPages = Object.fromEntries(
    await Promise.all(SHOWING_COMMANDS.map(async (path) => [path, await printed(path)] as const)),
  );
  return {
    ...Object.fromEntries(Object.entries(TABLES).map(([path, tables]) => [path, filled(path, inMarkdownOf(tables))])),
    [PERFORMANCE]: filled(PERFORMANCE, blocks(results)),
    ...plots(results),
    ...printedPages,
    [SCALE]: filled(SCALE, { stored: stored() }, printedPages[SCALE]),
    'docs/performance/alwaysOn.svg': await alwaysOnPlot(),
  };
}

function filled(path: string, texts: Readonly<Record<string, string>>, text = read(path)): string {
  return Object.entries(texts).reduce((page, [name, made]) => {
    const [before, , after, ...more] = page.split(new RegExp(`<!-- /?${name} -->\n`));
    if (before === undefined || after === undefined || more.length > 0) throw new Error(`${path} has no table ${name}`);
    return `${before}<!-- ${name} -->\n${made}<!-- /${name} -->\n${after}`;
  }, text);
}

async function printed(path: string): Promise<string> {
  let page = read(path);
  for (const [shown, name, args = ''] of page.matchAll(/^```\n\$ npx node tools\/(\w+)\.ts(.*)\n[\s\S]*?\n```$/gm)) {
    const command = COMMANDS[name as keyof typeof COMMANDS];
    const output = await command(args.split(' ').filter(Boolean));
    page = page.replace(shown, () => `\`\`\`\n$ npx node tools/${name}.ts${args}\n${output}\n\`\`\``);
  }
  return page;
}

function inMarkdown({ head, rows }: Table): string {
  const line = (cells: readonly string[]) => `|${cells.map((cell) => (cell === '' ? ' |' : ` ${cell} |`)).join('')}\n`;
  return [line(head), `|${head.map(() => '---|').join('')}\n`, ...rows.map(line)].join('');
}

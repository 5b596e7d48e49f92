import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Manifest } from '../../lib/site/manifest.ts';
import { filesOf } from '../../web/build/site.ts';
import { weigh } from '../deploy/budget.ts';
import { type PackagedService, packageService } from '../deploy/packaging.ts';
import { rights, service } from '../deploy/service.ts';
import { HANG_MS } from '../support/deadline.ts';
import { unzip } from '../support/zip.ts';

/** What is deployed: one bundle per function, which needs nothing beside it. */

const deployed = Object.entries(service.functions).map(([name, { handler }]) => ({ name, handler }));
const names = deployed.map(({ name }) => name).sort();

// A function pays for what it carries whenever a new instance of it starts.
const NOT_POSTING = names.filter((name) => rights[name]?.sockets.length === 0);
const WITHOUT_DATABASE = names.filter((name) => !rights[name]?.secrets.includes('mongodb-uri'));

let packaged: PackagedService;
let folder: string;
const files = new Map<string, Map<string, Buffer>>();

beforeAll(async () => {
  packaged = await packageService('dev');
  folder = packaged.folder;
  for (const { name } of deployed) files.set(name, unzip(await readFile(join(folder, `${name}.zip`))));
});

afterAll(() => packaged?.remove());

/** The functions whose bundle holds this text. */
function carrying(text: string): string[] {
  return names.filter((name) => [...(files.get(name)?.values() ?? [])].some((file) => file.includes(text)));
}

it.each(deployed)('$name loads by itself and has its handler', async ({ name, handler }) => {
  const bare = join(folder, 'bare', name);
  for (const [path, content] of files.get(name) ?? []) {
    await mkdir(dirname(join(bare, path)), { recursive: true });
    await writeFile(join(bare, path), content);
  }
  const [path = '', exported = ''] = handler.split('.');
  // As Lambda does: the bundle is required, and what it exports is called with an event and a context.
  const load = `const { ${exported} } = require('./${path}.cjs');
    console.log(process.versions.node.split('.')[0], typeof ${exported}, ${exported}.length);
    process.exit();`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', load], {
    cwd: bare,
    env: {},
    timeout: HANG_MS,
  });
  const [node, type, parameters] = stdout.trim().split(' ');
  expect({ node, type }).toEqual({ node: '24', type: 'function' });
  // The runtime refuses a handler that takes a callback.
  expect(Number(parameters)).toBeLessThanOrEqual(2);
});

it('carries the code alone: one file; the site, the pages of this build besides', () => {
  const alone = names.filter((name) => name !== 'site');
  expect(alone.map((name) => [name, files.get(name)?.size])).toEqual(alone.map((name) => [name, 1]));
  const site = files.get('site') ?? new Map<string, Buffer>();
  const manifest = JSON.parse(String(site.get('.site/manifest.json'))) as Manifest;
  expect([...site.keys()].sort()).toEqual(
    ['functions/site.cjs', ...filesOf(manifest).map((file) => `.site/${file}`)].sort(),
  );
});

it('weighs no more than it may', async () => {
  const weights = await weigh(folder, names);
  // `npm run sizes` shows them all.
  expect(weights.filter(({ tooLarge }) => tooLarge)).toEqual([]);
});

it('carries no client of the management API where nothing is posted', () => {
  const withClient = carrying('ApiGatewayManagementApi');
  expect(withClient).toEqual(expect.arrayContaining(['auth', 'conversations', 'websocket', 'sweep']));
  expect(NOT_POSTING).toEqual(expect.arrayContaining(['analytics', 'operations', 'site', 'unknownRoute']));
  expect(withClient.filter((name) => NOT_POSTING.includes(name))).toEqual([]);
});

it.each([
  ['a client of the Parameter Store, for one read', 'SSMClient'],
  ["a copy of Node's URL parser", 'basicURLParse'],
])('carries nowhere %s', (_what, text) => {
  expect(carrying(text)).toEqual([]);
});

it('carries only the collections and routes a function has to do with', () => {
  // What `@__PURE__` is for: without it, all of them would be everywhere.
  expect(carrying('"login_attempts"').sort()).toEqual(['auth', 'migrate', 'users']);
  expect(carrying('"known_origins"').sort()).toEqual(['auth', 'migrate', 'users']);
  expect(carrying('"guards"').sort()).toEqual(['createFirstAdmin', 'migrate', 'users']);
  expect(carrying('"mail_outbox"').sort()).toEqual(['auth', 'mail', 'migrate', 'sweep', 'users']);
  expect(carrying('"password_resets"').sort()).toEqual(['auth', 'mail', 'migrate', 'users']);
  expect(carrying('/v2/email/outbound-emails')).toEqual(['mail']);
  for (const name of ['auth', 'operations']) expect(carrying('"active_messages"')).not.toContain(name);
  expect(carrying('Trade a refresh token for two new tokens.')).toEqual(['auth']);
  expect(carrying('Say something in a room')).toEqual(['websocket']);
});

it.each([
  ['the driver', 'mongodb+srv://'],
  ['mongoose', 'strictPopulate'],
])('carries %s wherever there is something to read or write, and nowhere else', (_what, text) => {
  expect(carrying(text)).toEqual(names.filter((name) => !WITHOUT_DATABASE.includes(name)));
});

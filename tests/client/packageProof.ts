import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { DEMO_PASSWORD } from '../../local/demoPeople.ts';
import { findChromium } from '../browser/support/chromium.ts';
import { eventually, within } from '../support/deadline.ts';
import { freePorts, localFolder, portVariables } from '../support/emulator.ts';
import { PROJECT, Running, SERVERLESS } from '../support/process.ts';

/**
 * `npm run test:clientPackage`: the package as it would be published, installed into empty projects, where the README's example
 * runs against `npm start`, in Node, in TypeScript, and in Chromium where there is one. Then two people talk in two terminals
 * through `kill -STOP` and a restart of the service.
 */
const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), 'live-support-client-'));
const [ports, local] = await Promise.all([freePorts(), localFolder()]);
const EXPECTED = /1 Candidate One: Hello, is anybody there\?/;

const startService = async () => {
  const service = new Running([...SERVERLESS, 'offline'], {
    ...portVariables(ports),
    ...{ LOCAL_DIR: local.path, LOG_LEVEL: 'error', RATE_LIMITS: 'off', npm_execpath: 'npm' },
  });
  await service.printed(/Live Support is ready/);
  return service;
};

const atOurPorts = (code: string) =>
  code
    .replaceAll('localhost:3000', `localhost:${ports.http}`)
    .replaceAll('localhost:3001', `localhost:${ports.webSocket}`);

async function example(): Promise<string> {
  const readme = await readFile(`${PROJECT}/client/README.md`, 'utf8');
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(readme) ?? [];
  assert.ok(
    code.includes('createClient') && code.trim().split('\n').length <= 10,
    'the README begins with an example of ten lines',
  );
  return atOurPorts(code);
}

async function project(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const path = join(folder, name);
  await mkdir(path);
  await writeFile(join(path, 'package.json'), JSON.stringify({ name, private: true, type: 'module' }));
  for (const [file, content] of Object.entries(files)) await writeFile(join(path, file), content);
  await run('npm', ['install', '--no-audit', '--no-fund', '--offline', tarball], { cwd: path });
  return path;
}

/** Proves it, or returns why it could not be tried. */
type Proof = () => Promise<string | undefined>;

async function inNode(): Promise<undefined> {
  const path = await project('esm', { 'example.js': await example() });
  const program = new Running([process.execPath, 'example.js'], {}, path);
  await program.printed(EXPECTED);
  await program.interrupt();
}

async function inTypeScript(): Promise<undefined> {
  const tsc = `${PROJECT}/node_modules/typescript/bin/tsc`;
  for (const [module, moduleResolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ]) {
    const compilerOptions = {
      strict: true,
      skipLibCheck: false,
      module,
      moduleResolution,
      target: 'es2022',
      types: [],
      outDir: 'out',
    };
    const path = await project(`typescript-${moduleResolution}`, {
      'example.ts': await example(),
      'wrong.ts': `import { createClient } from '@live-support/client';\nconst client = createClient({ httpUrl: '', websocketUrl: '' });\n// @ts-expect-error: there is no such status.\nvoid client.http.listConversations({ query: { status: 'lost' } });\n`,
      'tsconfig.json': JSON.stringify({ compilerOptions, files: ['example.ts', 'wrong.ts'] }),
    });
    await run(process.execPath, [tsc, '-p', '.'], { cwd: path });
    if (moduleResolution !== 'nodenext') continue;
    const program = new Running([process.execPath, 'out/example.js'], {}, path);
    await program.printed(EXPECTED);
    await program.interrupt();
  }
}

async function inChromium(): Promise<string | undefined> {
  const chromium = await findChromium();
  if (chromium === undefined) {
    // Who names one wants to see it run.
    assert.ok(!process.env['CHROMIUM'], `CHROMIUM: ${process.env['CHROMIUM']} is no program`);
    return 'there is no Chromium';
  }
  const said: string[] = [];
  const code = await example();
  const page = `<!doctype html><script type="importmap">{"imports":{"@live-support/client":"/client.js"}}</script>
<script>console.log = (line) => void fetch('/said', { method: 'POST', body: line }); onerror = (error) => console.log('failed: ' + error);</script>
<script type="module">${code}</script>`;
  const server = createServer(async (request, response) => {
    if (request.url === '/said') said.push(await text(request));
    else await buffer(request);
    const isScript = request.url === '/client.js';
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html; charset=utf-8' });
    response.end(isScript ? await readFile(join(folder, 'esm/node_modules/@live-support/client/dist/index.js')) : page);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://localhost:${(server.address() as AddressInfo).port}/`;
  const flags = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    `--user-data-dir=${join(folder, 'chromium')}`,
    '--remote-debugging-port=0',
  ];
  const browser = new Running([chromium, ...flags, address]);
  try {
    await eventually('the example to run in Chromium', async () => said.some((line) => EXPECTED.test(line)));
  } finally {
    console.log(`Chromium said: ${said.join(' | ')}`);
    await browser.interrupt('SIGKILL');
    server.closeAllConnections();
    server.close();
  }
  return undefined;
}

/**
 * Two people in two terminals: one is frozen, the service is restarted, then both at once, and nothing is missing at the end. Who may
 * not join is told why.
 */
async function inTerminals(service: Running): Promise<Running> {
  const chat = join(folder, 'esm/node_modules/@live-support/client/examples/terminalChat.js');
  const env = {
    HTTP_URL: `http://localhost:${ports.http}`,
    WS_URL: `ws://localhost:${ports.webSocket}`,
    PASSWORD: DEMO_PASSWORD,
  };
  const open = (...args: string[]) => new Running([process.execPath, chat, ...args], env, join(folder, 'esm'));
  const kim = open('candidate2@example.com');
  const [, id = ''] = await kim.printed(/conversation (\S+), as/);
  const early = open('agent2@example.com', id);
  await early.printed(/^-- There is no such thing, or it is not yours to see\.$/m);
  assert.equal(await within('who may not join to end', early.exited), 1);
  assert.doesNotMatch(early.output, /^ +at /m);
  const former = open('agent2@example.com', id, '--assign', 'supervisor1@example.com');
  await former.printed(/ready/);
  const alex = open('agent1@example.com', id, '--assign', 'supervisor1@example.com');
  await alex.printed(/ready/);
  await former.printed(/^-- no longer yours$/m);
  kim.type('hello');
  await alex.printed(/^1 Candidate Two: hello$/m);

  kim.signal('SIGSTOP');
  alex.type('are you there?');
  await alex.printed(/^2 Agent One: are you there\?$/m);
  kim.signal('SIGCONT');
  await kim.printed(/^2 Agent One: are you there\?$/m);

  await service.interrupt();
  kim.type('said while nobody is there');
  alex.type('so is this');
  await kim.printed(/waiting/);
  let again = await startService();
  await alex.printed(/^\d Candidate Two: said while nobody is there$/m);
  await kim.printed(/^\d Agent One: so is this$/m);

  // Both at once: whoever is frozen hears of the restart only afterwards.
  kim.signal('SIGSTOP');
  kim.type('typed while frozen');
  await again.interrupt();
  again = await startService();
  alex.type('after the restart');
  await alex.printed(/^5 Agent One: after the restart$/m);
  kim.signal('SIGCONT');
  await alex.printed(/^6 Candidate Two: typed while frozen$/m);
  await kim.printed(/^6 Candidate Two: typed while frozen$/m);
  alex.type('/close');
  await Promise.all([kim.printed(/^-- closed$/m), alex.printed(/^-- closed$/m)]);
  assert.deepEqual(await within('both to end', Promise.all([kim.exited, alex.exited])), [0, 0]);
  const said = (terminal: Running) => terminal.output.split('\n').filter((line) => /^\d/.test(line));
  assert.deepEqual(said(kim), said(alex));
  assert.equal(said(kim).length, 6);
  return again;
}

const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: `${PROJECT}/client` });
const packed = JSON.parse(stdout.slice(stdout.indexOf('['))) as [
  { filename: string; files: { path: string }[]; size: number },
];
const tarball = join(folder, packed[0].filename);
let service: Running | undefined;
try {
  const files = packed[0].files.map(({ path }) => path);
  console.log(`packed: ${files.length} files, ${packed[0].size} bytes`);
  for (const file of ['README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts', 'examples/terminalChat.js'])
    assert.ok(files.includes(file), file);
  assert.deepEqual(
    files.filter((file) => /^src|tsconfig|\.test\./.test(file)),
    [],
  );
  service = await startService();
  const proofs: Readonly<Record<string, Proof>> = { inNode, inTypeScript, inChromium };
  for (const [what, prove] of Object.entries(proofs)) {
    const missing = await prove();
    console.log(missing === undefined ? `✓ ${what}` : `skipped: ${what}: ${missing}`);
  }
  service = await inTerminals(service);
  console.log('✓ inTerminals');
} finally {
  await service?.interrupt();
  await local.remove();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

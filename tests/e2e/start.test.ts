import { access, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import mongoose from 'mongoose';
import { type ClientStorage, createClient, type LiveSupportClient, memoryStorage } from '../../client/src/index.ts';
import { DEMO_PASSWORD, demoPeople } from '../../local/demoPeople.ts';
import { findMongod } from '../../local/mongodBinary.ts';
import { eventually } from '../support/deadline.ts';
import { allFree, freePorts, localFolder, type Ports, portVariables } from '../support/emulator.ts';
import { inFull, itInFull } from '../support/inFull.ts';
import { newDatabaseUri } from '../support/newDatabase.ts';
import { portToKeep } from '../support/ports.ts';
import { PROJECT, processesNaming, Running, SERVERLESS } from '../support/process.ts';
import { linkIn } from '../support/ses.ts';

/** `npm start` as somebody new to the project meets it. */

const START: readonly string[] = [...SERVERLESS, 'offline'];
/** What the plugin tells before anything else is begun needs nothing else of a start; with `SOAK=1` it is a whole one. */
const PLUGIN: readonly string[] =
  process.env['SOAK'] === '1' ? START : [process.execPath, `${PROJECT}/tests/support/pluginAlone.ts`];

async function startedByNpm(ports: Ports, folder: string): Promise<Running> {
  const server = new Running(['npm', 'start'], { ...portVariables(ports), LOCAL_DIR: folder, LOG_LEVEL: 'error' });
  try {
    await server.printed(/paste the frames there/);
    return server;
  } catch (error) {
    await server.interrupt().catch(() => undefined);
    throw error;
  }
}

/** The shell that waits for us to be gone is the last to go. */
const WATCHDOG = /mongod-watchdog/;

/** Neither a process of this start nor a port is left, the database's and esbuild's included. */
async function expectNothingLeft(ports: Ports, folder: string): Promise<void> {
  expect((await processesNaming(folder)).filter((line) => !WATCHDOG.test(line))).toEqual([]);
  await eventually("mongod's watchdog to be gone", async () => (await processesNaming(folder)).length === 0);
  await allFree(ports);
}

/** Ctrl-C. */
async function stopped(server: Running, ports: Ports, folder: string): Promise<void> {
  await server.interrupt();
  await expectNothingLeft(ports, folder);
}

async function pasted(lines: string): Promise<string> {
  const shell = new Running(['bash', '--norc', '--noprofile']);
  shell.type(lines);
  shell.endInput();
  expect(await shell.ended()).toBe(0);
  return shell.output;
}

describe('npm start', () => {
  it('says where everything is and what to paste, keeps its data, and leaves nothing behind', async () => {
    const [ports, folder] = await Promise.all([freePorts(), localFolder()]);
    try {
      const first = await startedByNpm(ports, folder.path);
      let transcript: unknown;
      let id = '';
      const storage = memoryStorage();
      /** As a page that is loaded anew: what its customer has said, and by which token. */
      const messages = async () => {
        const client = clientOf(ports, storage);
        const isSignedIn = (await client.session.restore()) !== null;
        if (!isSignedIn) await client.signIn({ email: 'candidate1@example.com', password: DEMO_PASSWORD });
        const { items } = await client.http.listMessages({ params: { conversationId: id } });
        const token = await client.session.accessToken();
        client.close();
        return { items, token };
      };
      try {
        expect(first.output).toContain(`http://localhost:${ports.http}\n`);
        expect(first.output).toContain(`ws://localhost:${ports.webSocket}\n`);
        for (const [name, path] of [
          ['Console', '/console'],
          ['Demo', '/demo'],
          ['Documents', '/docs'],
        ]) {
          expect(first.output).toMatch(new RegExp(`^  ${name} +http://localhost:${ports.http}${path}$`, 'm'));
          const page = await fetch(`http://localhost:${ports.http}${path}`);
          expect([path, page.status, page.headers.get('content-type')]).toEqual([
            path,
            200,
            'text/html; charset=utf-8',
          ]);
        }
        for (const { email } of demoPeople) expect(first.output).toContain(`  ${email}`);
        expect(first.output).toContain(DEMO_PASSWORD);

        const snippet = /paste this into bash\n([\s\S]*?)\nand then run/.exec(first.output)?.[1] ?? '';
        const printed = await pasted(snippet);
        const connects = printed.match(/^npx wscat -c ws:\/\/localhost:\d+ -H 'Authorization: Bearer \S+'$/gm);
        expect(connects).toHaveLength(2);
        const frames = (printed.match(/^\{"event".*\}$/gm) ?? []).map((line) => JSON.parse(line));
        expect(frames.map(({ event }) => event)).toEqual(['JOIN_CONVERSATION', 'SEND_MESSAGE', 'CLOSE_CONVERSATION']);
        id = frames[0].data.conversationId;
        transcript = await messages();
        await setForgottenPassword(first, ports, folder.path);
        expect(transcript).toMatchObject({ items: [{ seq: 1, content: 'Hello, is anybody there?' }] });
      } finally {
        await stopped(first, ports, folder.path);
      }

      const second = await startedByNpm(ports, folder.path);
      try {
        // The same token too: the keys it is signed with are kept beside the data.
        expect(await messages()).toEqual(transcript);
      } finally {
        await stopped(second, ports, folder.path);
      }
    } finally {
      await folder.remove();
    }
  });
});

function clientOf({ http, webSocket }: Ports, storage: ClientStorage = memoryStorage()): LiveSupportClient {
  return createClient({ httpUrl: `http://localhost:${http}`, websocketUrl: `ws://localhost:${webSocket}`, storage });
}

/** Asks for a mail, takes the link from what the start prints and keeps, and signs in with a new password. */
async function setForgottenPassword(server: Running, ports: Ports, folder: string): Promise<void> {
  const client = clientOf(ports);
  const email = 'candidate2@example.com';
  await client.http.forgotPassword({ body: { email } });
  const { url, token } = linkIn((await server.printed(/A mail, kept in [\s\S]*#reset=[\w-]{43}\s/))[0]);
  expect(url).toBe(`http://localhost:${ports.http}/console#reset=${token}`);
  const [kept = '', ...others] = await readdir(join(folder, 'mail'));
  expect(others).toEqual([]);
  expect(await readFile(join(folder, 'mail', kept), 'utf8')).toContain(`To: ${email}\n`);
  await client.http.resetPassword({ body: { token, newPassword: 'a password not forgotten' } });
  expect(await client.signIn({ email, password: 'a password not forgotten' })).toMatchObject({ email });
  client.close();
}

/** Something to have in the way, and how to take it away again. */
interface Obstacle {
  readonly env: Readonly<Record<string, string>>;
  /** Where the project is, if not here. */
  readonly cwd?: string;
  readonly remove?: () => Promise<unknown>;
}

async function takenPort(ports: Ports): Promise<Obstacle> {
  const server = createServer();
  await new Promise<void>((fulfil) => server.listen(ports.http, 'localhost', fulfil));
  return { env: {}, remove: () => new Promise((fulfil) => server.close(fulfil)) };
}

async function standalone(): Promise<Obstacle> {
  const { path } = await findMongod();
  for (;;) {
    const port = await portToKeep();
    const dbPath = await mkdtemp(join(tmpdir(), 'live-support-standalone-'));
    const mongod = new Running([path, '--dbpath', dbPath, '--port', String(port), '--bind_ip', '127.0.0.1']);
    let isOver = false;
    mongod.exited.then(() => {
      isOver = true;
    });
    await eventually('a standalone mongod', async () => isOver || (await isServed(port, '127.0.0.1')));
    const remove = async () => {
      await mongod.interrupt();
      await rm(dbPath, { recursive: true, force: true });
    };
    // Somebody else may have taken the port first: then with another one.
    if (!isOver) return { env: { MONGODB_URI: `mongodb://127.0.0.1:${port}/live-support` }, remove };
    await remove();
  }
}

async function corruptData(_ports: Ports, folder: string): Promise<Obstacle> {
  const data = join(folder, 'data');
  await mkdir(data);
  for (const name of ['WiredTiger', 'WiredTiger.turtle', 'WiredTiger.wt']) await writeFile(join(data, name), 'garbage');
  return { env: {} };
}

/** The project, but for one function. */
async function brokenSource(_ports: Ports, folder: string): Promise<Obstacle> {
  const cwd = join(folder, 'project');
  await mkdir(cwd);
  for (const name of ['package.json', 'node_modules', 'lib', 'local', 'cloud', 'web', 'docs', 'tsconfig.json']) {
    await symlink(join(PROJECT, name), join(cwd, name));
  }
  for (const name of ['serverless.yml', 'functions']) {
    await cp(join(PROJECT, name), join(cwd, name), { recursive: true });
  }
  await writeFile(join(cwd, 'functions', 'websocket', 'ping.ts'), 'export const ping = ;\n');
  return { env: {}, cwd };
}

const uri = (address: string) => async (): Promise<Obstacle> => ({ env: { MONGODB_URI: address } });

/** Each of these starts everything: without `SOAK=1` others stand for them. */
const LEFT_OUT = [
  'an unreachable database',
  'source that does not compile',
  'by Ctrl-C under npm as mongod starts',
  'by Ctrl-C when a first server listens',
];
const lighter = <T extends readonly [string, ...unknown[]]>(cases: readonly T[]): T[] =>
  cases.filter(([name]) => inFull || !LEFT_OUT.includes(name));

describe('what is in the way is told in one line, with what to do about it', () => {
  const cases: readonly [string, (ports: Ports, folder: string) => Promise<Obstacle>, RegExp, (readonly string[])?][] =
    [
      ['a port in use', takenPort, /^HTTP port \d+ is in use: .* HTTP_PORT=\d+ npm start$/, PLUGIN],
      [
        'two servers on one port',
        async ({ http }) => ({ env: { WS_PORT: String(http) } }),
        /^HTTP_PORT and WS_PORT are both \d+/,
        PLUGIN,
      ],
      [
        'a port that is none',
        async () => ({ env: { HTTP_PORT: 'http' } }),
        /^HTTP_PORT: http is no port number$/,
        PLUGIN,
      ],
      [
        'an unreachable database',
        uri('mongodb://127.0.0.1:1/x?replicaSet=rs0'),
        /^MONGODB_URI: the database does not answer .* unset it/,
        PLUGIN,
      ],
      ['an address that is none', uri('postgres://user:secret@localhost/x'), /^MONGODB_URI: not an address of MongoDB/],
      ['a standalone server', standalone, /^MONGODB_URI: that is a standalone server, .* --replSet/, PLUGIN],
      [
        'a damaged data folder',
        corruptData,
        /^The local data in \S+ can't be opened .* delete that folder to start afresh/,
        PLUGIN,
      ],
      [
        'source that does not compile',
        brokenSource,
        /^The source does not compile: functions\/websocket\/ping\.ts:1:21: Unexpected ";"$/,
      ],
    ];

  it.concurrent.each(lighter(cases))('%s', async (_what, put, said, command = START) => {
    const [ports, folder] = await Promise.all([freePorts(), localFolder()]);
    const obstacle = await put(ports, folder.path);
    try {
      const server = new Running(
        command,
        { ...portVariables(ports), LOCAL_DIR: folder.path, ...obstacle.env },
        obstacle.cwd,
      );
      const code = await server.ended();
      const lines = server.output.split('\n').filter((line) => line.trim() !== '');
      expect(lines).toEqual([expect.stringMatching(said)]);
      expect(server.output).not.toContain('secret');
      expect(code).toBe(1);
      expect((await processesNaming(folder.path)).filter((line) => !WATCHDOG.test(line))).toEqual([]);
    } finally {
      await obstacle.remove?.();
      await folder.remove();
    }
  });
});

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Whether somebody listens. Asked by connecting: to try to listen there oneself would be in the server's way. */
const isServed = (port: number, host = 'localhost'): Promise<boolean> =>
  new Promise((fulfil) => {
    const socket = connect(port, host);
    socket.once('connect', () => fulfil(true)).once('error', () => fulfil(false));
    socket.once('connect', () => socket.destroy());
  });

const isEsbuild = (line: string): boolean => line.includes('--service=');

/** With `MOMENTS=60`: so many more ends, each after a time of its own, as a person at the keyboard chooses it. */
const RANDOM = Number(process.env['MOMENTS'] ?? 0);

describe('a start that is ended early says nothing, and leaves nothing behind', () => {
  type Come = (ports: Ports, folder: string) => Promise<unknown>;
  const moments: readonly (readonly [string, readonly string[], NodeJS.Signals, Come])[] = [
    ['by Ctrl-C while the framework loads', START, 'SIGINT', async (_, folder) => (await processesNaming(folder))[0]],
    ['by SIGTERM as the data folder is made', PLUGIN, 'SIGTERM', (_, folder) => exists(join(folder, 'data'))],
    [
      'by Ctrl-C under npm as mongod starts',
      ['npm', 'start'],
      'SIGINT',
      (_, folder) => exists(join(folder, 'data', 'mongod.lock')),
    ],
    [
      'by Ctrl-C while functions are bundled',
      START,
      'SIGINT',
      async (_, folder) => (await processesNaming(folder)).some(isEsbuild),
    ],
    ['by Ctrl-C when a first server listens', START, 'SIGINT', ({ lambda }) => isServed(lambda)],
    ...Array.from({ length: RANDOM }, (_, index) => {
      const moment = Math.round((index / RANDOM) * 1000 * Number(process.env['MOMENTS_WITHIN'] ?? 8));
      const signal = index % 3 === 0 ? 'SIGTERM' : 'SIGINT';
      return [`by ${signal} after ${moment} ms`, START, signal, async () => sleep(moment, true)] as const;
    }),
  ];

  it.each(lighter(moments))('%s', async (name, command, signal, come) => {
    const [ports, folder] = await Promise.all([freePorts(), localFolder()]);
    try {
      const server = new Running(command, { ...portVariables(ports), LOCAL_DIR: folder.path });
      await eventually(name, () => come(ports, folder.path));
      const code = await server.interrupt(signal);
      if (!server.output.includes('is ready')) {
        // What npm runs it says first.
        expect(server.output.split('\n').filter((line) => line !== '' && !line.startsWith('> '))).toEqual([]);
        // One that has not begun anything is ended by the signal itself, and has no code.
        expect([signal === 'SIGINT' ? 130 : 143, null]).toContain(code);
      }
      await expectNothingLeft(ports, folder.path);
    } finally {
      await folder.remove();
    }
  });
});

it('a database that MONGODB_URI names gets no demo people by itself', async () => {
  const uri = newDatabaseUri();
  const [ports, folder] = await Promise.all([freePorts(), localFolder()]);
  const client = await mongoose.mongo.MongoClient.connect(uri);
  try {
    const env = { ...portVariables(ports), LOCAL_DIR: folder.path, MONGODB_URI: uri, LOG_LEVEL: 'error' };
    const server = new Running(PLUGIN, env);
    try {
      await server.printed(/Live Support is ready[\s\S]*DEMO_PEOPLE=on npm start/);
    } finally {
      await server.interrupt();
    }
    expect(server.output).not.toContain(DEMO_PASSWORD);
    expect(await client.db().collection('users').countDocuments()).toBe(0);
  } finally {
    await client.db().dropDatabase();
    await client.close();
    await folder.remove();
  }
});

itInFull('does nothing to other commands (SOAK=1): no database is started to print the configuration', async () => {
  const folder = await localFolder();
  try {
    const printing = new Running([...SERVERLESS, 'print', '--path', 'service'], { LOCAL_DIR: folder.path });
    expect(await printing.ended()).toBe(0);
    expect(printing.output).toContain('live-support');
    expect(await readdir(folder.path)).toEqual([]);
  } finally {
    await folder.remove();
  }
});

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import mongoose from 'mongoose';
import { LocalError } from './localError.ts';
import { findMongod, type Log, type MongodBinary } from './mongodBinary.ts';
import { freePort, GRACE_MS, isFree } from './ports.ts';

export { LocalError } from './localError.ts';
export { findMongod } from './mongodBinary.ts';

const { MongoClient, MongoServerError } = mongoose.mongo;
type Db = mongoose.mongo.Db;

const HOST = '127.0.0.1';
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;

export interface MongodOptions {
  /** The data folder; made when it isn't there. */
  readonly dbPath: string;
  /** Default: the one this folder had last time, else any free one. */
  readonly port?: number | undefined;
  readonly replSet?: string | undefined;
  /** `--setParameter`s: `{ ttlMonitorSleepSecs: 1, enableTestCommands: true }`. */
  readonly setParameters?: Readonly<Record<string, string | number | boolean>> | undefined;
  readonly extraArgs?: readonly string[] | undefined;
  readonly binary?: MongodBinary | undefined;
  /** Where progress is told, line by line, while a mongod is fetched. */
  readonly log?: Log | undefined;
  /** Gives the start up: it rejects, and leaves nothing behind. */
  readonly signal?: AbortSignal | undefined;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Mongod {
  /** Of the replica set, without a database: see `databaseUri`. */
  readonly uri: string;
  readonly port: number;
  readonly pid: number;
  readonly dbPath: string;
  /** Ends it cleanly (or by the signal given) and waits until it is gone. Safe to repeat. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Pulls the plug, as a crash of the machine would, and waits until it is gone. */
  kill(): Promise<void>;
  /** Fulfils when the process is gone, whoever ended it. */
  readonly exited: Promise<Exit>;
}

export interface ReplicaSet {
  readonly uri: string;
  readonly members: readonly Mongod[];
  stop(): Promise<void>;
}

/** The same server, with a database named: `mongodb://…/shop?replicaSet=rs0`. */
export function databaseUri(uri: string, database: string): string {
  return uri.replace(/^(mongodb(?:\+srv)?:\/\/[^/?]+)\/?[^?]*/, `$1/${database}`);
}

/**
 * Runs a mongod that is the primary of a replica set of its own (or rejoins the one its data folder belongs to), so that
 * there are transactions. It is not reached by Ctrl-C in our terminal, for functions still at work need it; it ends
 * when told to, or when this process is gone in whatever way. Throws `LocalError`.
 */
export async function startMongod(options: MongodOptions): Promise<Mongod> {
  const replSet = options.replSet ?? 'rs0';
  const mongod = await launch(options, replSet);
  try {
    await withDirectConnection(mongod, (admin) => joinOwnSet(admin, mongod, replSet, options.signal));
    return mongod;
  } catch (error) {
    await mongod.stop();
    throw error;
  }
}

/** Several mongods as one replica set, for stepdowns and elections; each in a folder of its own within `dbPath`. */
export async function startReplicaSet({
  members: count = 3,
  ...options
}: Omit<MongodOptions, 'port'> & { readonly members?: number }): Promise<ReplicaSet> {
  const replSet = options.replSet ?? 'rs0';
  const binary = options.binary ?? (await findMongod({ log: options.log ?? (() => undefined) }));
  const started = await Promise.allSettled(
    Array.from({ length: count }, (_, index) =>
      launch({ ...options, binary, dbPath: join(options.dbPath, String(index)) }, replSet),
    ),
  );
  const members = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const stop = async () => {
    await Promise.all(members.map((member) => member.stop()));
  };
  try {
    for (const result of started) if (result.status === 'rejected') throw result.reason;
    const hosts = members.map((member) => `${HOST}:${member.port}`);
    const [first] = members;
    if (first) await withDirectConnection(first, (admin) => initiate(admin, replSet, hosts));
    await Promise.all(members.map((member) => withDirectConnection(member, (admin) => settled(admin, member))));
    return { uri: `mongodb://${hosts.join(',')}/?replicaSet=${replSet}`, members, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

// --- The process -----------------------------------------------------------------------------------------------------

/** Exit codes of mongod: https://www.mongodb.com/docs/manual/reference/exit-codes/ */
const EXIT_ADDRESS_IN_USE = 48;

async function launch(options: MongodOptions, replSet: string): Promise<Mongod> {
  const { log = () => undefined, signal } = options;
  const binary = options.binary ?? (await findMongod({ log, signal }));
  const dbPath = resolve(options.dbPath);
  await mkdir(dbPath, { recursive: true });
  await endOrphan(dbPath);
  signal?.throwIfAborted();

  if (options.port !== undefined) {
    if (!(await isFree(options.port, HOST))) {
      throw new LocalError(
        `Port ${options.port}, wanted for mongod, is in use: stop what is using it, or take another one`,
      );
    }
    return spawnMongod(options, binary, dbPath, replSet, options.port);
  }
  // Between finding a port free and using it somebody else may: try another one then.
  for (let attempt = 1; ; attempt += 1) {
    const port = (attempt === 1 ? await lastPort(dbPath) : undefined) ?? (await freePort(HOST));
    try {
      return await spawnMongod(options, binary, dbPath, replSet, port);
    } catch (error) {
      if (!(error instanceof AddressInUse) || attempt === 5) throw error;
    }
  }
}

class AddressInUse extends LocalError {}

async function spawnMongod(
  options: MongodOptions,
  binary: MongodBinary,
  dbPath: string,
  replSet: string,
  port: number,
): Promise<Mongod> {
  const logPath = join(dbPath, 'mongod.log');
  const parameters = {
    // Nobody is there to be handed over to: without this a clean stop waits 15 s for them.
    shutdownTimeoutMillisForSignaledShutdown: 100,
    diagnosticDataCollectionEnabled: false,
    ...options.setParameters,
  };
  const args = [
    ...['--dbpath', dbPath, '--logpath', logPath, '--logappend'],
    ...['--bind_ip', HOST, '--port', String(port)],
    ...['--replSet', replSet, '--oplogSize', '128', '--wiredTigerCacheSizeGB', '0.25'],
    ...(process.platform === 'win32' ? [] : ['--nounixsocket']),
    ...Object.entries(parameters).flatMap(([name, value]) => ['--setParameter', `${name}=${value}`]),
    ...(options.extraArgs ?? []),
  ];
  await writeFile(logPath, '');
  const child = spawn(binary.path, args, { detached: true, stdio: 'ignore' });
  const exited = new Promise<Exit>((fulfil) => {
    child.once('exit', (code, signal) => fulfil({ code, signal }));
    child.once('error', () => fulfil({ code: null, signal: null }));
  });
  const { pid } = child;
  if (pid === undefined) throw new LocalError(`${binary.path} can't be run`);
  endWithUs(child, pid, exited);
  // A process that has nothing else to do may end; whoever waits for `exited` or `stop` is not left hanging.
  child.unref();
  await writeFile(join(dbPath, OWNER_FILE), JSON.stringify({ owner: process.pid, port }));

  const end = async (signal: NodeJS.Signals) => {
    child.ref();
    child.kill(signal);
    const patience = new AbortController();
    const gone = await Promise.race([
      exited.then(() => true),
      sleep(STOP_TIMEOUT_MS, false, { signal: patience.signal }).catch(() => true),
    ]);
    patience.abort();
    if (!gone) child.kill('SIGKILL');
    await exited;
  };
  const mongod: Mongod = {
    uri: `mongodb://${HOST}:${port}/?replicaSet=${replSet}`,
    port,
    pid,
    dbPath,
    stop: (signal = 'SIGTERM') => end(signal),
    kill: () => end('SIGKILL'),
    exited,
  };
  try {
    await listening(mongod, options.signal);
    return mongod;
  } catch (error) {
    await mongod.stop();
    throw error;
  }
}

/** Until it answers. Throws what its log says when it ends instead. */
async function listening(mongod: Mongod, signal?: AbortSignal): Promise<void> {
  let exit: Exit | undefined;
  mongod.exited.then((how) => {
    exit = how;
  });
  await until(`mongod on port ${mongod.port} to answer`, signal, async () => {
    if (exit) throw await reasonOfExit(mongod, exit);
    // Somebody else's server may have been quicker to take the port: ours has then ended, or is about to.
    return (await accepts(mongod.port)) && !exit;
  });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((fulfil) => {
    const socket = createConnection({ port, host: HOST });
    socket.once('connect', () => {
      socket.destroy();
      fulfil(true);
    });
    socket.once('error', () => fulfil(false));
  });
}

async function reasonOfExit({ port, dbPath }: Mongod, { code, signal }: Exit): Promise<LocalError> {
  const logPath = join(dbPath, 'mongod.log');
  const log = await readFile(logPath, 'utf8').catch(() => '');
  if (code === EXIT_ADDRESS_IN_USE || /Address already in use/.test(log)) {
    return new AddressInUse(`Port ${port}, wanted for mongod, is in use: stop what is using it, or take another one`);
  }
  if (/DBPathInUse|lock file|mongod\.lock/.test(log) && /Unable to lock|DBPathInUse/.test(log)) {
    return new LocalError(`Another mongod is using ${dbPath}: stop it, or set MONGODB_URI to share it`);
  }
  if (/No space left on device/.test(log)) return new LocalError(`No space left on the disk that holds ${dbPath}`);
  if (
    /WiredTiger error|WT_|wiredTiger|corrupt|UPGRADE PROBLEM|featureCompatibilityVersion|Fatal assertion/i.test(
      fatal(log),
    )
  ) {
    return new LocalError(
      `The local data in ${dbPath} can't be opened (damaged, or of another version of mongod): ` +
        `delete that folder to start afresh. Details: ${logPath}`,
    );
  }
  return new LocalError(`mongod did not start (${signal ?? `exit code ${code}`}). Details: ${logPath}`);
}

/** The lines of a log that tell of errors. */
function fatal(log: string): string {
  return log
    .split('\n')
    .filter((line) => /"s":"[EF]"/.test(line))
    .join('\n');
}

// --- Nothing is left behind ------------------------------------------------------------------------------------------

const OWNER_FILE = 'live-support.json';

/**
 * Sees to it that mongod does not outlive us, even when we are killed outright: a shell waits at a pipe that only we
 * hold open, and ends mongod when the pipe closes without a word.
 */
function endWithUs(child: ChildProcess, pid: number, exited: Promise<Exit>): void {
  const endNow = () => child.kill('SIGTERM');
  process.once('exit', endNow);
  exited.then(() => process.off('exit', endNow));
  if (process.platform === 'win32') return;

  const script = `trap '' INT HUP TERM
    read -r word && exit
    kill -TERM "$1" || exit
    tries=0
    while kill -0 "$1" && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
    kill -KILL "$1"`;
  const watchdog = spawn('/bin/sh', ['-c', script, 'mongod-watchdog', String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // Without a shell the next start ends what this one left (see `endOrphan`).
  watchdog.on('error', () => undefined);
  watchdog.stdin.on('error', () => undefined);
  watchdog.unref();
  if ('unref' in watchdog.stdin && typeof watchdog.stdin.unref === 'function') watchdog.stdin.unref();
  exited.then(() => watchdog.stdin.end('done\n'));
}

/**
 * Ends a mongod that an earlier run of ours left at work on this folder. One whose owner still lives is in use: throws
 * `LocalError`. Somebody else's is left alone; mongod itself then says that the folder is taken.
 */
async function endOrphan(dbPath: string, deadline = Date.now() + GRACE_MS): Promise<void> {
  const pid = Number.parseInt(await readFile(join(dbPath, 'mongod.lock'), 'utf8').catch(() => ''), 10);
  const running = Number.isInteger(pid) ? await describeProcess(pid) : undefined;
  if (!running || !/mongod/.test(running.command) || !running.command.includes(dbPath)) return;

  const { owner } = await readOwner(dbPath);
  if (owner === undefined) return;
  if (owner === running.parent) {
    if (owner !== process.pid && Date.now() < deadline) {
      await sleep(100);
      return endOrphan(dbPath, deadline);
    }
    const who = owner === process.pid ? 'this process' : `process ${owner}`;
    throw new LocalError(
      `The data in ${dbPath} is in use by a server of ${who}: stop that one, or set MONGODB_URI to share it`,
    );
  }
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    for (let tries = 0; tries < 100; tries += 1) {
      try {
        process.kill(pid, tries === 0 ? signal : 0);
      } catch {
        return;
      }
      await sleep(100);
    }
  }
}

async function readOwner(dbPath: string): Promise<{ owner?: number; port?: number }> {
  try {
    const noted: unknown = JSON.parse(await readFile(join(dbPath, OWNER_FILE), 'utf8'));
    if (typeof noted !== 'object' || noted === null) return {};
    return {
      ...('owner' in noted && typeof noted.owner === 'number' ? { owner: noted.owner } : {}),
      ...('port' in noted && typeof noted.port === 'number' ? { port: noted.port } : {}),
    };
  } catch {
    return {};
  }
}

async function lastPort(dbPath: string): Promise<number | undefined> {
  const { port } = await readOwner(dbPath);
  return port !== undefined && (await isFree(port, HOST)) ? port : undefined;
}

async function describeProcess(pid: number): Promise<{ parent: number; command: string } | undefined> {
  try {
    if (process.platform === 'linux') {
      const [status, command] = await Promise.all([
        readFile(`/proc/${pid}/status`, 'utf8'),
        readFile(`/proc/${pid}/cmdline`, 'utf8'),
      ]);
      return { parent: Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]), command: command.replaceAll('\0', ' ') };
    }
    const { stdout } = await promisify(execFile)('ps', ['-o', 'ppid=,command=', '-p', String(pid)]);
    const [, parent, command] = /^\s*(\d+)\s+(.*)/.exec(stdout) ?? [];
    return parent === undefined || command === undefined ? undefined : { parent: Number(parent), command };
  } catch {
    return undefined;
  }
}

// --- The replica set -------------------------------------------------------------------------------------------------

const NOT_YET_INITIATED = 94;
/** The set was initiated while this server had another port. */
const NOT_A_MEMBER = 93;

async function joinOwnSet(admin: Db, mongod: Mongod, replSet: string, signal?: AbortSignal): Promise<void> {
  const self = `${HOST}:${mongod.port}`;
  try {
    await admin.command({ replSetGetStatus: 1 });
  } catch (error) {
    const code = error instanceof MongoServerError ? error.code : undefined;
    if (code === NOT_YET_INITIATED) await initiate(admin, replSet, [self]);
    else if (code === NOT_A_MEMBER) await takeOver(admin, self);
    else throw error;
  }
  await settled(admin, mongod, signal);
}

async function initiate(admin: Db, replSet: string, hosts: readonly string[]): Promise<void> {
  await admin.command({
    replSetInitiate: {
      _id: replSet,
      members: hosts.map((host, index) => ({ _id: index, host })),
      settings: { electionTimeoutMillis: 2000, heartbeatIntervalMillis: 500 },
    },
  });
}

/** Makes this server the only member, under its new port. */
async function takeOver(admin: Db, host: string): Promise<void> {
  const { config } = await admin.command({ replSetGetConfig: 1 });
  await admin.command({
    replSetReconfig: { ...config, version: config.version + 1, members: [{ _id: 0, host }] },
    force: true,
  });
}

/** Until it is the primary, or, beside others, a secondary. */
async function settled(admin: Db, mongod: Mongod, signal?: AbortSignal): Promise<void> {
  await until(`mongod on port ${mongod.port} to take its place in the replica set`, signal, async () => {
    const hello = await admin.command({ hello: 1 });
    const members: unknown = hello['hosts'];
    return (
      hello['isWritablePrimary'] === true ||
      (hello['secondary'] === true && Array.isArray(members) && members.length > 1)
    );
  });
}

async function withDirectConnection<T>({ port }: Mongod, work: (admin: Db) => Promise<T>): Promise<T> {
  const client = new MongoClient(`mongodb://${HOST}:${port}/`, {
    directConnection: true,
    serverSelectionTimeoutMS: 10_000,
    maxPoolSize: 1,
  });
  try {
    return await work(client.db('admin'));
  } finally {
    await client.close();
  }
}

async function until(what: string, signal: AbortSignal | undefined, ready: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await ready())) {
    if (Date.now() > deadline) throw new LocalError(`Waited ${START_TIMEOUT_MS / 1000} s in vain for ${what}`);
    await sleep(50);
    signal?.throwIfAborted();
  }
}

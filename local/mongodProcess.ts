import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LocalError } from './localError.ts';
import { findMongod, type Log, type MongodBinary } from './mongodBinary.ts';
import { endOrphan, endWithUs, lastPort, noteOwner } from './mongodOwner.ts';
import { freePort, isFree } from './ports.ts';

export const HOST = '127.0.0.1';
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;

export interface MongodOptions {
  /** The data folder; made when it isn't there. */
  readonly dbPath: string;
  /** Default: the port that this folder had last time, else any free one. */
  readonly port?: number | undefined;
  readonly replSet?: string | undefined;
  /** `--setParameter`s: `{ ttlMonitorSleepSecs: 1, enableTestCommands: true }`. */
  readonly setParameters?: Readonly<Record<string, string | number | boolean>> | undefined;
  readonly extraArgs?: readonly string[] | undefined;
  readonly binary?: MongodBinary | undefined;
  /** Gets progress, line by line, while a mongod is downloaded. */
  readonly log?: Log | undefined;
  /** Aborts the start: it rejects, and leaves nothing behind. */
  readonly signal?: AbortSignal | undefined;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Mongod {
  /** The address of the replica set, without a database: see `databaseUri`. */
  readonly uri: string;
  readonly port: number;
  readonly pid: number;
  readonly dbPath: string;
  /** Ends the mongod cleanly (or by the given signal) and waits until it is gone. Safe to repeat. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Kills the mongod, as a crash of the machine would, and waits until it is gone. */
  kill(): Promise<void>;
  /** Fulfils when the process is gone, however it ended. */
  readonly exited: Promise<Exit>;
}

/** Exit codes of mongod: https://www.mongodb.com/docs/manual/reference/exit-codes/ */
const EXIT_ADDRESS_IN_USE = 48;

/**
 * Runs a mongod of the replica set `replSet`, and waits until it answers. The set must still be initiated. Throws
 * `LocalError`.
 */
export async function launch(options: MongodOptions, replSet: string): Promise<Mongod> {
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
  // Another process may take the port between the look and its use: then try another port.
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
    // The set has no other member to take over: without this a clean stop waits 15 s for one.
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
  // This process may end when it has nothing else to do; waiting for `exited` or `stop` still works.
  child.unref();
  await noteOwner(dbPath, port);

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

/** Waits until the mongod answers. If it ends instead, throws what its log says. */
async function listening(mongod: Mongod, signal?: AbortSignal): Promise<void> {
  let exit: Exit | undefined;
  mongod.exited.then((how) => {
    exit = how;
  });
  await until(`mongod on port ${mongod.port} to answer`, signal, async () => {
    if (exit) throw await reasonOfExit(mongod, exit);
    // Another server may have taken the port first: this one has then ended, or is about to.
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

/** Returns the lines of a log that tell of errors. */
function fatal(log: string): string {
  return log
    .split('\n')
    .filter((line) => /"s":"[EF]"/.test(line))
    .join('\n');
}

/** Looks again until it is `ready`. Throws `LocalError` when that takes longer than a start may take. */
export async function until(
  what: string,
  signal: AbortSignal | undefined,
  ready: () => Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await ready())) {
    if (Date.now() > deadline) throw new LocalError(`Waited ${START_TIMEOUT_MS / 1000} s in vain for ${what}`);
    await sleep(50);
    signal?.throwIfAborted();
  }
}

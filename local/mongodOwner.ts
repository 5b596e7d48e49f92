import { type ChildProcess, execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { LocalError } from './localError.ts';
import { GRACE_MS, isFree } from './ports.ts';
import { onceWeAreGone } from './watchdog.ts';

const OWNER_FILE = 'live-support.json';

/**
 * Makes sure that mongod doesn't outlive this process, even when this process is killed: a shell that waits
 * beside it then ends mongod.
 */
export function endWithUs(child: ChildProcess, pid: number, exited: Promise<unknown>): void {
  const endNow = () => child.kill('SIGTERM');
  process.once('exit', endNow);
  exited.then(() => process.off('exit', endNow));
  // Without a shell, the next start ends the mongod that this one left (see `endOrphan`).
  const release = onceWeAreGone(
    'mongod-watchdog',
    `kill -TERM "$1" || exit
    tries=0
    while kill -0 "$1" && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
    kill -KILL "$1"`,
    String(pid),
  );
  exited.then(release);
}

/**
 * Ends a mongod that an earlier run left at work on this folder. Throws `LocalError` if its owner still lives. A mongod
 * of somebody else is left alone; the new mongod then says that the folder is taken.
 */
export async function endOrphan(dbPath: string, deadline = Date.now() + GRACE_MS): Promise<void> {
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

/** Notes this process as the server's owner, for `endOrphan` and `lastPort`. */
export async function noteOwner(dbPath: string, port: number): Promise<void> {
  await writeFile(join(dbPath, OWNER_FILE), JSON.stringify({ owner: process.pid, port }));
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

/** Returns the port that this folder's server had last time, if the port is free. */
export async function lastPort(dbPath: string): Promise<number | undefined> {
  const { port } = await readOwner(dbPath);
  return port !== undefined && (await isFree(port)) ? port : undefined;
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

import { spawn } from 'node:child_process';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';

/** Linux's own folder in memory. */
const IN_MEMORY = '/dev/shm';
/** What the databases of all tests come to at their most is 1.5 GB. */
const ROOM_BYTES = 4 * 1024 ** 3;

async function hasRoom(): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(IN_MEMORY);
    return Math.min(bavail * bsize, freemem()) >= ROOM_BYTES;
  } catch {
    return false;
  }
}

export interface Scratch {
  readonly path: string;
  remove(): Promise<void>;
}

/**
 * A folder for all that the tests write, which doesn't outlive this process. It is in memory where there is room: mongod flushes
 * each write to the disk before a majority has it, which is half of what it does, and no test cuts the machine's power.
 */
export async function makeScratch(): Promise<Scratch> {
  const path = await mkdtemp(join((await hasRoom()) ? IN_MEMORY : tmpdir(), 'live-support-tests-'));
  const release = removeWithUs(path);
  return {
    path,
    remove: async () => {
      await rm(path, { recursive: true, force: true });
      release();
    },
  };
}

/**
 * Has a shell remove the folder when this process is killed: it waits at a pipe that only this process holds open. The
 * databases in the folder may take a while to end, by a watchdog of their own. Gives what sends the shell home.
 */
function removeWithUs(path: string): () => void {
  if (process.platform === 'win32') return () => undefined;
  const script = `trap '' INT HUP TERM
    read -r word && exit
    tries=0
    while rm -rf "$1"; sleep 1; [ -e "$1" ] && [ $tries -lt 60 ]; do tries=$((tries + 1)); done`;
  const watchdog = spawn('/bin/sh', ['-c', script, 'scratch-watchdog', path], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watchdog.on('error', () => undefined);
  watchdog.stdin.on('error', () => undefined);
  watchdog.unref();
  if ('unref' in watchdog.stdin && typeof watchdog.stdin.unref === 'function') watchdog.stdin.unref();
  return () => watchdog.stdin.end('done\n');
}

import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { onceWeAreGone } from '../../local/watchdog.ts';

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
  // The databases in it may take a while to end, by watchdogs of their own.
  const release = onceWeAreGone(
    'scratch-watchdog',
    `tries=0
    while rm -rf "$1"; sleep 1; [ -e "$1" ] && [ $tries -lt 60 ]; do tries=$((tries + 1)); done`,
    path,
  );
  return {
    path,
    remove: async () => {
      await rm(path, { recursive: true, force: true });
      release();
    },
  };
}

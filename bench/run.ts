import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, release, tmpdir, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import mongoose from 'mongoose';
import { startMongod } from '../local/mongod.ts';
import { PROJECT } from '../tests/support/process.ts';
import { prepareEnvironment } from './harness/contestants.ts';
import { Progress } from './harness/progress.ts';
import { measureArchive } from './measures/archive.ts';
import { measureCommands } from './measures/commands.ts';
import { measureCpu } from './measures/cpu.ts';
import { measureDesk } from './measures/desk.ts';
import { measureFanOut } from './measures/fanOut.ts';
import { measureHistory } from './measures/history.ts';
import { measureLoad } from './measures/load.ts';
import { measurePosts } from './measures/posts.ts';
import { measureRooms } from './measures/rooms.ts';
import { measureSend } from './measures/send.ts';
import { blocks } from './report/page.ts';
import type { Machine, Measured, Results, Run } from './report/results.ts';
import { rounded } from './report/statistics.ts';

/**
 * `npm run bench`, or `npm run bench -- send cpu`: measures the service beside others, and writes what came out to
 * bench/results.json, of which docs/performance.md is made. `load`, which takes long, runs only when it is named.
 */

const MEASURES: { readonly [Name in keyof Measured]: (progress: Progress) => Promise<Measured[Name]> } = {
  send: measureSend,
  rooms: measureRooms,
  cpu: measureCpu,
  commands: measureCommands,
  posts: measurePosts,
  fanOut: measureFanOut,
  archive: measureArchive,
  history: measureHistory,
  desk: measureDesk,
  load: measureLoad,
};

/** Only when named. */
const LONG: readonly string[] = ['load'];

const RESULTS = new URL('results.json', import.meta.url);

async function main(wanted: readonly string[]): Promise<void> {
  const unknown = wanted.filter((name) => !(name in MEASURES));
  if (unknown.length > 0)
    throw new Error(`no measure ${unknown.join(', ')}; there are ${Object.keys(MEASURES).join(', ')}`);
  const names = wanted.length > 0 ? wanted : Object.keys(MEASURES).filter((name) => !LONG.includes(name));
  const dbPath = await mkdtemp(join(tmpdir(), 'live-support-bench-'));
  const mongod = await startMongod({ dbPath, log: console.log });
  const progress = new Progress();
  try {
    prepareEnvironment(mongod.uri);
    const about = {
      date: new Date().toISOString().slice(0, 10),
      commit: await commit(),
      machine: await machine(mongod.uri),
    };
    for (const name of Object.keys(MEASURES) as (keyof Measured)[]) {
      if (!names.includes(name)) continue;
      const loadAverage = loadavg()[0] ?? 0;
      const data = await MEASURES[name](progress);
      progress.clear();
      await keep(name, { ...about, loadAverage, data });
      console.log(`\n${blocks({ [name]: { ...about, loadAverage, data } })[name]}`);
    }
  } finally {
    await mongod.stop();
    await rm(dbPath, { recursive: true, force: true });
  }
  await promisify(execFile)(process.execPath, ['tools/generate.ts'], { cwd: PROJECT });
  console.log('docs/performance.md has the tables and the plots.');
}

/** Puts the run of a measure in the place of its last one, rounded to what was measured. */
async function keep(name: keyof Measured, run: Run<unknown>): Promise<void> {
  const results = JSON.parse(await readFile(RESULTS, 'utf8')) as Results;
  const text = JSON.stringify(
    { ...results, [name]: run },
    (_key, value: unknown) => (typeof value === 'number' && !Number.isInteger(value) ? rounded(value) : value),
    2,
  );
  await writeFile(RESULTS, `${text}\n`);
}

async function commit(): Promise<string> {
  const { stdout } = await promisify(execFile)('git', ['describe', '--always', '--dirty', '--exclude', '*'], {
    cwd: PROJECT,
  });
  return stdout.trim();
}

async function machine(mongodUri: string): Promise<Machine> {
  const client = await new mongoose.mongo.MongoClient(mongodUri).connect();
  const { version } = await client.db().admin().serverInfo();
  await client.close();
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${release()}`,
    node: process.versions.node,
    mongod: version,
  };
}

await main(process.argv.slice(2));
// Clients that have lost their server may still be trying.
process.exit();

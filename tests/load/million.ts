import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mongoose from 'mongoose';
import { DAY_MS } from '../../lib/domain/spans.ts';
import { disconnect } from '../../lib/store/database.ts';
import { startMongod } from '../../local/mongod.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { insertPast, type Population, pastConversations, seeded } from '../support/seeding.ts';
import type { Desk, Person } from '../support/system.ts';

/**
 * `npm run bench:million`: what is read on a desk with a thousand conversations, and on one with a million, on databases of
 * their own. Everything goes through the handlers. Fails where a read takes `MOST` times as long on the large desk.
 * `SIZES=1000,100000` compares others, `ROUNDS` is how often each read is measured.
 */

const [SMALL = 1_000, LARGE = 1_000_000] = (process.env['SIZES'] ?? '1000,1000000').split(',').map(Number);
const ROUNDS = Number(process.env['ROUNDS'] ?? 40);
const MOST = 10;
const YEARS = 3;

type Reads = Readonly<Record<string, () => Promise<unknown>>>;

async function main(): Promise<void> {
  const dbPath = await mkdtemp(join(tmpdir(), 'live-support-million-'));
  const mongod = await startMongod({ dbPath, log: console.log });
  process.env['TEST_MONGODB_URI'] = mongod.uri;
  try {
    const small = await measure(SMALL);
    const large = await measure(LARGE);
    const rows = Object.keys(small).map((read) => {
      const [before = Number.NaN, after = Number.NaN] = [small[read], large[read]];
      return { read, [SMALL]: round(before), [LARGE]: round(after), ratio: round(after / before) };
    });
    console.log(`\nMedians of ${ROUNDS} reads through the handlers, in ms, by the number of conversations:`);
    console.table(rows);
    const slow = rows.filter(({ ratio }) => !(ratio < MOST));
    for (const { read } of slow) console.error(`${read}: ${MOST} times as long, or more`);
    if (slow.length > 0) process.exitCode = 1;
  } finally {
    await mongod.stop();
    await rm(dbPath, { recursive: true, force: true });
  }
}

const round = (value: number): number => Math.round(value * 10) / 10;

async function measure(count: number): Promise<Record<string, number>> {
  const { system, desk } = await startDesk({ ACCESS_TOKEN_TTL_SECONDS: String(24 * 3600) });
  try {
    const reads = await fill(system, desk, count);
    const medians: Record<string, number> = {};
    for (const [name, read] of Object.entries(reads)) medians[name] = await median(read);
    return medians;
  } finally {
    await system.stop();
    await disconnect();
  }
}

async function median(read: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const begun = performance.now();
    await read();
    times.push(performance.now() - begun);
  }
  return times.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? Number.NaN;
}

/** Four teams of five, who have changed places now and then, and customers with some hundred conversations each. */
async function fill(system: InProcess, desk: Desk, count: number): Promise<Reads> {
  const supervisors = await all(4, () => desk.supervisor());
  const ids = supervisors.map(({ user }) => user.id);
  const agents = await all(20, (index) => desk.agent(supervisors[index % 4] as Person));
  const candidate = await desk.candidate();
  const population: Population = {
    supervisors: ids,
    agents: agents.map(({ user }, index) => ({ id: user.id, supervisors: [...ids, ids[index % 4] as string] })),
    candidates: [
      candidate.user.id,
      ...Array.from({ length: Math.ceil(count / 500) }, (_, index) => `candidate-${index}`),
    ],
  };
  const to = Date.now() - 3_600_000;
  const past = { from: to - YEARS * 365 * DAY_MS, to, count };
  await timed(`${count} conversations stored`, async () => {
    // As they were before this release, without its indexes and sums: these are `migrate`'s.
    await mongoose.connection.collection('conversations').dropIndexes();
    for (const name of ['closed_sums_state', 'migrations']) await mongoose.connection.collection(name).deleteMany({});
    await insertPast(pastConversations(population, past, seeded(1)));
  });
  await timed('indexes built, and everything that was closed counted', () => system.operate('migrate'));
  const [agent, supervisor] = [agents[0] as Person, supervisors[0] as Person];
  const list = (person: Person, query: string) => () => desk.ok('GET', `/conversations?${query}`, person.token);
  const year = `from=${new Date(Date.now() - 365 * DAY_MS).toISOString()}&to=${new Date().toISOString()}`;
  const timeline =
    ({ token }: Person) =>
    () =>
      desk.ok('GET', `/analytics/timeline?${year}&timeZone=Europe/Berlin`, token);
  const analytics = (query: string) => () => desk.ok('GET', `/analytics/supervisors?${query}`, desk.admin.token);
  const ago = (share: number) => new Date(to - share * YEARS * 365 * DAY_MS + 1).toISOString();
  return {
    'agent ?status=assigned (the inbox)': list(agent, 'status=assigned'),
    'agent, all': list(agent, ''),
    'admin, all': list(desk.admin, ''),
    'admin ?supervisorId=&status=open': list(desk.admin, `supervisorId=${supervisor.user.id}&status=open`),
    'admin ?supervisorId=&status=assigned': list(desk.admin, `supervisorId=${supervisor.user.id}&status=assigned`),
    'admin ?candidateId=&status=closed': list(desk.admin, `candidateId=${candidate.user.id}&status=closed`),
    'supervisor, all': list(supervisor, ''),
    'supervisor ?agentId=&status=assigned': list(supervisor, `agentId=${agent.user.id}&status=assigned`),
    'candidate, all': list(candidate, ''),
    'timeline, a year of everybody': timeline(desk.admin),
    'timeline, a year of one team': timeline(supervisors[0] as Person),
    'analytics, all time': analytics(''),
    'analytics, the last 3 %': analytics(`from=${ago(0.03)}`),
    'analytics, the middle half': analytics(`from=${ago(0.75)}&to=${ago(0.25)}`),
    'the sweep, with nothing to do': () => system.operate('sweep'),
  };
}

const all = async <T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> => {
  const made: T[] = [];
  for (let index = 0; index < count; index += 1) made.push(await make(index));
  return made;
};

async function timed(what: string, work: () => Promise<unknown>): Promise<void> {
  const begun = Date.now();
  await work();
  console.log(`${what}: ${(Date.now() - begun) / 1000} s`);
}

await main();

import { checkOutBaseline } from '../harness/baseline.ts';
import { CONTENT, type Ours, startOurs } from '../harness/contestants.ts';
import type { Room } from '../harness/link.ts';
import type { FileTimes } from '../harness/profile.ts';
import type { Progress } from '../harness/progress.ts';
import type { Usage } from '../harness/serve.ts';
import type { CpuResult } from '../report/results.ts';
import { median } from '../report/statistics.ts';

/**
 * The processor time that the handlers take for one message, in a process that has nothing else to do: the gateway, the clients
 * and the database are elsewhere. What handing over an invocation takes is measured by itself and taken off. Then a profile says
 * where the time goes.
 */

const RUNS = 5;
const ROOMS = 4;
/** Enough for the compiler to have looked at everything. */
const WARM_UP = 800;

interface Lane {
  readonly ours: Ours;
  readonly rooms: readonly Room[];
}

export async function measureCpu(progress: Progress, { messages = 400, runs = RUNS } = {}): Promise<CpuResult> {
  const baseline = await checkOutBaseline();
  const lanes: Lane[] = [];
  try {
    lanes.push(await start('Live Support', {}));
    if (baseline) lanes.push(await start('before', { ROOT: baseline.root }));
    const [now, before] = lanes;
    if (!now) throw new Error('nothing was started');
    for (const lane of lanes) await talk(lane, WARM_UP);
    const results: CpuResult['runs'][number][] = [];
    let handingOverMs = 0;
    for (let run = 0; run < runs; run += 1) {
      progress.at('cpu', run, runs + 1);
      const order = run % 2 === 0 ? lanes : lanes.toReversed();
      const spent = new Map<Lane, number>();
      for (const lane of order) {
        const handing = await cpuOf(lane, () => handOver(lane, messages));
        handingOverMs = handing / messages;
        const talking = await cpuOf(lane, () => talk(lane, messages));
        spent.set(lane, (talking - handing) / messages);
      }
      results.push({ cpuMs: spent.get(now) ?? Number.NaN, baselineMs: (before && spent.get(before)) ?? null });
    }
    progress.at('cpu: profiles', runs, runs + 1);
    const [nowMs, beforeMs] = [
      results.map(({ cpuMs }) => cpuMs),
      results.flatMap(({ baselineMs }) => baselineMs ?? []),
    ];
    return {
      messages,
      baseline: baseline?.commit ?? null,
      runs: results,
      handingOverMs,
      packages: await packagesOf(now, messages, median(nowMs)),
      baselinePackages: before ? await packagesOf(before, messages, median(beforeMs)) : null,
    };
  } finally {
    await Promise.all(lanes.map(({ ours }) => ours.stop()));
    await baseline?.remove();
  }
}

async function start(name: string, environment: Readonly<Record<string, string>>): Promise<Lane> {
  const ours = await startOurs(name, { APART: 'yes', ...environment });
  const rooms: Room[] = [];
  while (rooms.length < ROOMS) rooms.push(await ours.room());
  return { ours, rooms };
}

/** Says as many messages, in all rooms at once, one after the other in each. */
async function talk({ ours, rooms }: Lane, messages: number): Promise<void> {
  await Promise.all(
    rooms.map(async (room, index) => {
      for (let said = index; said < messages; said += rooms.length) await room.say(0, CONTENT);
    }),
  );
  await ours.server.ask('idle');
}

/** Hands over as many invocations that do nothing. */
async function handOver({ ours }: Lane, messages: number): Promise<void> {
  const body = JSON.stringify({ event: 'SEND_MESSAGE', data: { conversationId: '-'.repeat(36), content: CONTENT } });
  for (let round = 0; round < messages; round += 1)
    await functions(ours, 'nothing', { file: 'websocket', event: { body } });
}

const functions = <T>(ours: Ours, name: string, argument?: unknown): Promise<T> =>
  ours.server.ask<T>('functions', { name, argument });

async function cpuOf({ ours }: Lane, work: () => Promise<void>): Promise<number> {
  await functions(ours, 'collect');
  const before = await functions<Usage>(ours, 'usage');
  await work();
  return (await functions<Usage>(ours, 'usage')).cpuMs - before.cpuMs;
}

/** By the package's name, of what stands in `node_modules`. */
const PACKAGES: readonly (readonly [string, RegExp])[] = [
  ['mongoose', /^(mongoose|mquery|kareem|mpath|sift)$/],
  ['MongoDB driver', /^(mongodb|mongodb-connection-string-url)$/],
  ['BSON', /^bson$/],
  ['AWS SDK', /^(@aws-sdk|@smithy|@aws-crypto|@aws)\//],
  ['zod', /^zod$/],
  ['middy', /^@middy\//],
];

const PLACES: readonly (readonly [string, RegExp])[] = [
  ['benchmark', /\/bench\/|\/tests\/support\//],
  ['own code', /\/(lib|functions)\//],
  ['Node: sockets and HTTP', /^node:(_http|net|_stream|stream|internal\/(http|net|streams?|stream_base))/],
  ['handing over', /^node:(internal\/(child_process|ipc)|v8)/],
  ['Node: the rest', /^node:/],
  ['garbage collection', /^\(garbage collector\)$/],
];

function placeOf(file: string): string {
  const name = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1];
  if (name !== undefined) return PACKAGES.find(([, pattern]) => pattern.test(name))?.[0] ?? 'other packages';
  return PLACES.find(([, pattern]) => pattern.test(file))?.[0] ?? 'native code';
}

/** Splits the processor time of a message by package, in the proportions of a profile. */
async function packagesOf(lane: Lane, messages: number, cpuMs: number): Promise<Record<string, number>> {
  await functions(lane.ours, 'profileBegin');
  await talk(lane, messages);
  const files = await functions<FileTimes>(lane.ours, 'profileEnd');
  const times = new Map<string, number>();
  for (const [file, ms] of Object.entries(files)) {
    if (file === '(idle)' || file === '(root)') continue;
    const name = placeOf(file);
    times.set(name, (times.get(name) ?? 0) + ms);
  }
  for (const name of ['benchmark', 'handing over']) times.delete(name);
  const all = [...times.values()].reduce((sum, ms) => sum + ms, 0);
  return Object.fromEntries([...times].sort(([, a], [, b]) => b - a).map(([name, ms]) => [name, (ms / all) * cpuMs]));
}

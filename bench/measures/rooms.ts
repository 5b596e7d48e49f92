import {
  CONTENT,
  type Contestant,
  startClassic,
  startOurs,
  startQuickSocketIo,
  startSocketIo,
  stopAll,
} from '../harness/contestants.ts';
import type { Room } from '../harness/link.ts';
import type { Progress } from '../harness/progress.ts';
import type { RoomsResult, RoomsRun } from '../report/results.ts';

/** Many rooms at once, in each of them one message after the other: how many a second, and what they cost the server. */

const ROOMS = 20;
const RUNS = 5;
const RUN_MS = 4_000;
const WARM_UP_MS = 2_000;

export async function measureRooms(
  progress: Progress,
  { rooms: count = ROOMS, runs = RUNS, runMs = RUN_MS, warmUpMs = WARM_UP_MS } = {},
): Promise<RoomsResult> {
  const starting = [startOurs(), startClassic(), startSocketIo(), startQuickSocketIo()];
  try {
    const started: readonly Contestant[] = await Promise.all(starting);
    const lanes: { contestant: Contestant; rooms: readonly Room[] }[] = [];
    for (const contestant of started) {
      const rooms: Room[] = [];
      while (rooms.length < count) rooms.push(await contestant.room());
      lanes.push({ contestant, rooms });
    }
    for (const { rooms } of lanes) await talk(rooms, warmUpMs);
    const results: RoomsRun[] = [];
    for (let run = 0; run < runs; run += 1) {
      const contestants: RoomsRun['contestants'][number][] = [];
      for (const [index, { contestant, rooms }] of lanes.entries()) {
        progress.at('rooms', run * lanes.length + index, runs * lanes.length);
        const before = await contestant.server.usage();
        const begun = performance.now();
        const messages = await talk(rooms, runMs);
        const ms = performance.now() - begun;
        const { cpuMs } = await contestant.server.usage();
        contestants.push({
          name: contestant.name,
          messagesPerSecond: (1000 * messages) / ms,
          cpuMs: (cpuMs - before.cpuMs) / messages,
        });
      }
      results.push({ contestants });
    }
    return { rooms: count, runMs, runs: results };
  } finally {
    await stopAll(starting);
  }
}

/** Talks in all rooms for so long. Returns how many messages were acknowledged and seen. */
async function talk(rooms: readonly Room[], ms: number): Promise<number> {
  const end = performance.now() + ms;
  let messages = 0;
  await Promise.all(
    rooms.map(async (room) => {
      while (performance.now() < end) {
        await room.say(0, CONTENT);
        messages += 1;
      }
    }),
  );
  return messages;
}

import { setTimeout as pause } from 'node:timers/promises';
import { startEmulatorDesk } from '../../tests/support/emulator.ts';
import type { Desk } from '../../tests/support/system.ts';
import { CONTENT, type Contestant, EMULATED, startClassic, startOurs, startSocketIo } from '../harness/contestants.ts';
import { openFrames, Room, type Said } from '../harness/link.ts';
import type { Progress } from '../harness/progress.ts';
import type { LoadResult } from '../report/results.ts';
import { spread } from '../report/statistics.ts';

/**
 * A thousand conversations with two sockets each, for two minutes, through the emulator, and the same messages through each of
 * the others. Messages come at a fixed rate, in a conversation after the other, whatever became of those before; a time counts
 * from when its message was due. The rate is half of what the emulator manages at most just then.
 */

const CONVERSATIONS = 1_000;
const SECONDS = 120;
/** Conversations of one candidate with one agent: each of the two may have as many connections. */
const SHARED = 20;
const AT_ONCE = 6;
/** Messages in a page of a history, at most. */
const PAGE = 200;
const PROBE_MS = 15_000;
const PROBED_ROOMS = 20;
const SHARE_OF_MOST = 0.5;
const LAST_FRAMES_MS = 10_000;

interface Lane {
  readonly name: string;
  rooms(count: number, progress: (done: number) => void): Promise<readonly Room[]>;
  /** The `clientMessageId`s of a conversation's history in order, or `null` where there is none to read. */
  history(conversationId: string): Promise<readonly string[]> | null;
  stop(): Promise<void>;
}

export async function measureLoad(
  progress: Progress,
  { conversations = CONVERSATIONS, seconds = SECONDS, probeMs = PROBE_MS } = {},
): Promise<LoadResult> {
  const lanes = [startEmulated, () => startDirect(), () => startOther(startClassic), () => startOther(startSocketIo)];
  const results: LoadResult['contestants'][number][] = [];
  let rate = 0;
  for (const start of lanes) {
    const lane = await start();
    try {
      const rooms = await lane.rooms(conversations, (done) =>
        progress.at(`load: ${lane.name}: conversations`, done, conversations),
      );
      if (rate === 0) {
        progress.at(`load: ${lane.name}: how many a second`, 0, 1);
        rate = Math.max(1, Math.floor(SHARE_OF_MOST * (await mostPerSecond(rooms.slice(0, PROBED_ROOMS), probeMs))));
      }
      const said = await talk(rooms, rate, seconds, (done) =>
        progress.at(`load: ${lane.name}: ${rate} messages a second`, done, seconds),
      );
      progress.at(`load: ${lane.name}: histories`, 0, 1);
      results.push({
        name: lane.name,
        messages: said.length,
        lost: await countLost(lane, rooms),
        acknowledged: spread(said.map(({ acknowledgedMs }) => acknowledgedMs)),
        seen: spread(said.map(({ seenMs }) => seenMs)),
      });
    } finally {
      await lane.stop();
    }
  }
  return { conversations, seconds, messagesPerSecond: rate, contestants: results };
}

/** Messages a second when each of these rooms says the next one as soon as the last one was seen. */
async function mostPerSecond(rooms: readonly Room[], ms: number): Promise<number> {
  const end = performance.now() + ms;
  let messages = 0;
  await Promise.all(
    rooms.map(async (room) => {
      for (; performance.now() < end; messages += 1) await room.say(0, CONTENT);
    }),
  );
  return (1000 * messages) / ms;
}

async function talk(
  rooms: readonly Room[],
  rate: number,
  seconds: number,
  progress: (done: number) => void,
): Promise<readonly Said[]> {
  const begun = performance.now();
  const saying: Promise<Said>[] = [];
  for (let index = 0; index < rate * seconds; index += 1) {
    const due = begun + (1000 * index) / rate;
    const early = due - performance.now();
    if (early > 0) await pause(early);
    const room = rooms[index % rooms.length] as Room;
    // A timer may come a moment early: then it counts from here.
    const lateMs = Math.max(0, performance.now() - due);
    // Now one of the two speaks, now the other.
    const side = Math.floor(index / rooms.length) % 2 === 0 ? 0 : 1;
    saying.push(
      room
        .say(side, CONTENT)
        .then((said) => ({ ...said, acknowledgedMs: said.acknowledgedMs + lateMs, seenMs: said.seenMs + lateMs })),
    );
    progress(index / rate);
  }
  return Promise.all(saying);
}

/** Counts the acknowledged messages that a side has not seen, or that are not in the history exactly once. */
async function countLost(lane: Lane, rooms: readonly Room[]): Promise<number> {
  // The frame that tells the speaker too may be the last to come.
  const areSeen = () => rooms.every(({ accepted, seen }) => seen.every((side) => side.size === accepted.size));
  for (const end = performance.now() + LAST_FRAMES_MS; !areSeen() && performance.now() < end; ) await pause(100);
  let lost = 0;
  for (const { conversationId, accepted, seen } of rooms) {
    const history = await lane.history(conversationId);
    for (const [id, seq] of accepted) {
      const isSeen = seen.every((side) => side.has(id));
      const isStored = history === null || (history[seq - 1] === id && history.lastIndexOf(id) === history.indexOf(id));
      if (!isSeen || !isStored) lost += 1;
    }
  }
  return lost;
}

async function startEmulated(): Promise<Lane> {
  const { system, desk } = await startEmulatorDesk(EMULATED);
  return laneOf('Live Support, through the emulator', desk, `localhost:${system.ports.webSocket}`, () => system.stop());
}

async function startDirect(): Promise<Lane> {
  const ours = await startOurs('Live Support', { RATE_LIMITS: 'off' });
  return laneOf('Live Support', ours.desk, ours.address, () => ours.stop());
}

function laneOf(name: string, desk: Desk, address: string, stop: () => Promise<void>): Lane {
  const tokens = new Map<string, string>();
  return {
    name,
    rooms: async (count, progress) => {
      const supervisor = await desk.supervisor();
      const rooms: Room[] = [];
      let asked = 0;
      const group = async () => {
        const [candidate, agent] = await Promise.all([desk.candidate(), desk.agent(supervisor)]);
        for (let more = SHARED; more > 0 && asked < count; more -= 1) {
          asked += 1;
          const { id } = await desk.conversation(candidate);
          await desk.assign(supervisor, id, agent);
          const sides = [await openFrames(address, candidate.token), await openFrames(address, agent.token)] as const;
          for (const side of sides) await side.join(id);
          tokens.set(id, candidate.token);
          rooms.push(new Room(id, sides));
          progress(rooms.length);
        }
      };
      await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          while (asked < count) await group();
        }),
      );
      return rooms;
    },
    history: async (conversationId) => {
      const ids: string[] = [];
      for (let size = PAGE; size === PAGE; ) {
        const path = `/conversations/${conversationId}/messages?limit=${PAGE}&afterSeq=${ids.length}`;
        const { items } = await desk.ok('GET', path, tokens.get(conversationId));
        ids.push(...(items as { clientMessageId: string }[]).map(({ clientMessageId }) => clientMessageId));
        size = items.length;
      }
      return ids;
    },
    stop,
  };
}

async function startOther(start: () => Promise<Contestant>): Promise<Lane> {
  const contestant = await start();
  return {
    name: contestant.name,
    rooms: async (count, progress) => {
      const rooms: Room[] = [];
      for (; rooms.length < count; progress(rooms.length)) rooms.push(await contestant.room());
      return rooms;
    },
    history: () => null,
    stop: () => contestant.stop(),
  };
}

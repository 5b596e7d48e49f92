import { setTimeout as pause } from 'node:timers/promises';
import {
  CONTENT,
  type Contestant,
  startClassic,
  startFloor,
  startOurs,
  startQuickSocketIo,
  startSocketIo,
  stopAll,
} from '../harness/contestants.ts';
import type { Room, Said } from '../harness/link.ts';
import type { Progress } from '../harness/progress.ts';
import type { SendResult, SendRun } from '../report/results.ts';
import { spread } from '../report/statistics.ts';

/** One room, one message at a time, all contestants in turn: acknowledged, and seen by the other side. */

const RUNS = 5;
const WARM_UP = 100;
/** Between two turns. The service still notes that the room was told when the other side has seen the message. */
const PAUSE_MS = 5;

interface Times {
  readonly transactionMs: number;
  readonly postMs: number;
}

export async function measureSend(
  progress: Progress,
  { messages = 300, runs = RUNS, warmUp = WARM_UP } = {},
): Promise<SendResult> {
  const starting = [startFloor(), startOurs(), startClassic(), startSocketIo(), startQuickSocketIo()];
  try {
    const started: readonly Contestant[] = await Promise.all(starting);
    const [floor] = started;
    if (!floor) throw new Error('there is no floor');
    const lanes: { contestant: Contestant; room: Room; said: Said[] }[] = [];
    for (const contestant of started) lanes.push({ contestant, room: await contestant.room(), said: [] });
    const results: SendRun[] = [];
    for (let run = 0; run < runs; run += 1) {
      for (const lane of lanes) lane.said = [];
      for (let round = run === 0 ? -warmUp : 0; round < messages; round += 1) {
        progress.at(`send: run ${run + 1} of ${runs}`, run * messages + Math.max(0, round), runs * messages);
        if (round === 0) await floor.server.ask('times');
        // Whoever comes first may find the machine in another mood.
        for (let turn = 0; turn < lanes.length; turn += 1) {
          const lane = lanes[(turn + Math.max(0, round)) % lanes.length];
          const said = await lane?.room.say(0, CONTENT);
          if (said && round >= 0) lane?.said.push(said);
          await pause(PAUSE_MS);
        }
      }
      const times = await floor.server.ask<Times[]>('times');
      results.push({
        bare: spread(times.map(({ transactionMs, postMs }) => transactionMs + postMs)),
        bareTransaction: spread(times.map(({ transactionMs }) => transactionMs)),
        barePost: spread(times.map(({ postMs }) => postMs)),
        contestants: lanes.map(({ contestant, said }) => ({
          name: contestant.name,
          acknowledged: spread(said.map(({ acknowledgedMs }) => acknowledgedMs)),
          seen: spread(said.map(({ seenMs }) => seenMs)),
        })),
      });
    }
    for (const { contestant, room } of lanes) {
      requireWhole(contestant.name, room, warmUp + runs * messages);
      room.close();
    }
    return { messages, runs: results };
  } finally {
    await stopAll(starting);
  }
}

/** Throws unless both sides have seen every message, once. */
function requireWhole(name: string, { seen }: Room, count: number): void {
  for (const side of seen) {
    if (side.size !== count || [...side.values()].some((times) => times !== 1)) {
      throw new Error(`${name}: ${side.size} of ${count} messages seen, or some twice`);
    }
  }
}

import { randomUUID } from 'node:crypto';
import { CONTENT, startOurs } from '../harness/contestants.ts';
import type { Progress } from '../harness/progress.ts';
import { longConversation, openDatabase } from '../harness/seeding.ts';
import type { HistoryResult } from '../report/results.ts';
import { type Spread, spread } from '../report/statistics.ts';

/** Send, join and list in a short conversation and in a long one. Each answer has as many messages as the others. */

const SIZES = [10, 1_000, 100_000];
const ROUNDS = 150;
const WARM_UP = 20;
/** Messages in an answer. */
const PAGE = 10;

export async function measureHistory(
  progress: Progress,
  { sizes = SIZES, rounds = ROUNDS } = {},
): Promise<HistoryResult> {
  const ours = await startOurs();
  const { db, close } = await openDatabase(ours.databaseUri);
  try {
    const lanes = [];
    for (const messages of sizes) {
      progress.at(`history: ${messages} messages stored`, lanes.length, sizes.length);
      const { conversationId, candidate, people } = await longConversation(ours, db, messages);
      const from = messages - PAGE;
      const list = `/conversations/${conversationId}/messages?afterSeq=${from}&limit=${PAGE}`;
      lanes.push({
        messages,
        operations: {
          send: () => candidate.send(conversationId, CONTENT, randomUUID()),
          // The answer has what came since, too: as much in every conversation.
          join: () => candidate.join(conversationId, from),
          list: () => ours.desk.ok('GET', list, people.candidate.token),
        },
        times: { send: [] as number[], join: [] as number[], list: [] as number[] },
      });
    }
    for (const operation of ['list', 'join', 'send'] as const) {
      for (let round = -WARM_UP; round < rounds; round += 1) {
        progress.at(`history: ${operation}`, Math.max(0, round), rounds);
        for (let turn = 0; turn < lanes.length; turn += 1) {
          const lane = lanes[(turn + round + WARM_UP) % lanes.length];
          if (!lane) continue;
          const begun = performance.now();
          await lane.operations[operation]();
          if (round >= 0) lane.times[operation].push(performance.now() - begun);
          await ours.server.ask('idle');
        }
      }
    }
    const spreadOf = (times: { readonly send: number[]; readonly join: number[]; readonly list: number[] }) =>
      Object.fromEntries(Object.entries(times).map(([name, values]) => [name, spread(values)])) as Record<
        keyof typeof times,
        Spread
      >;
    return { rounds, sizes: lanes.map(({ messages, times }) => ({ messages, ...spreadOf(times) })) };
  } finally {
    await close();
    await ours.stop();
  }
}

import { eventually } from '../../tests/support/deadline.ts';
import { newDatabase, type Ours, startOurs } from '../harness/contestants.ts';
import type { Progress } from '../harness/progress.ts';
import type { Recorded } from '../harness/recorder.ts';
import { ACTIVE, longConversation, openDatabase } from '../harness/seeding.ts';
import type { ArchiveResult } from '../report/results.ts';
import { median } from '../report/statistics.ts';

/**
 * Closing a conversation, until every message is in the permanent collection, counted, and its active copy has an expiry; beside
 * a bare copy by one command of the database. The handler archives for three seconds and the sweep does the rest; what counts
 * is how long they work, not how long the rest waits for the sweep.
 */

const SIZES = [1_000, 10_000, 100_000];
const RUNS = 3;

type Database = Awaited<ReturnType<typeof openDatabase>>['db'];

export async function measureArchive(progress: Progress, { sizes = SIZES, runs = RUNS } = {}): Promise<ArchiveResult> {
  // The expired copies would be deleted while the next conversation is measured.
  const uri = newDatabase();
  const ours = await startOurs('Live Support', {
    MONGODB_URI: `${uri}${uri.includes('?') ? '&' : '?'}monitorCommands=true`,
    ACTIVE_MESSAGE_TTL_SECONDS: '86400',
  });
  const { db, close } = await openDatabase(ours.databaseUri);
  try {
    const results: ArchiveResult['sizes'][number][] = [];
    for (const [index, messages] of sizes.entries()) {
      const done: ArchiveResult['sizes'][number]['runs'][number][] = [];
      let recorded: Recorded[] = [];
      for (let run = -1; run < runs; run += 1) {
        progress.at(`archive: ${messages} messages`, index * runs + Math.max(0, run), sizes.length * runs);
        // The first one is not counted: the process and the collections are new.
        if (run < 0 && index > 0) continue;
        const { conversationId, agent } = await longConversation(ours, db, messages);
        const inTurn = run % 2 === 0;
        const first = inTurn ? await bareCopy(db, conversationId) : undefined;
        await ours.server.ask('collect');
        const before = await ours.server.usage();
        await ours.server.ask('record');
        const archiveMs = await archive(ours, db, conversationId, () =>
          agent.ask('CLOSE_CONVERSATION', { conversationId }),
        );
        recorded = await ours.server.ask('recorded');
        await ours.server.ask('collect');
        const after = await ours.server.usage();
        const bareMs = first ?? (await bareCopy(db, conversationId));
        if (run >= 0) done.push({ archiveMs, bareMs, rssGrowthMb: after.rssMb - before.rssMb });
      }
      results.push({
        messages,
        runs: done,
        commands: longest(recorded),
        rssGrowthMb: median(done.map(({ rssGrowthMb }) => rssGrowthMb)),
      });
    }
    return { sizes: results };
  } finally {
    await close();
    await ours.stop();
  }
}

const MOST_SHOWN = 8;

/** The commands that took longest together, by name and collection. */
function longest(recorded: readonly Recorded[]): NonNullable<ArchiveResult['sizes'][number]['commands']> {
  const kinds = new Map<string, { count: number; ms: number }>();
  for (const one of recorded) {
    if (one.is !== 'command') continue;
    const name = [one.name, one.collection ?? []].flat().join(' ');
    const { count, ms } = kinds.get(name) ?? { count: 0, ms: 0 };
    kinds.set(name, { count: count + 1, ms: ms + one.endedMs - one.begunMs });
  }
  return [...kinds]
    .map(([name, sums]) => ({ name, ...sums }))
    .sort((a, b) => b.ms - a.ms)
    .slice(0, MOST_SHOWN);
}

/** Closes, and archives until nothing is left to do. Returns how long handler and sweep have worked. */
async function archive(ours: Ours, db: Database, id: string, close: () => Promise<unknown>): Promise<number> {
  const conversations = db.collection<{ _id: string; closing?: object }>('conversations');
  let workedMs = await timed(async () => {
    await close();
    await ours.server.ask('idle');
  });
  await eventually('the archive to be complete', async () => {
    const { closing } = (await conversations.findOne({ _id: id })) ?? {};
    if (!closing) return true;
    // As if the sweep's turn had come.
    await conversations.updateOne({ _id: id }, { $set: { 'closing.since': new Date(0) } });
    workedMs += await timed(() => ours.operate('sweep'));
    return false;
  });
  return workedMs;
}

/** Copies as many messages into a collection of the same indexes by one command. */
async function bareCopy(db: Database, conversationId: string): Promise<number> {
  const into = db.collection('bare_copy');
  await into.drop();
  await db.createCollection('bare_copy');
  for (const { key, name, unique, partialFilterExpression } of await db.collection('messages').indexes()) {
    if (name === '_id_') continue;
    await into.createIndex(key, {
      ...(unique && { unique }),
      ...(partialFilterExpression && { partialFilterExpression: partialFilterExpression as never }),
    });
  }
  return timed(() =>
    db
      .collection(ACTIVE)
      .aggregate([{ $match: { conversationId } }, { $merge: { into: 'bare_copy', whenMatched: 'keepExisting' } }])
      .toArray(),
  );
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

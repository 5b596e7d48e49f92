import { logger } from '../runtime/logger.ts';
import { createIndexes, dropSuperseded } from './indexes.ts';
import { nameAllSenders } from './messages.ts';
import { countSides } from './migrations/countSides.ts';
import { fillQueue } from './migrations/fillQueue.ts';
import { fillRooms } from './migrations/fillRooms.ts';
import { forgetExpiredNames } from './migrations/forgetExpiredNames.ts';
import { giveSalts } from './migrations/giveSalts.ts';
import { migrateSessions } from './migrations/migrateSessions.ts';
import { recountAgents } from './migrations/recountAgents.ts';
import { recountClosed } from './migrations/recountClosed.ts';
import { defineModel } from './model.ts';
import { countOpenedDays } from './openedDays.ts';
import { migrateRetention } from './retention.ts';
import { migrateAttempts } from './signInAttempts.ts';
import { migrateErased } from './users.ts';

/**
 * A change of existing data. It must be repeatable: two may run it at once, and an interrupted one runs again from the
 * start. Both the code before it and the code after it must work while it runs.
 */
export interface Migration {
  /** `0001-what-it-does`: never changed, never reused. */
  readonly id: string;
  /**
   * `{ recount: true }` runs it again: the release before may have run since, and left data that this migration mends.
   */
  readonly recounts?: true;
  run(): Promise<unknown>;
}

/** In the order of their numbers. New ones go at the end. */
export const MIGRATIONS: readonly Migration[] = [
  { id: '0001-erased-have-no-address', run: migrateErased },
  { id: '0002-attempts-tell-nothing', run: migrateAttempts },
  { id: '0016-closed-conversations-counted', recounts: true, run: recountClosed },
  { id: '0016-superseded-indexes-dropped', run: dropSuperseded },
  { id: '0018-agents-count-what-they-hold', recounts: true, run: recountAgents },
  { id: '0018-messages-have-names', recounts: true, run: nameAllSenders },
  { id: '0019-so-many-sessions-a-user', run: migrateSessions },
  { id: '0020-retention-of-what-is-archived', recounts: true, run: migrateRetention },
  { id: '0023-everybody-has-a-salt', recounts: true, run: giveSalts },
  { id: '0023-expired-names-forgotten', recounts: true, run: forgetExpiredNames },
  { id: '0024-conversations-know-who-is-in-their-rooms', recounts: true, run: fillRooms },
  { id: '0025-conversations-have-a-place-in-the-queue', recounts: true, run: fillQueue },
  { id: '0026-messages-counted-by-side', recounts: true, run: countSides },
  // Once more, for the sums of all teams together, which it makes since then.
  { id: '0026-closed-conversations-counted-by-day', run: recountClosed },
  { id: '0026-opened-conversations-counted-by-day', run: () => countOpenedDays(Number.POSITIVE_INFINITY) },
];

const migrationModel = /* @__PURE__ */ defineModel<{ _id: string; doneAt: Date }>('Migration', 'migrations', {
  _id: { type: String, required: true },
  doneAt: { type: Date, required: true },
});

export interface MigrationResult {
  /** Collections whose indexes were seen to. */
  readonly collections: readonly string[];
  /** Migrations run now. */
  readonly migrations: readonly string[];
}

export interface MigrationOptions {
  /** Runs the migrations that recount again: after going back to an earlier release, or where a number is in doubt. */
  readonly recount?: boolean | undefined;
}

/**
 * Builds missing indexes, then runs the migrations that haven't run yet, and logs its progress. Throws at the first
 * that fails.
 */
export async function migrate(
  { recount = false }: MigrationOptions = {},
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<MigrationResult> {
  const collections = await createIndexes();
  const done = new Set((await migrationModel().find().lean()).map(({ _id }) => _id));
  const pending = migrations.filter(({ id, recounts }) => !done.has(id) || (recount && recounts));
  for (const [place, { id, run }] of pending.entries()) {
    logger.info('migrating', { migration: id, number: place + 1, of: pending.length });
    await run();
    await migrationModel().updateOne({ _id: id }, { $set: { doneAt: new Date() } }, { upsert: true });
  }
  return { collections, migrations: pending.map(({ id }) => id) };
}

import { logger } from '../logger.ts';
import { createIndexes } from './indexes.ts';
import { migrateAttempts } from './loginAttempts.ts';
import { migrateSessions } from './migrateSessions.ts';
import { defineModel } from './model.ts';
import { migrateRetention } from './retention.ts';
import { migrateErased } from './users.ts';

/**
 * A change to data that is already there. It must be repeatable: two may run it at once, and one that was interrupted
 * is run again from the start. The code before it and the code after it must both work while it runs.
 */
export interface Migration {
  /** `0001-what-it-does`: never changed, never reused. */
  readonly id: string;
  run(): Promise<void>;
}

/** In order of their numbers; new ones go at the end. */
export const MIGRATIONS: readonly Migration[] = [
  { id: '0001-erased-have-no-address', run: migrateErased },
  { id: '0002-attempts-tell-nothing', run: migrateAttempts },
  { id: '0019-so-many-sessions-a-user', run: migrateSessions },
  { id: '0020-retention-of-what-is-archived', run: migrateRetention },
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

/** Builds what indexes are missing, then runs what migrations have not been. Throws at the first that fails. */
export async function migrate(migrations: readonly Migration[] = MIGRATIONS): Promise<MigrationResult> {
  const collections = await createIndexes();
  const done = new Set((await migrationModel().find().lean()).map(({ _id }) => _id));
  const pending = migrations.filter(({ id }) => !done.has(id));
  for (const { id, run } of pending) {
    logger.info('migrating', { migration: id });
    await run();
    await migrationModel().updateOne({ _id: id }, { $set: { doneAt: new Date() } }, { upsert: true });
  }
  return { collections, migrations: pending.map(({ id }) => id) };
}

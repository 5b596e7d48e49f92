import { connect } from '../../lib/store/database.ts';
import { type MigrationResult, migrate } from '../../lib/store/migrations.ts';

/** `serverless invoke -f migrate`, after every deploy. Safe to repeat. */
export async function handler(): Promise<MigrationResult> {
  // An index on a large collection is built without a word for minutes.
  await connect(0);
  return migrate();
}

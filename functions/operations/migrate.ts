import { connect } from '../../lib/store/database.ts';
import { type MigrationResult, migrate } from '../../lib/store/migrations.ts';

/** `serverless invoke -f migrate`, after every deploy. Safe to repeat. */
export async function handler(): Promise<MigrationResult> {
  await connect();
  return migrate();
}

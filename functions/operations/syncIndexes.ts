import { connect } from '../../lib/store/database.ts';
import { createIndexes } from '../../lib/store/indexes.ts';

/** `serverless invoke -f syncIndexes`, after every deploy. Safe to repeat. */
export async function handler(): Promise<{ readonly collections: readonly string[] }> {
  await connect();
  return { collections: await createIndexes() };
}

import type { Context } from 'aws-lambda';
import { type SweepResult, sweep } from '../lib/services/operations/sweep.ts';
import { connect, connectAhead } from '../lib/store/database.ts';

connectAhead();

/** The longest that one batch may take: none begins with less time left. */
const MARGIN_MS = 10_000;

/** Runs on a schedule. Throws when the database can't be reached, so that the failure is counted. */
export async function handler(_event: unknown, context: Context): Promise<SweepResult> {
  await connect();
  return sweep(Date.now() + context.getRemainingTimeInMillis() - MARGIN_MS);
}

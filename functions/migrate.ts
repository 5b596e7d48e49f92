import * as z from 'zod/mini';
import { validate } from '../lib/errors/validate.ts';
import { withoutDeadline } from '../lib/runtime/deadline.ts';
import { connect } from '../lib/store/database.ts';
import { type MigrationResult, migrate } from '../lib/store/migrations.ts';

const optionsSchema = z.strictObject({ recount: z.optional(z.boolean()) });

/** `serverless invoke -f migrate`, after every deploy. Safe to repeat. `--data '{"recount": true}'` counts closed conversations again. */
export async function handler(event: unknown): Promise<MigrationResult> {
  const options = validate(optionsSchema, event ?? {}, '');
  // The server says nothing for minutes while it builds an index on a large collection.
  await connect(0);
  return withoutDeadline(() => migrate(options));
}

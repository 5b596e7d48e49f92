import type { Context } from 'aws-lambda';
import * as z from 'zod/mini';
import { validate } from '../lib/errors/validate.ts';
import { errorFields, logger } from '../lib/runtime/logger.ts';
import { deskEventSchema } from '../lib/services/desk/changes.ts';
import { dispatch, type Ticked, tick } from '../lib/services/desk/dispatch.ts';
import { connect, connectAhead } from '../lib/store/database.ts';

connectAhead();

/** What a step that has begun may still take: none begins with less time left. */
const MARGIN_MS = 10_000;

/** `{ "tick": true }` comes from the schedule, the rest from the functions that have changed something. */
const eventSchema = z.union([z.strictObject({ tick: z.literal(true) }), deskEventSchema]);

/** Runs beside the functions that people wait for, and on a schedule. Throws when the database can't be reached. */
export async function handler(event: unknown, context: Context): Promise<Ticked | undefined> {
  try {
    return await run(event, context);
  } catch (error) {
    // Nobody waits for the answer.
    logger.error('the dispatcher failed', errorFields(error));
    throw error;
  }
}

async function run(event: unknown, context: Context): Promise<Ticked | undefined> {
  const what = validate(eventSchema, event, '');
  await connect();
  const until = Date.now() + context.getRemainingTimeInMillis() - MARGIN_MS;
  if ('tick' in what) return tick(until);
  await dispatch(what, until);
  return undefined;
}

import { operationMs } from '../runtime/deadline.ts';
import { collectionOf } from './database.ts';

/** For queries that join users from another collection without their model. */
export const USERS = 'users';

/** The name of somebody who is erased. */
export const ERASED_NAME = 'Erased';

/** People's names by their ids. */
export type Names = ReadonlyMap<string, string>;

/** Reads the present names of people, in one read. Without a model, because most callers need no other field. */
export async function namesOf(ids: readonly string[]): Promise<Names> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return new Map();
  const rows = await collectionOf<{ _id: string; name: string }>(USERS)
    .find({ _id: { $in: wanted } }, { projection: { name: 1 }, ...timeLimit() })
    .toArray();
  return new Map(rows.map(({ _id, name }) => [_id, name]));
}

/** The time limit that every model's operations have. */
function timeLimit(): { maxTimeMS?: number } {
  const maxTimeMS = operationMs();
  return maxTimeMS === undefined ? {} : { maxTimeMS };
}

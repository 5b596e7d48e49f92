import { operationMs } from '../runtime/deadline.ts';
import { collectionOf } from './database.ts';

/** For what looks users up from another collection, and needs no model of them. */
export const USERS = 'users';

/** What somebody is called who is erased. */
export const ERASED_NAME = 'Erased';

/** What people are called, by their ids. */
export type Names = ReadonlyMap<string, string>;

/** What these people are called now: one read, however many they are. Without a model: most of who asks needs no other field. */
export async function namesOf(ids: readonly string[]): Promise<Names> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return new Map();
  const rows = await collectionOf<{ _id: string; name: string }>(USERS)
    .find({ _id: { $in: wanted } }, { projection: { name: 1 }, ...timeLimit() })
    .toArray();
  return new Map(rows.map(({ _id, name }) => [_id, name]));
}

/** As every model's operations have one. */
function timeLimit(): { maxTimeMS?: number } {
  const maxTimeMS = operationMs();
  return maxTimeMS === undefined ? {} : { maxTimeMS };
}

import { operationMs } from '../runtime/deadline.ts';
import { collectionOf } from './database.ts';

/** For queries that join users from another collection without their model. */
export const USERS = 'users';

/** The name of somebody who is erased. */
export const ERASED_NAME = 'Erased';

/** What is shown of a person beside a conversation. */
export interface Person {
  readonly name: string;
  readonly email: string | null;
}

/** People by their ids. */
export type People = ReadonlyMap<string, Person>;

/** Reads people's present names and addresses, in one read. Without a model, because most callers need no other field. */
export async function peopleOf(ids: readonly string[]): Promise<People> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return new Map();
  const rows = await collectionOf<{ _id: string } & Person>(USERS)
    .find({ _id: { $in: wanted } }, { projection: { name: 1, email: 1 }, ...timeLimit() })
    .toArray();
  return new Map(rows.map(({ _id, name, email }) => [_id, { name, email }]));
}

/** The time limit that every model's operations have. */
function timeLimit(): { maxTimeMS?: number } {
  const maxTimeMS = operationMs();
  return maxTimeMS === undefined ? {} : { maxTimeMS };
}

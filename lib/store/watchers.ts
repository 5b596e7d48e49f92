import type { Caller } from '../domain/permissions.ts';
import { connectionModel, live } from './connections.ts';
import { trusted } from './database.ts';

/** A connection that is told of the queue. */
export interface Watcher extends Pick<Caller, 'userId' | 'role'> {
  readonly connectionId: string;
}

/** From now on the connection is told of the queue. Returns `false` when it has ended. */
export async function beginWatching(connectionId: string): Promise<boolean> {
  const { matchedCount } = await connectionModel().updateOne(trusted({ _id: connectionId, ...live() }), {
    $set: { watching: true },
  });
  return matchedCount === 1;
}

/** From now on the connection is told of the queue no more. */
export async function endWatching(connectionId: string): Promise<void> {
  await connectionModel().updateOne({ _id: connectionId }, { $unset: { watching: 1 } });
}

/** Finds everybody who is told of the queue. */
export async function findWatchers(): Promise<Watcher[]> {
  const rows = await connectionModel()
    .find(trusted({ watching: true, ...live() }), { userId: 1, role: 1 })
    .lean();
  return rows.flatMap(({ _id: connectionId, userId, role }) => (role ? [{ connectionId, userId, role }] : []));
}

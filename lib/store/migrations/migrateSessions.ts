import { config } from '../../runtime/config.ts';
import { connectionModel } from '../connections.ts';
import { dropIndex, transaction, trusted } from '../database.ts';
import { deleteConnections } from '../endedConnections.ts';
import { deleteSessions, firstReleaseTokenModel, longestUnused, sessionModel } from '../sessions.ts';

/**
 * Ends those sessions of first-release users that are over today's limit, the longest unused first, some at a time.
 * From then on, ending a user's sessions is work of a known size. Their sockets are not cut, but have no record any
 * more.
 */
export async function migrateSessions(): Promise<void> {
  const most = config().MAX_SESSIONS_PER_USER;
  const crowds = sessionModel()
    .aggregate<{ _id: string }>([
      { $group: { _id: '$userId', held: { $sum: 1 } } },
      { $match: trusted({ held: { $gt: most } }) },
    ])
    .cursor();
  for await (const { _id } of crowds) while (await endSome(_id, most));
  // Other indexes with the same first fields serve these queries, or nobody sends them any more.
  await dropIndex(sessionModel().collection, 'userId_1');
  await dropIndex(connectionModel().collection, 'userId_1');
  await dropIndex(firstReleaseTokenModel().collection, 'sessionId_1');
}

/** Returns whether there were sessions to end. */
async function endSome(userId: string, most: number): Promise<boolean> {
  return transaction(async (session) => {
    const sessionIds = await longestUnused(userId, most, session);
    if (sessionIds.length === 0) return false;
    await deleteSessions({ sessionIds }, session);
    await deleteConnections({ sessionIds }, session);
    return true;
  });
}

import type { Transaction } from '../../store/database.ts';
import { deleteConnections } from '../../store/endedConnections.ts';
import { deleteSessions, type WhichSessions } from '../../store/sessions.ts';

/**
 * Ends sessions. Call it inside a transaction: from its commit on their refresh tokens, access tokens and sockets are
 * worth nothing. Returns the connections whose sockets are to be cut after the commit.
 */
export async function endSessions(which: WhichSessions, session: Transaction): Promise<string[]> {
  await deleteSessions(which, session);
  return deleteConnections(which, session);
}

/**
 * Ends one session, and puts on record what ended it: once, however many requests end it at the same time. Call it inside a
 * transaction, as `endSessions`.
 */
export async function endSession(
  sessionId: string,
  putOnRecord: () => Promise<void>,
  session: Transaction,
): Promise<string[]> {
  const which = { sessionIds: [sessionId] };
  if ((await deleteSessions(which, session)) > 0) await putOnRecord();
  return deleteConnections(which, session);
}

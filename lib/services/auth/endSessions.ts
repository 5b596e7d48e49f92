import { deleteConnections } from '../../store/connections.ts';
import type { Transaction } from '../../store/database.ts';
import { deleteSessions, type WhichSessions } from '../../store/sessions.ts';

/**
 * Ends sessions within a transaction: from its commit on their refresh tokens, access tokens and sockets are worth
 * nothing. Answers the connections whose sockets are then to be cut.
 */
export async function endSessions(which: WhichSessions, session: Transaction): Promise<string[]> {
  await deleteSessions(which, session);
  return deleteConnections(which, session);
}

import { deleteConnections } from '../../store/connections.ts';
import type { Transaction } from '../../store/database.ts';
import { deleteSessions } from '../../store/sessions.ts';

/** One session, or all of a user's but perhaps one. */
export type WhichSessions =
  | { readonly sessionId: string }
  | { readonly userId: string; readonly exceptSession?: string };

/**
 * Ends sessions within a transaction: from its commit on their refresh tokens, access tokens and sockets are worth
 * nothing. Answers the connections whose sockets are then to be cut.
 */
export async function endSessions(which: WhichSessions, session: Transaction): Promise<string[]> {
  await deleteSessions(which, session);
  return deleteConnections(which, session);
}

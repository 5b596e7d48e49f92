import type { Caller } from '../../domain/permissions.ts';
import { cutAll } from '../../realtime/cut.ts';
import { audit } from '../../store/audit.ts';
import { removeVisitor } from '../../store/customers.ts';
import { transaction } from '../../store/database.ts';
import { endSession } from './endSessions.ts';

/** Ends the caller's session: its refresh token, its access tokens and its sockets. A visitor without a conversation goes with it. */
export async function logout(caller: Caller): Promise<void> {
  const sockets = await transaction(async (session) => {
    const putOnRecord = async () => {
      // Of a visitor who came and went there is nothing to know.
      if (!caller.isVisitor) await audit(caller, 'signed_out', caller.userId, {}, session);
    };
    const ended = await endSession(caller.sessionId, putOnRecord, session);
    if (caller.isVisitor) await removeVisitor(caller.userId, session);
    return ended;
  });
  await cutAll(sockets);
}

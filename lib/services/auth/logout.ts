import type { Caller } from '../../domain/permissions.ts';
import { cutAll } from '../../realtime/cut.ts';
import { audit } from '../../store/audit.ts';
import { transaction } from '../../store/database.ts';
import { endSession } from './endSessions.ts';

/** Ends the caller's session: its refresh token, its access tokens and its sockets. */
export async function logout(caller: Caller): Promise<void> {
  const sockets = await transaction((session) =>
    endSession(caller.sessionId, () => audit(caller, 'signed_out', caller.userId, {}, session), session),
  );
  await cutAll(sockets);
}

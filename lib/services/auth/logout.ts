import type { Caller } from '../../domain/permissions.ts';
import { cutAll } from '../../realtime/broadcast.ts';
import { transaction } from '../../store/database.ts';
import { endSessions } from './endSessions.ts';

/** Ends the caller's session: its refresh token, its access tokens and its sockets. */
export async function logout(caller: Caller): Promise<void> {
  await cutAll(await transaction((session) => endSessions({ sessionId: caller.sessionId }, session)));
}

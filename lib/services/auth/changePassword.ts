import { admitAttempt } from '../../auth/attempts.ts';
import { hashPassword, verifyPassword } from '../../auth/passwords.ts';
import type { Caller } from '../../domain/permissions.ts';
import { AppError } from '../../protocol/errors.ts';
import { cutAll } from '../../realtime/broadcast.ts';
import { audit } from '../../store/audit.ts';
import { transaction } from '../../store/database.ts';
import { findCredentials, replacePasswordHash } from '../../store/users.ts';
import { endSessions } from './endSessions.ts';

/** Changes the caller's password and ends their other sessions. Throws `INVALID_CREDENTIALS`, `RATE_LIMITED`. */
export async function changePassword(
  caller: Caller,
  { currentPassword, newPassword }: { readonly currentPassword: string; readonly newPassword: string },
  sourceIp: string,
): Promise<void> {
  const found = await findCredentials(caller.userId);
  if (!found) throw new AppError('INVALID_CREDENTIALS');
  const attempt = await admitAttempt({
    account: { id: caller.userId, salt: found.salt },
    email: found.user.email ?? '',
    actor: caller,
    sourceIp,
    failure: 'password_change_failed',
  });
  if (!(await verifyPassword(currentPassword, found.passwordHash))) {
    await attempt.failed();
    throw new AppError('INVALID_CREDENTIALS');
  }
  await attempt.succeeded();
  const change = { from: found.passwordHash, to: await hashPassword(newPassword) };
  const sockets = await transaction(async (session) => {
    // Of two changes at once one wins: the other has proven a password that isn't theirs any more.
    if (!(await replacePasswordHash(caller.userId, change, session))) throw new AppError('INVALID_CREDENTIALS');
    await audit(caller, 'password_changed', caller.userId, {}, session);
    return endSessions({ userId: caller.userId, exceptSession: caller.sessionId }, session);
  });
  await cutAll(sockets);
}

import { hashPassword, isSamePassword, verifyPassword } from '../../auth/passwords.ts';
import type { Caller } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { beginAttempt } from '../../limits/signInAttempts.ts';
import { cutAll } from '../../realtime/cut.ts';
import { audit } from '../../store/audit.ts';
import { transaction } from '../../store/database.ts';
import { deleteMailsTo } from '../../store/mailOutbox.ts';
import { endResets } from '../../store/passwordResets.ts';
import { findCredentials, replacePasswordHash } from '../../store/users.ts';
import { endSessions } from './endSessions.ts';

/**
 * Changes the caller's password and ends their other sessions. A repeated change, where the password is the new one
 * already, changes and ends nothing, and counts as an attempt. Throws `INVALID_CREDENTIALS`, `RATE_LIMITED`.
 */
export async function changePassword(
  caller: Caller,
  { currentPassword, newPassword }: { readonly currentPassword: string; readonly newPassword: string },
  sourceIp: string,
): Promise<void> {
  const found = await findCredentials(caller.userId);
  // Without a password there is nothing to guess, and nothing to change.
  if (!found || found.passwordHash === null) throw new AppError('INVALID_CREDENTIALS');
  const attempt = await beginAttempt({
    account: { id: caller.userId, salt: found.salt },
    email: found.user.email ?? '',
    actor: caller,
    sourceIp,
    failure: 'password_change_failed',
  });
  if (!(await verifyPassword(currentPassword, found.passwordHash))) {
    // The password was right, so this is no failure; but it may have been a guess, so it counts as an attempt.
    if (await verifyPassword(newPassword, found.passwordHash)) return;
    await attempt.failed();
    throw new AppError('INVALID_CREDENTIALS');
  }
  if (isSamePassword(currentPassword, newPassword)) return;
  await attempt.succeeded();
  const change = { from: found.passwordHash, to: await hashPassword(newPassword) };
  const outcome = await replacePassword(caller, change);
  if (outcome.is === 'changed') await cutAll(outcome.sockets);
  // The change that won may be this same one, sent before.
  else await requirePassword(caller.userId, newPassword);
}

/** `overtaken`: of two changes at once the other has won. This one has proven a password that is no longer the user's. */
type Outcome = { readonly is: 'changed'; readonly sockets: readonly string[] } | { readonly is: 'overtaken' };

/** Replaces the password, and ends the caller's other sessions and links to set one, with one commit. */
function replacePassword(caller: Caller, change: { readonly from: string; readonly to: string }): Promise<Outcome> {
  const { userId, sessionId } = caller;
  return transaction(async (session) => {
    if (!(await replacePasswordHash(userId, change, session))) return { is: 'overtaken' };
    await endResets(userId, session);
    await deleteMailsTo(userId, session);
    await audit(caller, 'password_changed', userId, {}, session);
    return { is: 'changed', sockets: await endSessions({ userId, exceptSession: sessionId }, session) };
  });
}

/** Throws `INVALID_CREDENTIALS` unless this is an active user's password. */
async function requirePassword(userId: string, password: string): Promise<void> {
  const found = await findCredentials(userId);
  const hash = found?.user.active ? found.passwordHash : null;
  if (hash === null || !(await verifyPassword(password, hash))) throw new AppError('INVALID_CREDENTIALS');
}

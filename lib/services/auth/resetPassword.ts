import { hashPassword } from '../../auth/passwords.ts';
import { resetTokenHash } from '../../auth/resetTokens.ts';
import { AppError } from '../../errors/appError.ts';
import { limitResets } from '../../limits/rateLimits.ts';
import { cutAll } from '../../realtime/cut.ts';
import { audit } from '../../store/audit.ts';
import { transaction } from '../../store/database.ts';
import { deleteMailsTo } from '../../store/mailOutbox.ts';
import { findReset, useReset } from '../../store/passwordResets.ts';
import { setPasswordHash } from '../../store/users.ts';
import { endSessions } from './endSessions.ts';
import { unblock } from './unblock.ts';

/**
 * Sets a new password by the token of a link. With one commit all links and sessions of the user end. Lifts what keeps the user
 * from signing in. Throws `INVALID_TOKEN`, `RATE_LIMITED`.
 */
export async function resetPassword(
  { token, newPassword }: { readonly token: string; readonly newPassword: string },
  sourceIp: string,
): Promise<void> {
  await limitResets(sourceIp);
  const hash = resetTokenHash(token);
  // Before any hashing: a made-up token costs one read.
  const userId = await findReset(hash);
  if (userId === null) throw noSuchLink();
  const passwordHash = await hashPassword(newPassword);
  // Before the commit: after it a crash would leave the new password, and the block. Whoever has the link may be let in anyway.
  await unblock(userId);
  const sockets = await transaction(async (session) => {
    const role = await setPasswordHash(userId, passwordHash, session);
    // Of two at once, with one link or with two, the second finds none.
    if (role === null || !(await useReset(userId, hash, session))) throw noSuchLink();
    // One that waits would bring another link.
    await deleteMailsTo(userId, session);
    await audit({ userId, role, sourceIp }, 'password_reset', userId, {}, session);
    return endSessions({ userId }, session);
  });
  await cutAll(sockets);
}

const noSuchLink = () =>
  new AppError('INVALID_TOKEN', 'The link has expired, was used, or is none of ours. Ask for another one.');

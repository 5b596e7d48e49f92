import { randomBytes } from 'node:crypto';
import { hashPassword } from '../../auth/passwords.ts';
import type { Caller } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { forgetMailed, limitStaffWrites } from '../../limits/rateLimits.ts';
import { forgetAccount } from '../../limits/signInAttempts.ts';
import type { User } from '../../protocol/objects/users.ts';
import { cutAll } from '../../realtime/cut.ts';
import { audit } from '../../store/audit.ts';
import { transaction } from '../../store/database.ts';
import { deleteMailsTo } from '../../store/mailOutbox.ts';
import { endResets } from '../../store/passwordResets.ts';
import { eraseCandidate, findCredentials } from '../../store/users.ts';
import { endSessions } from '../auth/endSessions.ts';
import { requireUnmerged } from './requireUnmerged.ts';

/**
 * Erases a candidate. With one commit their name, address, password, sessions and sockets are gone, and they can't sign
 * in again. `finishErasing` erases their conversations. May be repeated. Throws `NOT_FOUND` for anybody but a
 * candidate, `CONFLICT` for a visitor who was merged into a customer, `RATE_LIMITED`.
 */
export async function eraseUser(caller: Caller, userId: string): Promise<User> {
  await limitStaffWrites(caller.userId);
  const found = await findCredentials(userId);
  if (found?.user.role !== 'candidate') throw new AppError('NOT_FOUND');
  await requireUnmerged(userId);
  const email = found.passwordHash === null ? null : found.user.email;
  // Before the e-mail is gone, because attempts and mails are counted under it. Nobody has tried to sign in with a label.
  await forgetAccount({ id: userId, salt: found.salt }, email);
  if (email !== null) await forgetMailed(email);
  // A password that nobody has, instead of none: it is checked and refused like any other.
  const passwordHash = await hashPassword(randomBytes(32).toString('base64'));
  const { erased, sockets } = await transaction(async (session) => {
    const user = await eraseCandidate(userId, passwordHash, session);
    // A visitor who has been merged since, or is gone.
    if (!user) throw new AppError('CONFLICT');
    await endResets(userId, session);
    await deleteMailsTo(userId, session);
    await audit(caller, 'user_erased', userId, {}, session);
    return { erased: user, sockets: await endSessions({ userId }, session) };
  });
  await cutAll(sockets);
  return erased;
}

import { newResetToken } from '../../auth/resetTokens.ts';
import type { Caller } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { limitStaffWrites } from '../../limits/rateLimits.ts';
import type { PasswordReset } from '../../protocol/objects/users.ts';
import { audit } from '../../store/audit.ts';
import { transaction } from '../../store/database.ts';
import { addReset } from '../../store/passwordResets.ts';
import { touchResettable, touchUser } from '../../store/users.ts';
import { requireResetUrl, resetLink } from '../auth/resetLinks.ts';

/**
 * Makes a link by which a user sets a new password, for an admin to hand over. Throws `NOT_CONFIGURED`, `NOT_FOUND`, `CONFLICT`
 * for a user who is inactive or has no password, `RATE_LIMITED`.
 */
export async function createPasswordReset(caller: Caller, userId: string): Promise<PasswordReset> {
  requireResetUrl();
  await limitStaffWrites(caller.userId);
  const token = newResetToken();
  const expiresAt = await transaction(async (session) => {
    if (!(await touchResettable(userId, session))) {
      throw (await touchUser(userId, session)) ? hasNoPassword() : new AppError('NOT_FOUND');
    }
    await audit(caller, 'password_reset_made', userId, {}, session);
    return addReset(userId, { hash: token.hash, mailed: false }, session);
  });
  return { url: resetLink(token.text), expiresAt: expiresAt.toISOString() };
}

const hasNoPassword = () => new AppError('CONFLICT', 'The user is inactive, or signs in without a password.');

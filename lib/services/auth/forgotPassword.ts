import { AppError } from '../../errors/appError.ts';
import { limitForgotten, mayBeMailed } from '../../limits/rateLimits.ts';
import { putMail } from '../../store/mailOutbox.ts';
import { findIdByEmail } from '../../store/users.ts';
import { sendsMails } from '../mail/callMailer.ts';

/**
 * Puts a mail into the outbox, with which whoever has this address sets a new password. The work is the same whoever it is, and
 * whether there is anybody: one count, one search, one write. What depends on the account is asked after the answer, by the mail
 * sender. An address that was asked for too often gets no mail, an account or not. Returns whether a mail is to be sent. Throws
 * `NOT_CONFIGURED`, `RATE_LIMITED`.
 */
export async function forgotPassword(email: string, sourceIp: string): Promise<boolean> {
  if (!sendsMails()) throw new AppError('NOT_CONFIGURED');
  await limitForgotten(sourceIp);
  const isWithinLimit = await mayBeMailed(email);
  const userId = await findIdByEmail(email);
  if (isWithinLimit) await putMail(userId);
  return isWithinLimit;
}

import { AppError } from '../../errors/appError.ts';
import { limitForgotten, mayBeMailed } from '../../limits/rateLimits.ts';
import { putMail } from '../../store/mailOutbox.ts';
import { findIdByEmail } from '../../store/users.ts';
import { sendsMails } from '../mail/callMailer.ts';

/**
 * Puts a mail with a link to set a new password into the outbox. The work is the same for every address, with an account or
 * without: two counts, one search, one write. The mail sender asks what depends on the account, after the answer. An address that
 * was asked for too often gets no mail, with an account or without. Returns whether a mail is to be sent. Throws
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

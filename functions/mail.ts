import type { Context } from 'aws-lambda';
import { validate } from '../lib/errors/validate.ts';
import { errorFields, logger } from '../lib/runtime/logger.ts';
import { mailEventSchema } from '../lib/services/mail/callMailer.ts';
import { type SentMails, sendMails } from '../lib/services/mail/sendMails.ts';
import { connect, connectAhead } from '../lib/store/database.ts';

connectAhead();

/** What a mail that has begun may still take: none begins with less time left. */
const MARGIN_MS = 25_000;

/**
 * Sends what is in the outbox. Called by the functions that put something there, and by the sweep. Throws where a mail could not be
 * sent, or the database not be reached: Lambda calls it again after a minute, and after two more.
 */
export async function handler(event: unknown, context: Context): Promise<SentMails> {
  try {
    validate(mailEventSchema, event, '');
    await connect();
    const result = await sendMails(Date.now() + context.getRemainingTimeInMillis() - MARGIN_MS);
    if (result.failed > 0) throw new MailsNotSent();
    return result;
  } catch (error) {
    // Nobody waits for the answer.
    logger.error('the mail sender failed', errorFields(error));
    throw error;
  }
}

/** The log says which mails, and why. */
class MailsNotSent extends Error {
  override readonly name = 'MailsNotSent';
}

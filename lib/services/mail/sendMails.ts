import { newResetToken } from '../../auth/resetTokens.ts';
import { logger } from '../../runtime/logger.ts';
import { metrics } from '../../runtime/metrics.ts';
import { sendEmail } from '../../runtime/sendEmail.ts';
import { transaction } from '../../store/database.ts';
import { deleteMail, setBackMail, type TakenMail, takeMail } from '../../store/mailOutbox.ts';
import { addReset, dropReset, RESET_MS } from '../../store/passwordResets.ts';
import { touchResettable } from '../../store/users.ts';
import { resetLink } from '../auth/resetLinks.ts';

/** What a run did with the mails that were due. */
export interface SentMails {
  readonly sent: number;
  /** Refused by SES, or without an answer of its. They are tried again. */
  readonly failed: number;
  /** Not sent in half an hour, or begun twice without an outcome. They are not tried again. */
  readonly givenUp: number;
}

/** A mail that was begun so often, and whose outcome nobody knows, may be there twice already. */
const MOST_BEGUN = 2;

/** Sends the mails that are due. `until`: epoch milliseconds after which none begins. */
export async function sendMails(until: number): Promise<SentMails> {
  const result = { sent: 0, failed: 0, givenUp: 0 };
  while (Date.now() < until) {
    const mail = await takeMail();
    if (!mail) break;
    const outcome = await send(mail);
    if (outcome !== 'void') result[outcome] += 1;
  }
  if (result.sent > 0) metrics({ MailsSent: result.sent });
  return result;
}

/** `void`: nobody is to get it. */
async function send(mail: TakenMail): Promise<keyof SentMails | 'void'> {
  if (mail.isLate || mail.begun > MOST_BEGUN) return giveUp(mail);
  const token = newResetToken();
  const address = await addLink(mail.userId, token.hash);
  if (address === null) {
    await deleteMail(mail);
    return 'void';
  }
  const sending = await sendEmail({ to: address, ...wording(resetLink(token.text)) });
  switch (sending.is) {
    case 'sent':
      await deleteMail(mail);
      return 'sent';
    case 'refused':
      // Nobody has this link, and it must not take the place of one that somebody has.
      await dropReset(mail.userId, token.hash);
      await setBackMail(mail);
      logger.error('a mail was refused', { mailId: mail.id, code: sending.code });
      return 'failed';
    case 'unknown':
      // Left as it was taken: it is due again after a while, once. Its link stays, for the mail may have arrived.
      logger.error('a mail may not have been sent', { mailId: mail.id, code: sending.code });
      return 'failed';
  }
}

/** Stores a link of the user, if they may have one. Returns their address, as it is at that moment. */
function addLink(userId: string, hash: string): Promise<string | null> {
  return transaction(async (session) => {
    const user = await touchResettable(userId, session);
    if (!user) return null;
    await addReset(userId, hash, session);
    return user.email;
  });
}

async function giveUp(mail: TakenMail): Promise<'givenUp'> {
  await deleteMail(mail);
  logger.error('a mail was given up', { mailId: mail.id, begun: mail.begun });
  metrics({ MailsGivenUp: 1 });
  return 'givenUp';
}

/**
 * Says it in words that nobody chooses: with a name in it, whoever registers under another's address could have us send what they
 * like.
 */
const wording = (link: string) => ({
  subject: 'Set a new password',
  text: [
    'Somebody, you we hope, has asked to set a new password for your account. Do so here:',
    link,
    `The link works once, for ${RESET_MS / 60_000} minutes. A new password ends all your sessions.`,
    'If it was not you, you need not do anything: your password stays as it is.',
    '',
  ].join('\n\n'),
});

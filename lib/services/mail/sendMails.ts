import { newResetToken } from '../../auth/resetTokens.ts';
import { logger } from '../../runtime/logger.ts';
import { metrics } from '../../runtime/metrics.ts';
import { sendEmail } from '../../runtime/sendEmail.ts';
import { transaction } from '../../store/database.ts';
import { beginMail, deleteMail, setBackMail, type TakenMail, takeMail } from '../../store/mailOutbox.ts';
import { addReset, dropReset, RESET_MS } from '../../store/passwordResets.ts';
import { touchResettable } from '../../store/users.ts';
import { resetLink } from '../auth/resetLinks.ts';

/** What a run did with the mails that were due. */
export interface SentMails {
  readonly sent: number;
  /** SES refused them, or did not answer. They are tried again. */
  readonly failed: number;
  /** Not sent in half an hour, or begun twice without an outcome. They are not tried again. */
  readonly givenUp: number;
}

/** A mail that was begun so often, and of whose outcome nobody knows, may have arrived twice. */
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

/** `void`: nobody is to get it, or somebody else sends it. */
async function send(mail: TakenMail): Promise<keyof SentMails | 'void'> {
  if (mail.isLate || mail.begun >= MOST_BEGUN) return giveUp(mail);
  const token = newResetToken();
  const link = await addLink(mail, token.hash);
  if (link.is === 'somebody else’s') return 'void';
  if (link.is === 'for nobody') {
    await deleteMail(mail);
    return 'void';
  }
  const sending = await sendEmail({ to: link.address, ...wording(resetLink(token.text)) });
  switch (sending.is) {
    case 'sent':
      await deleteMail(mail);
      return 'sent';
    case 'refused':
      // Nobody has this link: it must not count among those that work.
      await dropReset(mail.userId, token.hash);
      await setBackMail(mail);
      logger.error('a mail was refused', { mailId: mail.id, code: sending.code });
      return 'failed';
    case 'unknown':
      // Left as it is: due again once its time is over. Its link stays, for the mail may have arrived.
      logger.error('a mail may not have been sent', { mailId: mail.id, code: sending.code });
      return 'failed';
  }
}

type Link =
  | { readonly is: 'added'; readonly address: string }
  | { readonly is: 'for nobody' }
  | { readonly is: 'somebody else’s' };

/** Stores a link of the user, if they may have one, and notes that its mail begins. The address is theirs at that moment. */
function addLink(mail: TakenMail, hash: string): Promise<Link> {
  return transaction(async (session): Promise<Link> => {
    const user = await touchResettable(mail.userId, session);
    if (!user) return { is: 'for nobody' };
    if (!(await beginMail(mail, session))) return { is: 'somebody else’s' };
    await addReset(mail.userId, { hash, mailed: true }, session);
    return { is: 'added', address: user.email };
  });
}

async function giveUp(mail: TakenMail): Promise<'givenUp'> {
  // Said first: one that is said twice is better than one that is lost in silence.
  logger.error('a mail was given up', { mailId: mail.id, begun: mail.begun });
  metrics({ MailsGivenUp: 1 });
  await deleteMail(mail);
  return 'givenUp';
}

/**
 * Says it in words that nobody chooses: with a name in it, whoever registers under another's address could have us send what they
 * like.
 */
const wording = (link: string) => ({
  subject: 'Set a new password',
  text: [
    'Somebody asked for a link to set a new password for your account. If it was you, do so here:',
    link,
    `The link works once, for ${RESET_MS / 60_000} minutes. A new password ends all your sessions.`,
    'If it was not you, do nothing: your password stays as it is.',
    '',
  ].join('\n\n'),
});

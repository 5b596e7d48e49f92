import * as z from 'zod/mini';
import { config } from '../../runtime/config.ts';
import { invokeLater } from '../../runtime/invoke.ts';
import { errorFields, logger } from '../../runtime/logger.ts';

/** What the mail sender is told: nothing but to look into the outbox. */
export const mailEventSchema = z.strictObject({ send: z.literal(true) });

/** Whether this deployment sends mails. */
export const sendsMails = (): boolean => config().MAIL_FROM !== '';

/** Has the mail sender look into the outbox, a function of its own. Never throws: the sweep calls it again while a mail waits. */
export async function callMailer(): Promise<void> {
  const { MAIL_FUNCTION } = config();
  if (MAIL_FUNCTION === '') return;
  try {
    await invokeLater(MAIL_FUNCTION, { send: true } satisfies z.infer<typeof mailEventSchema>);
  } catch (error) {
    logger.warn('could not reach the mail sender', errorFields(error));
  }
}

import { config } from './config.ts';
import { waitToRetry } from './retry.ts';
import { requiredVariable, signedPost } from './signedPost.ts';

/** The longest all attempts may take together: much less than the time for which the mail is its sender's. */
const PATIENCE_MS = 8_000;
const ATTEMPTS = 3;

export interface Email {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/**
 * What became of a mail. `refused`: it was not sent. `unknown`: SES didn't answer, and may have sent it. The code is AWS's reason
 * or the network's.
 */
export type Sending =
  | { readonly is: 'sent' }
  | { readonly is: 'refused'; readonly code: string }
  | { readonly is: 'unknown'; readonly code: string };

/** Errors of the network before the request was on its way. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/**
 * Sends a mail through SES, version 2 of its API, without the SDK's client, as `invoke.ts` calls Lambda. A fault that may pass
 * is tried again at once, but only when the mail was certainly not sent. Never throws for what SES or the network does.
 * https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
 */
export async function sendEmail(email: Email): Promise<Sending> {
  const end = Date.now() + PATIENCE_MS;
  for (let attempt = 1; ; attempt += 1) {
    const { sending, mayPass } = await post(email, end);
    if (!mayPass || !(await waitToRetry(attempt, { attempts: ATTEMPTS, end }))) return sending;
  }
}

async function post(email: Email, end: number): Promise<{ readonly sending: Sending; readonly mayPass: boolean }> {
  const url = new URL('/v2/email/outbound-emails', requiredVariable('AWS_ENDPOINT_URL_SESV2'));
  try {
    const { status, errorType } = await signedPost({
      service: 'ses',
      url,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(asSent(email)),
      signal: AbortSignal.timeout(Math.max(1, end - Date.now())),
    });
    if (status === 200) return { sending: { is: 'sent' }, mayPass: false };
    // The text of the answer may quote the address: only the error's name gets any further.
    const code = errorType?.replace(/:.*$/, '') ?? `HTTP ${status}`;
    return { sending: { is: 'refused', code }, mayPass: status === 429 || status >= 500 };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    if (NEVER_SENT.has(code)) return { sending: { is: 'refused', code }, mayPass: true };
    return { sending: { is: 'unknown', code }, mayPass: false };
  }
}

const utf8 = (text: string) => ({ Data: text, Charset: 'UTF-8' });

const asSent = ({ to, subject, text }: Email) => ({
  FromEmailAddress: config().MAIL_FROM,
  Destination: { ToAddresses: [to] },
  Content: { Simple: { Subject: utf8(subject), Body: { Text: utf8(text) } } },
});

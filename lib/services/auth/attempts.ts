import { createHash } from 'node:crypto';
import { config } from '../../config.ts';
import { forgetEvents } from '../../store/rateLimits.ts';
import { limit } from '../limits.ts';

const WINDOW_SECONDS = 15 * 60;
/** One address may stand for a whole office. */
const ADDRESS_FACTOR = 10;

/**
 * Counts an attempt to prove a password before it is checked, so that parallel guesses can't slip through, and takes
 * it back when it was right. Throws `RATE_LIMITED` once the account, known or not, has had too many wrong ones in a
 * quarter of an hour, or the address has.
 */
export async function admitAttempt(
  account: string,
  sourceIp: string,
): Promise<{ readonly succeeded: () => Promise<void> }> {
  const most = config().RATE_LIMIT_FAILED_LOGINS;
  // Hashed: the collection is no list of who tried to sign in.
  const accountKey = `login/${createHash('sha256').update(account.normalize('NFC').toLowerCase()).digest('base64url')}`;
  const addressKey = `loginFrom/${sourceIp}`;
  await limit(addressKey, most * ADDRESS_FACTOR, WINDOW_SECONDS);
  await limit(accountKey, most, WINDOW_SECONDS);
  return { succeeded: () => forgetEvents([accountKey, addressKey], WINDOW_SECONDS) };
}

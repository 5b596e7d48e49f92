import { createHash } from 'node:crypto';
import { config } from '../config.ts';
import {
  countAttempt,
  forgetAttempts,
  isKnownOrigin,
  rememberOrigin,
  takeBackAttempt,
} from '../store/loginAttempts.ts';
import { tooMany } from './limits.ts';

/** How much more one address (an office, a campus) or one account from everywhere may fail than the two together. */
const ADDRESS_FACTOR = 10;
const ACCOUNT_FACTOR = 5;

export interface Attempt {
  /** To be called when the password was right. */
  succeeded(): Promise<void>;
}

/**
 * Counts an attempt to prove a password before it is checked, so that parallel guesses can't slip through. Throws
 * `RATE_LIMITED` while there were too many wrong ones: for this account from this address, from this address, or for
 * this account from anywhere. The last doesn't hold for an address its owner has signed in from lately: a stranger
 * can't lock them out. Accounts that don't exist are counted alike.
 */
export async function admitAttempt(account: string, sourceIp: string): Promise<Attempt> {
  const { RATE_LIMITS, RATE_LIMIT_FAILED_LOGINS: most } = config();
  if (RATE_LIMITS === 'off') return { succeeded: async () => undefined };
  // Hashed: the collection is no list of who tried to sign in.
  const accountHash = createHash('sha256').update(account.normalize('NFC').toLowerCase()).digest('base64url');
  const pair = `${accountHash}@${sourceIp}`;
  await admit(pair, most);
  await admit(`@${sourceIp}`, most * ADDRESS_FACTOR);
  const known = await isKnownOrigin(pair);
  if (!known) await admit(`${accountHash}@`, most * ACCOUNT_FACTOR);
  return {
    succeeded: async () => {
      const shared = known ? [`@${sourceIp}`] : [`@${sourceIp}`, `${accountHash}@`];
      await Promise.all([forgetAttempts([pair]), ...shared.map(takeBackAttempt), rememberOrigin(pair)]);
    },
  };
}

async function admit(key: string, most: number): Promise<void> {
  const retryAfter = await countAttempt(key, most);
  if (retryAfter > 0) throw tooMany(retryAfter);
}

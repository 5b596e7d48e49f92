import { createHmac, hkdfSync } from 'node:crypto';
import { jwtKeys } from '../runtime/secrets.ts';

const DAY_MS = 24 * 3600 * 1000;

/** The day it is, on which the keys of what is kept for some hours depend. */
export const today = (): number => Math.floor(Date.now() / DAY_MS);

/** A keyed hash: without the key it can't be made, nor a guess at the value be checked. */
export const keyedHash = (key: string | Buffer, value: string): string =>
  createHmac('sha256', key).update(value).digest('base64url');

/**
 * What stands for an address, or an e-mail nobody has an account with, in the database. Made with a key that is not in
 * there, and is another one each day.
 */
export async function pseudonym(value: string, day = today()): Promise<string> {
  // Derived from the key that signs tokens (RFC 5869), which it doesn't tell: no further secret to look after.
  const [{ secret }] = await jwtKeys();
  return keyedHash(Buffer.from(hkdfSync('sha256', secret, '', `live-support pseudonyms ${day}`, 32)), value);
}

import { createHmac, hkdfSync } from 'node:crypto';
import { DAY_MS } from '../domain/spans.ts';
import { jwtKeys } from '../runtime/secrets.ts';

/** Returns the day's number, on which the keys of hashes kept for some hours depend. */
export const today = (): number => Math.floor(Date.now() / DAY_MS);

/** Makes a keyed hash. Without the key nobody can make the hash, or check a guess at the value. */
export const keyedHash = (key: string | Buffer, value: string): string =>
  createHmac('sha256', key).update(value).digest('base64url');

/**
 * Returns the hash that stands in the database for an address, or for an e-mail without an account. Its key is not in
 * the database, and changes every day.
 */
export async function pseudonym(value: string, day = today()): Promise<string> {
  // Derived from the key that signs tokens (RFC 5869), which it doesn't tell: no further secret to look after.
  const [{ secret }] = await jwtKeys();
  return keyedHash(Buffer.from(hkdfSync('sha256', secret, '', `live-support pseudonyms ${day}`, 32)), value);
}

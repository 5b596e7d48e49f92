import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { hashOf, newSecret } from './randomSecrets.ts';

/**
 * A refresh token. It names its session and has two secrets of 256 random bits: one that all tokens of the session
 * share, and one of its own. So two hashes in the session's record recognize every token that the session ever had. The
 * database has no other trace of a token.
 */
export interface RefreshToken {
  readonly text: string;
  readonly hash: string;
  /** `null` for a token of the first release, which has one secret and names no session. */
  readonly family: TokenFamily | null;
}

/** The part that all refresh tokens of a session share. */
export interface TokenFamily {
  readonly sessionId: string;
  readonly secret: string;
  readonly hash: string;
}

export interface NewRefreshToken extends RefreshToken {
  readonly family: TokenFamily;
}

const FORM = /^([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{43})\.[A-Za-z0-9_-]{43}$/;

/** Makes the first token of a session. */
export function firstRefreshToken(sessionId: string): NewRefreshToken {
  const secret = newSecret();
  return tokenOf({ sessionId, secret, hash: hashOf(secret) });
}

/** Makes the token that replaces `spent`. */
export const successorOf = (spent: RefreshToken, sessionId: string): NewRefreshToken =>
  spent.family ? tokenOf(spent.family) : firstRefreshToken(sessionId);

function tokenOf(family: TokenFamily): NewRefreshToken {
  const text = `${family.sessionId}.${family.secret}.${newSecret()}`;
  return { text, hash: hashOf(text), family };
}

/** Takes a token apart. It may be made up. */
export function readRefreshToken(text: string): RefreshToken {
  const [, sessionId, secret] = FORM.exec(text) ?? [];
  const family = sessionId && secret ? { sessionId, secret, hash: hashOf(secret) } : null;
  return { text, hash: hashOf(text), family };
}

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Derives the key for a token's successor (RFC 5869). The database has only the token's hash, so it can't derive the
 * key.
 */
const keyOf = (token: RefreshToken): Buffer =>
  Buffer.from(hkdfSync('sha256', token.text, '', 'live-support refresh token successor', 32));

/** Encrypts a successor. Only a holder of the spent token can read it. */
export function seal(successor: RefreshToken, spent: RefreshToken): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, keyOf(spent), nonce);
  const sealed = Buffer.concat([cipher.update(successor.text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64url');
}

/**
 * Decrypts a successor that `seal` encrypted for this spent token. Throws for another token, or if the text was
 * changed.
 */
export function unseal(sealed: string, spent: RefreshToken): string {
  const bytes = Buffer.from(sealed, 'base64url');
  const decipher = createDecipheriv(CIPHER, keyOf(spent), bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
  return Buffer.concat([text, decipher.final()]).toString('utf8');
}

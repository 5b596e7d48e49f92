import { hashOf, newSecret } from './randomSecrets.ts';

/** The token of a link by which one sets a new password: 256 random bits. The database has its hash only. */
export interface ResetToken {
  readonly text: string;
  readonly hash: string;
}

export function newResetToken(): ResetToken {
  const text = newSecret();
  return { text, hash: hashOf(text) };
}

/** Returns the hash of a token that somebody presents. It may be made up. */
export const resetTokenHash = (text: string): string => hashOf(text);

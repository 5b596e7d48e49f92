import { createHash, randomBytes } from 'node:crypto';

const SECRET_BYTES = 32;

/** Makes a secret of 256 random bits: 43 characters, which may stand in a URL. */
export const newSecret = (): string => randomBytes(SECRET_BYTES).toString('base64url');

/** Hashes such a secret, or a token made of some. A fast hash will do: there is nothing to guess in 256 random bits. */
export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url');

import * as crypto from 'node:crypto';
import { promisify } from 'node:util';

/** OWASP's Password Storage Cheat Sheet: argon2id with 19 MiB, 2 passes, 1 lane; scrypt with N = 2^17, r = 8, p = 1. */
const ARGON2 = { memory: 19 * 1024, passes: 2, parallelism: 1 } as const;
const SCRYPT = { N: 2 ** 17, r: 8, p: 1 } as const;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

type Argon2 = (
  algorithm: 'argon2id',
  parameters: {
    message: string;
    nonce: Buffer;
    parallelism: number;
    tagLength: number;
    memory: number;
    passes: number;
  },
) => Promise<Buffer>;

const argon2: Argon2 | undefined =
  typeof crypto.argon2 === 'function' ? (promisify(crypto.argon2) as Argon2) : undefined;

/**
 * Whether argon2 works here. Node 24.7 and later have the function with any OpenSSL, but without OpenSSL's support the
 * call fails. One tiny hash tells. This is not done at import, because most functions hash nothing.
 */
function hasArgon2(): Promise<boolean> {
  trial ??= tryArgon2().catch((error: unknown) => {
    // Forget the failed try, so that the next call tries again.
    trial = undefined;
    throw error;
  });
  return trial;
}

let trial: Promise<boolean> | undefined;

async function tryArgon2(): Promise<boolean> {
  if (!argon2) return false;
  try {
    await argon2('argon2id', {
      message: 'trial',
      nonce: Buffer.alloc(SALT_BYTES),
      parallelism: 1,
      tagLength: HASH_BYTES,
      memory: 8,
      passes: 1,
    });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_CRYPTO_ARGON2_NOT_SUPPORTED') throw error;
    return false;
  }
}

/** Hashes a password with a new salt. The answer names the algorithm and its parameters. */
export async function hashPassword(password: string): Promise<string> {
  const salt = crypto.randomBytes(SALT_BYTES);
  if (argon2 && (await hasArgon2())) {
    const hash = await argon2id(argon2, password, salt, ARGON2);
    return `$argon2id$v=19$m=${ARGON2.memory},t=${ARGON2.passes},p=${ARGON2.parallelism}$${b64(salt)}$${b64(hash)}`;
  }
  const hash = await scrypt(password, salt, SCRYPT);
  return `$scrypt$n=${SCRYPT.N},r=${SCRYPT.r},p=${SCRYPT.p}$${b64(salt)}$${b64(hash)}`;
}

/** Whether this is the password. The time it takes doesn't depend on where the two differ. */
export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const [, algorithm, ...parts] = stored.split('$');
  const [salt, hash] = parts.slice(-2).map((part) => Buffer.from(part, 'base64')) as [Buffer, Buffer];
  const parameters = Object.fromEntries((parts.at(-3) ?? '').split(',').map((pair) => pair.split('='))) as Record<
    string,
    string
  >;
  const number = (name: string) => Number(parameters[name]);
  let candidate: Buffer;
  if (algorithm === 'argon2id' && argon2 && (await hasArgon2())) {
    candidate = await argon2id(argon2, password, salt, {
      memory: number('m'),
      passes: number('t'),
      parallelism: number('p'),
    });
  } else if (algorithm === 'scrypt') {
    candidate = await scrypt(password, salt, { N: number('n'), r: number('r'), p: number('p') });
  } else {
    throw new Error(`cannot verify a password hashed with ${algorithm} on Node ${process.version}`);
  }
  return candidate.length === hash.length && crypto.timingSafeEqual(candidate, hash);
}

/** Whether two texts are the same password for the hash. */
export const isSamePassword = (one: string, other: string): boolean => message(one) === message(other);

/**
 * Returns a hash that no password has. Verifying against it takes as long as for an existing user, so the time doesn't
 * tell who exists.
 */
export function nobodysHash(): Promise<string> {
  nobodys ??= hashPassword(crypto.randomBytes(SALT_BYTES).toString('base64')).catch((error: unknown) => {
    nobodys = undefined;
    throw error;
  });
  return nobodys;
}

let nobodys: Promise<string> | undefined;

const b64 = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');

/** NFKC first: the same characters typed on another keyboard are the same password (NIST SP 800-63B §3.1.1.2). */
const message = (password: string): string => password.normalize('NFKC');

const argon2id = (
  argon2: Argon2,
  password: string,
  nonce: Buffer,
  parameters: { memory: number; passes: number; parallelism: number },
): Promise<Buffer> => argon2('argon2id', { message: message(password), nonce, tagLength: HASH_BYTES, ...parameters });

const scrypt = (password: string, salt: Buffer, { N, r, p }: { N: number; r: number; p: number }): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    crypto.scrypt(message(password), salt, HASH_BYTES, { N, r, p, maxmem: 256 * N * r }, (error, hash) =>
      error ? reject(error) : resolve(hash),
    );
  });

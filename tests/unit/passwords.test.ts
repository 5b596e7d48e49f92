import { jest } from '@jest/globals';
import { countHashes } from '../security/hashes.ts';
import { hashInFull } from '../support/lightHashes.ts';

/** How passwords are hashed, with an OpenSSL that has argon2 and with one that doesn't. */

hashInFull();

const crypto = await import('node:crypto');

type Argon2 = (algorithm: string, parameters: unknown, callback: (error: Error | null, hash?: Buffer) => void) => void;

const working = crypto.argon2 as unknown as Argon2;

/** As Node has it where OpenSSL hasn't: a function, which throws when it is called. */
const unsupported: Argon2 = () => {
  throw Object.assign(new Error('Argon2 algorithm not supported'), { code: 'ERR_CRYPTO_ARGON2_NOT_SUPPORTED' });
};

/** The module under test, on a Node with this argon2. */
async function passwordsWith(argon2: Argon2): Promise<typeof import('../../lib/auth/passwords.ts')> {
  jest.resetModules();
  jest.unstable_mockModule('node:crypto', () => ({ ...crypto, default: { ...crypto, argon2 }, argon2 }));
  return import('../../lib/auth/passwords.ts');
}

const PASSWORD = 'correct horse battery';

it('hashes with argon2id where it works', async () => {
  const { hashPassword, verifyPassword } = await passwordsWith(working);
  const hash = await hashPassword(PASSWORD);
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(await verifyPassword(PASSWORD, hash)).toBe(true);
  expect(await verifyPassword(`${PASSWORD}!`, hash)).toBe(false);
});

it('hashes with scrypt where argon2 is a function that does not work', async () => {
  const { hashPassword, verifyPassword, nobodysHash } = await passwordsWith(unsupported);
  const hash = await hashPassword(PASSWORD);
  expect(hash).toMatch(/^\$scrypt\$n=131072,r=8,p=1\$/);
  expect(await verifyPassword(PASSWORD, hash)).toBe(true);
  expect(await verifyPassword(`${PASSWORD}!`, hash)).toBe(false);
  expect(await nobodysHash()).toMatch(/^\$scrypt\$/);
});

it('verifies with argon2 what was hashed without it', async () => {
  const hash = await (await passwordsWith(unsupported)).hashPassword(PASSWORD);
  const { verifyPassword } = await passwordsWith(working);
  expect(await verifyPassword(PASSWORD, hash)).toBe(true);
  expect(await verifyPassword(`${PASSWORD}!`, hash)).toBe(false);
});

it('says so where it cannot verify, rather than that the password is wrong', async () => {
  const hash = await (await passwordsWith(working)).hashPassword(PASSWORD);
  const { verifyPassword } = await passwordsWith(unsupported);
  await expect(verifyPassword(PASSWORD, hash)).rejects.toThrow('cannot verify a password hashed with argon2id');
});

it('takes no other fault for a missing argon2, and asks again after it', async () => {
  let faults = 1;
  const { hashPassword } = await passwordsWith((algorithm, parameters, callback) => {
    faults -= 1;
    if (faults >= 0) return callback(Object.assign(new Error('out of memory'), { code: 'ERR_OUT_OF_MEMORY' }));
    return working(algorithm, parameters, callback);
  });
  await expect(hashPassword(PASSWORD)).rejects.toThrow('out of memory');
  expect(await hashPassword(PASSWORD)).toMatch(/^\$argon2id\$/);
});

it('hashes nothing until it is asked to, and tries argon2 once', async () => {
  let calls = 0;
  const counting: Argon2 = (...args) => {
    calls += 1;
    return working(...args);
  };
  const { hashPassword } = await passwordsWith(counting);
  expect(calls).toBe(0);
  await Promise.all([hashPassword(PASSWORD), hashPassword(PASSWORD)]);
  expect(calls).toBe(3);
  expect(await countHashes(() => hashPassword(PASSWORD))).toBe(1);
});

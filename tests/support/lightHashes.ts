import { syncBuiltinESMExports } from 'node:module';

/**
 * Has Node hash passwords lightly in this process, for tests sign in thousands of people: with argon2, but not with the memory
 * and the passes that the code asks for. What is stored says what the code asked for. In full with `SOAK=1`, and where a
 * test says `hashInFull()`, before anybody has a password.
 */

type Argon2 = (algorithm: string, parameters: Readonly<Record<string, unknown>>, done: unknown) => void;

const crypto = process.getBuiltinModule('node:crypto') as unknown as { argon2?: Argon2 & { inFull?: Argon2 } };
// A process of jest's runs many files: each replaces what the one before has put here.
const inFull = crypto.argon2?.inFull ?? crypto.argon2;
if (inFull) {
  const light: Argon2 = (algorithm, parameters, done) =>
    inFull(algorithm, process.env['HASHES'] === 'full' ? parameters : { ...parameters, memory: 64, passes: 1 }, done);
  crypto.argon2 = Object.assign(light, { inFull });
  syncBuiltinESMExports();
}
if (process.env['SOAK'] === '1') hashInFull();

/** For what is about hashes, or about how long they take. Machines that are started later do so too. */
export function hashInFull(): void {
  process.env['HASHES'] = 'full';
}

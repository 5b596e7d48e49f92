import { createHook } from 'node:async_hooks';

/** How many times `work` had Node hash a password: counted where Node does it, whoever asked. */
export async function countHashes(work: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const hook = createHook({
    init: (_id, type) => {
      if (/^(ARGON2|SCRYPT|PBKDF2)/i.test(type)) count += 1;
    },
  });
  hook.enable();
  try {
    await work();
  } finally {
    hook.disable();
  }
  return count;
}

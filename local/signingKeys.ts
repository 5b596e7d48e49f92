import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Keys to sign tokens with on this machine: random, made once and kept, so that sessions outlive a restart. */
export async function localSigningKeys(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const keys = `local:${randomBytes(32).toString('base64url')}\n`;
  try {
    await writeFile(path, keys, { mode: 0o600, flag: 'wx' });
    return keys.trim();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    return (await readFile(path, 'utf8')).trim();
  }
}

import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';

/** Keys to sign tokens with on this machine: random, made once and kept, so that sessions outlive a restart. */
export async function localSigningKeys(path: string): Promise<string> {
  const kept = await readFile(path, 'utf8').catch(() => '');
  if (kept.trim() !== '') return kept.trim();
  await mkdir(dirname(path), { recursive: true });
  // In one step: a start that is ended in the middle of it leaves no half a key to the next one.
  const unfinished = `${path}.${process.pid}`;
  await writeFile(unfinished, `local:${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
  await rename(unfinished, path);
  return (await readFile(path, 'utf8')).trim();
}

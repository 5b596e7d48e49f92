import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';

/** Returns this machine's signing keys: random, made once and kept, so that sessions outlive a restart. */
export async function localSigningKeys(path: string): Promise<string> {
  const kept = await readFile(path, 'utf8').catch(() => '');
  if (kept.trim() !== '') return kept.trim();
  await mkdir(dirname(path), { recursive: true });
  // Written in one step: a start that ends in the middle leaves no half-written key.
  const unfinished = `${path}.${process.pid}`;
  await writeFile(unfinished, `local:${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
  await rename(unfinished, path);
  return (await readFile(path, 'utf8')).trim();
}

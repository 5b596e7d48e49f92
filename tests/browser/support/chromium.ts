import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

const isThere = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

async function onPath(names: readonly string[]): Promise<string | undefined> {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  for (const path of names.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    if (await isThere(path)) return path;
  }
  return undefined;
}

/** Finds a Chromium: the one that `CHROMIUM` names, else one on the path. */
export async function findChromium(): Promise<string | undefined> {
  const given = process.env['CHROMIUM'];
  if (given) return (await isThere(given)) ? given : undefined;
  return onPath(NAMES);
}

/**
 * Finds a Chromium, or installs Debian's where this process may do so: as root, with apt. Throws, with what to do, where there
 * is none.
 */
export async function provideChromium(): Promise<string> {
  const found = await findChromium();
  if (found !== undefined) return found;
  if (process.env['CHROMIUM']) throw new Error(`CHROMIUM: ${process.env['CHROMIUM']} is no program`);
  if (process.getuid?.() === 0 && (await onPath(['apt-get'])) !== undefined) {
    const run = promisify(execFile);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    try {
      await run('apt-get', ['update'], { env });
      await run('apt-get', ['install', '-y', '--no-install-recommends', 'chromium', 'fonts-dejavu-core'], { env });
    } catch {
      // Told below, as where there is no apt.
    }
    const installed = await onPath(NAMES);
    if (installed !== undefined) return installed;
  }
  throw new Error(
    'There is no Chromium: install it (apt-get install chromium), or name one by CHROMIUM=/path/to/chrome',
  );
}

/** Starts a Chromium without a window. Throws as `provideChromium` does. */
export const launchChromium = async (): Promise<Browser> =>
  chromium.launch({
    executablePath: await provideChromium(),
    // A container has neither the rights nor the memory that Chromium wishes for.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--force-color-profile=srgb'],
  });

import { existsSync, watch } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Building, buildSite } from '../web/build/site.ts';
import { compileError } from './esbuildService.ts';
import { LocalError } from './localError.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
/** What pages are made of. */
const SOURCES = ['web', 'client', 'lib/protocol', 'docs'];
/** An editor saves in several steps, and several files at once. */
const SETTLED_MS = 50;

interface Watching extends Building {
  readonly signal: AbortSignal;
  log(line: string): void;
}

/**
 * Builds the pages into this folder, and again after each change of their source. Rejects with `LocalError` where they don't
 * compile at first; later, the next change may correct it.
 */
export async function watchSite(folder: string, { signal, log, ...building }: Watching): Promise<void> {
  await buildSite(folder, building).catch((error: unknown) => {
    const told = compileError(error);
    throw told === undefined ? error : new LocalError(told);
  });
  if (signal.aborted) return;
  let settled: NodeJS.Timeout | undefined;
  let under = Promise.resolve();
  const again = async () => {
    try {
      await buildSite(folder, building);
      log('Pages rebuilt.');
    } catch (error) {
      if (!signal.aborted) log(`\n${compileError(error) ?? String(error)}\n`);
    }
  };
  for (const source of SOURCES.map((name) => join(ROOT, name)).filter(existsSync)) {
    const watcher = watch(source, { recursive: true, persistent: false, signal }, () => {
      clearTimeout(settled);
      settled = setTimeout(() => {
        under = under.then(again);
      }, SETTLED_MS);
    });
    // A folder that can't be watched: the pages are as they were built.
    watcher.on('error', () => undefined);
  }
}

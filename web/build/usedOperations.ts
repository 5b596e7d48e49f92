import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Plugin } from 'esbuild';

/** A line of `OPERATIONS` in client/src/protocol.ts: `login: ['POST /auth/login', 'anyone', false],`. */
const OPERATION = /^ {2}(\w+): \['[A-Z]+ \/.*\n/gm;

/**
 * Leaves the operations out that no file in `folder` and none of the client package calls: the client makes a method of each, so
 * that no bundler can tell, and a customer's page would load all that only the staff do.
 */
export const usedOperations = (folder: string): Plugin => ({
  name: 'usedOperations',
  setup({ onLoad }) {
    onLoad({ filter: /client\/src\/protocol\.ts$/ }, async ({ path }) => {
      const sources = await Promise.all([folder, dirname(path)].map((from) => sourcesIn(from, path)));
      const named = new Set(
        sources.flat().flatMap((source) => source.match(/(?<=\.)\w+(?=\()|(?<=\(')\w+(?=')/g) ?? []),
      );
      const protocol = await readFile(path, 'utf8');
      return {
        contents: protocol.replaceAll(OPERATION, (line, name: string) => (named.has(name) ? line : '')),
        loader: 'ts',
      };
    });
  },
});

async function sourcesIn(folder: string, except: string): Promise<string[]> {
  const files = (await readdir(folder)).filter((file) => /\.tsx?$/.test(file)).map((file) => join(folder, file));
  return Promise.all(files.filter((file) => file !== except).map((file) => readFile(file, 'utf8')));
}

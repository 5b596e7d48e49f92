import { execFileSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/**
 * Builds the client package into `client/dist`: one module for browsers and Node, with what it takes of lib/protocol in it, and
 * its types. The types import nothing from outside of the package: `client/src/protocol.ts` has the protocol spelled out.
 */
const ROOT = fileURLToPath(new URL('../', import.meta.url));
const CLIENT = join(ROOT, 'client');
const DIST = join(CLIENT, 'dist');

export async function buildClient(): Promise<void> {
  await rm(DIST, { recursive: true, force: true });
  await mkdir(DIST, { recursive: true });
  await build({
    entryPoints: [join(CLIENT, 'src/index.ts')],
    outfile: join(DIST, 'index.js'),
    ...{ bundle: true, format: 'esm', platform: 'neutral', target: 'es2022', logLevel: 'warning' },
  });
  const types = join(DIST, 'types');
  execFileSync(
    process.execPath,
    [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', join(CLIENT, 'tsconfig.build.json'), '--outDir', types],
    { stdio: 'inherit' },
  );
  const own = join(types, 'client/src');
  for (const name of await readdir(own)) {
    const text = await readFile(join(own, name), 'utf8');
    if (/from '\.\.\//.test(text)) throw new Error(`${name} has types from outside of the package`);
    await writeFile(join(DIST, name), text.replaceAll(/from '\.\/(\w+)\.ts'/g, "from './$1.js'"));
  }
  await rm(types, { recursive: true });
  await cp(join(ROOT, 'LICENSE'), join(CLIENT, 'LICENSE'));
}

if (import.meta.main) await buildClient();

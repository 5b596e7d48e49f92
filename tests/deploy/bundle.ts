import { type BuildOptions, build } from 'esbuild';
import { PROJECT } from '../support/process.ts';
import { service } from './service.ts';

// What is the plugin's own, not esbuild's.
const {
  exclude,
  outputFileExtension: _,
  skipRebuild: _1,
  concurrency: _2,
  watch: _3,
  ...given
} = service.custom.esbuild;

/** As serverless.yml has functions bundled. */
export const BUNDLING = {
  ...given,
  external: exclude as string[],
  platform: 'node',
  target: 'node24',
  logLevel: 'error',
} satisfies BuildOptions;

/** Bundles this code as a function's. */
export async function bundle(contents: string, outfile: string): Promise<void> {
  await build({ ...BUNDLING, stdin: { contents, resolveDir: PROJECT, loader: 'ts' }, outfile });
}

import { type BuildOptions, build, type Plugin } from 'esbuild';
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

/** Bundles this code as a function's; it may import, by their names, the other `modules`. */
export async function bundle(
  contents: string,
  outfile: string,
  modules: Readonly<Record<string, string>> = {},
): Promise<void> {
  const virtual: Plugin = {
    name: 'virtual',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /./ }, ({ path }) => (path in modules ? { path, namespace: 'virtual' } : undefined));
      onLoad({ filter: /./, namespace: 'virtual' }, ({ path }) => ({
        contents: modules[path] ?? '',
        resolveDir: PROJECT,
        loader: 'ts',
      }));
    },
  };
  await build({
    ...BUNDLING,
    stdin: { contents, resolveDir: PROJECT, loader: 'ts' },
    outfile,
    plugins: [virtual],
  });
}

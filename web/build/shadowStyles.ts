import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build, type Plugin } from 'esbuild';

/**
 * Has a script import the stylesheet of a shadow root, which adopts it as a constructed style sheet: no policy of the page around it
 * forbids that. `import styles from './loader.shadow.css'` gives the text, `import address from './panel.sheet.css'` the address of a
 * file of its own.
 */
export const shadowStyles: Plugin = {
  name: 'shadowStyles',
  setup({ onLoad, initialOptions }) {
    const { minify, target } = initialOptions;
    onLoad({ filter: /\.(shadow|sheet)\.css$/ }, async ({ path }) => {
      const { outputFiles, metafile } = await build({
        entryPoints: [path],
        bundle: true,
        write: false,
        metafile: true,
        logLevel: 'silent',
        ...(minify !== undefined && { minify }),
        ...(target !== undefined && { target }),
      });
      return {
        contents: withoutUnused(outputFiles[0]?.text ?? '', await stylesBeside(path)),
        loader: path.endsWith('.sheet.css') ? 'file' : 'text',
        watchFiles: Object.keys(metafile.inputs),
      };
    });
  },
};

/** The shadow roots of a folder's sheets are one: what one of them declares, another uses. */
async function stylesBeside(path: string): Promise<string> {
  const names = await readdir(dirname(path));
  const sheets = names
    .filter((name) => /\.(shadow|sheet)\.css$/.test(name))
    .map((name) => readFile(join(dirname(path), name), 'utf8'));
  return (await Promise.all(sheets)).join('');
}

/** Of the tokens that all pages share, a company's page loads those that are used. In a shadow root, nothing is `:root`. */
const withoutUnused = (css: string, users: string): string =>
  css
    .replaceAll(/(--ls-[\w-]+):[^;{}]*;?/g, (whole, name: string) =>
      `${users}${css}`.includes(`var(${name})`) ? whole : '',
    )
    .replaceAll(':root,:host', ':host')
    .replaceAll(/:root\[[^{]*\{[^}]*\}/g, '');

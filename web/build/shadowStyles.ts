import { readFile } from 'node:fs/promises';
import { build, type Plugin } from 'esbuild';

/**
 * Has a script import a stylesheet as text: `import styles from './panel.shadow.css'`. A shadow root adopts it as a constructed
 * style sheet, which no policy of the page around it forbids.
 */
export const shadowStyles: Plugin = {
  name: 'shadowStyles',
  setup({ onLoad, initialOptions }) {
    const { minify, target } = initialOptions;
    onLoad({ filter: /\.shadow\.css$/ }, async ({ path }) => {
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
        contents: outputFiles[0]?.text ?? (await readFile(path)),
        loader: 'text',
        watchFiles: Object.keys(metafile.inputs),
      };
    });
  },
};

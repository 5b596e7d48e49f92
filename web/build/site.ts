import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { minify } from '@swc/core';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';
import { ENCODINGS, type Encoding, encode } from '../../lib/site/encoding.ts';
import { type Asset, MANIFEST, type Manifest, type Template, withoutHash } from '../../lib/site/manifest.ts';
import { PAGES, type PageName } from '../../lib/site/pages.ts';
import { shadowStyles } from './shadowStyles.ts';
import { usedOperations } from './usedOperations.ts';

/** Builds what the function `site` serves, from web/ and docs/. */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const WEB = join(ROOT, 'web');
const ASSETS = '/assets/';

export interface Building {
  /** Compressed as small as can be, which takes seconds: for packages. */
  readonly thorough?: boolean;
  /** Each page asks every second whether it has been built anew, and loads itself again. */
  readonly reload?: boolean;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

function contentTypeOf(file: string): string {
  const contentType = CONTENT_TYPES[extname(file)];
  if (contentType === undefined) throw new Error(`web/build/site.ts has no content type for ${file}`);
  return contentType;
}

/** The same for all: what every browser of the last two and a half years can do, in small files. */
const OPTIONS = {
  absWorkingDir: ROOT,
  bundle: true,
  minify: true,
  // Arabic as it is, and not six characters for each of its own.
  charset: 'utf8' as const,
  target: ['es2023', 'chrome123', 'firefox120', 'safari17.5'],
  jsx: 'automatic' as const,
  jsxImportSource: 'preact',
  loader: { '.svg': 'file' as const, '.woff2': 'file' as const },
  legalComments: 'none' as const,
  plugins: [shadowStyles],
  metafile: true as const,
  write: false as const,
  logLevel: 'silent' as const,
} satisfies BuildOptions;

/** The page of each template, and its path. Every page but the widget is HTML, which names its script and style. */
const HTML: Readonly<Record<Exclude<PageName, 'widget'>, { readonly path: string; readonly below?: boolean }>> = {
  console: { path: '/console', below: true },
  demo: { path: '/demo' },
  docs: { path: '/docs' },
};

/** Served as they are, by paths of their own. */
const DOCUMENTS = { '/openapi.json': 'docs/openapi.json', '/asyncapi.json': 'docs/asyncapi.json' };

/** The part of the widget that a page loads once somebody wants it. */
const PANEL = 'web/widget/panel.tsx';
const LOADER = 'web/widget/loader.ts';
const RELOAD = 'web/shared/reload.ts';

/** What a page's HTML names of the source: `src="main.tsx"`. */
const NAMED = /(?<=\s(?:src|href)=")(?![a-z]+:|\/)[^"#]+(?=")/g;

interface Page {
  readonly name: Exclude<PageName, 'widget'>;
  readonly html: string;
  /** The files that it names, from the root: `web/console/main.tsx`. */
  readonly named: readonly string[];
}

/** Scripts and styles are bundled; a picture that HTML names is taken as it is. */
const isBundled = (file: string): boolean => /\.(tsx?|css)$/.test(file);

async function readPage(name: Page['name'], reload: boolean): Promise<Page> {
  const folder = join(WEB, name);
  const source = await readFile(join(folder, 'index.html'), 'utf8');
  const html = reload
    ? source.replace(
        '</head>',
        `  <script type="module" src="${relative(folder, join(ROOT, RELOAD))}"></script>\n  </head>`,
      )
    : source;
  return { name, html, named: (html.match(NAMED) ?? []).map((named) => relative(ROOT, join(folder, named))) };
}

/** Makes the files in this folder. The manifest is written last, in one step: the pages change all at once. */
export async function buildSite(
  folder: string,
  { thorough = false, reload = false }: Building = {},
): Promise<Manifest> {
  const pages = await Promise.all(PAGES.filter((name) => name !== 'widget').map((name) => readPage(name, reload)));
  const pictures = new Map(
    await Promise.all(
      [...new Set(pages.flatMap(({ named }) => named))].filter((file) => !isBundled(file)).map(picture),
    ),
  );
  const bundled = await bundle([...new Set(pages.flatMap(({ named }) => named.filter(isBundled)))]);
  const panel = bundled.pathOf(PANEL);
  const writer = new Writer(folder, thorough);
  await Promise.all([
    ...bundled.files.map(([path, content]) => writer.asset(path, content, bundled.usersOf(path, pages))),
    ...[...pictures].map(([source, { path, content }]) => writer.asset(path, content, namingPages(pages, source))),
    ...Object.entries(DOCUMENTS).map(async ([path, source]) =>
      writer.asset(path, await readFile(join(ROOT, source)), ['docs'], false),
    ),
    ...pages.map(({ name, html }) => {
      const built = html.replaceAll(NAMED, (named) => {
        const source = relative(ROOT, join(WEB, name, named));
        return pictures.get(source)?.path ?? bundled.pathOf(source);
      });
      return writer.template(name, HTML[name].path, tidy(built), HTML[name].below);
    }),
    writer.template('widget', '/widget.js', await loaderOf(panel)),
  ]);
  // A loader or panel that a browser has kept from before asks for the panel, its looks and its words by their old names.
  return writer.manifest(Object.fromEntries(bundled.ofPanel.map((path) => [withoutHash(path), path])));
}

const namingPages = (pages: readonly Page[], source: string): PageName[] =>
  pages.filter(({ named }) => named.includes(source)).map(({ name }) => name);

/**
 * Bundles what the pages name, and, by itself, the widget's panel: shared with the console, it would be cut into pieces that
 * compress worse.
 */
async function bundle(named: readonly string[]) {
  const [pages, panel] = await Promise.all([
    bundleTogether(named),
    bundleTogether([PANEL], [usedOperations(join(ROOT, dirname(PANEL)))], shrunk),
  ]);
  return {
    files: [...new Map([...pages.files, ...panel.files])],
    /** The panel's files, but for those that have no name of their own. */
    ofPanel: panel.files.map(([path]) => path).filter((path) => !path.startsWith(`${ASSETS}chunk-`)),
    pathOf: (source: string): string => (source === PANEL ? panel : pages).pathOf(source),
    usersOf: (path: string, all: readonly Page[]): PageName[] => [
      ...all
        .filter(({ named: files }) => files.some((file) => isBundled(file) && pages.reaches(file, path)))
        .map(nameOf),
      ...(panel.reaches(PANEL, path) ? ['widget' as const] : []),
    ],
  };
}

/** Saves a fortieth of what a company's page loads. The names stay: they tell of the source, of which this makes always the same. */
const shrunk = async (code: string): Promise<string> =>
  (
    await minify(code, {
      module: true,
      ecma: 2022,
      compress: { passes: 3 },
      mangle: true,
      format: { asciiOnly: false },
    })
  ).code;

/** What several of these use becomes a file of its own. */
async function bundleTogether(
  entryPoints: readonly string[],
  plugins: readonly Plugin[] = [],
  finish = async (code: string): Promise<string> => code,
) {
  const { outputFiles, metafile } = await build({
    ...OPTIONS,
    plugins: [...OPTIONS.plugins, ...plugins],
    entryPoints: [...entryPoints],
    splitting: true,
    format: 'esm',
    outdir: join(ROOT, 'assets'),
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    publicPath: ASSETS,
  });
  const { pathOf, reachedFrom } = outputsOf(metafile);
  return {
    files: await Promise.all(
      outputFiles.map(
        async ({ path, contents, text }): Promise<[string, Buffer]> => [
          ASSETS + basename(path),
          Buffer.from(path.endsWith('.js') ? await finish(text) : contents),
        ],
      ),
    ),
    pathOf,
    reaches: (entryPoint: string, path: string): boolean => reachedFrom(entryPoint).has(path),
  };
}

const nameOf = ({ name }: Page): PageName => name;

/** The widget's loader, a script by itself. The stage's configuration takes the marker's place when it is served. */
async function loaderOf(panel: string): Promise<string> {
  const { outputFiles } = await build({
    ...OPTIONS,
    entryPoints: [LOADER],
    format: 'iife',
    define: { PANEL: JSON.stringify(panel) },
    outdir: join(ROOT, 'assets'),
    banner: { js: '(()=>{const SITE="{{site}}";' },
    footer: { js: '})();' },
  });
  return outputFiles.find(({ path }) => path.endsWith('.js'))?.text ?? '';
}

/** Writes what is served, and keeps what the manifest is to say of it. */
class Writer {
  readonly #folder: string;
  readonly #thorough: boolean;
  readonly #files = new Map<string, Asset | Template>();

  constructor(folder: string, thorough: boolean) {
    this.#folder = folder;
    this.#thorough = thorough;
  }

  async asset(path: string, content: Buffer, pages: readonly PageName[], hashed = true): Promise<void> {
    const file = path.slice(1);
    const etag = createHash('sha256').update(content).digest('base64url').slice(0, 22);
    this.#files.set(path, { kind: 'asset', contentType: contentTypeOf(file), file, pages, etag, hashed });
    await Promise.all(
      Object.entries(ENCODINGS).map(async ([encoding, ending]) =>
        this.#write(file + ending, await encode(content, encoding as Encoding, this.#thorough)),
      ),
    );
  }

  async template(page: PageName, path: string, text: string, below = false): Promise<void> {
    const file = `${page}${page === 'widget' ? '.js' : '.html'}`;
    const contentType = contentTypeOf(file);
    this.#files.set(path, { kind: 'template', contentType, file, pages: [page], ...(below && { below }) });
    await this.#write(file, text);
  }

  /** In the order of the paths: the same source makes the same package. */
  async manifest(moved: Manifest['moved']): Promise<Manifest> {
    const files = Object.fromEntries([...this.#files].sort(([a], [b]) => (a < b ? -1 : 1)));
    await this.#write(MANIFEST, JSON.stringify({ files, moved }, null, 2));
    return { files, moved };
  }

  async #write(name: string, contents: Uint8Array | string): Promise<void> {
    await mkdir(dirname(join(this.#folder, name)), { recursive: true });
    await atOnce(join(this.#folder, name), contents);
  }
}

async function picture(source: string): Promise<[string, { readonly path: string; readonly content: Buffer }]> {
  const content = await readFile(join(ROOT, source));
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 8).toUpperCase();
  const extension = extname(source);
  return [source, { path: `${ASSETS}${basename(source, extension)}-${hash}${extension}`, content }];
}

/** The files that the manifest speaks of, and the manifest itself, by their names in the folder. */
export const filesOf = ({ files }: Manifest): string[] => [
  MANIFEST,
  ...Object.values(files).flatMap(({ kind, file }) =>
    kind === 'template' ? [file] : Object.values(ENCODINGS).map((ending) => file + ending),
  ),
];

/** Where esbuild put what, by the metafile's names: files of the source from the root, outputs as they are served. */
function outputsOf({ outputs }: Metafile) {
  const byEntry = new Map(
    Object.entries(outputs).flatMap(([output, { entryPoint }]) => (entryPoint ? [[entryPoint, output]] : [])),
  );
  for (const { entryPoint, cssBundle } of Object.values(outputs)) {
    // Nothing would load it.
    if (cssBundle) throw new Error(`${entryPoint} imports a style sheet: name the style sheet in the page's HTML`);
  }
  const outputOf = (entry: string): string => {
    const output = byEntry.get(entry);
    if (output === undefined) throw new Error(`${entry} was not built`);
    return output;
  };
  const served = (output: string) => ASSETS + basename(output);
  return {
    pathOf: (entry: string) => served(outputOf(entry)),
    /** What loading an entry may load: its own file, the files it imports at once or later, and pictures. */
    reachedFrom: (entry: string): Set<string> => {
      const reached = new Set<string>();
      const follow = (output: string) => {
        if (reached.has(output)) return;
        reached.add(output);
        for (const { path, external } of outputs[output]?.imports ?? []) if (!external) follow(path);
      };
      follow(outputOf(entry));
      return new Set([...reached].map(served));
    },
  };
}

/** Comments and indentation are for those who read the source. */
const tidy = (html: string): string => html.replaceAll(/<!--[\s\S]*?-->/g, '').replaceAll(/\n\s*/g, '\n');

/** Two builds may write the same file at once, and somebody may be reading it. */
async function atOnce(path: string, contents: Uint8Array | string): Promise<void> {
  const unfinished = `${path}.${process.pid}-${Math.random().toString(36).slice(2)}`;
  await writeFile(unfinished, contents);
  await rename(unfinished, path);
}

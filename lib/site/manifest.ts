import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PageName } from './pages.ts';

/** A file that the build made, and that is served by its path. */
interface Built {
  readonly contentType: string;
  /** The file's name in the folder of the site. Nothing of a request ever becomes part of a file's name. */
  readonly file: string;
  /** The pages that use the file: it is served as long as one of them is. */
  readonly pages: readonly PageName[];
}

/** A text that gets the stage's configuration when it is served. */
export interface Template extends Built {
  readonly kind: 'template';
  /** Where the console is: every path below the console's is answered with the same page, which reads the address itself. */
  readonly below?: boolean;
}

/** A file as it is, which lies there as `<file>.br` and `<file>.gz`. */
export interface Asset extends Built {
  readonly kind: 'asset';
  readonly etag: string;
  /** The path has a hash of the content in it: what is at this path never changes. */
  readonly hashed: boolean;
}

/** What the build has made: everything that is served, by its path. `web/build/site.ts` writes it. */
export interface Manifest {
  readonly files: Readonly<Record<string, Template | Asset>>;
  /**
   * Where the entries of earlier builds are now, by their path without the hash. A loader that a browser has kept for a few
   * minutes still names them.
   */
  readonly moved: Readonly<Record<string, string>>;
}

/** The path of a built file without the hash of its content: `/assets/panel.js` of `/assets/panel-ABCD2345.js`. */
export const withoutHash = (path: string): string => path.replace(/-[A-Z0-9]{8}(?=\.\w+$)/, '');

export const MANIFEST = 'manifest.json';

/** Reads what the build has made. It is small, and read for each request: on a laptop it changes. */
export const readManifest = async (folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(folder, MANIFEST), 'utf8')) as Manifest;

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { commonHeaders, problem } from '../http/answers.ts';
import { answerUnknownRoute } from '../http/unknownRoute.ts';
import { config } from '../runtime/config.ts';
import { logger, withLogFields } from '../runtime/logger.ts';
import { chosenEncoding, decodeGzip, ENCODINGS, encode } from './encoding.ts';
import { type Asset, type Manifest, readManifest, type Template, withoutHash } from './manifest.ts';
import type { PageName } from './pages.ts';
import { fileHeaders, pageHeaders } from './policies.ts';
import { pagesOn, siteConfigText } from './siteConfig.ts';

/** Where a template has the stage's configuration. */
const CONFIG = '"{{site}}"';

const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;
const YEAR = 365 * DAY;

/** What is answered, before it is known in which encoding and whether the client has it already. */
interface Content {
  readonly headers: Readonly<Record<string, string>>;
  readonly etag: string;
  bytes(encoding: ReturnType<typeof chosenEncoding>): Promise<Buffer>;
}

/**
 * Answers a page, or a file that pages are made of. The manifest says what there is. A page that is switched off, and a
 * file that only such pages use, is answered like a path that no route matches.
 */
export async function answerPage(
  event: APIGatewayProxyEventV2,
  context: Context,
): Promise<APIGatewayProxyStructuredResultV2> {
  const requestId = context.awsRequestId;
  return withLogFields({ requestId, operation: 'page' }, async () => {
    try {
      const folder = config().SITE_FOLDER;
      const manifest = await readManifest(folder);
      const found = find(manifest, event.rawPath);
      if (found) return await answered(event, requestId, await contentOf(folder, found));
      const moved = movedTo(manifest, event.rawPath);
      return moved === undefined ? await answerUnknownRoute(event, context) : redirect(moved, requestId);
    } catch (thrown) {
      return problem(thrown, requestId);
    }
  });
}

/** Finds what is at a path. Every path below the console's is the console, which reads the address itself. */
function find({ files }: Manifest, path: string): Template | Asset | undefined {
  const of = Object.hasOwn(files, path) ? files[path] : belowPage(files, path);
  return of?.pages.some((page) => pagesOn().includes(page)) ? of : undefined;
}

function belowPage(files: Manifest['files'], path: string): Template | undefined {
  const [, first] = path.split('/');
  const page = Object.hasOwn(files, `/${first}`) ? files[`/${first}`] : undefined;
  return page?.kind === 'template' && page.below ? page : undefined;
}

/** Finds where the entry of an earlier build is now: `/assets/panel-OLD.js` is `/assets/panel-NEW.js`. */
function movedTo(manifest: Manifest, path: string): string | undefined {
  const name = withoutHash(path);
  const now = Object.hasOwn(manifest.moved, name) ? manifest.moved[name] : undefined;
  return now !== undefined && find(manifest, now) ? now : undefined;
}

async function contentOf(folder: string, found: Template | Asset): Promise<Content> {
  return found.kind === 'template' ? filled(folder, found) : stored(folder, found);
}

/** A template with the stage's configuration in it. Small enough to be compressed when it is asked for. */
async function filled(folder: string, { file, contentType, pages }: Template): Promise<Content> {
  const text = (await readFile(join(folder, file), 'utf8')).replace(CONFIG, () => siteConfigText());
  const bytes = Buffer.from(text);
  const [page = 'widget'] = pages;
  return {
    headers: { 'content-type': contentType, ...templateHeaders(page) },
    etag: createHash('sha256').update(bytes).digest('base64url').slice(0, 22),
    bytes: async (encoding) => (encoding === 'identity' ? bytes : encode(bytes, encoding)),
  };
}

const templateHeaders = (page: PageName): Readonly<Record<string, string>> =>
  page === 'widget'
    ? { ...fileHeaders, 'cache-control': `public, max-age=${5 * MINUTE}, stale-while-revalidate=${DAY}` }
    : { ...pageHeaders(page), 'cache-control': 'no-cache' };

/** A file, which lies there compressed. The rare client that takes no encoding gets it as it was. */
function stored(folder: string, { file, contentType, etag, hashed }: Asset): Content {
  const read = (ending: string) => readFile(join(folder, file + ending));
  return {
    headers: {
      'content-type': contentType,
      ...fileHeaders,
      'cache-control': hashed ? `public, max-age=${YEAR}, immutable` : 'no-cache',
    },
    etag,
    bytes: async (encoding) =>
      encoding === 'identity' ? decodeGzip(await read(ENCODINGS.gzip)) : read(ENCODINGS[encoding]),
  };
}

async function answered(
  { headers }: APIGatewayProxyEventV2,
  requestId: string,
  content: Content,
): Promise<APIGatewayProxyStructuredResultV2> {
  const encoding = chosenEncoding(headers['accept-encoding']);
  // Each encoding is a representation of its own.
  const etag = `"${content.etag}${encoding === 'identity' ? '' : `-${encoding}`}"`;
  const common = {
    ...commonHeaders(requestId),
    ...content.headers,
    etag,
    // The gateway answers each allowed origin with its own name.
    vary: 'accept-encoding, origin',
  };
  const statusCode = isKnown(headers['if-none-match'], etag) ? 304 : 200;
  logger.debug('answered', { status: statusCode });
  if (statusCode === 304) return { statusCode, headers: common };
  return {
    statusCode,
    headers: { ...common, ...(encoding !== 'identity' && { 'content-encoding': encoding }) },
    body: (await content.bytes(encoding)).toString('base64'),
    isBase64Encoded: true,
  };
}

/** Whether the client has the representation already. */
const isKnown = (given: string | undefined, etag: string): boolean =>
  (given ?? '').split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, '')));

function redirect(location: string, requestId: string): APIGatewayProxyStructuredResultV2 {
  logger.debug('answered', { status: 307 });
  return { statusCode: 307, headers: { ...commonHeaders(requestId), ...fileHeaders, location } };
}

import { readdirSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { resetConfig } from '../../lib/runtime/config.ts';
import { answerPage } from '../../lib/site/answerPage.ts';
import type { Manifest } from '../../lib/site/manifest.ts';
import { buildSite, filesOf } from '../../web/build/site.ts';
import { pageRouteOf } from '../support/handlers.ts';
import { PROJECT } from '../support/process.ts';

/** The function that serves the pages, on what the build makes of web/. */

const before = process.env;
let folder: string;
let manifest: Manifest;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'live-support-site-'));
  manifest = await buildSite(folder);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const given = (environment: Readonly<Record<string, string>>) => {
  process.env = { ...before, SITE_FOLDER: folder, LOG_LEVEL: 'silent', STAGE: 'prod', ...environment };
  resetConfig();
};

beforeEach(() =>
  given({
    ...{ CONSOLE: 'on', WIDGET: 'on', DOCS: 'on' },
    WEBSOCKET_ENDPOINT: 'https://abc.execute-api.eu-central-1.amazonaws.com/prod',
  }),
);
afterEach(() => {
  process.env = before;
  resetConfig();
});

type Answer = Omit<APIGatewayProxyStructuredResultV2, 'headers'> & {
  readonly headers: Readonly<Record<string, string>>;
};

const get = (rawPath: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
  answerPage(
    { rawPath, headers, requestContext: { http: { method: 'GET' } } } as unknown as APIGatewayProxyEventV2,
    { awsRequestId: 'request' } as Context,
  ) as Promise<Answer>;

const bytes = ({ body = '' }: Answer): Buffer => Buffer.from(body, 'base64');
const text = (answer: Answer): string => bytes(answer).toString();

const PAGES = ['/console', '/demo', '/docs'];

describe('the build', () => {
  it('makes nothing that no route leads to', () => {
    expect(Object.keys(manifest.files).filter((path) => pageRouteOf('GET', path) === undefined)).toEqual([]);
  });

  it('makes the files that its manifest speaks of, and no other', async () => {
    const made = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = made.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    expect(files.sort()).toEqual(
      filesOf(manifest)
        .map((file) => join(folder, file))
        .sort(),
    );
  });

  it('makes the same of the same', async () => {
    const again = await mkdtemp(join(tmpdir(), 'live-support-site-'));
    try {
      await buildSite(again);
      expect(await readFile(join(again, 'manifest.json'), 'utf8')).toBe(
        await readFile(join(folder, 'manifest.json'), 'utf8'),
      );
    } finally {
      await rm(again, { recursive: true, force: true });
    }
  });

  it('calls no other site, and has no source map', async () => {
    for (const [path, { file, kind }] of Object.entries(manifest.files)) {
      const content =
        kind === 'template'
          ? await readFile(join(folder, file))
          : gunzipSync(await readFile(join(folder, `${file}.gz`)));
      expect([path, /sourceMappingURL/.test(content.toString())]).toEqual([path, false]);
      if (path.endsWith('.css') || kind === 'template') {
        expect([
          path,
          content.toString().match(/(?<=url\(|@import |src="|href=")["']?(?:https?:)?\/\/[^)"']+/g),
        ]).toEqual([path, null]);
      }
    }
  });

  const LANGUAGES = readdirSync(join(PROJECT, 'web', 'widget', 'languages')).map((file) => file.replace(/\.ts$/, ''));
  const languageOf = (path: string): string | undefined =>
    LANGUAGES.find((language) => path.startsWith(`/assets/${language}-`));

  /** What a page loads, all of it, compressed as gzip does. Of the widget's languages it loads one: the heaviest counts. */
  const weightOf = async (page: 'console' | 'widget'): Promise<number> => {
    const scripts = Object.entries(manifest.files).filter(
      ([path, { pages }]) => path.endsWith('.js') && pages.includes(page),
    );
    const weights = scripts.map(async ([path, { file, kind }]) => ({
      path,
      bytes:
        kind === 'template'
          ? gzipSync(await readFile(join(folder, file))).length
          : (await readFile(join(folder, `${file}.gz`))).length,
    }));
    const weighed = await Promise.all(weights);
    const languages = weighed.filter(({ path }) => languageOf(path));
    expect(languages).toHaveLength(page === 'widget' ? LANGUAGES.length : 0);
    const always = weighed.filter(({ path }) => !languageOf(path)).reduce((sum, { bytes }) => sum + bytes, 0);
    return (always + Math.max(0, ...languages.map(({ bytes }) => bytes))) / 1000;
  };

  it.each([
    ['widget', 40],
    ['console', 150],
  ] as const)('has a %s of %d kB of scripts at most', async (page, most) => {
    const weight = await weightOf(page);
    expect(weight).toBeGreaterThan(1);
    expect(weight).toBeLessThanOrEqual(most);
  });

  it('has a loader that costs a page next to nothing', async () => {
    const loader = await readFile(join(folder, 'widget.js'), 'utf8');
    expect(gzipSync(loader).length).toBeLessThan(6_000);
    // Nor what only the other pages' looks need.
    expect(loader).toContain('--ls-accent:');
    expect(loader).not.toMatch(/--ls-note|:root/);
  });
});

describe('a page', () => {
  it.each(PAGES)('%s is bound by a strict policy', async (path) => {
    const { statusCode, headers } = await get(path);
    expect(statusCode).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-request-id': 'request',
    });
    const policy = headers['content-security-policy'] ?? '';
    expect(policy.split('; ')).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self' wss://abc.execute-api.eu-central-1.amazonaws.com",
        "frame-ancestors 'none'",
        "base-uri 'none'",
      ]),
    );
    expect(policy).not.toMatch(/unsafe|\*/);
    expect(policy.includes('require-trusted-types-for')).toBe(path !== '/docs');
  });

  it.each(PAGES)('%s has nothing inline that runs', async (path) => {
    const html = text(await get(path));
    const scripts = html.match(/<script\b[^>]*>/g) ?? [];
    expect(scripts.length).toBeGreaterThan(1);
    for (const script of scripts) expect(script).toMatch(/src="\/|type="application\/json"/);
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=/);
  });

  it('is told of its stage, as data that can’t end the element it is in', async () => {
    given({ CONSOLE: 'on', DOCS: 'on', STAGE: '</script><script>alert(1)//', TYPING: 'off' });
    const html = text(await get('/console'));
    const [, data = ''] = /<script type="application\/json" id="site">(.*?)<\/script>/.exec(html) ?? [];
    expect(JSON.parse(data)).toEqual({
      stage: '</script><script>alert(1)//',
      version: expect.any(String),
      webSocket: 'ws://localhost:3001',
      pages: ['console', 'docs'],
      typing: false,
      mails: false,
    });
  });

  it('opens sockets where the proxy in front of the stage takes them', async () => {
    given({ CONSOLE: 'on', WEBSOCKET_URL: 'wss://chat.example.com/socket' });
    const answer = await get('/console');
    expect(text(answer)).toContain('"webSocket":"wss://chat.example.com/socket"');
    expect(answer.headers['content-security-policy']).toContain("connect-src 'self' wss://chat.example.com;");
  });

  it('may be framed by the demo on a laptop, and nowhere else', async () => {
    given({ CONSOLE: 'on', WIDGET: 'on', STAGE: 'local' });
    expect((await get('/console')).headers['content-security-policy']).toContain("frame-ancestors 'self'");
    expect((await get('/demo')).headers['content-security-policy']).toContain("frame-src 'self'");
  });

  it('is the console at every address below the console’s', async () => {
    const { statusCode, body } = await get('/console/conversations/abc');
    expect({ statusCode, body }).toMatchObject({ statusCode: 200, body: (await get('/console')).body });
    expect(await get('/docs/anything')).toMatchObject({ statusCode: 404 });
  });
});

describe('a file', () => {
  it('is kept for ever where its name has a hash, and asked for again where not', async () => {
    for (const [path, { kind }] of Object.entries(manifest.files)) {
      if (kind !== 'asset') continue;
      expect([path, (await get(path)).headers['cache-control']]).toEqual([
        path,
        path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      ]);
    }
    expect((await get('/widget.js')).headers['cache-control']).toBe(
      'public, max-age=300, stale-while-revalidate=86400',
    );
  });

  it('may be loaded by another site, where the widget is', async () => {
    const { headers } = await get('/widget.js');
    expect(headers).toMatchObject({
      'cross-origin-resource-policy': 'cross-origin',
      'content-type': 'text/javascript; charset=utf-8',
    });
    expect((await get('/console')).headers['cross-origin-resource-policy']).toBe('same-origin');
  });

  it('is the document that the repository has', async () => {
    for (const name of ['openapi.json', 'asyncapi.json'])
      expect(text(await get(`/${name}`))).toBe(await readFile(join(PROJECT, 'docs', name), 'utf8'));
  });

  it.each([
    ['br', 'br', brotliDecompressSync],
    ['gzip, deflate, br;q=0.5', 'br', brotliDecompressSync],
    ['gzip', 'gzip', gunzipSync],
    ['br;q=0, gzip', 'gzip', gunzipSync],
    ['*', 'br', brotliDecompressSync],
    ['BR', 'br', brotliDecompressSync],
    ['identity', undefined, (content: Buffer) => content],
    ['*;q=0', undefined, (content: Buffer) => content],
    ['br;q=nonsense', undefined, (content: Buffer) => content],
    ['', undefined, (content: Buffer) => content],
  ])('is encoded as the client takes it: %j', async (accepted, encoding, decode) => {
    for (const path of ['/openapi.json', '/console']) {
      const answer = await get(path, { 'accept-encoding': accepted });
      expect(answer.headers['content-encoding']).toBe(encoding);
      expect(answer.headers['vary']).toContain('accept-encoding');
      expect(decode(bytes(answer)).toString()).toBe(text(await get(path)));
    }
  });

  it('isn’t sent to a client that has it, and is to one that has another encoding of it', async () => {
    for (const path of ['/openapi.json', '/console', '/widget.js']) {
      const { headers } = await get(path, { 'accept-encoding': 'br' });
      const { etag = '' } = headers;
      for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const known = await get(path, { 'accept-encoding': 'br', 'if-none-match': tag });
        expect(known).toMatchObject({ statusCode: 304, headers: { etag, 'cache-control': headers['cache-control'] } });
        expect(known.body).toBeUndefined();
      }
      for (const tag of ['"other"', etag.replaceAll('"', ''), ''])
        expect(await get(path, { 'accept-encoding': 'br', 'if-none-match': tag })).toMatchObject({ statusCode: 200 });
      expect(await get(path, { 'accept-encoding': 'gzip', 'if-none-match': etag })).toMatchObject({ statusCode: 200 });
    }
  });

  it('has another tag where the stage has changed', async () => {
    const { etag } = (await get('/console')).headers;
    given({ CONSOLE: 'on', TYPING: 'off' });
    expect((await get('/console')).headers['etag']).not.toBe(etag);
  });

  it('of the widget is found under the name of an earlier build', async () => {
    const [panel = ''] = Object.keys(manifest.files).filter(
      (path) => path.startsWith('/assets/panel-') && path.endsWith('.js'),
    );
    expect(await get('/assets/panel-ABCD2345.js')).toMatchObject({
      statusCode: 307,
      headers: { location: panel, 'cache-control': 'no-store' },
    });
    expect(await get('/assets/console-ABCD2345.js')).toMatchObject({ statusCode: 404 });
    given({ CONSOLE: 'on' });
    expect(await get('/assets/panel-ABCD2345.js')).toMatchObject({ statusCode: 404 });
  });

  it.each([
    '/assets/nothing.js',
    '/assets/',
    '/assets/../manifest.json',
    '/assets/%2e%2e/manifest.json',
    '/assets/../../../../etc/passwd',
    '/manifest.json',
    '/console.html',
    '/__proto__',
    '/constructor/x',
    '/assets/__proto__',
    '/',
    '',
  ])('that nobody has built isn’t there: %s', async (path) => {
    expect(await get(path)).toMatchObject({
      statusCode: 404,
      headers: { 'content-type': 'application/problem+json; charset=utf-8', 'cache-control': 'no-store' },
    });
  });
});

describe('what is switched off', () => {
  const there = async (): Promise<string[]> => {
    const answers = Object.keys(manifest.files).map(async (path) =>
      (await get(path)).statusCode === 200 ? [path] : [],
    );
    return (await Promise.all(answers)).flat();
  };

  it('is everything, unless the stage says otherwise', async () => {
    given({});
    expect(await there()).toEqual([]);
  });

  it('is answered like a path that no route matches', async () => {
    given({});
    const { body: off, ...answer } = await get('/console');
    const { body, ...unknown } = await get('/nowhere');
    expect([answer, JSON.parse(off ?? '')]).toEqual([unknown, JSON.parse(body ?? '')]);
  });

  it.each([
    ['CONSOLE', ['console'], ['/console']],
    ['WIDGET', ['widget', 'demo'], ['/demo', '/widget.js']],
    ['DOCS', ['docs'], ['/asyncapi.json', '/docs', '/openapi.json']],
  ])('%s: on brings its pages, and the files that they use', async (setting, pages, paths) => {
    given({ [setting]: 'on' });
    const served = await there();
    expect(served.filter((path) => !path.startsWith('/assets/')).sort()).toEqual(paths);
    const using = Object.entries(manifest.files).filter(([, file]) => file.pages.some((page) => pages.includes(page)));
    expect(served.sort()).toEqual(using.map(([path]) => path).sort());
  });
});

it('a folder without pages is a fault, which is told without the folder’s name', async () => {
  given({ CONSOLE: 'on', SITE_FOLDER: join(folder, 'nowhere') });
  const { statusCode, body } = await get('/console');
  expect({ statusCode, body: JSON.parse(body ?? '') }).toMatchObject({ statusCode: 500, body: { code: 'INTERNAL' } });
  expect(body).not.toContain(folder);
});

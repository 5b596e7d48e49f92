import type { HttpResult } from '../support/system.ts';
import type { Deployed } from './deployed.ts';
import { startPackaged } from './packaged.ts';
import { type Question, type SmokePage, smokeTest } from './smoke.ts';

/** One path for each route of the pages. */
export const PAGE_PATHS = [
  '/console',
  '/console/conversations/1',
  '/widget.js',
  '/demo',
  '/docs',
  '/openapi.json',
  '/asyncapi.json',
  '/assets/nothing.js',
];

/** The pages from the package, switched on: the right headers, and every file that they name. */
export async function servePages(deployed: Deployed): Promise<void> {
  const { WEBSOCKET_ENDPOINT = '' } = deployed.functions[0]?.environment ?? {};
  const on = { CONSOLE: 'on', WIDGET: 'on', DOCS: 'on' };
  const system = await startPackaged(deployed, 'always', { ...on, WEBSOCKET_ENDPOINT });
  const get = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<HttpResult> =>
    system.http({ method: 'GET', path, headers: { 'accept-encoding': 'gzip, br', ...headers } });
  try {
    const socket = new URL(WEBSOCKET_ENDPOINT).host;
    const assets = new Set<string>();
    for (const path of ['/console', '/console/conversations/1', '/demo', '/docs']) {
      const { status, headers, body } = await get(path);
      expect([path, status, headers['content-encoding']]).toEqual([path, 200, 'br']);
      const policy = headers['content-security-policy'] ?? '';
      expect(policy).toContain(`connect-src 'self' wss://${socket};`);
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain('unsafe');
      for (const [asset] of String(body).matchAll(/(?<=")\/assets\/[^"]+/g)) assets.add(asset);
    }
    const loader = await get('/widget.js');
    expect(loader.headers).toMatchObject({ 'cache-control': expect.stringContaining('max-age=300') });
    expect(loader.body).toContain(WEBSOCKET_ENDPOINT.replace(/^http/, 'ws'));
    const [panel = ''] = /\/assets\/panel-\w+\.js/.exec(loader.body) ?? [];
    for (const asset of [...assets, panel]) {
      const { status, headers } = await get(asset);
      expect([asset, status]).toEqual([asset, 200]);
      expect(headers).toMatchObject({
        'cache-control': 'public, max-age=31536000, immutable',
        'cross-origin-resource-policy': 'cross-origin',
      });
      expect(await get(asset, { 'if-none-match': headers['etag'] ?? '' })).toMatchObject({ status: 304 });
    }
    expect(assets.size).toBeGreaterThan(5);
    expect((await get('/openapi.json')).body).toMatchObject({ openapi: expect.any(String) });
    expect((await get('/asyncapi.json')).body).toMatchObject({ asyncapi: expect.any(String) });
    expect(await get('/assets/nothing.js')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    expect(system.aws.read).toEqual([]);
    const ask = (question: Question) => system.http(question);
    const missing = async (pages: readonly SmokePage[]) =>
      (await smokeTest(ask, 'https://support.example.com', pages)).filter((line) =>
        /^.(console|widget|docs)/.test(line),
      );
    expect(await missing(['console', 'widget', 'docs'])).toEqual([]);
  } finally {
    await system.stop();
  }
}

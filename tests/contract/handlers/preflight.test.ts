import { smokeTest } from '../../deploy/smoke.ts';
import { loadHandler } from '../../support/handlers.ts';
import { type InProcess, startDesk } from '../../support/inProcess.ts';

/** Browsers' preflights, by the route `$default`, which on AWS takes `OPTIONS` as every other method. */

let system: InProcess;
beforeAll(async () => {
  ({ system } = await startDesk());
});
afterAll(() => system.stop());

const OURS = 'http://localhost:5173';

const preflight = (path: string, origin: string) =>
  system.http({
    method: 'OPTIONS',
    path,
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
  });

it('the function answers OPTIONS with success and no body, and leaves the CORS headers to the gateway', async () => {
  const handler = await loadHandler('unknownRoute');
  const event = (method: string) => ({
    version: '2.0',
    routeKey: '$default',
    rawPath: '/auth/login',
    headers: { origin: OURS, 'access-control-request-method': 'POST' },
    requestContext: { http: { method, path: '/auth/login' } },
    isBase64Encoded: false,
  });
  const answer = (await handler(event('OPTIONS'), { awsRequestId: 'r1' })) as {
    statusCode: number;
    headers: Record<string, string>;
  };
  expect(answer).toMatchObject({ statusCode: 204, headers: { 'x-request-id': 'r1' } });
  expect(answer).not.toHaveProperty('body');
  expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  expect(await handler(event('POST'), { awsRequestId: 'r2' })).toMatchObject({ statusCode: 404 });
});

it.each(['/auth/login', '/conversations/any/messages', '/nowhere'])(
  'a preflight of %s lets our origin in',
  async (path) => {
    expect(await preflight(path, OURS)).toMatchObject({
      status: 204,
      headers: { 'access-control-allow-origin': OURS, 'access-control-allow-headers': 'authorization,content-type' },
    });
  },
);

it('a preflight from elsewhere is told nothing', async () => {
  const { headers } = await preflight('/auth/login', 'https://elsewhere.example');
  expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
});

it('the smoke test finds nothing wrong, and finds what is', async () => {
  const ask = (question: Parameters<Parameters<typeof smokeTest>[0]>[0]) => system.http(question);
  expect(await smokeTest(ask, OURS)).toEqual([]);
  expect(await smokeTest(ask, 'https://elsewhere.example')).toEqual([
    'preflight of POST /auth/login from https://elsewhere.example: answered 204',
    'preflight of PUT /auth/password from https://elsewhere.example: answered 204',
    'preflight of PATCH /users/any from https://elsewhere.example: answered 204',
    'preflight of GET /conversations from https://elsewhere.example: answered 204',
  ]);
  const failing = async () => ({ status: 503, headers: {}, body: { code: 'UNAVAILABLE' } });
  expect(await smokeTest(failing, OURS)).toHaveLength(6);
});

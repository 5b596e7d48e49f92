import { readdirSync } from 'node:fs';
import { clientEvents } from '../../lib/protocol/events.ts';
import { type Route, routeKeyOf } from '../../lib/protocol/route.ts';
import { routes } from '../../lib/protocol/routes.ts';
import { service } from '../deploy/service.ts';
import { corsOf } from '../support/cors.ts';
import { AREAS, endpointsOf } from '../support/endpoints.ts';
import { DEFAULT_ROUTE, fileOf, httpFunctions, SITE_ROUTES, socketFunctions } from '../support/handlers.ts';
import { PROJECT } from '../support/process.ts';

/** The protocol, `serverless.yml`, the areas' tables and the endpoints' files say the same, in every direction. */

const protocolRoutes = Object.values<Route>(routes);
const keysOf = (functions: ReadonlyMap<string, string>, area: string) =>
  [...functions].filter(([, file]) => file === area).map(([routeKey]) => routeKey);

describe('HTTP', () => {
  it('routes what the protocol has, the pages, and what it has not to a function of its own', () => {
    expect([...httpFunctions.keys()].sort()).toEqual(
      [...protocolRoutes.map(routeKeyOf), ...SITE_ROUTES, DEFAULT_ROUTE].sort(),
    );
    expect(httpFunctions.get(DEFAULT_ROUTE)).toBe('unknownRoute');
  });

  it('has the pages where they were promised, to be read only', () => {
    expect(SITE_ROUTES.toSorted()).toEqual([
      'GET /assets/{path+}',
      'GET /asyncapi.json',
      'GET /console',
      'GET /console/{path+}',
      'GET /demo',
      'GET /docs',
      'GET /openapi.json',
      'GET /widget.js',
    ]);
  });
});

describe('CORS', () => {
  it('allows browsers the methods there are, and what they send along', () => {
    const { allowedMethods, allowedHeaders } = corsOf('default');
    expect([...allowedMethods].sort()).toEqual([...new Set(protocolRoutes.map(({ method }) => method))].sort());
    expect([...allowedHeaders].sort()).toEqual(['authorization', 'content-type']);
  });
});

describe('WebSocket', () => {
  it('routes what the protocol has, and what the gateway tells of a connection', () => {
    const expected = [...Object.keys(clientEvents), '$connect', '$disconnect', DEFAULT_ROUTE];
    expect([...socketFunctions.keys()].sort()).toEqual(expected.sort());
  });
});

describe.each(AREAS)('the area %s', (area) => {
  it('answers the routes that lead to it, each once, and no other', async () => {
    const functions = area === 'websocket' ? socketFunctions : httpFunctions;
    const answered = (await endpointsOf(area)).map(({ routeKey }) => routeKey);
    expect(answered.toSorted()).toEqual(keysOf(functions, area).sort());
  });

  it('has each endpoint in a file of its own, under the name of the file', async () => {
    const endpoints = await endpointsOf(area);
    const names = readdirSync(`${PROJECT}/functions/${area}`).map((file) => file.replace(/\.ts$/, ''));
    const exported = await Promise.all(
      names.map(
        async (name) => ((await import(`../../functions/${area}/${name}.ts`)) as Record<string, unknown>)[name],
      ),
    );
    expect(exported).toHaveLength(endpoints.length);
    expect(new Set(exported)).toEqual(new Set(endpoints));
  });
});

it('deploys every file of functions/ once, and has an area for every folder there', () => {
  const entries = readdirSync(`${PROJECT}/functions`, { withFileTypes: true });
  const named = (wanted: boolean) => entries.filter((one) => one.isFile() === wanted).map(({ name }) => name);
  expect(
    Object.values(service.functions)
      .map(({ handler }) => `${fileOf(handler)}.ts`)
      .sort(),
  ).toEqual(named(true).sort());
  expect(named(false).sort()).toEqual(AREAS.toSorted());
});

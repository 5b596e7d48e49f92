import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { clientEvents } from '../../lib/protocol/events.ts';
import type { Route } from '../../lib/protocol/route.ts';
import { routes } from '../../lib/protocol/routes.ts';
import { corsOf } from '../support/cors.ts';

/** The protocol, `serverless.yml` and the handler files say the same, in every direction. */

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(root + path, 'utf8');

interface LambdaFunction {
  readonly handler: string;
  readonly events?: readonly Readonly<Record<string, unknown>>[];
}

// CloudFormation's own tags (`!Ref`, `!Sub`) are none of our business here: unknown to the parser, and not worth a warning.
const serverless = parse(read('serverless.yml'), { logLevel: 'error' }) as {
  readonly functions: Readonly<Record<string, LambdaFunction>>;
};

interface Wiring {
  /** `POST /users`, or the name of a socket route. */
  readonly route: string;
  readonly file: string;
}

const functions = Object.values(serverless.functions);
const http = functions.flatMap((one) => wiring(one, 'httpApi'));
const sockets = functions.flatMap((one) => wiring(one, 'websocket'));

function wiring(one: LambdaFunction, kind: 'httpApi' | 'websocket'): Wiring[] {
  return (one.events ?? []).flatMap((event) => {
    const given = event[kind];
    return given === undefined ? [] : [{ route: nameOf(given), file: fileOf(one.handler) }];
  });
}

function nameOf(event: unknown): string {
  if (typeof event === 'string') return event;
  const { method, path, route } = event as { method?: string; path?: string; route?: string };
  return route ?? [method?.toUpperCase(), path].filter((part) => part !== undefined).join(' ');
}

function fileOf(handler: string): string {
  return handler.replace(/\.handler$/, '.ts');
}

/** What a handler file says it handles: `httpEndpoint(routes.login, …`, `onClientEvent(SEND_MESSAGE, …`, `onFrame(PING, …`. */
const handledIn = (file: string): (string | undefined)[] =>
  [...read(file).matchAll(/\b(?:httpEndpoint\(\s*routes\.|onClientEvent\(\s*|onFrame\(\s*)(\w+)/g)].map(
    (match) => match[1],
  );

const LIFECYCLE = ['$connect', '$disconnect', '$default'];
/** Whatever no route matches: a problem document, not the gateway's own words. */
const CATCH_ALL = '*';

describe('HTTP', () => {
  it('routes what the protocol has, once, and nothing else', () => {
    const expected = Object.values<Route>(routes).map(({ method, path }) => `${method} ${path}`);
    expect(http.map(({ route }) => route).sort()).toEqual([...expected, CATCH_ALL].sort());
  });

  it.each(Object.values<Route>(routes))('$method $path is handled by $operation', ({ method, path, operation }) => {
    const wired = http.find(({ route }) => route === `${method} ${path}`);
    expect(handledIn(wired?.file ?? '')).toEqual([operation]);
  });
});

describe('CORS', () => {
  it('allows browsers the methods there are, and what they send along', () => {
    const { allowedMethods, allowedHeaders } = corsOf('default');
    const methods = new Set(Object.values<Route>(routes).map(({ method }) => method));
    expect([...allowedMethods].sort()).toEqual([...methods].sort());
    expect([...allowedHeaders].sort()).toEqual(['authorization', 'content-type']);
  });
});

describe('WebSocket', () => {
  it('routes what the protocol has, once, and nothing else', () => {
    const expected = [...Object.keys(clientEvents), ...LIFECYCLE];
    expect(sockets.map(({ route }) => route).sort()).toEqual(expected.sort());
  });

  it.each(Object.keys(clientEvents))('%s is handled by its own file', (event) => {
    const wired = sockets.find(({ route }) => route === event);
    expect(handledIn(wired?.file ?? '')).toEqual([event]);
  });
});

describe('handler files', () => {
  const files = readdirSync(`${root}functions`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `functions/${name}`);

  it('are each deployed once', () => {
    expect(functions.map(({ handler }) => fileOf(handler)).sort()).toEqual(files.sort());
  });

  it.each(files)('%s exports a handler', (file) => {
    expect(read(file)).toMatch(/^export (?:const|async function|function) handler\b|^export \{[^}]*\bhandler\b/m);
  });
});

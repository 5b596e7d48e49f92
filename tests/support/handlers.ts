import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** What serverless.yml says: the functions, and which of them each route of both APIs leads to. */

/** A function's file below `functions/`: `auth`, `sweep`. */
export type FunctionFile = string;

interface Declared {
  /** As Lambda is told: `functions/auth.handler`. */
  readonly handler: string;
  readonly events?: readonly { readonly httpApi?: string; readonly websocket?: string }[];
}

const serverlessYml = readFileSync(new URL('../../serverless.yml', import.meta.url), 'utf8');
// CloudFormation's own tags (`!Ref`, `!Sub`) are unknown to the parser, and not worth a warning here.
const { functions } = parse(serverlessYml, { logLevel: 'error' }) as {
  readonly functions: Readonly<Record<string, Declared>>;
};

export const fileOf = (handler: string): FunctionFile => handler.replace(/^functions\/|\.handler$/g, '');

/** The gateway's key of what no route matches. */
export const DEFAULT_ROUTE = '$default';

const routesOf = (kind: 'httpApi' | 'websocket'): ReadonlyMap<string, FunctionFile> =>
  new Map(
    Object.values(functions).flatMap(({ handler, events = [] }) =>
      events.flatMap((event) => {
        const route = event[kind];
        return route === undefined ? [] : [[route === '*' ? DEFAULT_ROUTE : route, fileOf(handler)] as const];
      }),
    ),
  );

/** By route key: `POST /auth/login`, `$default`. */
export const httpFunctions = routesOf('httpApi');
/** By route key: `SEND_MESSAGE`, `$connect`, `$disconnect`, `$default`. */
export const socketFunctions = routesOf('websocket');

/** The routes of the pages, which are no part of the protocol: `GET /console/{path+}`. */
export const SITE_ROUTES: readonly string[] = [...httpFunctions.keys()].filter(
  (routeKey) => httpFunctions.get(routeKey) === 'site',
);

/** Finds the pages' route of a request, as API Gateway matches it: `{path+}` is one part of the path or more. */
export function pageRouteOf(method: string, path: string): string | undefined {
  const asked = `${method} ${path}`;
  const greedy = (routeKey: string) => routeKey.endsWith('{path+}') && routeKey.slice(0, -'{path+}'.length);
  return SITE_ROUTES.find((routeKey) => {
    const start = greedy(routeKey);
    return start === false ? asked === routeKey : asked.startsWith(start) && asked.length > start.length;
  });
}

/** The function that a route leads to. Throws where there is none. */
export function functionOf(routes: ReadonlyMap<string, FunctionFile>, routeKey: string): FunctionFile {
  const file = routes.get(routeKey);
  if (file === undefined) throw new Error(`serverless.yml has no route ${routeKey}`);
  return file;
}

/** The key of the route by which an event has come. */
export function routeKeyOfEvent(event: unknown): string | undefined {
  const { routeKey, requestContext } = event as { routeKey?: string; requestContext?: { routeKey?: string } };
  return routeKey ?? requestContext?.routeKey;
}

export type LambdaHandler = (event: unknown, context: unknown) => Promise<unknown>;

/** Imports a function by its file below `functions/`. */
export async function loadHandler(file: FunctionFile): Promise<LambdaHandler> {
  const module = (await import(`../../functions/${file}.ts`)) as { handler: LambdaHandler };
  return module.handler;
}

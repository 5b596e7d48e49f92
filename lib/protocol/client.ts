import type * as z from 'zod/mini';
import type { ClientEventName, clientEvents, ServerData } from './events.ts';
import type { routes } from './routes.ts';

/**
 * The protocol as a client sees it, operation by operation. The types follow from the schemas. Importing this file brings
 * no schema along: a client that takes the types and `httpRequest` alone stays tiny.
 */

type Routes = typeof routes;

/** The name of an HTTP operation: `listConversations`. */
export type HttpOperation = keyof Routes;

/** An HTTP operation's method and path, as the documents write them: `GET /conversations/{conversationId}`. */
export type RouteLine<N extends HttpOperation = HttpOperation> = N extends HttpOperation
  ? `${Routes[N]['method']} ${Routes[N]['path']}`
  : never;

/** The name of the operation with this method and path. */
export type OperationAt<L extends RouteLine> = {
  [N in HttpOperation]: L extends RouteLine<N> ? N : never;
}[HttpOperation];

/**
 * What an HTTP operation takes, in the parts it has: `params` of the path, `query`, `body`. A query is given as what it means
 * (numbers, booleans, a `Date` or its RFC 3339 text), although text goes over the wire.
 */
export type RequestOf<N extends HttpOperation> = N extends HttpOperation
  ? Flat<ParamsPart<Routes[N]> & QueryPart<Routes[N]> & BodyPart<Routes[N]>>
  : never;

/** The body an HTTP operation answers when it succeeds; `undefined` where it answers none. */
export type AnswerOf<N extends HttpOperation> = N extends HttpOperation
  ? Routes[N] extends { readonly response: () => infer S extends z.ZodMiniType }
    ? z.output<S>
    : undefined
  : never;

/** What a client event carries. */
export type EventData<N extends ClientEventName> = z.input<(typeof clientEvents)[N]['data']>;

/** The server event that answers a client event, `ERROR` aside. */
export type AnswerEvent<N extends ClientEventName> = (typeof clientEvents)[N]['answer'];

/** What the answer to a client event carries, `ERROR` aside. */
export type EventAnswer<N extends ClientEventName> = ServerData<AnswerEvent<N>>;

/** One frame from a client. Direct answers repeat its `requestId`. */
export type ClientFrame<N extends ClientEventName = ClientEventName> = {
  [E in N]: { readonly event: E; readonly data: EventData<E>; readonly requestId?: string };
}[N];

type Flat<T> = { [K in keyof T]: T[K] };

type ParamsPart<R> = R extends { readonly params: infer P extends z.ZodMiniType }
  ? { readonly params: Readonly<z.input<P>> }
  : unknown;

type BodyPart<R> = R extends { readonly body: infer B extends z.ZodMiniType } ? { readonly body: z.input<B> } : unknown;

type QueryPart<R> = R extends { readonly query: infer Q extends z.ZodMiniType }
  ? Record<never, never> extends QueryOf<Q>
    ? { readonly query?: QueryOf<Q> }
    : { readonly query: QueryOf<Q> }
  : unknown;

/** The fields a client may leave out are those of the schema's input; what they mean is its output. */
type QueryOf<Q extends z.ZodMiniType> = {
  readonly [K in keyof z.input<Q>]: AsGiven<z.output<Q>[K & keyof z.output<Q>]> | Extract<z.input<Q>[K], undefined>;
};

type AsGiven<T> = T extends Date ? Date | string : T;

/** An HTTP request, but for the address and the headers. */
export interface HttpRequest {
  readonly method: string;
  /** With the query: to be put behind the address of the API. */
  readonly path: string;
  /** JSON, to be sent as `application/json`. */
  readonly body?: string;
}

/**
 * Writes the request of an operation as it goes over the wire. Throws `RangeError` for a path parameter that would change
 * the path: nothing, `.` or `..`.
 */
export function httpRequest<L extends RouteLine>(line: L, request: RequestOf<OperationAt<L>>): HttpRequest {
  const { params, query, body } = request as Parts;
  const [method = '', template = ''] = line.split(' ');
  const path = template.replaceAll(/\{(\w+)\}/g, (_all, name: string) => segment(name, params?.[name]));
  return {
    method,
    path: path + queryString(query),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  };
}

type QueryValue = string | number | boolean | Date | undefined;

interface Parts {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, QueryValue>>;
  readonly body?: unknown;
}

function segment(name: string, value = ''): string {
  if (/^\.{0,2}$/.test(value)) throw new RangeError(`${name} is no part of a path`);
  return encodeURIComponent(value);
}

/** Not by `URLSearchParams`: the protocol needs the language alone, not a browser, nor Node. */
function queryString(query: Parts['query'] = {}): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value instanceof Date ? value.toISOString() : value)}`],
  );
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

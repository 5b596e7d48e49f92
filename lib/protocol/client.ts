import type * as z from 'zod/mini';
import type { ClientEventName, clientEvents, ServerData, ServerEventName } from './events.ts';
import type { routes } from './routes.ts';

/**
 * The protocol as a client sees it, operation by operation. The types follow from the schemas. This file imports no schema, so
 * a client that uses only the types and `httpRequest` stays tiny.
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
 * The request of an HTTP operation, in its parts: `params` of the path, `query`, `body`. A query has numbers, booleans, and times
 * as `Date` or RFC 3339 text, although text goes over the wire.
 */
export type RequestOf<N extends HttpOperation> = N extends HttpOperation
  ? Flat<ParamsPart<Routes[N]> & QueryPart<Routes[N]> & BodyPart<Routes[N]>>
  : never;

/** The body of a successful answer; `undefined` where the answer has none. */
export type AnswerOf<N extends HttpOperation> = N extends HttpOperation
  ? Routes[N] extends { readonly response: () => infer S extends z.ZodMiniType }
    ? z.output<S>
    : undefined
  : never;

/** The data of a client event. */
export type EventData<N extends ClientEventName> = z.input<(typeof clientEvents)[N]['data']>;

/** The server event that answers a client event, except `ERROR`. */
export type AnswerEvent<N extends ClientEventName> = (typeof clientEvents)[N]['answer'];

/** The data of the answer to a client event, except `ERROR`; `undefined` where it has none. */
export type EventAnswer<N extends ClientEventName> =
  AnswerEvent<N> extends infer A extends ServerEventName ? ServerData<A> : undefined;

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

/** A client may leave out the fields that the schema's input may; the values have the types of its output. */
type QueryOf<Q extends z.ZodMiniType> = {
  readonly [K in keyof z.input<Q>]: AsGiven<z.output<Q>[K & keyof z.output<Q>]> | Extract<z.input<Q>[K], undefined>;
};

type AsGiven<T> = T extends Date ? Date | string : T;

/** An HTTP request without the address and the headers. */
export interface HttpRequest {
  readonly method: string;
  /** The path with the query, to be put behind the address of the API. */
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

/** Without `URLSearchParams`, because the protocol needs only the language, neither a browser nor Node. */
function queryString(query: Parts['query'] = {}): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value instanceof Date ? value.toISOString() : value)}`],
  );
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

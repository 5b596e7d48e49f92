import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { clientEvents } from '../../lib/protocol/events.ts';
import { routeKeyOf } from '../../lib/protocol/route.ts';
import { isCandidates } from './candidateSees.ts';
import { type Cors, corsOf, withCors } from './cors.ts';
import { within } from './deadline.ts';
import { DEFAULT_ROUTE, functionOf, httpFunctions, pageRouteOf, socketFunctions } from './handlers.ts';
import { Ses } from './ses.ts';
import { Socket, type Transport } from './socket.ts';
import {
  checkAnswer,
  type HttpRequest,
  type HttpResult,
  matchRoute,
  tokenOf,
  type Upgrade,
  UpgradeRefused,
} from './system.ts';

/** Runs a function by its file below `functions/`; how is up to whoever carries the functions. */
export type Invoke = (file: string, event: unknown) => Promise<unknown>;

/** What the management endpoint does to posts to a connection, instead of delivering them. */
export type PostFault = 'gone' | 'throttled' | 'hang' | 'error' | 'forbidden';

/** A client's end of a socket, for the gateway. */
export interface ClientEnd {
  receive(text: string): void;
  end(code: number): void;
}

interface Connection {
  readonly id: string;
  readonly socket: ClientEnd;
  state: 'connecting' | 'open' | 'closed';
}

/** API Gateway's limits: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html */
const FRAME_BYTES = 32 * 1024;
const MESSAGE_BYTES = 128 * 1024;

/** The most that Lambda takes as the event of an asynchronous call. */
const EVENT_BYTES = 1024 * 1024;

/** What `DISPATCH_FUNCTION` and `MAIL_FUNCTION` are to be. */
export const DISPATCH_FUNCTION = 'live-support-test-dispatch';
export const MAIL_FUNCTION = 'live-support-test-mail';
/** The files of the functions that others call, below `functions/`. */
const CALLED: Readonly<Record<string, string>> = { [DISPATCH_FUNCTION]: 'dispatch', [MAIL_FUNCTION]: 'mail' };
const FUNCTION_PATH = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/;

/**
 * API Gateway in front of handlers: routes HTTP and WebSocket as it does, and serves `@connections` over real HTTP, as
 * strict as AWS: frames over 32 KB close the socket, posts to a connection that isn't open yet, or any more, are 410.
 */
export class Gateway {
  readonly #invoke: Invoke;
  readonly #connections = new Map<string, Connection>();
  readonly #faults = new Map<string, PostFault>();
  readonly #running = new Set<Promise<unknown>>();
  readonly #server: Server;
  readonly #cors: Cors;
  /** Beside the gateway, under the same address. */
  readonly ses = new Ses();
  /** Posts per connection, tried and delivered alike. */
  readonly posts: { connectionId: string; frame: string }[] = [];
  /** `false`: `posts` stays empty, for long runs. */
  keepsPosts = true;
  /** `false`: answers are handed on unseen, of handlers of another version. */
  checksAnswers = true;
  /** The connections a post to which hung, until whoever posted gave up. */
  readonly givenUp: string[] = [];
  /** When set, `$disconnect` is never delivered: it is best effort only. */
  losesDisconnects = false;
  /** Milliseconds a frame waits before its handler runs, so that frames of one connection overtake each other. */
  delay: () => number = () => 0;

  private constructor(invoke: Invoke, cors: Cors) {
    this.#invoke = invoke;
    this.#cors = cors;
    this.#server = createServer((request, response) => void this.#manage(request, response));
  }

  static async start(invoke: Invoke, stage: 'default' | 'prod' = 'default'): Promise<Gateway> {
    const gateway = new Gateway(invoke, corsOf(stage));
    await new Promise<void>((resolve) => gateway.#server.listen(0, '127.0.0.1', resolve));
    return gateway;
  }

  /** What `WEBSOCKET_ENDPOINT` is to be. */
  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const connection of this.#connections.values()) this.#closed(connection, 1001, false);
    await this.idle();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Waits until no function runs any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await within('the functions to end', Promise.allSettled(this.#running));
  }

  /** From now on posts to this socket end so. */
  fault(socket: Socket, fault: PostFault | undefined): void {
    const id = this.connectionId(socket);
    if (fault) this.#faults.set(id, fault);
    else this.#faults.delete(id);
  }

  connectionId(socket: ClientEnd): string {
    for (const connection of this.#connections.values()) if (connection.socket === socket) return connection.id;
    throw new Error('no such socket');
  }

  async http(request: HttpRequest): Promise<HttpResult> {
    const url = new URL(request.path, 'http://localhost');
    const match = matchRoute(request.method, url.pathname);
    const routeKey = match ? routeKeyOf(match.route) : (pageRouteOf(request.method, url.pathname) ?? DEFAULT_ROUTE);
    const event = httpEvent(routeKey, request, url, match?.params);
    const result = (await this.#run(functionOf(httpFunctions, routeKey), event)) as {
      statusCode: number;
      headers: Record<string, string>;
      body?: string;
      isBase64Encoded?: boolean;
    };
    if (result.isBase64Encoded) result.body = decoded(result.headers, Buffer.from(result.body ?? '', 'base64'));
    const answer = {
      status: result.statusCode,
      headers: withCors(this.#cors, request.method, event.headers, result.headers),
      body: result.body === undefined ? undefined : parsed(result.headers, result.body),
    };
    return this.checksAnswers ? checkAnswer(match?.route, answer, request.token) : answer;
  }

  connect(upgrade: Upgrade): Promise<Socket> {
    return this.open(upgrade, (transport) => new Socket(transport, isCandidates(tokenOf(upgrade))));
  }

  /** As `connect`, for a client that has an end of its own. */
  async open<E extends ClientEnd>(
    { token, headers = {}, protocols = [], query = '' }: Upgrade,
    endOf: (transport: Transport) => E,
  ): Promise<E> {
    const id = randomBytes(9).toString('base64url');
    const socket = endOf({
      send: (text) => this.#receive(id, text),
      close: () => {
        const connection = this.#connections.get(id);
        if (connection) this.#closed(connection, 1000, true);
      },
    });
    const connection: Connection = { id, socket, state: 'connecting' };
    this.#connections.set(id, connection);
    const { statusCode } = (await this.#run(functionOf(socketFunctions, '$connect'), {
      requestContext: socketContext(id, '$connect', 'CONNECT'),
      headers: {
        Host: 'localhost',
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
        ...(protocols.length > 0 && { 'Sec-WebSocket-Protocol': protocols.join(', ') }),
        ...headers,
      },
      ...(query && { queryStringParameters: Object.fromEntries(new URLSearchParams(query)) }),
      isBase64Encoded: false,
    })) as { statusCode: number };
    if (statusCode < 200 || statusCode > 299) {
      this.#connections.delete(id);
      throw new UpgradeRefused(statusCode);
    }
    connection.state = 'open';
    return socket;
  }

  #receive(id: string, text: string): void {
    const connection = this.#connections.get(id);
    if (connection?.state !== 'open') return;
    if (Buffer.byteLength(text) > FRAME_BYTES) {
      this.#closed(connection, 1009, true);
      return;
    }
    const route = selectRoute(text);
    const invocation = async () => {
      const delay = this.delay();
      if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
      return this.#run(functionOf(socketFunctions, route), {
        requestContext: socketContext(id, route, 'MESSAGE'),
        body: text,
        isBase64Encoded: false,
      });
    };
    // As the gateway does: what the handler throws becomes a frame that is none of ours, which the socket then rejects.
    void this.#track(invocation()).catch((error: unknown) => {
      connection.socket.receive(
        JSON.stringify({ message: 'Internal server error', connectionId: id, error: String(error) }),
      );
    });
  }

  #closed(connection: Connection, code: number, tell: boolean): void {
    if (connection.state === 'closed') return;
    connection.state = 'closed';
    connection.socket.end(code);
    if (!tell || this.losesDisconnects) return;
    void this.#run(functionOf(socketFunctions, '$disconnect'), {
      requestContext: socketContext(connection.id, '$disconnect', 'DISCONNECT'),
      isBase64Encoded: false,
    }).catch(() => undefined);
  }

  #run(file: string, event: unknown): Promise<unknown> {
    return this.#track(this.#invoke(file, event));
  }

  #track<T>(invocation: Promise<T>): Promise<T> {
    this.#running.add(invocation);
    void invocation.catch(() => undefined).finally(() => this.#running.delete(invocation));
    return invocation;
  }

  async #manage(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = (status: number, error?: string) => {
      response.writeHead(status, error ? { 'x-amzn-errortype': error, 'content-type': 'application/json' } : {});
      response.end(error ? JSON.stringify({ message: error }) : undefined);
    };
    const body = await buffer(request);
    // AWS refuses unsigned requests.
    if (!request.headers.authorization?.startsWith('AWS4-HMAC-SHA256 ')) return answer(403, 'ForbiddenException');
    if (Ses.serves(request.url)) {
      return this.ses.answer(request, body, response, process.env['AWS_SECRET_ACCESS_KEY'] ?? '');
    }
    const called = FUNCTION_PATH.exec(request.url ?? '')?.[1];
    if (called !== undefined) {
      // https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
      if (request.headers['x-amz-invocation-type'] !== 'Event') return answer(400, 'InvalidParameterValueException');
      if (body.length > EVENT_BYTES) return answer(413, 'RequestTooLargeException');
      const file = CALLED[called];
      if (file === undefined) return answer(404, 'ResourceNotFoundException');
      // Lambda answers first, and runs the function then. What it throws is in its log only.
      answer(202);
      void this.#run(file, JSON.parse(body.toString())).catch(() => undefined);
      return undefined;
    }
    const id = decodeURIComponent(/^\/@connections\/([^/?]+)/.exec(request.url ?? '')?.[1] ?? '');
    const connection = this.#connections.get(id);
    if (request.method === 'POST' && this.keepsPosts) this.posts.push({ connectionId: id, frame: body.toString() });
    switch (this.#faults.get(id)) {
      case 'gone':
        return answer(410, 'GoneException');
      case 'throttled':
        return answer(429, 'LimitExceededException');
      case 'error':
        return answer(500, 'InternalServerException');
      case 'forbidden':
        return answer(403, 'ForbiddenException');
      case 'hang':
        response.once('close', () => this.givenUp.push(id));
        return undefined;
      default:
    }
    if (connection?.state !== 'open') return answer(410, 'GoneException');
    if (request.method === 'DELETE') {
      this.#closed(connection, 1000, true);
      return answer(204);
    }
    if (body.length > MESSAGE_BYTES) return answer(413, 'PayloadTooLargeException');
    connection.socket.receive(body.toString());
    return answer(200);
  }
}

/** As a client reads it. */
function decoded(headers: Record<string, string>, body: Buffer): string {
  const decode = { br: brotliDecompressSync, gzip: gunzipSync }[headers['content-encoding'] ?? ''];
  return (decode ? decode(body) : body).toString();
}

const parsed = (headers: Record<string, string>, body: string): unknown =>
  headers['content-type']?.includes('json') ? JSON.parse(body) : body;

/** `$request.body.event`, as the gateway evaluates it. */
function selectRoute(text: string): string {
  try {
    const { event } = JSON.parse(text) as { event?: unknown };
    return typeof event === 'string' && Object.hasOwn(clientEvents, event) ? event : DEFAULT_ROUTE;
  } catch {
    return DEFAULT_ROUTE;
  }
}

const socketContext = (connectionId: string, routeKey: string, eventType: string) => ({
  routeKey,
  eventType,
  connectionId,
  messageId: eventType === 'MESSAGE' ? randomUUID() : null,
  extendedRequestId: randomUUID(),
  requestTime: new Date().toUTCString(),
  messageDirection: 'IN',
  stage: 'test',
  connectedAt: Date.now(),
  requestTimeEpoch: Date.now(),
  requestId: randomUUID(),
  domainName: 'socket.example.com',
  apiId: 'test',
  identity: { sourceIp: '127.0.0.1' },
});

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html, format 2.0 */
function httpEvent(
  routeKey: string,
  request: HttpRequest,
  url: URL,
  pathParameters: Record<string, string> | undefined,
) {
  const headers: Record<string, string> = { host: 'localhost' };
  if (request.token !== undefined) headers['authorization'] = `Bearer ${request.token}`;
  const sent = request.raw ?? (request.body === undefined ? undefined : JSON.stringify(request.body));
  // What is called JSON is handed on as text, its length as it was sent.
  const body = sent?.toString();
  if (sent !== undefined) {
    headers['content-type'] = 'application/json';
    headers['content-length'] = String(Buffer.byteLength(sent));
  }
  for (const [name, value] of Object.entries(request.headers ?? {})) headers[name.toLowerCase()] = value;
  const given = new Map<string, string>();
  for (const [name, value] of url.searchParams)
    given.set(name, given.has(name) ? `${given.get(name)},${value}` : value);
  const query = Object.fromEntries(given);
  return {
    version: '2.0',
    routeKey,
    rawPath: url.pathname,
    rawQueryString: url.search.slice(1),
    headers,
    ...(Object.keys(query).length > 0 && { queryStringParameters: query }),
    ...(pathParameters && { pathParameters }),
    requestContext: {
      accountId: '123456789012',
      apiId: 'test',
      domainName: 'api.example.com',
      http: {
        method: request.method,
        path: url.pathname,
        protocol: 'HTTP/1.1',
        sourceIp: request.sourceIp ?? '127.0.0.1',
        userAgent: 'test',
      },
      requestId: randomUUID(),
      routeKey,
      stage: '$default',
      timeEpoch: Date.now(),
    },
    ...(body !== undefined && { body }),
    isBase64Encoded: false,
  };
}

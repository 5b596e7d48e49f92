import middy, { type MiddlewareObj } from '@middy/core';
import httpJsonBodyParser from '@middy/http-json-body-parser';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import * as z from 'zod/mini';
import { authenticate, bearerToken } from '../auth/authenticate.ts';
import { clientAddress } from '../auth/trustedProxy.ts';
import { type Caller, PERMISSIONS, roleMay } from '../domain/permissions.ts';
import { AppError, invalid } from '../errors/appError.ts';
import { validate } from '../errors/validate.ts';
import { type Route, routeKeyOf } from '../protocol/route.ts';
import { config } from '../runtime/config.ts';
import { afterCommand, beginCommand, withinDeadline } from '../runtime/deadline.ts';
import { withLogFields } from '../runtime/logger.ts';
import { connect } from '../store/database.ts';
import { type AnsweredFile, answer, fileAnswer, problem } from './answers.ts';

type Parsed<S> = S extends z.ZodMiniType<infer T> ? T : Record<string, never>;

/** A request that was let in: its caller may attempt the operation, and every part has the route's shape. */
export interface HttpRequest<R extends Route> {
  /** `null` on routes for anyone. */
  readonly caller: (typeof PERMISSIONS)[R['operation']] extends 'anyone' ? null : Caller;
  readonly params: Parsed<R['params']>;
  readonly query: Parsed<R['query']>;
  readonly body: Parsed<R['body']>;
  /**
   * Runs work that follows the command. It is awaited before the answer, because Lambda freezes work that isn't. It has
   * its own time limits and can't undo the command. Must not reject.
   */
  waitUntil(work: () => Promise<unknown>): void;
  /**
   * Notes that the request repeats one that was carried out before: the answer then has the route's `repeatedStatus`.
   */
  repeats(): void;
  /** The client's address, as API Gateway or a proven proxy saw it; never the client's own word. */
  readonly sourceIp: string;
}

export type HttpAnswer<R extends Route> = R['response'] extends () => z.ZodMiniType<infer T> ? T : undefined;

export type HttpHandler = (
  event: APIGatewayProxyEventV2,
  context: Context,
) => Promise<APIGatewayProxyStructuredResultV2>;

/** An endpoint answers one route. The gateway gives the route's key with a request: `POST /auth/login`. */
export interface HttpEndpoint {
  readonly routeKey: string;
  readonly handle: HttpHandler;
}

/** The event on its way through the stack. The middlewares add the caller, the client's address and the parsed body. */
type ParsedEvent = Omit<APIGatewayProxyEventV2, 'body'> & {
  body?: unknown;
  caller?: Caller;
  sourceIp?: string;
  following?: Promise<unknown>[];
};

type HttpMiddleware = MiddlewareObj<ParsedEvent, APIGatewayProxyStructuredResultV2, Error, Context>;

/**
 * Makes the endpoint of a route: authenticate, check the role, parse and validate, run the use case, answer. Anything thrown
 * becomes a problem document.
 */
export function httpEndpoint<const R extends Route>(
  route: R,
  handle: (request: HttpRequest<R>) => Promise<HttpAnswer<R>>,
): HttpEndpoint {
  return endpointOf(route, handle, (body, requestId, repeated) => answer(route, body, requestId, repeated));
}

/** As `httpEndpoint`, for a route whose answer is a file. */
export function fileEndpoint<const R extends Route>(
  route: R,
  handle: (request: HttpRequest<R>) => Promise<AnsweredFile>,
): HttpEndpoint {
  return endpointOf(route, handle, (file, requestId) => fileAnswer(route, file, requestId));
}

function endpointOf<R extends Route, T>(
  route: R,
  handle: (request: HttpRequest<R>) => Promise<T>,
  answered: (result: T, requestId: string, repeated: boolean) => APIGatewayProxyStructuredResultV2,
): HttpEndpoint {
  const stack = middy<ParsedEvent, APIGatewayProxyStructuredResultV2, Error, Context>()
    .use(answerProblems(route))
    .use(located())
    .use(connected());
  if (PERMISSIONS[route.operation] !== 'anyone') stack.use(authorize(route));
  if (route.method !== 'GET') stack.use(bounded()).use(jsonBody(route.body !== undefined));
  const run = stack.handler(async (event, context) => {
    const { following = [] } = event;
    let repeated = false;
    const request = {
      caller: event.caller ?? null,
      params: validate(route.params ?? z.strictObject({}), event.pathParameters ?? {}, '/path'),
      query: validate(route.query ?? z.strictObject({}), event.queryStringParameters ?? {}, '/query'),
      body: route.method === 'GET' ? {} : validate(route.body ?? z.strictObject({}), event.body, '/body'),
      sourceIp: event.sourceIp,
      waitUntil: (work: () => Promise<unknown>) => following.push(afterCommand(work)),
      repeats: () => {
        repeated = true;
      },
    };
    const result = await withinDeadline(() => handle(request as unknown as HttpRequest<R>));
    return answered(result, context.awsRequestId, repeated);
  });
  return {
    routeKey: routeKeyOf(route),
    handle: (event, context) =>
      withLogFields({ requestId: context.awsRequestId, operation: route.operation }, () =>
        beginCommand(async () => {
          const following: Promise<unknown>[] = [];
          const answered = (await run({ ...event, following }, context)) as APIGatewayProxyStructuredResultV2;
          // Also after a command that was given up: it may be committed, and Lambda freezes work that isn't awaited.
          await Promise.all(following);
          return answered;
        }),
      ),
  };
}

/** Turns anything that the handler or a middleware throws into a problem document. */
const answerProblems = ({ repeat }: Route): HttpMiddleware => ({
  onError: (request) => {
    request.response = problem(request.error, request.context.awsRequestId, { repeat, body: request.event.body });
  },
});

/** Finds the client's address. First of all: a request that went round a required proxy is refused before it costs anything. */
const located = (): HttpMiddleware => ({
  before: async ({ event }) => {
    const { sourceIp } = event.requestContext.http;
    event.sourceIp = await withinDeadline(() => clientAddress((name) => event.headers[name], sourceIp));
  },
});

const connected = (): HttpMiddleware => ({ before: () => withinDeadline(() => connect()) });

/** Authenticates the caller, and checks whether their role may attempt the operation. */
const authorize = (route: Route): HttpMiddleware => ({
  before: async ({ event }) => {
    const caller = await withinDeadline(() =>
      authenticate(bearerToken(event.headers['authorization']), event.sourceIp ?? null),
    );
    if (!roleMay(route.operation, caller.role)) throw new AppError('FORBIDDEN');
    event.caller = caller;
  },
});

const bounded = (): HttpMiddleware => ({
  before: ({ event }) => {
    // Base64 has four characters for three bytes.
    const most = config().MAX_BODY_BYTES;
    const body = typeof event.body === 'string' ? event.body : '';
    const bytes = event.isBase64Encoded ? (body.length * 3) / 4 : Buffer.byteLength(body);
    if (bytes > most) throw new AppError('PAYLOAD_TOO_LARGE', `The body may have ${most} bytes.`);
  },
});

const isUtf8 = (contentType: string): boolean =>
  [...contentType.matchAll(/;\s*charset\s*=\s*("?)([^";]*)\1/gi)].every(([, , charset = '']) =>
    /^utf-?8$/i.test(charset.trim()),
  );

/**
 * Returns the body as text. Throws `MALFORMED_JSON` where it isn't UTF-8. The gateway forwards JSON as text, with U+FFFD for
 * each byte that is no UTF-8. The text then differs in length from the bytes sent; a U+FFFD that a client sent doesn't.
 */
function bodyText({ body, isBase64Encoded, headers }: ParsedEvent): string | undefined {
  if (typeof body !== 'string') return undefined;
  const notUtf8 = () => new AppError('MALFORMED_JSON', 'The body is not valid UTF-8.');
  if (isBase64Encoded) {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(body, 'base64'));
    } catch {
      throw notUtf8();
    }
  }
  const sent = headers['content-length'];
  if (sent !== undefined && body.includes('\ufffd') && Number(sent) !== Buffer.byteLength(body)) throw notUtf8();
  return body;
}

/** Parses the body with middy's parser, whose errors become errors of the catalogue. */
const jsonBody = (required: boolean): HttpMiddleware => {
  const parser = httpJsonBodyParser();
  return {
    before: (request) => {
      // A route without a body takes no body, or an empty object.
      if (!required && !request.event.body) {
        request.event.body = {};
        return;
      }
      const { headers } = request.event;
      if (headers['content-encoding'] || !isUtf8(headers['content-type'] ?? '')) {
        throw new AppError('UNSUPPORTED_MEDIA_TYPE');
      }
      const text = bodyText(request.event);
      Object.assign(request.event, { body: text, isBase64Encoded: false });
      try {
        // biome-ignore lint/suspicious/noExplicitAny: the parser's own event type says that the body is parsed already.
        parser.before?.(request as any);
      } catch (error) {
        const { statusCode, message, cause } = error as {
          statusCode?: number;
          message?: string;
          cause?: { data?: unknown };
        };
        if (statusCode === 415) throw new AppError('UNSUPPORTED_MEDIA_TYPE');
        // The body is JSON, with a key that would change a prototype: an unknown field.
        if (message?.startsWith('Forbidden key')) throw invalid(`/body/${String(cause?.data)}`, 'is not a known field');
        throw new AppError('MALFORMED_JSON');
      }
      const body: unknown = request.event.body;
      if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new AppError('MALFORMED_JSON');
    },
  };
};

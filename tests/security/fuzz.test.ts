import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { bearerToken } from '../../lib/auth/authenticate.ts';
import { verifyAccessToken } from '../../lib/auth/tokens.ts';
import { AppError } from '../../lib/errors/appError.ts';
import { validate } from '../../lib/errors/validate.ts';
import { ERRORS, type ErrorCode } from '../../lib/protocol/errors.ts';
import { clientEvents, clientFrameSchema } from '../../lib/protocol/events.ts';
import { routeKeyOf } from '../../lib/protocol/route.ts';
import { decodeCursor } from '../../lib/store/pages.ts';
import { parseFrame, type SocketEvent, validateFrame } from '../../lib/websocket/frames.ts';
import { functionOf, httpFunctions, loadHandler, socketFunctions } from '../support/handlers.ts';
import { inFull } from '../support/inFull.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Socket } from '../support/socket.ts';
import type { Desk, Person } from '../support/system.ts';
import { allRoutes } from './attack.ts';

/** The same inputs every time, unless `FUZZ_SEED` says otherwise; a failure prints the seed and the smallest input. */
const seed = Number(process.env['FUZZ_SEED'] ?? 20_260_101);
const settings = (numRuns: number) => ({ seed, numRuns, endOnFailure: false });
const RUNS = inFull ? 300 : 100;
/** Of a whole handler, each with its round trips to the database. */
const HANDLER_RUNS = inFull ? 40 : 15;

let system: InProcess;
let desk: Desk;
let socket: Socket;
let candidate: Person;
let supervisor: Person;
let conversationId: string;
beforeAll(async () => {
  ({ system, desk } = await startDesk());
  const assigned = await desk.assigned('hello');
  ({ candidate, supervisor } = assigned);
  conversationId = assigned.conversation.id;
  socket = await desk.join(candidate, conversationId);
});
afterAll(() => system.stop());

const hostileText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'prototype',
    '$gt',
    '$where',
    '\ud800',
    '\u0000',
    '',
    '-1',
    '1e9',
    '[object Object]',
  ),
);
const hostile = fc.oneof(
  fc.anything({ key: hostileText, maxDepth: 3, withNullPrototype: true }),
  fc.jsonValue({ noUnicodeString: false }),
  hostileText,
);

const named = (known: readonly string[]) =>
  known.length > 0 ? fc.oneof(fc.constantFrom(...known), hostileText) : hostileText;

/** Objects with some of these fields, some of them of the right shape, and others. */
const nearly = (fields: readonly string[]) =>
  fc.oneof(
    fc.dictionary(
      named(fields),
      fc.oneof(
        fc.jsonValue({ noUnicodeString: false }),
        hostileText,
        fc.constantFrom('kim@example.com', 'a pass phrase', 'agent'),
      ),
      { maxKeys: 6 },
    ),
    hostile,
  );

const shapeOf = (schema: unknown): string[] => Object.keys((schema as { shape?: object } | undefined)?.shape ?? {});

function json(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'undefined';
  } catch {
    return '{';
  }
}

/** Runs a parser, which must answer, or refuse as the catalogue has it. */
function refusesAtMost(parse: () => unknown, ...codes: ErrorCode[]): void {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof AppError) || !codes.includes(error.code)) throw error;
  }
}

describe('parsers answer or refuse, and nothing else', () => {
  const schemas = [
    ...allRoutes.flatMap(({ operation, params, query, body }) =>
      Object.entries({ params, query, body }).flatMap(([part, schema]) =>
        schema ? [[`${operation} ${part}`, schema] as const] : [],
      ),
    ),
    ...Object.entries(clientEvents).map(([name, { data }]) => [name, data] as const),
    ['the envelope', clientFrameSchema] as const,
  ];

  it.each(schemas)('%s', (_, schema) => {
    fc.assert(
      fc.property(nearly(shapeOf(schema)), (value) => {
        refusesAtMost(() => validate(schema as never, value, '/body'), 'VALIDATION_FAILED');
      }),
      settings(RUNS),
    );
  });

  it('frames', () => {
    const frame = fc.record({ body: fc.oneof(hostileText, hostile.map(json)), isBase64Encoded: fc.boolean() });
    fc.assert(
      fc.property(frame, (event) => {
        refusesAtMost(
          () => {
            const raw = parseFrame(event as SocketEvent);
            validateFrame(clientEvents.SEND_MESSAGE, raw);
          },
          'MALFORMED_JSON',
          'VALIDATION_FAILED',
          'PAYLOAD_TOO_LARGE',
        );
      }),
      settings(RUNS),
    );
  });

  it('cursors', () => {
    const cursor = fc.oneof(
      hostileText,
      hostileText.map((text) => Buffer.from(text).toString('base64url')),
    );
    fc.assert(
      fc.property(cursor, (text) => refusesAtMost(() => decodeCursor(text), 'VALIDATION_FAILED')),
      settings(RUNS),
    );
  });

  it('Authorization headers and tokens', async () => {
    const token = fc.oneof(
      hostileText,
      fc
        .tuple(hostile, hostile, hostileText)
        .map(([header, claims, signature]) =>
          [json(header), json(claims), signature].map((part) => Buffer.from(part).toString('base64url')).join('.'),
        ),
    );
    await fc.assert(
      fc.asyncProperty(token, async (text) => {
        expect(await verifyAccessToken(text)).toBeNull();
        bearerToken(`Bearer ${text}`);
        bearerToken(text);
      }),
      settings(RUNS),
    );
  });
});

const dictionary = (known: string[]) =>
  fc.option(fc.dictionary(named(known), hostileText, { maxKeys: 5 }), { nil: undefined });

describe('whole HTTP handlers answer from the catalogue, never with a fault', () => {
  it.each(allRoutes.map((route) => [route.operation, route] as const))('%s', async (operation, route) => {
    const routeKey = routeKeyOf(route);
    const handler = await loadHandler(functionOf(httpFunctions, routeKey));
    const [admin, other] = [desk.admin, candidate];
    const event = fc.record({
      headers: fc
        .tuple(
          dictionary(['content-type', 'authorization', 'cookie']),
          fc.constantFrom(admin, other, supervisor, null),
          fc.boolean(),
        )
        .map(([headers, person, isJson]) => ({
          ...headers,
          // Logging out would leave the rest of the runs at the door.
          ...(person && operation !== 'logout' && { authorization: `Bearer ${person.token}` }),
          ...(isJson && { 'content-type': 'application/json' }),
        })),
      queryStringParameters: dictionary(shapeOf(route.query)),
      pathParameters: fc.oneof(
        dictionary(shapeOf(route.params)),
        fc.constantFrom(
          ...[conversationId, 'none-such'].map((id) =>
            Object.fromEntries(shapeOf(route.params).map((name) => [name, id])),
          ),
        ),
      ),
      body: fc.option(fc.oneof(nearly(shapeOf(route.body)).map(json), hostileText), { nil: undefined }),
      isBase64Encoded: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(event, async (parts) => {
        const http = {
          method: route.method,
          path: route.path,
          sourceIp: '203.0.113.9',
          protocol: 'HTTP/1.1',
          userAgent: '',
        };
        const answer = (await handler(
          { ...parts, routeKey, requestContext: { http } },
          { awsRequestId: randomUUID() },
        )) as {
          statusCode: number;
          body?: string;
        };
        if (answer.statusCode === route.status) return;
        const { code } = JSON.parse(answer.body ?? '{}') as { code: ErrorCode };
        expect(ERRORS[code]?.status).toBe(answer.statusCode);
        expect(answer.statusCode).toBeLessThan(500);
      }),
      settings(HANDLER_RUNS),
    );
  });
});

describe('whole WebSocket handlers answer with frames from the catalogue, never with a fault', () => {
  it.each([...Object.keys(clientEvents), '$default'])('%s', async (name) => {
    const handler = await loadHandler(functionOf(socketFunctions, name));
    const connectionId = system.gateway.connectionId(socket);
    const fields = ['conversationId', 'content', 'clientMessageId', 'afterSeq'];
    const frame = fc.oneof(
      hostileText,
      fc
        .record(
          { event: fc.oneof(fc.constant(name), hostile), data: nearly(fields), requestId: hostile },
          { requiredKeys: [] },
        )
        .map(json),
      fc.record({ event: fc.constant(name), data: nearly(fields) }).map(json),
    );
    await fc.assert(
      fc.asyncProperty(frame, fc.boolean(), async (body, isBase64Encoded) => {
        const before = socket.received.length;
        const answer = await handler(
          {
            requestContext: { routeKey: name, connectionId, eventType: 'MESSAGE', requestId: 'r' },
            body,
            isBase64Encoded,
          },
          { awsRequestId: randomUUID() },
        );
        expect(answer).toEqual({ statusCode: 200 });
        expect(socket.received.length).toBeGreaterThan(before);
      }),
      settings(HANDLER_RUNS),
    );
    expect(socket.frames('ERROR').filter(({ code }) => code === 'INTERNAL' || code === 'UNAVAILABLE')).toEqual([]);
    await socket.settle();
  });

  it('$connect', async () => {
    const handler = await loadHandler(functionOf(socketFunctions, '$connect'));
    const headers = dictionary(['Authorization', 'authorization', 'Origin', 'Sec-WebSocket-Protocol']);
    await fc.assert(
      fc.asyncProperty(headers, async (given) => {
        const requestContext = {
          routeKey: '$connect',
          connectionId: randomUUID(),
          eventType: 'CONNECT',
          requestId: 'r',
        };
        const { statusCode } = (await handler({ requestContext, headers: given }, { awsRequestId: 'r' })) as {
          statusCode: number;
        };
        expect([401, 403]).toContain(statusCode);
      }),
      settings(HANDLER_RUNS),
    );
  });
});

import { readFileSync } from 'node:fs';
import { Parser } from '@asyncapi/parser';
import { Validator } from '@seriousme/openapi-schema-validator';
import type * as z from 'zod/mini';
import { PERMISSIONS } from '../../lib/domain/permissions.ts';
import { ERROR_CODES, ERRORS, type ErrorCode } from '../../lib/protocol/errors.ts';
import { type ClientEventName, clientEvents, type ServerEventName, serverEvents } from '../../lib/protocol/events.ts';
import type { Route } from '../../lib/protocol/route.ts';
import { refusals, routes } from '../../lib/protocol/routes.ts';
import { CONNECTION_LIFE } from '../../tools/connectionLife.ts';
import { CLIENT_EVENT_EXAMPLES, SERVER_EVENT_EXAMPLES } from '../../tools/examples.ts';
import { committed, documents } from '../../tools/generate.ts';
import { inFull } from '../support/inFull.ts';

type Json = { readonly [key: string]: unknown };
interface Operation {
  readonly operationId: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: 'path' | 'query';
    readonly example?: unknown;
  }[];
  readonly requestBody?: Body;
  readonly responses: Readonly<Record<string, Answer>>;
}
interface Media {
  readonly schema: Json;
  readonly example?: unknown;
}
interface Body {
  readonly content: { readonly 'application/json': Media };
}
interface Answer {
  readonly $ref?: string;
  readonly headers: Json;
  readonly content?: { readonly 'application/json'?: Media; readonly 'application/problem+json'?: Media };
  readonly 'x-error-codes'?: readonly ErrorCode[];
}

const texts = documents();
const openapi = JSON.parse(texts['openapi.json'] ?? '{}') as Json & {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
};
const asyncapi = JSON.parse(texts['asyncapi.json'] ?? '{}') as Json & {
  readonly info: { readonly description: string };
  readonly components: {
    readonly messages: Json;
    readonly schemas: Readonly<Record<string, { readonly properties?: Json }>>;
  };
  readonly operations: Readonly<Record<string, { readonly messages: readonly { readonly $ref: string }[] }>>;
};

describe('the committed documents', () => {
  it.each(Object.keys(texts))('docs/%s is what lib/protocol says; if not, run `npm run docs`', (name) => {
    expect(committed(name) === texts[name]).toBe(true);
  });

  it('come out the same every time', () => {
    expect(documents()).toEqual(texts);
  });

  it.each(Object.entries(texts))('%s refers to nothing that is not there', (_, text) => {
    const document = JSON.parse(text) as unknown;
    const references = [...text.matchAll(/"\$ref": "#\/([^"]+)"/g)].map((match) => match[1] ?? '');
    const dangling = references.filter((path) => {
      const target = path.split('/').reduce<unknown>((at, key) => (at as Json | undefined)?.[key], document);
      return target === undefined;
    });
    expect(references.length).toBeGreaterThan(0);
    expect(dangling).toEqual([]);
  });
});

it.each(Object.entries(texts).filter(([name]) => name.endsWith('.json')))(
  '%s has a name for every choice between objects: generators make one up otherwise',
  (_, text) => {
    const { components } = JSON.parse(text) as { components: { schemas: Json } };
    const nameless: string[] = [];
    const look = (value: unknown, path: readonly string[]): void => {
      if (typeof value !== 'object' || value === null) return;
      const { anyOf } = value as { anyOf?: readonly Json[] };
      if (path.length > 1 && anyOf && anyOf.filter((one) => '$ref' in one).length > 1) nameless.push(path.join('/'));
      for (const [key, inner] of Object.entries(value)) look(inner, [...path, key]);
    };
    look(components.schemas, []);
    expect(nameless).toEqual([]);
  },
);

it('has a name for every object, and for every enumeration that an object has', () => {
  const nameless = (schema: unknown, path: string): string[] => {
    if (typeof schema !== 'object' || schema === null) return [];
    const inside = Object.entries(schema).flatMap(([key, value]) => nameless(value, `${path}/${key}`));
    const { properties, enum: members } = schema as Json;
    // At the top it has the component's name.
    const isNameless = path.includes('/') && (properties !== undefined || Array.isArray(members));
    return isNameless && !/\/(if|then|else)(\/|$)/.test(path) ? [path, ...inside] : inside;
  };
  for (const { components } of [openapi, asyncapi])
    expect(Object.entries(components.schemas).flatMap(([name, schema]) => nameless(schema, name))).toEqual([]);
});

describe('openapi.json', () => {
  const operations = Object.entries(openapi.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ line: `${method.toUpperCase()} ${path}`, ...operation })),
  );

  it.each([
    ['openapi.json', '3.1'],
    ['openapi-3.0.json', '3.0'],
  ])('%s is valid OpenAPI %s', async (name, version) => {
    const validator = new Validator();
    expect(await validator.validate(JSON.parse(texts[name] ?? '{}') as Record<string, unknown>)).toEqual({
      valid: true,
    });
    expect(validator.version).toBe(version);
  });

  it('has every route once', () => {
    const expected = Object.values<Route>(routes).map((route) => `${route.method} ${route.path}`);
    expect(operations.map(({ line }) => line).sort()).toEqual(expected.sort());
  });

  const named = (schema: Json | undefined): Json | undefined =>
    openapi.components.schemas[String(schema?.['$ref']).replace('#/components/schemas/', '')];

  it.each(operations)('$line', ({ operationId, security, requestBody, responses }) => {
    const route: Route = routes[operationId as keyof typeof routes];
    expect(security).toEqual(PERMISSIONS[route.operation] === 'anyone' ? [] : undefined);
    if (requestBody)
      expect(named(requestBody.content['application/json'].schema)).toHaveProperty('additionalProperties', false);
    expect(Object.keys(responses)).toEqual(expect.arrayContaining(['500', '503']));
    expect(responses['default']).toEqual({ $ref: '#/components/responses/Problem' });
  });

  it.each(operations)('$line lists every code it can be refused with, by status, as plain problems', (operation) => {
    const extra: Record<string, string> = { 401: 'WWW-Authenticate', 429: 'Retry-After', 503: 'Retry-After' };
    const listed: ErrorCode[] = [];
    for (const [status, { headers, content, 'x-error-codes': codes }] of Object.entries(operation.responses)) {
      if (!codes) continue;
      for (const code of codes) expect(`${ERRORS[code].status}`).toBe(status);
      expect(content?.['application/problem+json']?.schema).toEqual({ $ref: '#/components/schemas/Problem' });
      expect(Object.keys(headers)).toEqual(['x-request-id', ...(extra[status] ? [extra[status]] : [])]);
      listed.push(...codes);
    }
    expect(listed.sort()).toEqual([...refusals(routes[operation.operationId as keyof typeof routes])].sort());
  });

  it.each(operations)('$line has examples that fit', ({ operationId, requestBody, responses }) => {
    const route: Route = routes[operationId as keyof typeof routes];
    if (route.body) {
      const { example } = requestBody?.content['application/json'] ?? {};
      expect(route.body.safeParse(example).error).toBeUndefined();
    }
    if (route.response) {
      const { example } = responses[route.status]?.content?.['application/json'] ?? {};
      expect(route.response().safeParse(example).error).toBeUndefined();
    }
  });

  it('has an example that fits for every parameter but cursors, which begin with the first page', () => {
    const partOf = { path: 'params', query: 'query' } as const;
    const without = operations.flatMap(({ operationId, parameters = [] }) => {
      const route: Route = routes[operationId as keyof typeof routes];
      for (const place of ['path', 'query'] as const) {
        const examples = parameters.filter((parameter) => parameter.in === place && 'example' in parameter);
        const given = Object.fromEntries(examples.map(({ name, example }) => [name, String(example)]));
        expect(route[partOf[place]]?.safeParse(given).error).toBeUndefined();
      }
      return parameters.filter((parameter) => !('example' in parameter)).map(({ name }) => name);
    });
    expect([...new Set(without)]).toEqual(['cursor']);
  });

  it('shows the last page of every list', () => {
    const pages = operations.flatMap(({ responses }) => responses['200']?.content?.['application/json']?.example ?? []);
    const next = pages.flatMap((page) => Object.entries(page as Json).filter(([field]) => field.startsWith('next')));
    expect(next.map(([, value]) => value)).toEqual(next.map(() => null));
    expect(next.length).toBeGreaterThan(3);
  });

  it('says who of the staff has a supervisor', () => {
    const { if: agent, then, else: others } = openapi.components.schemas['CreateUserRequest'] ?? {};
    expect(agent).toEqual({ properties: { role: { const: 'agent' } } });
    expect(then).toEqual({ required: ['supervisorId'] });
    expect(others).toEqual({ not: { required: ['supervisorId'] } });
    expect(texts['openapi-3.0.json']).not.toMatch(/"(if|then|else)":/);
  });

  it('ends with logging out, so that who tries all of it in order still may', () => {
    expect(operations.at(-1)?.operationId).toBe('logout');
  });
});

describe('asyncapi.json', () => {
  // The older copy is the same document by another number, and its validator takes seconds: with `SOAK=1`.
  it.each([['asyncapi.json', '3.1.0'] as const, ...(inFull ? [['asyncapi-3.0.json', '3.0.0'] as const] : [])])(
    '%s is valid AsyncAPI %s',
    async (name, version) => {
      const { document, diagnostics } = await new Parser().parse(texts[name] ?? '');
      expect(document?.version()).toBe(version);
      // The older copy is told that there is a newer version, and nothing else.
      const faults = diagnostics.filter(({ code }) => version === '3.1.0' || code !== 'asyncapi-latest-version');
      expect(faults.map(({ code, message, path }) => `${code} at ${path.join('.')}: ${message}`)).toEqual([]);
    },
  );

  it('has every event, as a message that some operation carries', () => {
    // A server event that has the name of a client event has another key.
    const told = Object.keys(serverEvents).map((name) => (name in clientEvents ? `${name}_TOLD` : name));
    const events = [...Object.keys(clientEvents), ...told];
    expect(Object.keys(asyncapi.components.messages).sort()).toEqual([...new Set([...events, 'GatewayNotice'])].sort());
    const carried = Object.values(asyncapi.operations).flatMap(({ messages }) => messages.map(({ $ref }) => $ref));
    for (const event of [...events, 'GatewayNotice']) expect(carried).toContain(`#/channels/socket/messages/${event}`);
  });

  it('tells the life of a connection, as docs/delivery.md does', () => {
    const [, table = ''] = readFileSync(new URL('../../docs/delivery.md', import.meta.url), 'utf8').split(
      /<!-- \/?life -->/,
    );
    expect(table.trim()).toBe(CONNECTION_LIFE);
    expect(asyncapi.info.description).toContain(`## The life of a connection\n\n${CONNECTION_LIFE}`);
  });

  it('has a name for every frame and its data', () => {
    for (const message of Object.values(asyncapi.components.messages) as Json[]) {
      expect(message['payload']).toEqual({
        $ref: expect.stringMatching(/^#\/components\/schemas\/(\w+Frame|GatewayNotice)$/),
      });
    }
    for (const [name, frame] of Object.entries(asyncapi.components.schemas)) {
      if (name.endsWith('Frame')) expect(frame.properties?.['data']).toHaveProperty('$ref');
    }
  });

  it('declares a requestId on what can carry one, and on nothing else', () => {
    const without = Object.entries(asyncapi.components.schemas)
      .filter(([name, { properties }]) => name.endsWith('Frame') && !('requestId' in (properties ?? {})))
      .map(([name]) => name);
    expect(without.toSorted()).toEqual([
      'AgentChangedFrame',
      'ConversationAssignedFrame',
      'ConversationRequeuedFrame',
      'NewMessageFrame',
      'NoteAddedFrame',
      'ParticipantJoinedFrame',
      'ParticipantLeftFrame',
      'QueueChangedFrame',
      'QueueRemovedFrame',
      'QueueStaleFrame',
      'TypingToldFrame',
    ]);
  });

  it.each(Object.keys(CLIENT_EVENT_EXAMPLES) as ClientEventName[])('%s has an example that fits', (name) => {
    const schema: z.ZodMiniType = clientEvents[name].data;
    expect(schema.safeParse(CLIENT_EVENT_EXAMPLES[name]).error).toBeUndefined();
  });

  it.each(Object.keys(SERVER_EVENT_EXAMPLES) as ServerEventName[])('%s has an example that fits', (name) => {
    const schema: z.ZodMiniType = serverEvents[name];
    expect(schema.safeParse(SERVER_EVENT_EXAMPLES[name]).error).toBeUndefined();
  });
});

describe('the protocol', () => {
  it('has a permission for every route and client event, and for nothing else', () => {
    expect(Object.keys(PERMISSIONS).sort()).toEqual([...Object.keys(routes), ...Object.keys(clientEvents)].sort());
  });

  it('is what clients of version 1 were promised', () => {
    const lines = Object.values<Route>(routes).map(({ method, path, status }) => `${method} ${path} ${status}`);
    expect(lines).toEqual(
      expect.arrayContaining([
        'POST /auth/register 201',
        'POST /auth/login 200',
        'POST /auth/refresh 200',
        'POST /auth/logout 204',
        'GET /auth/me 200',
        'PUT /auth/password 204',
        'POST /users 201',
        'GET /users 200',
        'GET /users/{userId} 200',
        'PATCH /users/{userId} 200',
        'POST /conversations 201',
        'GET /conversations 200',
        'GET /conversations/{conversationId} 200',
        'GET /conversations/{conversationId}/messages 200',
        'POST /conversations/{conversationId}/assign 200',
        'POST /conversations/{conversationId}/close 200',
        'GET /analytics/supervisors 200',
        'GET /health 200',
      ]),
    );
    expect(Object.values(clientEvents).map(({ event, answer }) => `${event} ${answer}`)).toEqual(
      expect.arrayContaining([
        'JOIN_CONVERSATION CONVERSATION_JOINED',
        'SEND_MESSAGE MESSAGE_ACCEPTED',
        'LEAVE_CONVERSATION CONVERSATION_LEFT',
        'CLOSE_CONVERSATION CONVERSATION_CLOSED',
        'PING PONG',
      ]),
    );
    expect(Object.keys(serverEvents)).toEqual(
      expect.arrayContaining(['NEW_MESSAGE', 'CONVERSATION_ASSIGNED', 'CONVERSATION_CLOSED', 'ERROR']),
    );
    expect(ERROR_CODES.map((code) => `${code} ${ERRORS[code].status} ${ERRORS[code].socket}`)).toEqual(
      expect.arrayContaining([
        'MALFORMED_JSON 400 true',
        'VALIDATION_FAILED 400 true',
        'INVALID_CREDENTIALS 401 false',
        'INVALID_TOKEN 401 true',
        'FORBIDDEN 403 true',
        'NOT_FOUND 404 true',
        'EMAIL_TAKEN 409 false',
        'LAST_ADMIN 409 false',
        'CONVERSATION_CLOSED 409 true',
        'CONVERSATION_ASSIGNED 409 false',
        'CONFLICT 409 true',
        'AGENT_NOT_AVAILABLE 422 false',
        'PAYLOAD_TOO_LARGE 413 true',
        'UNSUPPORTED_MEDIA_TYPE 415 false',
        'RATE_LIMITED 429 true',
        'UNKNOWN_EVENT null true',
        'NOT_JOINED null true',
        'INTERNAL 500 true',
        'UNAVAILABLE 503 true',
      ]),
    );
  });
});

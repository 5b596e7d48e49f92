import { Parser } from '@asyncapi/parser';
import { Validator } from '@seriousme/openapi-schema-validator';
import { committed, documents } from '../../docs/generate.ts';
import { PERMISSIONS } from '../../lib/domain/permissions.ts';
import { ERROR_CODES, ERRORS } from '../../lib/protocol/errors.ts';
import { clientEvents, serverEvents } from '../../lib/protocol/events.ts';
import { type Route, routes } from '../../lib/protocol/routes.ts';

type Json = { readonly [key: string]: unknown };
interface Operation {
  readonly operationId: string;
  readonly security?: readonly unknown[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Json } } };
  readonly responses: Readonly<Record<string, Json>>;
}

const texts = documents();
const openapi = JSON.parse(texts['openapi.json'] ?? '{}') as Json & {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly responses: Readonly<Record<string, { readonly headers: Json }>> };
};
const asyncapi = JSON.parse(texts['asyncapi.json'] ?? '{}') as Json & {
  readonly components: { readonly messages: Json };
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

describe('openapi.json', () => {
  const operations = Object.entries(openapi.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ line: `${method.toUpperCase()} ${path}`, ...operation })),
  );

  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    expect(await validator.validate(openapi)).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  it('has every route once', () => {
    const expected = Object.values<Route>(routes).map((route) => `${route.method} ${route.path}`);
    expect(operations.map(({ line }) => line).sort()).toEqual(expected.sort());
  });

  it.each(operations)('$line', ({ operationId, security, requestBody, responses }) => {
    expect(Object.keys(routes)).toContain(operationId);
    expect(security).toEqual(PERMISSIONS[operationId as keyof typeof routes] === 'anyone' ? [] : undefined);
    if (requestBody)
      expect(requestBody.content['application/json'].schema).toHaveProperty('additionalProperties', false);
    expect(Object.keys(responses)).toEqual(expect.arrayContaining(['500', '503']));
  });

  it('every refusal carries the headers of its status', () => {
    const extra: Record<number, string> = { 401: 'WWW-Authenticate', 429: 'Retry-After', 503: 'Retry-After' };
    for (const [name, { headers }] of Object.entries(openapi.components.responses)) {
      const code = ERROR_CODES.find((one) => name.split('.or.')[0] === one) ?? 'INTERNAL';
      const more = extra[ERRORS[code].status ?? 0];
      expect(Object.keys(headers)).toEqual(['x-request-id', ...(more ? [more] : [])]);
    }
  });
});

describe('asyncapi.json', () => {
  it('is valid AsyncAPI 3.0', async () => {
    const { document, diagnostics } = await new Parser().parse(texts['asyncapi.json'] ?? '');
    expect(document?.version()).toBe('3.0.0');
    // 3.0 is what tools read today; that 3.1 exists is no fault of the document.
    const faults = diagnostics.filter(({ code }) => code !== 'asyncapi-latest-version');
    expect(faults.map(({ code, message, path }) => `${code} at ${path.join('.')}: ${message}`)).toEqual([]);
  });

  it('has every event, as a message that some operation carries', () => {
    const events = [...Object.keys(clientEvents), ...Object.keys(serverEvents)];
    expect(Object.keys(asyncapi.components.messages).sort()).toEqual([...new Set(events)].sort());
    const carried = JSON.stringify(asyncapi.operations);
    for (const event of events) expect(carried).toContain(`"#/channels/socket/messages/${event}"`);
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

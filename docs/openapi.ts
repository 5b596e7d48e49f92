import { ERRORS, type ErrorCode } from '../lib/protocol/errors.ts';
import { problemSchema } from '../lib/protocol/objects.ts';
import { type Route, refusals, routes } from '../lib/protocol/routes.ts';
import { rolesFor, whoMay } from './access.ts';
import { type Converter, converter, type Json } from './schemas.ts';

const TAGS: Record<Route['tag'], string> = {
  auth: 'Signing in and out.',
  users: 'The people of the support desk.',
  conversations: 'Conversations and their messages.',
  analytics: 'Figures on closed conversations.',
  operations: 'For whoever runs the service.',
};

/** What an answer of some statuses carries beside `x-request-id`. */
const EXTRA_HEADERS: Record<number, readonly string[]> = {
  401: ['WWW-Authenticate'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};

const HEADERS: Json = {
  'x-request-id': { description: 'Names this request in our logs.', required: true, schema: { type: 'string' } },
  'WWW-Authenticate': {
    description: 'How to authenticate.',
    required: true,
    schema: { type: 'string', const: 'Bearer' },
  },
  'Retry-After': { description: 'Seconds to wait.', required: true, schema: { type: 'integer', minimum: 0 } },
};

/** The HTTP API as an OpenAPI 3.1 document. */
export function openapi(version: string): Json {
  const schemas = converter('draft-2020-12');
  const problems = problemResponses(schemas);
  const paths: Record<string, Json> = {};
  for (const route of Object.values<Route>(routes)) {
    paths[route.path] = {
      ...paths[route.path],
      [route.method.toLowerCase()]: operation(route, schemas, problems.respond),
    };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Live Support: HTTP API',
      version,
      description:
        'Customer-support chat. Errors are problem documents (RFC 9457). The live side is described in asyncapi.json.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [
      { url: 'http://localhost:3000', description: 'On a laptop.' },
      {
        url: 'https://{apiId}.execute-api.{region}.amazonaws.com',
        description: 'On AWS, as `serverless deploy` prints it.',
        variables: { apiId: { default: 'abcdefghij' }, region: { default: 'eu-central-1' } },
      },
    ],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    security: [{ bearer: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The `accessToken` of a session.' },
      },
      headers: HEADERS,
      responses: problems.components(),
      schemas: schemas.components(),
    },
  };
}

function operation(route: Route, schemas: Converter, respond: (codes: readonly ErrorCode[]) => Json): Json {
  const roles = rolesFor(route.operation);
  return {
    operationId: route.operation,
    tags: [route.tag],
    summary: route.summary,
    description: whoMay(route.operation),
    ...(roles === null ? { security: [] } : { 'x-roles': roles }),
    ...list('parameters', [...parameters('path', route, schemas), ...parameters('query', route, schemas)]),
    ...(route.body && {
      requestBody: { required: true, content: { 'application/json': { schema: schemas.input(route.body) } } },
    }),
    responses: { [route.status]: success(route, schemas), ...failures(route, respond) },
  };
}

const list = (key: string, items: readonly Json[]): Json => (items.length === 0 ? {} : { [key]: items });

function parameters(place: 'path' | 'query', route: Route, schemas: Converter): Json[] {
  const source = place === 'path' ? route.params : route.query;
  if (!source) return [];
  const { properties, required = [] } = schemas.input(source) as {
    properties: Record<string, Json>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: place,
    required: required.includes(name),
    ...(description !== undefined && { description }),
    schema,
  }));
}

function success(route: Route, schemas: Converter): Json {
  return {
    description: route.response ? 'Done.' : 'Done; no body.',
    headers: headers(route.status),
    ...(route.response && { content: { 'application/json': { schema: schemas.output(route.response()) } } }),
  };
}

function failures(route: Route, respond: (codes: readonly ErrorCode[]) => Json): Json {
  const byStatus = Map.groupBy(refusals(route), (code) => ERRORS[code].status);
  return Object.fromEntries([...byStatus].map(([status, codes]) => [String(status), respond(codes)]));
}

function headers(status: number): Json {
  const names = ['x-request-id', ...(EXTRA_HEADERS[status] ?? [])];
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** One component per set of codes that an answer can carry; most routes share them. */
function problemResponses(schemas: Converter) {
  const problem = schemas.output(problemSchema());
  const components = new Map<string, Json>();

  /** A reference to the answer that carries one of these codes, all of one status. */
  function respond(unordered: readonly ErrorCode[]): Json {
    const codes = [...unordered].sort();
    const name = codes.join('.or.');
    if (!components.has(name)) components.set(name, response(codes));
    return { $ref: `#/components/responses/${name}` };
  }

  function response(codes: readonly ErrorCode[]): Json {
    const status = Number(codes[0] && ERRORS[codes[0]].status);
    return {
      description: codes.map((code) => `\`${code}\`: ${ERRORS[code].title}.`).join(' '),
      headers: headers(status),
      content: {
        'application/problem+json': {
          schema: { allOf: [problem, { properties: { status: { const: status }, code: { enum: codes } } }] },
        },
      },
    };
  }

  return {
    respond,
    components: () => Object.fromEntries([...components].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

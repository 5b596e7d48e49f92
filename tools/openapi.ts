import { DEFAULT_DETAIL, ERRORS, type ErrorCode } from '../lib/protocol/errors.ts';
import { problemSchema } from '../lib/protocol/objects/problem.ts';
import { detailOf, repeatingInWords } from '../lib/protocol/repeating.ts';
import type { Route } from '../lib/protocol/route.ts';
import { refusals, routes } from '../lib/protocol/routes.ts';
import { rolesFor, whoMay } from './access.ts';
import { PARAMETER_EXAMPLES, problemExample, routeExample } from './examples.ts';
import { type Converter, converter, type Json } from './schemas.ts';

const TAGS: Record<Route['tag'], string> = {
  auth: 'Signing in and out.',
  users: 'The people of the support desk.',
  conversations: 'Conversations and their messages.',
  desk: 'How a team gets its conversations, and whether anybody is there.',
  analytics: 'Figures on closed conversations.',
  operations: 'For whoever runs the service.',
};

/** The headers of some statuses beside `x-request-id`. */
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
    schema: { type: 'string', enum: ['Bearer'] },
  },
  'Retry-After': { description: 'Seconds to wait.', required: true, schema: { type: 'integer', minimum: 0 } },
};

/** OpenAPI 3.1, or the same in 3.0 for tools that know no newer one. */
export type OpenapiVersion = '3.1.0' | '3.0.3';

/**
 * Makes the OpenAPI document of the HTTP API. Every body has a name and an example. Every error is a plain `Problem`;
 * the codes that an answer can carry are in `x-error-codes`, because generators can't merge other forms well.
 */
export function openapi(version: string, format: OpenapiVersion = '3.1.0'): Json {
  const schemas = converter(format === '3.1.0' ? 'draft-2020-12' : 'openapi-3.0');
  const problem = schemas.output(problemSchema());
  return {
    openapi: format,
    info: {
      title: 'Live Support: HTTP API',
      version,
      description: [
        'Customer-support chat. Errors are problem documents (RFC 9457). Answers and enumerations may gain members:',
        'a client ignores fields, and treats values, that it does not know. asyncapi.json describes the live side.',
      ].join(' '),
      contact: { name: 'Whoever runs this deployment' },
      license: format === '3.1.0' ? { name: 'MIT', identifier: 'MIT' } : { name: 'MIT' },
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
    paths: paths(schemas, problem),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The `accessToken` of a session.' },
      },
      headers: HEADERS,
      responses: { Problem: anyProblem(problem) },
      schemas: schemas.components(),
    },
  };
}

function paths(schemas: Converter, problem: Json): Json {
  const made: Record<string, Json> = {};
  // Logout comes last, so that a tool that tries the operations in their order has a session until the end.
  const inOrder = Object.values<Route>(routes).toSorted(
    (a, b) => Number(a === routes.logout) - Number(b === routes.logout),
  );
  for (const route of inOrder) {
    made[route.path] = {
      ...made[route.path],
      [route.method.toLowerCase()]: operation(route, schemas, problem),
    };
  }
  return made;
}

function operation(route: Route, schemas: Converter, problem: Json): Json {
  const roles = rolesFor(route.operation);
  const { request } = routeExample(route);
  return {
    operationId: route.operation,
    tags: [route.tag],
    summary: inWords(route.operation),
    description: `${route.summary}\n\n${whoMay(route.operation)} Outcome unknown? ${repeatingInWords(route.repeat)}`,
    ...(roles === null ? { security: [] } : { 'x-roles': roles }),
    ...list('parameters', [...parameters('path', route, schemas), ...parameters('query', route, schemas)]),
    ...(route.body && {
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: schemas.named(`${capitalized(route.operation)}Request`, schemas.input(route.body)),
            example: request,
          },
        },
      },
    }),
    responses: {
      ...successes(route, schemas),
      ...failures(route, problem),
      default: { $ref: '#/components/responses/Problem' },
    },
  };
}

const list = (key: string, items: readonly Json[]): Json => (items.length === 0 ? {} : { [key]: items });

const capitalized = (word: string): string => `${word[0]?.toUpperCase()}${word.slice(1)}`;

/** `assignConversation` as `Assign conversation`. */
const inWords = (operation: string): string =>
  capitalized(operation.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`));

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
    ...(name in PARAMETER_EXAMPLES && { example: PARAMETER_EXAMPLES[name] }),
  }));
}

function successes(route: Route, schemas: Converter): Json {
  const { status, repeatedStatus, response } = route;
  const success = (of: number, description: string): Json => ({
    description,
    headers: headers(of),
    ...(response && {
      content: {
        'application/json': {
          schema: schemas.named(pageName(route), schemas.output(response())),
          example: routeExample(route).answer,
        },
        ...(route.files?.includes('text/plain') && { 'text/plain': { schema: { type: 'string' } } }),
      },
    }),
  });
  return {
    [status]: success(status, response ? 'Done.' : 'Done; no body.'),
    ...(repeatedStatus && {
      [repeatedStatus]: success(repeatedStatus, 'It had been done before: the first one, as it is now.'),
    }),
  };
}

/** Names an answer that has no name of its own: `listUsers` answers a `UserPage`. */
const pageName = (route: Route): string =>
  `${capitalized(route.operation).replace(/^List/, '').replace(/ies$/, 'y').replace(/s$/, '')}Page`;

function failures(route: Route, problem: Json): Json {
  const byStatus = Map.groupBy(refusals(route), (code) => ERRORS[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      failure(route, Number(status), [...codes].sort(), problem),
    ]),
  );
}

function failure(route: Route, status: number, codes: readonly ErrorCode[], problem: Json): Json {
  const example = (code: ErrorCode) =>
    problemExample(
      code,
      status,
      ERRORS[code].title,
      detailOf({ code, message: DEFAULT_DETAIL[code] }, route.repeat, routeExample(route).request),
    );
  return {
    description: codes.map((code) => `\`${code}\`: ${ERRORS[code].title}.`).join(' '),
    headers: headers(status),
    content: {
      'application/problem+json': {
        schema: problem,
        examples: Object.fromEntries(codes.map((code) => [code, { value: example(code) }])),
      },
    },
    'x-error-codes': codes,
  };
}

/** The answer of any other status, except for the gateway's own answers. */
const anyProblem = (problem: Json): Json => ({
  description: 'A problem document; `code` says which.',
  content: { 'application/problem+json': { schema: problem } },
});

function headers(status: number): Json {
  const names = ['x-request-id', ...(EXTRA_HEADERS[status] ?? [])];
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

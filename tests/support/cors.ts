import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { PROJECT } from './process.ts';

/** `provider.httpApi.cors` of serverless.yml, for one stage. */
export interface Cors {
  readonly allowedOrigins: readonly string[];
  readonly allowedHeaders: readonly string[];
  readonly allowedMethods: readonly string[];
  readonly exposedResponseHeaders: readonly string[];
  readonly maxAge: number;
}

interface Service {
  readonly provider: { readonly httpApi: { readonly cors: Omit<Cors, 'allowedOrigins'> } };
  readonly params: Readonly<Record<string, { readonly allowedOrigins?: readonly string[] }>>;
}

export function corsOf(stage: 'default' | 'prod'): Cors {
  // CloudFormation's own tags (`!Ref`, `!Sub`) are unknown to the parser, and not worth a warning here.
  const { provider, params } = parse(readFileSync(`${PROJECT}/serverless.yml`, 'utf8'), {
    logLevel: 'error',
  }) as Service;
  return { ...provider.httpApi.cors, allowedOrigins: params[stage]?.allowedOrigins ?? [] };
}

/**
 * The headers of an answer as API Gateway passes them on: the function's own CORS headers are dropped, and the configured
 * ones put in their place, for an origin that is allowed. The status stays the function's, of a preflight too: it reaches the
 * function wherever a route takes `OPTIONS`, and `$default` takes every method.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
 */
export function withCors(
  cors: Cors,
  method: string,
  given: Readonly<Record<string, string>>,
  answered: Readonly<Record<string, string>>,
): Record<string, string> {
  const headers = Object.fromEntries(
    Object.entries(answered).filter(([name]) => !name.toLowerCase().startsWith('access-control-')),
  );
  const origin = given['origin'];
  if (origin === undefined || !(cors.allowedOrigins.includes('*') || cors.allowedOrigins.includes(origin))) {
    return headers;
  }
  headers['access-control-allow-origin'] = cors.allowedOrigins.includes('*') ? '*' : origin;
  headers['access-control-expose-headers'] = cors.exposedResponseHeaders.join(',');
  if (method === 'OPTIONS' && given['access-control-request-method'] !== undefined) {
    headers['access-control-allow-methods'] = cors.allowedMethods.join(',');
    headers['access-control-allow-headers'] = cors.allowedHeaders.join(',');
    headers['access-control-max-age'] = String(cors.maxAge);
  }
  return headers;
}

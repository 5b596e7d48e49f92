import * as z from 'zod/mini';
import { type Operation, PERMISSIONS } from '../lib/domain/permissions.ts';
import { ERROR_CODES } from '../lib/protocol/errors.ts';
import { type ClientEvent, clientEvents, SUBPROTOCOL, serverEvents } from '../lib/protocol/events.ts';
import { timestampSchema } from '../lib/protocol/objects/common.ts';
import { fieldErrorSchema } from '../lib/protocol/objects/problem.ts';
import type { Repeating } from '../lib/protocol/repeating.ts';
import { type Route, routeKeyOf } from '../lib/protocol/route.ts';
import { routes } from '../lib/protocol/routes.ts';

/**
 * Writes `client/src/protocol.ts`: the types of lib/protocol spelled out, so that the package needs neither zod nor this
 * repository, and the small tables that the client works with. tests/contract/client.test.ts has the compiler compare these
 * types to those that follow from the schemas.
 */

type Side = 'input' | 'output';

/** What this file reads of a schema. */
interface Def {
  readonly type: string;
  readonly shape?: Readonly<Record<string, z.ZodMiniType>>;
  readonly element?: z.ZodMiniType;
  readonly innerType?: z.ZodMiniType;
  readonly options?: readonly z.ZodMiniType[];
  readonly entries?: Readonly<Record<string, string>>;
  readonly values?: readonly unknown[];
  readonly keyType?: z.ZodMiniType;
  readonly valueType?: z.ZodMiniType;
  readonly in?: z.ZodMiniType;
  readonly out?: z.ZodMiniType;
}

const defOf = (schema: z.ZodMiniType) => schema._zod.def as unknown as Def;
const about = (schema: z.ZodMiniType) =>
  z.globalRegistry.get(schema) as
    | { id?: string; description?: string; override?: { type?: string; format?: string } }
    | undefined;

/** Ids that are TypeScript's own, or say nothing. */
const PLAIN = new Set(['Id']);

export function clientProtocol(): string {
  /** Declarations by name, in the order in which they are first needed. */
  const named = new Map<string, string>();

  function typeOf(schema: z.ZodMiniType, side: Side): string {
    const id = about(schema)?.id;
    if (id === undefined || PLAIN.has(id)) return spelled(schema, side);
    if (!named.has(id)) {
      named.set(id, '');
      const text = spelled(schema, side);
      named.set(
        id,
        `${comment(schema, '')}${text.startsWith('{') ? `export interface ${id} ${text}` : `export type ${id} = ${text};`}`,
      );
    }
    return id;
  }

  function spelled(schema: z.ZodMiniType, side: Side): string {
    const def = defOf(schema);
    switch (def.type) {
      case 'string':
      case 'boolean':
      case 'null':
      case 'number':
        return def.type;
      case 'int':
        return 'number';
      case 'literal':
        return (def.values ?? []).map((value) => JSON.stringify(value)).join(' | ');
      case 'enum':
        return Object.values(def.entries ?? {})
          .map(quoted)
          .join(' | ');
      case 'nullable':
        return `${typeOf(inner(def), side)} | null`;
      case 'default':
      case 'optional':
        return typeOf(inner(def), side);
      case 'array': {
        const element = typeOf(def.element as z.ZodMiniType, side);
        return element.includes(' | ') ? `(${element})[]` : `${element}[]`;
      }
      case 'union':
        return (def.options ?? []).map((option) => typeOf(option, side)).join(' | ');
      case 'record':
        return `Record<string, ${typeOf(def.valueType as z.ZodMiniType, side)}>`;
      case 'object':
        return objectOf(def.shape ?? {}, side);
      case 'pipe':
        return typeOf((side === 'input' ? def.in : def.out) as z.ZodMiniType, side);
      default:
        throw new Error(`the client's types know no ${def.type}`);
    }
  }

  function objectOf(shape: Readonly<Record<string, z.ZodMiniType>>, side: Side): string {
    const lines = Object.entries(shape).map(([name, field]) => {
      const { type } = defOf(field);
      const mayMiss = type === 'optional' || (side === 'input' && type === 'default');
      return `${comment(field, '  ')}  ${name}${mayMiss ? '?' : ''}: ${indented(typeOf(field, side))}${mayMiss ? ' | undefined' : ''};\n`;
    });
    return lines.length === 0 ? 'Record<string, never>' : `{\n${lines.join('')}}`;
  }

  /** A query has numbers, booleans and times, although text goes over the wire: see `QueryOf` of lib/protocol/client.ts. */
  function queryOf(schema: z.ZodMiniType): string {
    const fields = Object.entries(defOf(schema).shape ?? {}).map(([name, field]) => {
      const { type, innerType } = defOf(field);
      const mayMiss = type === 'optional' || type === 'default';
      return `${comment(field, '  ')}  readonly ${name}${mayMiss ? '?' : ''}: ${asGiven(mayMiss && innerType ? innerType : field)}${mayMiss ? ' | undefined' : ''};\n`;
    });
    return `{\n${fields.join('')}}`;
  }

  function asGiven(field: z.ZodMiniType): string {
    const { type, format } = about(field)?.override ?? {};
    if (format === 'date-time') return 'Date | string';
    if (type !== undefined) return type === 'integer' ? 'number' : type;
    return defOf(field).type === 'default' || defOf(field).type === 'optional'
      ? asGiven(inner(defOf(field)))
      : typeOf(field, 'output');
  }

  function requestOf({ params, query, body }: Route): string {
    const parts = [
      params && `  readonly params: ${indented(readonly(objectOf(defOf(params).shape ?? {}, 'input')))};\n`,
      query &&
        `  readonly query${queryOf(query).match(/^ {2}readonly \w+:/m) ? '' : '?'}: ${indented(queryOf(query))};\n`,
      body && `  readonly body: ${indented(typeOf(body, 'input'))};\n`,
    ].filter(Boolean);
    return parts.length === 0 ? 'Record<never, never>' : `{\n${parts.join('')}}`;
  }

  const all = Object.values<Route>(routes);
  const events = Object.values<ClientEvent>(clientEvents);
  const answerOf = ({ response, files }: Route) =>
    response === null
      ? 'undefined'
      : `${typeOf(response(), 'output')}${files?.includes('text/plain') ? ' | string' : ''}`;

  const requests = all
    .map((route) => `${lineOf(route.summary)}  ${route.operation}: ${indented(requestOf(route))};\n`)
    .join('');
  const answers = all.map((route) => `  ${route.operation}: ${indented(answerOf(route))};\n`).join('');
  const sent = events
    .map(
      ({ event, summary, data, answer }) =>
        `${lineOf(summary)}  ${event}: { data: ${indented(indented(typeOf(data, 'input')))}; answer: ${answer === null ? 'undefined' : `ServerEvents['${answer}']`} };\n`,
    )
    .join('');
  const received = Object.entries<z.ZodMiniType>(serverEvents)
    .map(([name, data]) => `  ${name}: ${indented(typeOf(data, 'output'))};\n`)
    .join('');
  typeOf(fieldErrorSchema(), 'output');
  const operations = all
    .map((route) => {
      const access = PERMISSIONS[route.operation as Operation] === 'anyone' ? 'anyone' : 'signedIn';
      return `  ${route.operation}: [${quoted(routeKeyOf(route))}, ${quoted(access)}, ${repeating(route.repeat)}],\n`;
    })
    .join('');

  return `// Written by \`npm run docs\` from lib/protocol. Change that, not this file.

${[...named]
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([, text]) => text)
  .join('\n\n')}

/** Every code with which the service refuses. There will be more. */
export type ErrorCode = ${ERROR_CODES.map(quoted).join(' | ')};

/** What each operation of the HTTP API takes. */
export interface Requests {
${requests}}

/** What each operation of the HTTP API answers with success; \`undefined\` where the answer has no body. */
export interface Answers {
${answers}}

/** The name of an operation of the HTTP API. */
export type OperationName = keyof Requests;

/** What each client event carries, and what answers it, except \`ERROR\`. */
export interface ClientEvents {
${sent}}

/** What each server event carries. */
export interface ServerEvents {
${received}}

export type ClientEventName = keyof ClientEvents;
export type ServerEventName = keyof ServerEvents;

/** One frame from the service. A direct answer has the \`requestId\` of the client's frame. */
export type ServerFrame = { [N in ServerEventName]: { event: N; data: ServerEvents[N]; requestId?: string } }[ServerEventName];

/** The subprotocol that is offered first, followed by the access token. */
export const SUBPROTOCOL = ${quoted(SUBPROTOCOL)};

/**
 * Of each operation: method and path; whether a session is needed; whether it is safe to send again: always, never, or with
 * this field in its body.
 */
export const OPERATIONS: { readonly [N in OperationName]: readonly [string, 'anyone' | 'signedIn', boolean | string] } = {
${operations}};

/** The client events that are safe to send again: always, never, or with this field in their data. */
export const SAFE_EVENTS: { readonly [N in ClientEventName]: boolean | string } = {
${events.map(({ event, repeat }) => `  ${event}: ${repeating(repeat)},\n`).join('')}};
`;
}

const inner = ({ innerType }: Def): z.ZodMiniType => innerType as z.ZodMiniType;
const quoted = (text: string): string => `'${text}'`;
const indented = (text: string): string => text.replaceAll('\n', '\n  ');
const readonly = (text: string): string => text.replaceAll(/^ {2}(\w+\??:)/gm, '  readonly $1');
const lineOf = (text: string): string => `  /** ${text} */\n`;

/** A refresh, safe for half a minute only, is repeated by the keeper of the session, which counts the time. */
const repeating = (repeat: Repeating): string =>
  repeat === 'safe' ? 'true' : repeat.safeWith === undefined ? 'false' : quoted(repeat.safeWith);

/** The comment above a declaration, or above a field whose type has none of its own. */
function comment(schema: z.ZodMiniType, indent: string): string {
  const { innerType } = defOf(schema);
  const { id, description } = about(schema) ?? {};
  if (indent !== '' && id !== undefined) return '';
  if (description === undefined) return innerType ? comment(innerType, indent) : '';
  return about(timestampSchema)?.description === description ? '' : `${indent}/** ${description} */\n`;
}

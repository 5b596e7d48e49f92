import * as z from 'zod/mini';
import { ERRORS } from '../lib/protocol/errors.ts';
import {
  type ClientEvent,
  clientEvents,
  clientFrameSchema,
  type ServerEventName,
  SUBPROTOCOL,
  serverEvents,
  socketRefusals,
} from '../lib/protocol/events.ts';
import { requestIdSchema } from '../lib/protocol/objects/common.ts';
import { repeatingInWords } from '../lib/protocol/repeating.ts';
import { rolesFor, whoMay } from './access.ts';
import { CONNECTION_LIFE } from './connectionLife.ts';
import { CLIENT_EVENT_EXAMPLES, SERVER_EVENT_EXAMPLES } from './examples.ts';
import { type Converter, converter, type Json } from './schemas.ts';
import { ASKED_FOR, SERVER_EVENTS } from './serverEvents.ts';

/**
 * A message of the gateway itself on a socket. It is no frame of the protocol, so it has no `event`.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-response.html
 */
const GATEWAY_NOTICE = 'GatewayNotice';
const GATEWAY_TEXTS = ['Internal server error', 'Endpoint request timed out', 'Forbidden', 'Too Many Requests'];
const gatewayNotice = (schemas: Converter): Json => ({
  name: GATEWAY_NOTICE,
  title: 'Notice of the gateway',
  summary:
    'API Gateway could not run the frame, or does not know how it ended. It has no `event`. The outcome is unknown: send the frame again.',
  payload: schemas.named(GATEWAY_NOTICE, {
    type: 'object',
    description: `\`message\` is ${GATEWAY_TEXTS.map((text) => `"${text}"`).join(', ')}, or another of the gateway's.`,
    properties: {
      message: { type: 'string' },
      connectionId: { type: 'string' },
      requestId: { type: 'string', description: "The gateway's own, not the client's." },
    },
    required: ['message'],
    not: { required: ['event'] },
  }),
  examples: GATEWAY_TEXTS.map((message) => ({
    name: message,
    payload: { message, connectionId: 'L0SM9cOFvHcCIhw=', requestId: 'L0SM-HNqvHcFaaw=' },
  })),
});

const CHANNEL = { $ref: '#/channels/socket' };
const onChannel = (name: string): Json => ({ $ref: `#/channels/socket/messages/${name}` });
const codes = (event: ClientEvent) => [...socketRefusals(event)].sort();

/** AsyncAPI 3.1, or the same in 3.0 for tools that know no newer one: the document needs nothing that came with 3.1. */
export type AsyncapiVersion = '3.1.0' | '3.0.0';

/** The WebSocket API as an AsyncAPI document, told from the side of the server: it receives what clients send. */
export function asyncapi(version: string, format: AsyncapiVersion = '3.1.0'): Json {
  const schemas = converter('draft-07');
  const message = messageMaker(schemas);
  const messages = {
    ...mapValues(clientEvents, (event: ClientEvent, name) =>
      message(name, event.summary, schemas.input(frameOf(event)), CLIENT_EVENT_EXAMPLES[name]),
    ),
    ...byServerKey(serverEvents, (data, name) => {
      const payload = z.object({
        event: z.literal(name),
        data,
        ...(isAnswer(name) && { requestId: z.optional(requestIdSchema) }),
      });
      return message(
        serverKey(name),
        SERVER_EVENTS[name].summary,
        schemas.output(payload),
        SERVER_EVENT_EXAMPLES[name],
      );
    }),
    [GATEWAY_NOTICE]: gatewayNotice(schemas),
  };
  return {
    asyncapi: format,
    info: {
      title: 'Live Support: WebSocket API',
      version,
      description: [
        'The live side of customer-support chat. The HTTP API is described in openapi.json.',
        '## The life of a connection',
        CONNECTION_LIFE,
      ].join('\n\n'),
      contact: { name: 'Whoever runs this deployment' },
      license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
    },
    defaultContentType: 'application/json',
    servers: servers(),
    channels: {
      socket: {
        address: '/',
        summary: 'The one socket.',
        description: [
          'Every frame, both ways, is one text frame with one JSON object `{ "event", "data" }`. A client frame may carry',
          '`requestId`; whatever the server sends in direct answer repeats it, refusals too. Events may gain fields, and',
          'enumerations members: a client ignores fields, and treats values, that it does not know. The gateway has frames',
          'of its own, without `event`: `GatewayNotice`.',
        ].join(' '),
        messages: mapValues(messages, (_, name) => ({ $ref: `#/components/messages/${name}` })),
      },
    },
    operations: operations(),
    components: {
      securitySchemes: securitySchemes(),
      correlationIds: {
        requestId: {
          description: 'Chosen by the client, repeated in direct answers.',
          location: '$message.payload#/requestId',
        },
      },
      messages,
      schemas: schemas.components(),
    },
  };
}

/** The client's envelope with the event's name and data. */
const frameOf = (event: ClientEvent) =>
  z.extend(clientFrameSchema, { event: z.literal(event.event), data: event.data });

/** Whether an event answers a client's frame, and so repeats its `requestId`. */
const isAnswer = (name: ServerEventName): boolean =>
  name === 'ERROR' || Object.values(clientEvents).some(({ answer }) => answer === name);

/** `JOIN_CONVERSATION` as `JoinConversation`. */
const pascal = (name: string): string =>
  name
    .toLowerCase()
    .split('_')
    .map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`)
    .join('');

/** The key of a server event's message and operation. One that a client event has the name of needs another. */
const serverKey = (name: ServerEventName): string => (name in clientEvents ? `${name}_TOLD` : name);

const byServerKey = <V, W>(
  record: Record<ServerEventName, V>,
  map: (value: V, name: ServerEventName) => W,
): Record<string, W> =>
  Object.fromEntries(
    (Object.entries(record) as [ServerEventName, V][]).map(([name, value]) => [serverKey(name), map(value, name)]),
  );

/** `JOIN_CONVERSATION` as `Join conversation`. */
const inWords = (name: string): string => `${name[0]}${name.slice(1).toLowerCase().replaceAll('_', ' ')}`;

/** Makes messages whose frames and data have names: generators make a class of each. */
const messageMaker =
  (schemas: Converter) =>
  (name: string, summary: string, frame: Json, data: unknown): Json => {
    const { data: shape, ...envelope } = frame['properties'] as Record<string, Json>;
    const payload = {
      ...frame,
      properties: { ...envelope, data: schemas.named(`${pascal(name)}Data`, shape ?? {}) },
    };
    return {
      name: name.replace(/_TOLD$/, ''),
      title: inWords(name),
      summary,
      payload: schemas.named(`${pascal(name)}Frame`, payload),
      examples: [{ name: name.replace(/_TOLD$/, ''), payload: { event: name.replace(/_TOLD$/, ''), data } }],
      ...('requestId' in envelope && { correlationId: { $ref: '#/components/correlationIds/requestId' } }),
    };
  };

function operations(): Json {
  const received = mapValues(clientEvents, (event: ClientEvent, name) => ({
    action: 'receive',
    title: inWords(name),
    channel: CHANNEL,
    summary: event.summary,
    description: [
      whoMay(event.event),
      `Outcome unknown? ${repeatingInWords(event.repeat)}`,
      event.answer === null
        ? 'Not answered, or by `ERROR` with one of:'
        : `Answered by \`${event.answer}\`, or by \`ERROR\` with one of:`,
      ...codes(event).map((code) => `\`${code}\` (${ERRORS[code].title}),`),
    ]
      .join(' ')
      .replace(/,$/, '.'),
    messages: [onChannel(name)],
    reply: {
      channel: CHANNEL,
      messages: [...(event.answer === null ? [] : [onChannel(event.answer)]), onChannel('ERROR')],
    },
    'x-roles': rolesFor(event.event),
    'x-error-codes': codes(event),
  }));
  // List answers too: not every tool looks at a reply.
  const sent = byServerKey(SERVER_EVENTS, ({ summary, sentTo }, name) => ({
    action: 'send',
    title: inWords(name),
    channel: CHANNEL,
    summary,
    description: sentTo ?? ASKED_FOR,
    messages: [onChannel(serverKey(name))],
  }));
  const ofTheGateway = {
    action: 'send',
    title: 'Notice of the gateway',
    channel: CHANNEL,
    summary: 'The gateway could not run a frame, or does not know how it ended.',
    description: 'To the sender of the frame. Send it again, after a pause that grows.',
    messages: [onChannel(GATEWAY_NOTICE)],
  };
  return {
    ...prefixKeys('receive_', received),
    ...prefixKeys('send_', { ...sent, [GATEWAY_NOTICE]: ofTheGateway }),
  };
}

function servers(): Json {
  const security = [
    { $ref: '#/components/securitySchemes/bearer' },
    { $ref: '#/components/securitySchemes/subprotocol' },
  ];
  return {
    local: { host: 'localhost:3001', protocol: 'ws', description: 'On a laptop.', security },
    aws: {
      host: '{apiId}.execute-api.{region}.amazonaws.com',
      pathname: '/{stage}',
      protocol: 'wss',
      description: 'On AWS, as `serverless deploy` prints it.',
      variables: {
        apiId: { default: 'abcdefghij' },
        region: { default: 'eu-central-1' },
        stage: { default: 'dev' },
      },
      security,
    },
  };
}

function securitySchemes(): Json {
  return {
    bearer: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description: '`Authorization: Bearer <accessToken>` on the upgrade request.',
    },
    subprotocol: {
      type: 'httpApiKey',
      in: 'header',
      name: 'Sec-WebSocket-Protocol',
      description: `From a browser: \`new WebSocket(url, ["${SUBPROTOCOL}", accessToken])\`, answered with \`${SUBPROTOCOL}\`. A token in the URL is not accepted.`,
    },
  };
}

function mapValues<K extends string, V, W>(record: Record<K, V>, map: (value: V, key: K) => W): Record<K, W> {
  const entries = Object.entries(record) as [K, V][];
  return Object.fromEntries(entries.map(([key, value]) => [key, map(value, key)])) as Record<K, W>;
}

const prefixKeys = (prefix: string, record: Json): Json =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [prefix + key, value]));

/**
 * What API Gateway sends beyond what our handlers read, as recorded from real ones: a function that trips over any of
 * it would do so on AWS only. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */

type Fields = Readonly<Record<string, unknown>>;

interface GatewayEvent {
  readonly version?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly requestContext?: Fields & { readonly eventType?: string; readonly http?: Fields };
  readonly body?: string;
}

const FORWARDED = {
  'X-Amzn-Trace-Id': 'Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e',
  'X-Forwarded-For': '127.0.0.1',
  'X-Forwarded-Port': '443',
  'X-Forwarded-Proto': 'https',
};

export function asRecorded(event: unknown): unknown {
  if (typeof event !== 'object' || event === null || !('requestContext' in event)) return event;
  const given = event as GatewayEvent;
  return given.version === '2.0' ? http(given) : socket(given);
}

function http(event: GatewayEvent): unknown {
  return {
    ...event,
    cookies: ['theme=dark', 'token=nonsense'],
    headers: {
      accept: '*/*',
      'content-length': String(Buffer.byteLength(event.body ?? '')),
      'user-agent': 'curl/8.5.0',
      ...lowerCase(FORWARDED),
      ...event.headers,
    },
    requestContext: { ...event.requestContext, domainPrefix: 'api', time: '12/Mar/2026:19:03:58 +0000' },
  };
}

/** Headers come with `$connect`, as the client wrote them, and with `$disconnect` a few of the gateway's own. */
function socket(event: GatewayEvent): unknown {
  switch (event.requestContext?.eventType) {
    case 'CONNECT': {
      const headers = {
        'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits',
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Version': '13',
        ...FORWARDED,
        ...event.headers,
      };
      return { ...event, headers, multiValueHeaders: lists(headers) };
    }
    case 'DISCONNECT': {
      const headers = { Host: 'socket.example.com', 'x-api-key': '', 'X-Forwarded-For': '', 'x-restapi': '' };
      const requestContext = { ...event.requestContext, disconnectStatusCode: 1001, disconnectReason: 'Going away' };
      return { ...event, headers, multiValueHeaders: lists(headers), requestContext };
    }
    default:
      return event;
  }
}

const lowerCase = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

const lists = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));

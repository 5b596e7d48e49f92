import { httpRequest } from '../../lib/protocol/client.ts';
import { abortable, type Backoff, type Clock, pause, sleep } from './clock.ts';
import { LiveSupportError, PASSING, UNKNOWN_OUTCOME } from './errors.ts';
import {
  type Answers,
  type ErrorCode,
  type FieldError,
  OPERATIONS,
  type OperationName,
  type Requests,
} from './protocol.ts';

/** What this package needs of `fetch`. */
export type Fetch = (
  url: string,
  init: { method: string; headers: Record<string, string>; body?: string; signal: AbortSignal },
) => Promise<{
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}>;

export interface CallOptions {
  /** Gives up waiting. What was sent may have its effect all the same. */
  readonly signal?: AbortSignal | undefined;
}

type Arguments<N extends OperationName> =
  Record<never, never> extends Requests[N]
    ? [request?: Requests[N] & CallOptions]
    : [request: Requests[N] & CallOptions];

/** The HTTP API: a method for each operation, by the names of the OpenAPI document. */
export type Http = { readonly [N in OperationName]: (...args: Arguments<N>) => Promise<Answers[N]> };

interface Parts extends CallOptions {
  readonly params?: object;
  readonly query?: object;
  readonly body?: object;
}

export interface HttpDependencies {
  readonly httpUrl: string;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly random: () => number;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly backoff: Backoff;
}

/** The longest `retryAfter` that is waited for here. After a longer one the call rejects, and the application decides. */
const MOST_RETRY_AFTER_SECONDS = 10;

/** The service over HTTP, one request at a time. Knows no session. */
export class Wire {
  readonly #deps: HttpDependencies;
  /** When an answer of the service last came; 0 for never. */
  lastAnswerAt = 0;

  /** @internal */
  constructor(deps: HttpDependencies) {
    this.#deps = deps;
  }

  /** Sends one request. Throws `LiveSupportError`, or the reason of the signal. */
  async send<N extends OperationName>(
    name: N,
    parts: Parts,
    token: string | null,
    timeoutMs = this.#deps.timeoutMs,
  ): Promise<Answers[N]> {
    const { httpUrl, fetch, clock } = this.#deps;
    const [line] = OPERATIONS[name];
    const { method, path, body } = httpRequest(line as 'GET /health', parts);
    const isSafe = isSafeToRepeat(OPERATIONS[name][2], parts.body);
    parts.signal?.throwIfAborted();
    const controller = new AbortController();
    const answer = (async () => {
      const response = await fetch(httpUrl.replace(/\/$/, '') + path, {
        method,
        headers: {
          ...(token !== null && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body }),
        signal: controller.signal,
      });
      return { response, text: await response.text() };
    })();
    let got: Awaited<typeof answer>;
    try {
      got = await abortable(parts.signal, (resolve, reject) => {
        const late = () => reject(unanswered('TIMEOUT', `${line} was not answered in time`, isSafe));
        answer.then(resolve, (cause: unknown) =>
          reject(unanswered('NETWORK', `${line} could not be sent, or its answer was lost`, isSafe, cause)),
        );
        return clock.after(timeoutMs, late);
      });
    } catch (error) {
      controller.abort();
      throw error;
    }
    const { response, text } = got;
    this.lastAnswerAt = clock.now();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    const parsed = isJson ? parse(text) : undefined;
    if (response.status >= 200 && response.status < 300)
      return (isJson ? parsed : text === '' ? undefined : text) as Answers[N];
    throw refusal(response.status, parsed, response.headers, isSafe);
  }

  /** As `send`, again and again while that is safe and may help. */
  async persist<N extends OperationName>(parts: Parts, attempt: () => Promise<Answers[N]>): Promise<Answers[N]> {
    const { clock, random, retries, backoff } = this.#deps;
    for (let tried = 0; ; tried += 1) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof LiveSupportError) || !error.retryable || tried >= retries) throw error;
        const least = (error.retryAfter ?? 0) * 1000;
        if (least > MOST_RETRY_AFTER_SECONDS * 1000) throw error;
        await sleep(clock, least + pause(backoff, tried, random), parts.signal);
      }
    }
  }
}

/** What lends a call its token. */
export interface Tokens {
  /** A token that works, as far as is known. `refused` names one that doesn't. */
  accessToken(options?: CallOptions & { readonly refused?: string | undefined }): Promise<string>;
}

/** Makes the methods. A call whose token is refused is made once more, with a new one. */
export function createHttp(wire: Wire, tokens: Tokens): Http {
  const call = <N extends OperationName>(name: N, parts: Parts): Promise<Answers[N]> =>
    wire.persist<N>(parts, async () => {
      if (OPERATIONS[name][1] === 'anyone') return wire.send(name, parts, null);
      const { signal } = parts;
      const token = await tokens.accessToken({ signal });
      try {
        return await wire.send(name, parts, token);
      } catch (error) {
        if (!(error instanceof LiveSupportError) || error.code !== 'INVALID_TOKEN') throw error;
        return wire.send(name, parts, await tokens.accessToken({ signal, refused: token }));
      }
    });
  const names = Object.keys(OPERATIONS) as OperationName[];
  return Object.fromEntries(
    names.map((name) => [name, (request: Parts = {}) => call(name, request)]),
  ) as unknown as Http;
}

/** Whether a command with this input may be sent again. */
export const isSafeToRepeat = (repeat: boolean | string, input: object | undefined): boolean =>
  typeof repeat === 'string' ? input !== undefined && repeat in input : repeat;

function unanswered(code: 'NETWORK' | 'TIMEOUT', message: string, isSafe: boolean, cause?: unknown): LiveSupportError {
  return new LiveSupportError(code, message, { retryable: isSafe, outcomeUnknown: true, cause });
}

interface Problem {
  readonly code?: ErrorCode;
  readonly detail?: string;
  readonly message?: string;
  readonly requestId?: string;
  readonly errors?: readonly FieldError[];
}

/** Of an answer that is not the service's own: the gateway's, or a proxy's. */
const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: 'INVALID_TOKEN',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  413: 'PAYLOAD_TOO_LARGE',
  429: 'RATE_LIMITED',
};

function refusal(
  status: number,
  body: unknown,
  headers: { get(name: string): string | null },
  isSafe: boolean,
): LiveSupportError {
  const { code, detail, message, requestId, errors }: Problem = typeof body === 'object' && body !== null ? body : {};
  const known = code ?? BY_STATUS[status] ?? (status >= 500 ? 'UNAVAILABLE' : 'UNEXPECTED');
  const outcomeUnknown = UNKNOWN_OUTCOME.has(known);
  const wait = Number(headers.get('retry-after') ?? Number.NaN);
  return new LiveSupportError(known, detail ?? message ?? `answered ${status}`, {
    status,
    outcomeUnknown,
    // Over HTTP a conflict is with what has been stored: whoever asks reads that first.
    retryable: outcomeUnknown ? isSafe : PASSING.has(known) && known !== 'CONFLICT',
    errors: errors ?? [],
    retryAfter: Number.isFinite(wait) ? wait : null,
    requestId: requestId ?? headers.get('x-request-id'),
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

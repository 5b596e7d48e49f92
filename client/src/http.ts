import { type HttpRequest, httpRequest } from '../../lib/protocol/client.ts';
import { abortable, type Backoff, type Clock, pause, sleep } from './clock.ts';
import { isTokenRefused, LiveSupportError, PASSING, UNKNOWN_OUTCOME } from './errors.ts';
import { type Answers, type ErrorCode, OPERATIONS, type OperationName, type Requests } from './protocol.ts';

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

/** Who wakes up with an answer that has come meanwhile hears first of the timers that are overdue: the end of a time-out is spent awake. */
const AWAKE_MS = 1_000;

/** The service over HTTP, one request at a time. Knows no session. */
export class Wire {
  readonly #deps: HttpDependencies;

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
    const { method, path, body } = written(line, parts);
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
        const awake = Math.min(timeoutMs, AWAKE_MS);
        let undo = clock.after(timeoutMs - awake, () => {
          undo = clock.after(awake, late);
        });
        return () => undo();
      });
    } catch (error) {
      controller.abort();
      throw error;
    }
    const { response, text } = got;
    const { status, headers } = response;
    const contentType = headers.get('content-type') ?? '';
    const parsed = /json/.test(contentType) ? parse(text) : undefined;
    const isOk = status >= 200 && status < 300;
    const isEmpty = isOk && status > 201 && text === '';
    const isText = isOk && name === 'getTranscript' && contentType.startsWith('text/plain');
    // A network that wants a sign-in of its own answers everything with a page.
    const isOurs = parsed !== undefined || isEmpty || isText;
    if (!isOk) throw refusal(status, parsed, headers, isSafe);
    if (!isOurs) {
      throw new LiveSupportError('UNEXPECTED', `the answer to ${line} is none of the service's`, {
        status,
        retryable: isSafe,
        outcomeUnknown: true,
      });
    }
    return (parsed ?? (isEmpty ? undefined : text)) as Answers[N];
  }

  /** As `send`, again and again while that is safe and may help. */
  async persist<N extends OperationName>(parts: Parts, attempt: () => Promise<Answers[N]>): Promise<Answers[N]> {
    const { clock, random, retries, backoff } = this.#deps;
    for (let tried = 0; ; tried += 1) {
      try {
        return await attempt();
      } catch (error) {
        // What is `UNEXPECTED` is not mended by asking again at once: somebody must do something else first.
        const mayHelp = error instanceof LiveSupportError && error.retryable && error.code !== 'UNEXPECTED';
        if (!mayHelp || tried >= retries) throw error;
        const least = (error.retryAfter ?? 0) * 1000;
        if (least > MOST_RETRY_AFTER_SECONDS * 1000) throw error;
        await sleep(clock, least + pause(backoff, tried, random), parts.signal);
      }
    }
  }
}

/** Whether a call is made by who is signed in, and by nobody else; or by anyone. */
export type Caller = 'signedIn' | 'anyone';

/** What lends a call its token. */
export interface Tokens {
  /** A token that works, as far as is known. `refused` names one that doesn't. */
  accessToken(options?: CallOptions & { readonly refused?: string | undefined }): Promise<string>;
  /** Does something as one caller. Its signal is aborted when that is somebody else. */
  during<T>(caller: Caller, signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

/** Makes the methods. A call whose token is refused is made once more, with a new one. */
export function createHttp(wire: Wire, tokens: Tokens): Http {
  const call = <N extends OperationName>(name: N, request: Parts): Promise<Answers[N]> => {
    const [, caller] = OPERATIONS[name];
    return tokens.during(caller, request.signal, (signal) => {
      const parts = { ...request, signal };
      return wire.persist<N>(parts, async () => {
        if (caller === 'anyone') return wire.send(name, parts, null);
        const token = await tokens.accessToken({ signal });
        try {
          return await wire.send(name, parts, token);
        } catch (error) {
          if (!isTokenRefused(error)) throw error;
          return wire.send(name, parts, await tokens.accessToken({ signal, refused: token }));
        }
      });
    });
  };
  const names = Object.keys(OPERATIONS) as OperationName[];
  return Object.fromEntries(
    names.map((name) => [name, (request: Parts = {}) => call(name, request)]),
  ) as unknown as Http;
}

/** A name that would lead to another place, or a value that can't be written, is refused before it is sent. */
function written(line: string, parts: Parts): HttpRequest {
  try {
    return httpRequest(line as 'GET /health', parts);
  } catch (cause) {
    throw new LiveSupportError('VALIDATION_FAILED', `${line} can't be written`, { cause });
  }
}

/** Whether a command with this input may be sent again. A field that is `undefined` is not sent, and a `false` one asks for nothing. */
export const isSafeToRepeat = (repeat: boolean | string, input: object | undefined): boolean =>
  typeof repeat === 'string' ? Boolean((input as Readonly<Record<string, unknown>> | undefined)?.[repeat]) : repeat;

function unanswered(code: 'NETWORK' | 'TIMEOUT', message: string, isSafe: boolean, cause?: unknown): LiveSupportError {
  return new LiveSupportError(code, message, { retryable: isSafe, outcomeUnknown: true, cause });
}

/** As the service writes it. What stands on the way may write something like it. */
interface Problem {
  readonly code?: unknown;
  readonly detail?: string;
  readonly message?: string;
  readonly requestId?: string;
  readonly errors?: unknown;
}

/** Of an answer that is not the service's own: the gateway's, or a proxy's. That a token is none, only the service can say. */
const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
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
  // A network's or a proxy's own page says nothing of who may see something, or of what is there.
  const isPage = body === undefined && (status === 403 || status === 404);
  const byStatus = (isPage ? undefined : BY_STATUS[status]) ?? (status >= 500 ? 'UNAVAILABLE' : 'UNEXPECTED');
  const known = typeof code === 'string' ? (code as ErrorCode) : byStatus;
  // Whatever it is called.
  const outcomeUnknown = status >= 500 || UNKNOWN_OUTCOME.has(known);
  const wait = Number(headers.get('retry-after') ?? Number.NaN);
  return new LiveSupportError(known, detail ?? message ?? `answered ${status}`, {
    status,
    outcomeUnknown,
    // Over HTTP a conflict is with what has been stored: whoever asks reads that first.
    retryable: outcomeUnknown ? isSafe : status === 429 || (PASSING.has(known) && known !== 'CONFLICT'),
    errors: Array.isArray(errors) ? errors : [],
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

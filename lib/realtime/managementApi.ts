import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { ApiGatewayManagementApiClient } from '@aws-sdk/client-apigatewaymanagementapi';
import { config } from '../runtime/config.ts';
import { errorFields, logger } from '../runtime/logger.ts';
import { waitToRetry } from '../runtime/retry.ts';

/**
 * How a request about a connection ended: it succeeded, the connection is gone for good, or there was no success in
 * time.
 */
export type Delivery = 'delivered' | 'gone' | 'failed';

/** The longest all attempts may take together: a slow connection must not hold up a command. */
export const DELIVERY_MS = 2_000;
const ATTEMPTS = 4;
/**
 * The longest one attempt may take; less over a socket that may be dead, where silence most likely means a dead socket.
 */
const ATTEMPT_MS = 1_000;
const SUSPECT_ATTEMPT_MS = 600;
/** A kept socket that has idled this long may be dead. */
const SUSPECT_MS = 1_000;
/**
 * Sockets that have idled longer are not used again. The other side closes idle sockets, and Lambda freezes the process
 * between invocations, so nobody notices. A new socket costs a few milliseconds, a dead one a whole attempt.
 */
const IDLE_MS = 10_000;
/** As many sockets as a broadcast posts at once. */
const MOST_SOCKETS = 50;

/** What the SDK does to every request that no request of ours has a use for: a fifth of the time that a post takes. */
const UNUSED = ['loggerMiddleware', 'recursionDetectionMiddleware', 'getUserAgentMiddleware'];

/** `kept` sockets are used again; a `fresh` socket serves one request. */
type Sockets = 'kept' | 'fresh';

interface Gateway {
  readonly endpoint: string;
  readonly client: ApiGatewayManagementApiClient;
  readonly agent: HttpAgent;
  lastUsed: number;
}

const gateways: Partial<Record<Sockets, Gateway>> = {};

function gateway(sockets: Sockets): Gateway {
  const endpoint = config().WEBSOCKET_ENDPOINT;
  const known = gateways[sockets];
  const one = known?.endpoint === endpoint ? known : connectTo(endpoint, sockets);
  gateways[sockets] = one;
  return one;
}

/** Begins to use the gateway's sockets. Returns how long the attempt may take. */
function use(one: Gateway): number {
  const now = Date.now();
  const idledMs = now - one.lastUsed;
  one.lastUsed = now;
  if (idledMs > IDLE_MS) closeIdle(one);
  else if (idledMs > SUSPECT_MS && idleSockets(one).length > 0) return SUSPECT_ATTEMPT_MS;
  return ATTEMPT_MS;
}

function connectTo(endpoint: string, sockets: Sockets): Gateway {
  // The agent's timer closes each socket by itself; it stands still while the process is frozen.
  const options = { keepAlive: sockets === 'kept', maxSockets: MOST_SOCKETS, timeout: IDLE_MS };
  const isSecure = endpoint.startsWith('https:');
  const agent = isSecure ? new HttpsAgent(options) : new HttpAgent(options);
  const requestHandler = isSecure ? { httpsAgent: agent as HttpsAgent } : { httpAgent: agent };
  const client = new ApiGatewayManagementApiClient({
    endpoint,
    // Retries are decided here, per kind of answer, not by the SDK.
    maxAttempts: 1,
    requestHandler,
    // The SDK would put its steps in order again for each request.
    cacheMiddleware: true,
  });
  for (const name of UNUSED) client.middlewareStack.remove(name);
  const http = client.config.requestHandler;
  type HttpRequest = Parameters<typeof http.handle>[0];
  // The last step, in place of the SDK's own.
  client.middlewareStack.add(
    () =>
      async ({ input, request }) => {
        const abortSignal = await mayGoOut(input);
        return http.handle(request as HttpRequest, { abortSignal });
      },
    { step: 'deserialize', priority: 'low' },
  );
  return { endpoint, client, agent, lastUsed: Date.now() };
}

const idleSockets = ({ agent }: Gateway) => Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? []);

/** Closes idle sockets only: a request that uses a dead one finds out by itself. */
function closeIdle(one: Gateway): void {
  for (const socket of idleSockets(one)) socket.destroy();
}

/** A request about a connection. No two requests have the same `input` object. */
export interface Request {
  readonly input: { readonly ConnectionId: string };
  send(client: ApiGatewayManagementApiClient): Promise<unknown>;
  /** What the log says where it fails. */
  readonly complaint: string;
}

/** By a request's `input`: a promise that fulfils when the request may go out, with the signal that aborts the request. */
const departures = new WeakMap<object, Promise<AbortSignal>>();

function mayGoOut(input: object): Promise<AbortSignal> {
  const departure = departures.get(input);
  if (!departure) throw new Error('a request that nobody has prepared');
  return departure;
}

/** A request that is signed, and waits. */
interface Signed {
  readonly one: Gateway;
  /** Lets it go out, and waits for its answer. */
  go(abortSignal: AbortSignal): Promise<unknown>;
}

function sign(request: Request, sockets: Sockets): Signed {
  const one = gateway(sockets);
  const { promise, resolve } = Promise.withResolvers<AbortSignal>();
  departures.set(request.input, promise);
  const answer = request.send(one.client);
  // Whoever lets it go handles it.
  answer.catch(() => undefined);
  return {
    one,
    go: (abortSignal) => {
      resolve(abortSignal);
      return answer;
    },
  };
}

/**
 * Signs a request, and returns what sends it: until the answer is final or the time is up, at `end`, or `DELIVERY_MS` later. Call
 * that once. Until then nothing is on the wire, and where it is never called nothing ever is. Neither throws.
 */
export function prepare(request: Request): (end?: number) => Promise<Delivery> {
  const signed = sign(request, 'kept');
  return (end = Date.now() + DELIVERY_MS) => persist(request, signed, end);
}

/** Sends a request, the first time as it was signed. */
async function persist(request: Request, first: Signed, end: number): Promise<Delivery> {
  let signed = first;
  let sockets: Sockets = 'kept';
  for (let attempt = 1; ; attempt += 1) {
    const { one, go } = signed;
    try {
      await within(Math.min(use(one), end - Date.now()), go);
      return 'delivered';
    } catch (error) {
      const status = statusOf(error);
      if (status === 410) return 'gone';
      const isDead = status === undefined;
      if (isDead) {
        // Where one kept socket is dead, the others that idled as long are dead too.
        closeIdle(one);
        sockets = 'fresh';
      }
      // 429 means over the account's rate, or a client that reads too slowly.
      const mayPass = isDead || status === 429 || status >= 500;
      // After the first dead socket, try at once with a new one.
      const again =
        mayPass &&
        ((isDead && attempt === 1 && Date.now() < end) || (await waitToRetry(attempt, { attempts: ATTEMPTS, end })));
      if (!again) {
        const connectionId = request.input.ConnectionId;
        logger.warn(request.complaint, { connectionId, status, attempts: attempt, ...errorFields(error) });
        return 'failed';
      }
      signed = sign(request, sockets);
    }
  }
}

/**
 * Runs an attempt and aborts it after `ms`. An answer that has arrived by then counts: a process that got no processor
 * for a while finds its timer due and the answer there at once, and looks at the answer first.
 */
async function within(ms: number, attempt: (abortSignal: AbortSignal) => Promise<unknown>): Promise<void> {
  const controller = new AbortController();
  const timer = setTimeout(() => setImmediate(() => controller.abort()), ms);
  try {
    await attempt(controller.signal);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Returns the HTTP status of an error. SDK v3 names the exception and keeps the status in `$metadata`; an error without
 * a status never got an answer.
 */
function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'GoneException') return 410;
  if (error.name === 'LimitExceededException') return 429;
  const { $metadata } = error as { $metadata?: { httpStatusCode?: number } };
  return $metadata?.httpStatusCode;
}

import {
  type ClientOptions,
  createClient,
  type Http,
  type LiveSupportClient,
  LiveSupportError,
  memoryStorage,
  type Session,
  type SocketConstructor,
} from '../../../client/src/index.ts';
import type { Started } from '../../contract/suites/start.ts';
import { HANG_MS, within } from '../../support/deadline.ts';
import { Socket } from '../../support/socket.ts';
import { type HttpRequest, type HttpResult, matchRoute } from '../../support/system.ts';

/** How a client reaches the system under test. */
export type Reach = Pick<ClientOptions, 'httpUrl' | 'websocketUrl' | 'fetch' | 'WebSocket'>;

type Call = (parts: object) => Promise<unknown>;

/**
 * The same system and desk, where every request of a known route, every socket, and every command on it goes through the client
 * package. So a suite that is written for the wire holds the package to the same.
 */
export function throughClient({ system, desk }: Started, reach: Reach): Started {
  const clients: LiveSupportClient[] = [];
  const sessions = new Map<string, Session>([[desk.admin.token, desk.admin.session]]);
  const signedIn = new Map<string, Promise<LiveSupportClient>>();

  const newClient = async (token: string | undefined, more: Partial<ClientOptions> = {}) => {
    const client = createClient({
      ...{ ...reach, storage: memoryStorage(), requestRetries: 0, commandTimeoutMs: HANG_MS },
      ...{ requestTimeoutMs: HANG_MS, connectTimeoutMs: HANG_MS, ...more },
    });
    clients.push(client);
    if (token === undefined) return client;
    const session = sessions.get(token);
    if (!session) throw new Error('a token of nobody who has signed in');
    await client.session.use(session);
    return client;
  };
  const clientOf = (token = ''): Promise<LiveSupportClient> => {
    const known = signedIn.get(token) ?? newClient(token || undefined);
    signedIn.set(token, known);
    return known;
  };

  const http = async (request: HttpRequest): Promise<HttpResult> => {
    const url = new URL(request.path, 'http://localhost');
    const match = matchRoute(request.method, url.pathname);
    if (!match || request.raw !== undefined || request.headers !== undefined) return system.http(request);
    const { route, params } = match;
    const { http } = await clientOf(request.token);
    try {
      const query = Object.fromEntries(url.searchParams);
      const answer = await (http[route.operation as keyof Http] as Call)({ params, query, body: request.body });
      const { accessToken } = (answer ?? {}) as Partial<Session>;
      if (accessToken !== undefined) sessions.set(accessToken, answer as Session);
      return { status: route.status, headers: {}, body: answer };
    } catch (error) {
      if (!(error instanceof LiveSupportError) || error.status === null) throw error;
      const { status, code, message, errors, requestId } = error;
      return { status, headers: {}, body: { status, code, detail: message, errors, requestId } };
    }
  };

  const connect = async ({ token }: { readonly token?: string | undefined }): Promise<Socket> => {
    const names = new Names();
    const client = await newClient(token, { WebSocket: names.tap(reach.WebSocket ?? globalThis.WebSocket) });
    const { connection } = client;
    const socket = new Socket(
      {
        send: (text) => {
          const { event, data, requestId } = JSON.parse(text);
          if (requestId === undefined) connection.post(event, data);
          else names.ask(requestId, () => connection.request(event, data));
        },
        close: () => client.close(),
      },
      client.session.user?.role === 'candidate',
    );
    connection.on('frame', (frame) => {
      const { requestId, ...rest } = frame;
      const name = names.heard(frame);
      socket.receive(JSON.stringify(name === undefined ? rest : { ...rest, requestId: name }));
    });
    const ready = new Promise<void>((resolve, reject) => {
      connection.on('status', ({ state, error }) => {
        if (state === 'ready') resolve();
        // A client connects again by itself. A socket is one connection.
        if (state !== 'waiting' && state !== 'closed') return;
        reject(error);
        client.close();
        socket.end(1006);
      });
    });
    connection.connect();
    await within('a connection', ready);
    return socket;
  };

  const stop = async () => {
    for (const client of clients) client.close();
    await system.stop();
  };
  const carried = { ...system, http, connect, stop };
  return { system: carried, desk: desk.through(carried) };
}

type Frame = { readonly event: string; readonly data: unknown; readonly requestId?: string };

/** Which `requestId` of a test's stands behind each of a client's, and whether the client says what the frame said. */
class Names {
  readonly #tests = new Map<string, string>();
  readonly #answers = new Map<string, Frame>();
  #asked: string | undefined;

  /** A `WebSocket` that notes what is sent while somebody asks. */
  tap(Base: SocketConstructor | typeof globalThis.WebSocket): SocketConstructor {
    const sent = (text: string) => {
      const { requestId } = JSON.parse(text) as Frame;
      if (this.#asked !== undefined && requestId !== undefined) this.#tests.set(requestId, this.#asked);
    };
    return class extends (Base as SocketConstructor) {
      override send(text: string): void {
        sent(text);
        super.send(text);
      }
    };
  }

  /** Has the client ask, which sends at once, and holds what it answers to the frame that came. */
  ask(requestId: string, request: () => Promise<unknown>): void {
    this.#asked = requestId;
    const answered = request();
    this.#asked = undefined;
    answered.then(
      (data) => {
        if (this.#answers.get(requestId)?.data !== data) throw new Error(`${requestId} was answered otherwise`);
      },
      (error: unknown) => {
        // The socket is gone, and with it who asked.
        if (error instanceof LiveSupportError && error.code === 'NETWORK') return;
        const { event, data } = this.#answers.get(requestId) ?? {};
        const { code } = error as { code?: unknown };
        if (event !== 'ERROR' || (data as { code?: unknown }).code !== code) throw error;
      },
    );
  }

  heard(frame: Frame): string | undefined {
    const name = this.#tests.get(frame.requestId ?? '');
    if (name !== undefined) this.#answers.set(name, frame);
    return name;
  }
}

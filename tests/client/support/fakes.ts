import {
  type ClientEventName,
  type ClientOptions,
  type ClientStorage,
  type Clock,
  type Conversation,
  createClient,
  type Fetch,
  type LiveSupportClient,
  localLocks,
  type Message,
  memoryStorage,
  type OperationName,
  type Page,
  type Role,
  type ServerEventName,
  type ServerEvents,
  type Session,
  type Socket,
} from '../../../client/src/index.ts';
import { OPERATIONS } from '../../../client/src/protocol.ts';

/** A clock that a test turns. */
export class FakeClock implements Clock {
  #now = 1_000_000;
  #timers: { readonly at: number; readonly run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get waiting(): number {
    return this.#timers.length;
  }

  /** Lets so much time pass, and everything happen that is due. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settled();
    for (;;) {
      const [next] = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#now = Math.max(this.#now, next.at);
      this.#timers = this.#timers.filter((timer) => timer !== next);
      next.run();
      await settled();
    }
    this.#now = end;
  }

  /** The machine sleeps: no timer runs meanwhile. */
  sleep(ms: number): void {
    this.#now += ms;
  }
}

/** A promise that a test fulfils. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Everything that can happen without time has happened. */
export async function settled(): Promise<void> {
  for (let round = 0; round < 8; round += 1) await new Promise((resolve) => setImmediate(resolve));
}

export class FakePage implements Page {
  readonly #listeners = new Set<() => void>();
  focused = true;
  online = true;

  isFocused(): boolean {
    return this.focused;
  }

  isOnline(): boolean {
    return this.online;
  }

  get listening(): number {
    return this.#listeners.size;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  become(state: { focused?: boolean; online?: boolean }): void {
    Object.assign(this, state);
    for (const listener of this.#listeners) listener();
  }
}

interface Sent {
  readonly event: ClientEventName;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at whatever was sent.
  readonly data: any;
  readonly requestId?: string;
}

/** A socket, as the other side sees it. */
export class FakeSocket implements Socket {
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  onclose: ((event: { readonly code: number }) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  readonly url: string;
  readonly protocols: readonly string[];
  /** What was sent and is not answered yet, pings left out. */
  readonly sent: Sent[] = [];
  pings: Sent[] = [];
  answersPings = true;
  isClosed = false;

  constructor(url: string, protocols: string[]) {
    this.url = url;
    this.protocols = protocols;
  }

  send(text: string): void {
    const frame = JSON.parse(text) as Sent;
    if (frame.event !== 'PING') this.sent.push(frame);
    else {
      this.pings.push(frame);
      if (this.answersPings) queueMicrotask(() => this.tell('PONG', {}, frame));
    }
  }

  close(): void {
    this.isClosed = true;
  }

  open(): void {
    this.onopen?.(undefined as never);
  }

  /** The other side, or the network, ends it. */
  end(code: number): void {
    this.isClosed = true;
    this.onclose?.({ code });
  }

  tell<N extends ServerEventName>(event: N, data: ServerEvents[N], to?: Sent): void {
    this.receive({ event, data, ...(to?.requestId !== undefined && { requestId: to.requestId }) });
  }

  receive(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** The first frame of this event that is not answered yet. */
  take(event: ClientEventName): Sent {
    const at = this.sent.findIndex((frame) => frame.event === event);
    if (at < 0)
      throw new Error(`no ${event} was sent, but ${this.sent.map((frame) => frame.event).join(' ') || 'nothing'}`);
    return this.sent.splice(at, 1)[0] as Sent;
  }

  answer<N extends ServerEventName>(sent: ClientEventName, event: N, data: ServerEvents[N]): Sent {
    const frame = this.take(sent);
    this.tell(event, data, frame);
    return frame;
  }

  refuse(sent: ClientEventName, code: ServerEvents['ERROR']['code'], more: Partial<ServerEvents['ERROR']> = {}): Sent {
    return this.answer(sent, 'ERROR', { code, message: code, event: sent, ...more });
  }
}

type Answer = { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> };
type Reply = Answer | 'silence' | 'lost';
/** How an operation is answered: so, never, or not at all; at once or later. */
type Handler = (request: {
  readonly path: string;
  readonly body: unknown;
  readonly token: string | undefined;
}) => Reply | Promise<Reply>;

export const problem = (status: number, code: string, headers: Record<string, string> = {}): Answer => ({
  status,
  body: { type: 'about:blank', title: code, status, detail: code, code, requestId: 'r' },
  headers: { 'content-type': 'application/problem+json', ...headers },
});

/** The service, as a test plays it. */
export class FakeService {
  readonly clock: FakeClock;
  readonly page = new FakePage();
  readonly sockets: FakeSocket[] = [];
  readonly requests: {
    readonly operation: OperationName;
    readonly body: unknown;
    readonly token: string | undefined;
    readonly path: string;
  }[] = [];
  readonly handlers: Partial<Record<OperationName, Handler>> = {};
  readonly clients: LiveSupportClient[] = [];
  /** Sockets open by themselves. */
  opens = true;
  #ids = 0;

  constructor(clock = new FakeClock()) {
    this.clock = clock;
    this.handlers.health = () => ({ status: 200, body: { status: 'ok', version: '1' } });
    this.handlers.refreshSession = () => ({ status: 200, body: session(user(), 't2') });
    this.handlers.getMe = () => ({ status: 200, body: user() });
  }

  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error('no socket was opened');
    return socket;
  }

  calls(operation: OperationName): number {
    return this.requests.filter((request) => request.operation === operation).length;
  }

  client(options: Partial<ClientOptions> = {}): LiveSupportClient {
    const service = this;
    const client = createClient({
      httpUrl: 'https://api.example.com',
      websocketUrl: 'wss://ws.example.com',
      storage: memoryStorage(),
      locks: localLocks(),
      clock: this.clock,
      page: this.page,
      random: () => 0.5,
      newId: () => {
        this.#ids += 1;
        return `id-${this.#ids}`;
      },
      fetch: this.#fetch,
      WebSocket: class extends FakeSocket {
        constructor(url: string, protocols: string[]) {
          super(url, protocols);
          service.sockets.push(this);
          if (service.opens) queueMicrotask(() => this.open());
        }
      },
      ...options,
    });
    this.clients.push(client);
    return client;
  }

  /** A client of somebody signed in, connected. */
  async connected(options: Partial<ClientOptions> = {}, of: Session = session()): Promise<LiveSupportClient> {
    const client = this.client(options);
    await client.session.use(of);
    client.connection.connect();
    await settled();
    return client;
  }

  close(): void {
    for (const client of this.clients) client.close();
  }

  readonly #fetch: Fetch = async (url, { method, headers, body, signal }) => {
    const { pathname, search } = new URL(url);
    const operation = operationAt(method, pathname);
    const token = headers['authorization']?.replace('Bearer ', '');
    const request = {
      operation,
      token,
      path: pathname + search,
      body: body === undefined ? undefined : JSON.parse(body),
    };
    this.requests.push(request);
    const answer = (await this.handlers[operation]?.(request)) ?? problem(404, 'NOT_FOUND');
    if (answer === 'lost') throw new TypeError('fetch failed');
    if (answer === 'silence') {
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
    }
    const all: Readonly<Record<string, string>> = { 'content-type': 'application/json', ...answer.headers };
    const text =
      answer.body === undefined ? '' : typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
    return { status: answer.status, headers: { get: (name) => all[name] ?? null }, text: async () => text };
  };
}

function operationAt(method: string, path: string): OperationName {
  const found = Object.entries(OPERATIONS).find(([, [line]]) => {
    const [itsMethod, itsPath = ''] = line.split(' ');
    return itsMethod === method && new RegExp(`^${itsPath.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path);
  });
  if (!found) throw new Error(`there is no ${method} ${path}`);
  return found[0] as OperationName;
}

export const user = (id = 'kim', role: Role = 'candidate'): Session['user'] => ({
  id,
  name: id,
  email: `${id}@example.com`,
  role,
  supervisorId: null,
  active: true,
  createdAt: '2026-01-01T00:00:00.000Z',
  maxConversations: null,
  availability: null,
});

export const session = (of = user(), token = 't1', expiresIn = 900): Session => ({
  user: of,
  accessToken: token,
  refreshToken: `refresh-${token}`,
  tokenType: 'Bearer',
  expiresIn,
});

export const conversation = (change: Partial<Conversation> = {}): Conversation => ({
  id: 'c',
  subject: 'Help',
  status: 'assigned',
  candidateId: 'kim',
  agentId: 'alex',
  supervisorId: 'sam',
  lastSeq: 0,
  createdAt: '2026-01-01T00:00:00.000Z',
  assignedAt: null,
  firstResponseAt: null,
  closedAt: null,
  closedBy: null,
  candidate: { id: 'kim', name: 'kim' },
  agent: { id: 'alex', name: 'alex' },
  lastMessageAt: null,
  revision: 1,
  ...change,
});

export const message = (seq: number, change: Partial<Message> = {}): Message => ({
  id: `m${seq}`,
  conversationId: 'c',
  seq,
  senderId: 'alex',
  senderRole: 'agent',
  senderName: 'alex',
  content: `message ${seq}`,
  clientMessageId: null,
  sentAt: '2026-01-01T00:00:00.000Z',
  ...change,
});

export const messages = (from: number, to: number): Message[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => message(from + index));

/** The answer to a join. */
export const joined = (
  change: Partial<ServerEvents['CONVERSATION_JOINED']> = {},
): ServerEvents['CONVERSATION_JOINED'] => ({
  conversation: conversation({ lastSeq: change.messages?.at(-1)?.seq ?? 0 }),
  readSeqs: {},
  present: [],
  messages: [],
  nextAfterSeq: null,
  ...change,
});

export const accepted = (sent: Sent, seq: number): ServerEvents['MESSAGE_ACCEPTED'] => ({
  conversationId: sent.data.conversationId,
  messageId: `m${seq}`,
  seq,
  clientMessageId: sent.data.clientMessageId,
  sentAt: '2026-01-01T00:00:00.000Z',
  duplicate: false,
});

/** A storage that tabs share, each by a view of its own, and that tells the others. */
export function sharedStorage(): { tab(): ClientStorage } {
  const kept = memoryStorage();
  const listeners = new Map<() => void, object>();
  const tell = (by: object) => {
    for (const [listener, of] of listeners) if (of !== by) setImmediate(listener);
  };
  return {
    tab: () => {
      const own = {};
      return {
        ...kept,
        set: (key, value) => {
          void kept.set(key, value);
          tell(own);
        },
        remove: (key) => {
          void kept.remove(key);
          tell(own);
        },
        subscribe: (listener) => {
          listeners.set(listener, own);
          return () => listeners.delete(listener);
        },
      };
    },
  };
}

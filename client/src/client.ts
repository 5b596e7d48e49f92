import { Availability } from './availability.ts';
import { type Backoff, type Clock, systemClock } from './clock.ts';
import { Connection, type ConnectionOptions, type SocketConstructor } from './connection.ts';
import { type AnyConversation, ConversationView } from './conversation.ts';
import { Emitter, type Undo } from './emitter.ts';
import { madeHere } from './errors.ts';
import { type CallOptions, createHttp, type Fetch, type Http, Wire } from './http.ts';
import { defaultLocks, type Locks, localLocks } from './locks.ts';
import { Outbox } from './outbox.ts';
import { defaultPage, type Page } from './page.ts';
import type { Requests, ServerEvents, Session, User } from './protocol.ts';
import { Queue } from './queue.ts';
import { type GetSession, SessionKeeper } from './session.ts';
import { type ClientStorage, defaultStorage, memoryStorage, tolerant } from './storage.ts';

export interface ClientOptions {
  /** The address of the HTTP API: `https://api.example.com`. */
  readonly httpUrl: string;
  /** The address of the WebSocket API: `wss://ws.example.com`. */
  readonly websocketUrl: string;
  /**
   * Makes a session when one is needed and there is none, and when the one there was has ended. Without it, sign in by `signIn`,
   * `register` or `session.use`.
   */
  readonly getSession?: GetSession;
  /**
   * Whether the session is kept in `storage`, so that it outlives a reload and is shared by tabs. Default `true`. Say `false` where
   * `getSession` can make another one at any time, and the page had better hold no refresh token.
   */
  readonly keepSession?: boolean;
  /** Where the session and the outbox are kept. Default: `localStorage` in browsers that allow it, else memory. */
  readonly storage?: ClientStorage;
  /**
   * What every key of the storage begins with. Default `live-support:`. Two clients for different people on one page need
   * different ones.
   */
  readonly storagePrefix?: string;
  /**
   * The pauses between attempts: anything from 0 to `firstMs`, then to twice as much each time, to `mostMs` at most. Default 2
   * and 30 seconds: a deployment cuts every socket at once, and the gateway lets 500 in per second.
   */
  readonly backoff?: { readonly firstMs: number; readonly mostMs: number };
  /** How long an HTTP request may take. Default 30 seconds: the gateway gives up after 29. */
  readonly requestTimeoutMs?: number;
  /** How often an HTTP request is repeated by itself, where that is safe. Default 2. */
  readonly requestRetries?: number;
  /** How long an upgrade may take. Default 15 seconds: a cold start, and a slow network. */
  readonly connectTimeoutMs?: number;
  /** How long a command over the socket may take before its outcome counts as unknown. Default 10 seconds: the service answers within 8. */
  readonly commandTimeoutMs?: number;
  /** How often a `PING` is sent. Default 4 minutes: the gateway closes a socket after 10 minutes without a frame, and each costs an invocation. */
  readonly pingEveryMs?: number;
  /** How long a `PONG` may take before the socket counts as lost. Default 10 seconds. */
  readonly pongTimeoutMs?: number;
  /** After how long a socket is replaced. Default 110 minutes: the gateway closes it after 2 hours. */
  readonly replaceAfterMs?: number;
  /** How often an available agent's lease is renewed. Default one minute: it lasts two and a half. */
  readonly renewEveryMs?: number;
  /** Default: the global one, which browsers and Node ≥ 22 have. */
  readonly WebSocket?: SocketConstructor;
  /** Default: the global one. */
  readonly fetch?: Fetch;
  /** Locks that reach as far as the storage. Default: `navigator.locks` where there is one and the storage is not memory. */
  readonly locks?: Locks;
  /** Who looks at the page, and whether there is a network. Default: the browser's page. */
  readonly page?: Page;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Numbers from 0 to 1, for the jitter. Default: `Math.random`. */
  readonly random?: () => number;
  /** Makes the names of messages, notes and conversations: never the same twice. Default: random UUIDs. */
  readonly newId?: () => string;
}

/** Every server event, by its name, for what the views don't show: `client.on('CONVERSATION_ASSIGNED', …)`. */
export type ClientEventMap = ServerEvents;

/** What follows who is signed in. */
interface Part {
  sessionChanged(): void;
  stop(): void;
}

const BACKOFF: Backoff = { firstMs: 2_000, mostMs: 30_000 };

/** The client of a customer: a client of one person, without what only the staff have, so that a page needn't load that. */
export class CustomerClient {
  /** Who is signed in. */
  readonly session: SessionKeeper;
  /** The WebSocket. */
  readonly connection: Connection;
  /** The HTTP API. */
  readonly http: Http;
  readonly #outbox: Outbox;
  readonly #views = new Map<string, ConversationView>();
  readonly #makeView: (id: string) => ConversationView;
  readonly #newId: () => string;
  readonly #emitter = new Emitter<ServerEvents>();
  readonly #undos: Undo[];
  readonly #releaseTab: () => void;
  #user: User | null = null;
  #isClosed = false;
  /** @internal What a client has besides. */
  protected readonly parts: Part[] = [];

  /** @internal */
  constructor(options: ClientOptions) {
    const WebSocket = options.WebSocket ?? globalThis.WebSocket;
    // A bad address, or a platform without sockets, would look like a network that is gone.
    const { protocol } = new URL(options.websocketUrl, globalThis.location?.href);
    if (!/^(ws|http)s?:$/.test(protocol)) throw new TypeError(`no WebSocket address: ${options.websocketUrl}`);
    if (!WebSocket) throw new TypeError('no WebSocket: Node has one from version 22 on');
    const clock = options.clock ?? systemClock;
    const random = options.random ?? Math.random;
    const newId = options.newId ?? randomId;
    const page = options.page ?? defaultPage();
    const storage = tolerant(options.storage ?? defaultStorage());
    const locks = options.locks ?? (storage.subscribe || options.storage ? defaultLocks() : localLocks());
    const prefix = options.storagePrefix ?? 'live-support:';
    const backoff = options.backoff ?? BACKOFF;
    const wire = new Wire({
      httpUrl: options.httpUrl,
      fetch: options.fetch ?? ((url, init) => globalThis.fetch(url, init)),
      clock,
      random,
      timeoutMs: options.requestTimeoutMs ?? 30_000,
      retries: options.requestRetries ?? 2,
      backoff: { firstMs: 1_000, mostMs: 8_000 },
    });
    this.session = new SessionKeeper({
      wire,
      clock,
      random,
      storage: options.keepSession === false ? memoryStorage() : storage,
      locks: options.keepSession === false ? localLocks() : locks,
      key: `${prefix}session`,
      getSession: options.getSession,
    });
    this.http = createHttp(wire, this.session);
    const settings: ConnectionOptions = {
      backoff,
      connectTimeoutMs: options.connectTimeoutMs ?? 15_000,
      commandTimeoutMs: options.commandTimeoutMs ?? 10_000,
      pingEveryMs: options.pingEveryMs ?? 240_000,
      pongTimeoutMs: options.pongTimeoutMs ?? 10_000,
      replaceAfterMs: options.replaceAfterMs ?? 6_600_000,
    };
    const { session, http } = this;
    const connection = new Connection({
      url: options.websocketUrl,
      WebSocket,
      session,
      clock,
      random,
      page,
      options: settings,
    });
    this.connection = connection;
    const tab = `${prefix}tab:${newId()}`;
    const outboxPrefix = `${prefix}outbox:`;
    const onTabGone = () => this.#storageChanged();
    this.#outbox = new Outbox({ clock, random, newId, storage, locks, prefix: outboxPrefix, tab, backoff, onTabGone });
    this.#makeView = (id) =>
      new ConversationView(id, {
        connection,
        http,
        session,
        clock,
        random,
        newId,
        page,
        outbox: this.#outbox,
        backoff,
      });
    this.#newId = newId;
    this.#releaseTab = hold(locks, tab);
    this.#undos = [
      this.connection.on('frame', ({ event, data }) => this.#emitter.emit(event, data as never)),
      session.on('change', ({ user }) => this.#personChanged(user)),
      storage.subscribe?.((key) => {
        if (key?.startsWith(outboxPrefix) !== false) this.#storageChanged();
      }) ?? (() => undefined),
    ];
    // Finds out who is signed in, and sends what an earlier page has left. Who signs in later is heard of by the event.
    void session.restore().catch(() => undefined);
  }

  /** @internal Whether messages that an earlier page has left are sent now; what keeps them calls `sendLeftovers` later. */
  protected mayResume(): boolean {
    return true;
  }

  /** Each event of this name from the service, on whichever socket. Returns what undoes it. */
  on<N extends keyof ClientEventMap>(event: N, listener: (data: ClientEventMap[N]) => void): Undo {
    return this.#emitter.on(event, listener);
  }

  /** The view of a conversation: the same one each time, until `forget`. Begins to move with `join`, `messages` or `send`. */
  conversation(id: string): ConversationView {
    const view = this.#views.get(id) ?? this.#makeView(id);
    if (this.#isClosed) view.stop();
    else this.#views.set(id, view);
    return view;
  }

  /** Drops the view of a conversation, and leaves its room. What is in its outbox is sent when it is asked for again, or after a reload. */
  async forget(id: string): Promise<void> {
    const view = this.#views.get(id);
    this.#views.delete(id);
    await view?.forget();
  }

  /**
   * Opens a conversation, and returns its view. Repeated while that is safe. With a `clientConversationId` of yours, calling again opens
   * no second one.
   */
  async open(body: Requests['createConversation']['body'], { signal }: CallOptions = {}): Promise<ConversationView> {
    const clientConversationId = body.clientConversationId ?? this.#newId();
    const opened: AnyConversation = await this.http
      .createConversation({ body: { ...body, clientConversationId }, signal })
      .catch((error: unknown) => {
        throw body.clientConversationId === undefined ? madeHere(error) : error;
      });
    const view = this.conversation(opened.id);
    view.update(opened);
    return view;
  }

  /** Signs in with an address and a password. */
  async signIn(body: Requests['login']['body'], { signal }: CallOptions = {}): Promise<User> {
    const session = await this.session.useAnswer(() => this.http.login({ body, signal }));
    return session.user;
  }

  /** Registers a customer, and signs them in. */
  async register(body: Requests['register']['body'], { signal }: CallOptions = {}): Promise<User> {
    const session = await this.session.useAnswer(() => this.http.register({ body, signal }));
    return session.user;
  }

  /**
   * Signs in a customer by a token of your own site. With `visitorToken`, the access token of the visitor who is signed in, that
   * visitor becomes the customer: their conversations come along, and what is in their outbox.
   */
  async exchange(body: Requests['exchangeIdentity']['body'], { signal }: CallOptions = {}): Promise<User> {
    return this.#handOver(body.visitorToken, () => this.http.exchangeIdentity({ body, signal }));
  }

  /** As `session.use`. What is in the outbox of the visitor who was exchanged for this session is sent by it. */
  async use(session: Session, visitorToken?: string): Promise<void> {
    await this.#handOver(visitorToken, async () => session);
  }

  async #handOver(visitorToken: string | undefined, ask: () => Promise<Session>): Promise<User> {
    let visitor = null as User | null;
    // Whose token it is, is looked up within the sign-in: a sign-out meanwhile comes after it.
    const { user } = await this.session.useAnswer(async () => {
      if (visitorToken !== undefined) visitor = await this.session.holderOf(visitorToken);
      return ask();
    });
    // First the session: from now on nothing is written for the visitor here.
    if (visitor && visitor.id !== user.id) {
      await this.#outbox.handOver(visitor.id, user.id);
      this.#storageChanged();
    }
    return user;
  }

  /**
   * Ends the session: here at once, and at the service, where that answers within five seconds. What is in the outbox waits for the
   * person to come back.
   */
  signOut(options: CallOptions = {}): Promise<void> {
    return this.session.signOut(options);
  }

  /** Lets go of everything. What is in the outbox is kept. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const undo of this.#undos) undo();
    for (const view of this.#views.values()) view.stop();
    this.#views.clear();
    for (const part of this.parts) part.stop();
    this.connection.stop();
    this.session.stop();
    this.#releaseTab();
  }

  #personChanged(user: User | null): void {
    const before = this.#user;
    this.#user = user;
    // First the views: what the next socket brings is the next person's.
    for (const view of this.#views.values()) view.sessionChanged();
    if (before) {
      for (const part of this.parts) part.sessionChanged();
    }
    this.connection.sessionChanged(before, user);
    this.sendLeftovers();
  }

  #storageChanged(): void {
    if (this.#isClosed) return;
    for (const view of this.#views.values()) view.storageChanged();
    this.sendLeftovers();
  }

  /**
   * @internal Messages that an earlier page, or another tab that is gone, didn't get sent. What a tab that lives sends costs this
   * one no socket.
   */
  sendLeftovers(): void {
    const id = this.#user?.id;
    if (id === undefined || !this.mayResume()) return;
    this.#outbox.leftovers(id).then(
      (conversations) => {
        if (this.#isClosed || this.#user?.id !== id || !this.mayResume() || conversations.length === 0) return;
        for (const conversation of conversations) this.conversation(conversation).storageChanged();
        this.connection.want();
      },
      () => undefined,
    );
  }
}

/** The client of one person. */
export class LiveSupportClient extends CustomerClient {
  /** The live queue, for supervisors and admins. */
  readonly queue: Queue;
  /** Whether an agent is given conversations. */
  readonly availability: Availability;

  /** @internal */
  constructor(options: ClientOptions) {
    super(options);
    const { connection } = this;
    const { clock = systemClock, random = Math.random, backoff = BACKOFF, renewEveryMs = 60_000 } = options;
    this.queue = new Queue({ connection, clock, random, backoff });
    this.availability = new Availability({ connection, clock, renewEveryMs });
    this.parts.push(this.queue, this.availability);
  }
}

/** Makes the client of one person. Nothing is sent before something is asked for, unless an earlier page has left messages. */
export const createClient = (options: ClientOptions): LiveSupportClient => new LiveSupportClient(options);

/** Has a lock until the function it returns is called, or the page or process ends. */
function hold(locks: Locks, name: string): () => void {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  void locks.request(name, () => held).catch(() => undefined);
  return release;
}

/** `crypto.randomUUID` is for secure contexts only, and a laptop's other devices are none. */
export function randomId(): string {
  const { crypto } = globalThis;
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

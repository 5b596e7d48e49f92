import type { Socket, SocketConstructor } from '../../client/src/connection.ts';

/**
 * One socket for all tabs of a browser. Each tab has a client of its own, which thinks that it has a socket of its own. One tab,
 * the one that has the lock, has the real ones; the others reach it by a channel. When that tab goes, another one gets the
 * lock, and every client connects again, as it does after any loss.
 */

/** What tabs say to each other. */
type Said =
  /** To the tab that has the sockets. */
  | {
      readonly to: 'carrier';
      readonly kind: 'open';
      readonly socket: string;
      readonly tab: string;
      readonly url: string;
      readonly protocols: string[];
    }
  | { readonly to: 'carrier'; readonly kind: 'send'; readonly socket: string; readonly text: string }
  | { readonly to: 'carrier'; readonly kind: 'close'; readonly socket: string }
  | { readonly to: 'carrier'; readonly kind: 'ask' }
  /** From it. */
  | { readonly to: 'all'; readonly kind: 'carrying' }
  | { readonly to: 'all'; readonly kind: 'awake' }
  | { readonly to: 'all'; readonly kind: 'taken'; readonly socket: string }
  | { readonly to: 'all'; readonly kind: 'opened'; readonly socket: string }
  | { readonly to: 'all'; readonly kind: 'frame'; readonly sockets: readonly string[]; readonly text: string }
  | { readonly to: 'all'; readonly kind: 'closed'; readonly socket: string; readonly code: number };

/** A tab that has the sockets, and says nothing for so long after it was asked, is frozen: another one carries on. */
const ANSWER_MS = 2_500;
/** How often a tab that is looked at makes sure: whoever only waits for an answer sends nothing. */
const ASK_EVERY_MS = 10_000;
/**
 * A real socket older than this gets no further client. A client replaces its socket shortly before the gateway's two hours are
 * over, and must then get a new one.
 */
const YOUNG_MS = 60 * 60_000;
/**
 * A client that leaves a line on which nothing has come for so long since it asked has given it up: no other client shall be put
 * on it. Less than the client package waits for a `PONG`.
 */
const DEAD_MS = 8_000;
/** What a client is told when its socket went with a tab: the gateway's code after its time, which casts no doubt on a session. */
const GONE = 1001;

type RealConstructor = new (url: string, protocols: string[]) => WebSocket;

/** The constructor to give to a client. Where the platform has no locks or channels, it is the browser's own. */
export function sharedSocket(name: string, Real: RealConstructor = WebSocket): SocketConstructor {
  const { locks } = navigator;
  if (!locks || typeof BroadcastChannel !== 'function') return Real;
  const hub = new Hub(name, locks, Real);
  return class {
    constructor(url: string, protocols: string[]) {
      // biome-ignore lint/correctness/noConstructorReturn: a client makes its socket by `new`, and this one is the hub's.
      return hub.open(url, protocols);
    }
  } as unknown as SocketConstructor;
}

/** A tab's part of the arrangement. */
class Hub {
  readonly #name: string;
  readonly #locks: LockManager;
  readonly #Real: RealConstructor;
  readonly #tab = id();
  readonly #sockets = new Map<string, VirtualSocket>();
  #unanswered: ReturnType<typeof setTimeout> | undefined;
  #channel: BroadcastChannel | undefined;
  #carrier: Carrier | undefined;
  /** Lets go of what this tab has, or waits for: its own lock, and the one of the sockets. */
  #letGo: AbortController | undefined;

  constructor(name: string, locks: LockManager, Real: RealConstructor) {
    this.#name = name;
    this.#locks = locks;
    this.#Real = Real;
  }

  open(url: string, protocols: string[]): Socket {
    const socket = new VirtualSocket(id(), url, protocols, this);
    this.#sockets.set(socket.id, socket);
    this.#begin();
    // Not before the client listens.
    queueMicrotask(() => this.#offer(socket));
    return socket;
  }

  /** Of a socket of this tab. */
  say(said: Said & { readonly to: 'carrier' }): void {
    if (this.#carrier) this.#carrier.hear(said);
    else {
      this.#channel?.postMessage(said);
      this.#ask();
    }
  }

  /** Makes sure that the tab that has the sockets is awake. One that is frozen keeps its lock, and says nothing. */
  readonly #ask = (): void => {
    const letGo = this.#letGo;
    if (this.#carrier || !letGo || this.#unanswered !== undefined) return;
    this.#unanswered = setTimeout(() => {
      this.#unanswered = undefined;
      if (letGo === this.#letGo && !this.#carrier) this.#seek(letGo, { steal: true });
    }, ANSWER_MS);
    this.#channel?.postMessage({ to: 'carrier', kind: 'ask' } satisfies Said);
  };

  readonly #askWhenSeen = (): void => {
    if (document.visibilityState === 'visible') this.#ask();
  };

  #answered(): void {
    clearTimeout(this.#unanswered);
    this.#unanswered = undefined;
  }

  drop(socket: VirtualSocket): void {
    this.#sockets.delete(socket.id);
    if (this.#sockets.size === 0) this.#rest();
  }

  /** From the first socket on. A page without one has neither a channel nor a lock, and may be kept for going back to it. */
  #begin(): void {
    if (this.#letGo) return;
    const letGo = new AbortController();
    this.#letGo = letGo;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }: MessageEvent<Said>) => {
      if (data.to === 'carrier') this.#carrier?.hear(data);
      else {
        this.#answered();
        this.#hear(data);
      }
    };
    const timer = setInterval(this.#askWhenSeen, ASK_EVERY_MS);
    document.addEventListener('visibilitychange', this.#askWhenSeen);
    letGo.signal.addEventListener('abort', () => {
      this.#answered();
      clearInterval(timer);
      document.removeEventListener('visibilitychange', this.#askWhenSeen);
    });
    // Whoever waits for this lock learns when this tab is gone.
    void this.#locks.request(this.#tabLock(this.#tab), () => aborted(letGo.signal)).catch(() => undefined);
    this.#seek(letGo, { signal: letGo.signal });
  }

  /** Becomes the tab that has the sockets, as soon as there is no other. */
  #seek(letGo: AbortController, options: LockOptions): void {
    const carrying = async () => {
      if (letGo.signal.aborted) return;
      const carrier = new Carrier({
        Real: this.#Real,
        tell: (said) => {
          this.#channel?.postMessage(said);
          this.#hear(said);
        },
        untilGone: (tab) => this.#locks.request(this.#tabLock(tab), async () => undefined),
        idle: () => {
          if (this.#sockets.size === 0) this.#rest();
        },
      });
      this.#carrier = carrier;
      this.#answered();
      this.#channel?.postMessage({ to: 'all', kind: 'carrying' } satisfies Said);
      this.#hear({ to: 'all', kind: 'carrying' });
      await aborted(letGo.signal);
    };
    this.#locks
      .request(`${this.#name}:sockets`, options, carrying)
      // Aborted, or another tab has taken the lock away from this one, which was frozen. Any other error: where a page's storage is
      // blocked nobody gets a lock. Such a page has its sockets for itself.
      .catch((error: unknown) => {
        if (isAbort(error) || letGo.signal.aborted) return undefined;
        this.#channel?.close();
        this.#channel = undefined;
        return carrying();
      })
      .finally(() => {
        this.#carrier?.end();
        this.#carrier = undefined;
        if (!letGo.signal.aborted) this.#seek(letGo, { signal: letGo.signal });
      });
  }

  #rest(): void {
    if (this.#carrier?.isNeeded) return;
    this.#letGo?.abort();
    this.#letGo = undefined;
    this.#channel?.close();
    this.#channel = undefined;
  }

  /** Asks for a real socket behind this one. */
  #offer(socket: VirtualSocket): void {
    if (!this.#sockets.has(socket.id) || socket.isTaken) return;
    const { url, protocols } = socket;
    this.say({ to: 'carrier', kind: 'open', socket: socket.id, tab: this.#tab, url, protocols });
  }

  #hear(said: Said & { readonly to: 'all' }): void {
    if (said.kind === 'carrying') {
      // A new one, which has none of the sockets that the one before had.
      for (const socket of [...this.#sockets.values()]) {
        if (socket.isTaken) socket.closed(GONE);
        else this.#offer(socket);
      }
    } else if (said.kind === 'frame') {
      for (const name of said.sockets) this.#sockets.get(name)?.frame(said.text);
    } else if (said.kind !== 'awake') {
      const socket = this.#sockets.get(said.socket);
      if (said.kind === 'taken') socket?.taken();
      else if (said.kind === 'opened') socket?.opened();
      else if (said.kind === 'closed') socket?.closed(said.code);
    }
  }

  readonly #tabLock = (tab: string): string => `${this.#name}:tab:${tab}`;
}

/** A socket as a client sees it. */
class VirtualSocket implements Socket {
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  onclose: ((event: { readonly code: number }) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  readonly id: string;
  readonly url: string;
  readonly protocols: string[];
  readonly #hub: Hub;
  #isOver = false;
  isTaken = false;

  constructor(name: string, url: string, protocols: string[], hub: Hub) {
    this.id = name;
    this.url = url;
    this.protocols = protocols;
    this.#hub = hub;
  }

  send(text: string): void {
    if (!this.#isOver) this.#hub.say({ to: 'carrier', kind: 'send', socket: this.id, text });
  }

  close(): void {
    if (this.#isOver) return;
    this.#hub.say({ to: 'carrier', kind: 'close', socket: this.id });
    this.#end();
  }

  taken(): void {
    this.isTaken = true;
  }

  opened(): void {
    this.taken();
    this.onopen?.(undefined as never);
  }

  frame(data: string): void {
    if (!this.#isOver) this.onmessage?.({ data });
  }

  closed(code: number): void {
    if (this.#isOver) return;
    this.#end();
    this.onclose?.({ code });
  }

  #end(): void {
    this.#isOver = true;
    this.#hub.drop(this);
  }
}

interface CarrierDependencies {
  readonly Real: RealConstructor;
  tell(said: Said & { readonly to: 'all' }): void;
  /** Fulfils once this tab is gone. */
  untilGone(tab: string): Promise<unknown>;
  /** The last real socket is closed. */
  idle(): void;
}

/** A real socket, and who is on it. */
interface Line {
  readonly real: WebSocket;
  readonly key: string;
  readonly openedAt: number;
  readonly sockets: Set<string>;
  /** Who has joined each room: it is left when the last one leaves. */
  readonly rooms: Map<string, Set<string>>;
  /** Since when a command waits without anything having come; `null` where nothing does. */
  unansweredSince: number | null;
}

interface Frame {
  readonly event?: string;
  readonly data?: { readonly conversationId?: string };
  readonly requestId?: string;
}

/** The tab that has the real sockets: mostly one, two for a while when one takes another's place or somebody else signs in. */
class Carrier {
  readonly #deps: CarrierDependencies;
  readonly #lines = new Set<Line>();
  readonly #byName = new Map<string, Line>();
  readonly #tabs = new Map<string, Set<string>>();

  constructor(deps: CarrierDependencies) {
    this.#deps = deps;
  }

  get isNeeded(): boolean {
    return this.#lines.size > 0;
  }

  hear(said: Said & { readonly to: 'carrier' }): void {
    if (said.kind === 'open') this.#open(said.socket, said.tab, said.url, said.protocols);
    else if (said.kind === 'send') this.#send(said.socket, said.text);
    else if (said.kind === 'ask') this.#deps.tell({ to: 'all', kind: 'awake' });
    else this.#leave(said.socket);
  }

  end(): void {
    for (const line of [...this.#lines]) this.#over(line, GONE);
  }

  #open(name: string, tab: string, url: string, protocols: string[]): void {
    if (this.#byName.has(name)) return;
    this.#deps.tell({ to: 'all', kind: 'taken', socket: name });
    this.#watch(tab, name);
    const key = `${url} ${sessionOf(protocols.at(-1) ?? '')}`;
    const now = Date.now();
    const there = [...this.#lines].find((line) => line.key === key && now - line.openedAt < YOUNG_MS);
    const line = there ?? this.#connect(key, url, protocols, now);
    line.sockets.add(name);
    this.#byName.set(name, line);
    if (line.real.readyState === WebSocket.OPEN) this.#deps.tell({ to: 'all', kind: 'opened', socket: name });
  }

  #connect(key: string, url: string, protocols: string[], openedAt: number): Line {
    const real = new this.#deps.Real(url, protocols);
    const line: Line = { real, key, openedAt, sockets: new Set(), rooms: new Map(), unansweredSince: null };
    this.#lines.add(line);
    real.onopen = () => {
      for (const name of line.sockets) this.#deps.tell({ to: 'all', kind: 'opened', socket: name });
    };
    real.onmessage = ({ data }: MessageEvent<string>) => {
      line.unansweredSince = null;
      this.#deliver(line, data);
    };
    real.onclose = ({ code }) => this.#over(line, code);
    return line;
  }

  #send(name: string, text: string): void {
    const line = this.#byName.get(name);
    if (!line) {
      this.#deps.tell({ to: 'all', kind: 'closed', socket: name, code: GONE });
      return;
    }
    const { event, data, requestId } = JSON.parse(text) as Frame;
    const room = data?.conversationId ?? '';
    if (event === 'JOIN_CONVERSATION') line.rooms.set(room, (line.rooms.get(room) ?? new Set()).add(name));
    if (event === 'LEAVE_CONVERSATION' && !this.#isLast(line, room, name)) {
      const answer = { event: 'CONVERSATION_LEFT', data: { conversationId: room }, requestId };
      this.#deps.tell({ to: 'all', kind: 'frame', sockets: [name], text: JSON.stringify(answer) });
      return;
    }
    const named = requestId === undefined ? {} : { requestId: `${name}~${requestId}` };
    if (requestId !== undefined) line.unansweredSince ??= Date.now();
    if (line.real.readyState === WebSocket.OPEN) line.real.send(JSON.stringify({ event, data, ...named }));
  }

  /** Answers go to who asked, everything else to all. */
  #deliver(line: Line, text: string): void {
    const { requestId, ...frame } = parsed(text);
    const [asker, asked] = requestId?.split('~') ?? [];
    if (asker === undefined || asked === undefined) {
      this.#deps.tell({ to: 'all', kind: 'frame', sockets: [...line.sockets], text });
      return;
    }
    const answer = JSON.stringify({ ...frame, requestId: asked });
    this.#deps.tell({ to: 'all', kind: 'frame', sockets: [asker], text: answer });
    // The service tells a reader's other connections. The other tabs have none.
    if (frame.event !== 'MESSAGES_READ') return;
    const others = [...line.sockets].filter((other) => other !== asker);
    this.#deps.tell({ to: 'all', kind: 'frame', sockets: others, text: JSON.stringify(frame) });
  }

  #leave(name: string): void {
    const line = this.#byName.get(name);
    this.#byName.delete(name);
    for (const names of this.#tabs.values()) names.delete(name);
    if (!line) return;
    line.sockets.delete(name);
    // Since when it says nothing: since it was asked, or is to open.
    const silentSince = line.real.readyState === WebSocket.OPEN ? line.unansweredSince : line.openedAt;
    const isDead = silentSince !== null && Date.now() - silentSince >= DEAD_MS;
    if (line.sockets.size === 0 || isDead) {
      this.#over(line, GONE);
      return;
    }
    for (const conversationId of [...line.rooms.keys()]) {
      if (!line.rooms.get(conversationId)?.has(name) || !this.#isLast(line, conversationId, name)) continue;
      const leave = { event: 'LEAVE_CONVERSATION', data: { conversationId } };
      if (line.real.readyState === WebSocket.OPEN) line.real.send(JSON.stringify(leave));
    }
  }

  /** Takes it out of the room, and says whether nobody else is in it. */
  #isLast(line: Line, room: string, name: string): boolean {
    const names = line.rooms.get(room);
    names?.delete(name);
    if (names && names.size > 0) return false;
    line.rooms.delete(room);
    return true;
  }

  #over(line: Line, code: number): void {
    if (!this.#lines.delete(line)) return;
    line.real.onopen = null;
    line.real.onmessage = null;
    line.real.onclose = null;
    line.real.close();
    for (const name of line.sockets) {
      this.#byName.delete(name);
      this.#deps.tell({ to: 'all', kind: 'closed', socket: name, code });
    }
    if (this.#lines.size === 0) this.#deps.idle();
  }

  /** A tab that crashes says nothing. */
  #watch(tab: string, name: string): void {
    const names = this.#tabs.get(tab);
    if (names) {
      names.add(name);
      return;
    }
    const mine = new Set([name]);
    this.#tabs.set(tab, mine);
    this.#deps.untilGone(tab).then(
      () => {
        this.#tabs.delete(tab);
        for (const gone of [...mine]) this.#leave(gone);
      },
      () => undefined,
    );
  }
}

const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError';

const id = (): string => Math.random().toString(36).slice(2, 10);

/** A lock is had until then. */
const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** A socket is one session's. The token says whose it is; who can't read it gets a socket of their own. */
function sessionOf(token: string): string {
  try {
    const claims = JSON.parse(atob((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/'))) as {
      readonly sid?: string;
    };
    return claims.sid ?? token;
  } catch {
    return token;
  }
}

function parsed(text: string): Frame {
  try {
    return JSON.parse(text) as Frame;
  } catch {
    return {};
  }
}

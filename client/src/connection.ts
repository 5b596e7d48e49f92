import { abortable, type Backoff, type Clock, pause } from './clock.ts';
import { Emitter, type Undo } from './emitter.ts';
import { type ClientErrorCode, LiveSupportError, PASSING, UNKNOWN_OUTCOME } from './errors.ts';
import { type CallOptions, isSafeToRepeat } from './http.ts';
import type { Page } from './page.ts';
import {
  type ClientEventName,
  type ClientEvents,
  SAFE_EVENTS,
  type ServerEvents,
  type ServerFrame,
  SUBPROTOCOL,
  type User,
} from './protocol.ts';
import type { SessionKeeper } from './session.ts';

/** What this package needs of a `WebSocket`. The handlers are declared so that the platform's own is one. */
export interface Socket {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(): void;
}
export type SocketConstructor = new (url: string, protocols: string[]) => Socket;

/**
 * How the connection is.
 * `idle`: nobody has wanted one yet. `connecting`: on the way. `ready`: frames come and go.
 * `waiting`: the next attempt is at `retryAt`. `closed`: for good, until `connect` is called.
 */
export interface ConnectionStatus {
  readonly state: 'idle' | 'connecting' | 'ready' | 'waiting' | 'closed';
  readonly reason: ConnectionReason;
  /** What went wrong, where something did. */
  readonly error: LiveSupportError | null;
  /** By the clock's time, in milliseconds; `null` unless waiting. */
  readonly retryAt: number | null;
}

export type ConnectionReason =
  /** idle: nobody has asked for a connection yet. */
  | 'new'
  /** connecting, ready: somebody asked for it. closed: somebody called `close`. */
  | 'asked'
  /** connecting, ready: again, after the one before was lost or refused. */
  | 'again'
  /** waiting: the connection was lost. */
  | 'lost'
  /** waiting: the upgrade didn't come through: no network, too many at once, or the service is at fault. */
  | 'refused'
  /** waiting: the session couldn't be continued for now. */
  | 'unavailable'
  /** waiting: the browser says that there is no network. */
  | 'offline'
  /** closed: nobody is signed in. */
  | 'signedOut'
  /** closed: a newer connection of this user took the place. Connecting again would cut another one: let the person say so. */
  | 'tooManyConnections';

export interface ConnectionEvents {
  status: ConnectionStatus;
  /** Every frame, the answers included. */
  frame: ServerFrame;
  /** A new socket is there, which is in no room and watches nothing. `epoch` counts them. */
  up: { readonly epoch: number };
  /**
   * It is time to make sure that nothing was missed: the service doesn't promise that every frame arrives. Told with each `PING`, and
   * when the page was frozen or out of sight, or the network was gone.
   */
  wake: undefined;
}

export interface ConnectionOptions {
  /** The pauses between attempts. */
  readonly backoff: Backoff;
  /** How long an upgrade may take. */
  readonly connectTimeoutMs: number;
  /** How often a `PING` is sent. */
  readonly pingEveryMs: number;
  /** How long a `PONG` may take before the socket counts as lost. */
  readonly pongTimeoutMs: number;
  /** How long a command may take before its outcome counts as unknown. */
  readonly commandTimeoutMs: number;
  /** After how long a socket is replaced by a new one. */
  readonly replaceAfterMs: number;
}

export interface ConnectionDependencies {
  readonly url: string;
  readonly WebSocket: SocketConstructor;
  readonly session: SessionKeeper;
  readonly clock: Clock;
  readonly random: () => number;
  readonly page: Page;
  readonly options: ConnectionOptions;
}

interface Pending {
  readonly event: ClientEventName;
  readonly isSafe: boolean;
  /** How many bytes its frame has. */
  readonly size: number;
  resolve(data: unknown): void;
  reject(error: LiveSupportError): void;
}

/** After a connection has stayed up so long, the pauses begin anew. */
const STEADY_MS = 10_000;
/** A timer that comes so late shows that the machine or the page slept. */
const WATCH_MS = 15_000;
/** Who heard something so recently needn't ask whether the socket lives. */
const FRESH_MS = 20_000;
/** How long an old socket stays for what is under way on it. */
const OVERLAP_MS = 10_000;
const REPLACE_AGAIN_MS = 60_000;
/** The gateway closes a socket for a frame of more than 32 KB. The request's name needs a few of them. */
const FRAME_BYTES = 32 * 1024 - 64;
/** The code with which a socket is closed for it. */
const TOO_LARGE = 1009;
/** No smaller frame is ever too large. */
const SURELY_SMALL_BYTES = 1024;

/** One socket, and the commands on it that are not answered yet. */
class Line {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly pending = new Map<string, Pending>();
  readonly #timers = new Set<Undo>();
  lastFrameAt: number;
  isOver = false;
  #checking = false;
  onFrame: (frame: ServerFrame) => void = () => undefined;
  onOver: (code: number | null) => void = () => undefined;

  constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.lastFrameAt = clock.now();
    socket.onmessage = ({ data }: { readonly data: unknown }) => this.#receive(data);
    socket.onclose = ({ code }: { readonly code: number }) => this.over(code);
    socket.onerror = () => undefined;
  }

  /** Runs this later, unless the line is over by then. */
  later(ms: number, run: () => void): Undo {
    const undo = this.#clock.after(ms, () => {
      this.#timers.delete(undo);
      run();
    });
    this.#timers.add(undo);
    return () => {
      undo();
      this.#timers.delete(undo);
    };
  }

  send(event: ClientEventName, data: object, requestId?: string): void {
    try {
      this.#socket.send(JSON.stringify({ event, data, ...(requestId !== undefined && { requestId }) }));
    } catch {
      this.over(null);
    }
  }

  /** Asks whether the other side is there, and is over where no answer comes in time. */
  check(requestId: string, timeoutMs: number): void {
    if (this.#checking || this.isOver) return;
    this.#checking = true;
    const late = this.later(timeoutMs, () => this.over(null));
    const answered = () => {
      late();
      this.#checking = false;
    };
    this.pending.set(requestId, { event: 'PING', isSafe: true, size: 0, resolve: answered, reject: answered });
    this.send('PING', {}, requestId);
  }

  #receive(data: unknown): void {
    if (this.isOver) return;
    this.lastFrameAt = this.#clock.now();
    let frame: { readonly event?: unknown; readonly data?: unknown } | null;
    try {
      frame = JSON.parse(String(data));
    } catch {
      return;
    }
    if (typeof frame !== 'object' || frame === null) return;
    // The gateway's own: it has lost a command, and doesn't say which.
    if (typeof frame.event !== 'string') this.#loseAll();
    // What has no data is no event of the service's.
    else if (typeof frame.data === 'object' && frame.data !== null) this.#answer(frame as ServerFrame);
  }

  #answer(frame: ServerFrame): void {
    const { requestId = '' } = frame;
    const pending = this.pending.get(requestId);
    this.pending.delete(requestId);
    // First who hears everything, so that the state is up to date when a command's promise is fulfilled.
    this.onFrame(frame);
    if (!pending) return;
    if (frame.event === 'ERROR') pending.reject(refused(frame.data, pending));
    else pending.resolve(frame.data);
  }

  #loseAll(): void {
    const lost = [...this.pending.values()];
    this.pending.clear();
    for (const pending of lost) pending.reject(unknownOutcome('NETWORK', pending, 'lost'));
  }

  /** `code` is that of the close; `null` where this side gave up. */
  over(code: number | null): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const undo of this.#timers) undo();
    this.#socket.onopen = null;
    this.#socket.onmessage = null;
    this.#socket.onclose = null;
    if (code === null) {
      try {
        this.#socket.close();
      } catch {
        // It is closed then.
      }
    }
    if (code === TOO_LARGE) this.#refuseLargest();
    this.#loseAll();
    this.onOver(code);
  }

  /** Something on the way takes less than the gateway, and doesn't say which frame it was. Sent again, that one would end each socket. */
  #refuseLargest(): void {
    const [largest] = [...this.pending.values()].sort((a, b) => b.size - a.size);
    if (largest && largest.size > SURELY_SMALL_BYTES) largest.reject(tooLarge(largest.event));
  }
}

function unknownOutcome(
  code: 'NETWORK' | 'TIMEOUT',
  { event, isSafe }: Pick<Pending, 'event' | 'isSafe'>,
  how: string,
): LiveSupportError {
  return new LiveSupportError(code, `the answer to ${event} was ${how}`, { retryable: isSafe, outcomeUnknown: true });
}

const sizeOf = (frame: object): number => new TextEncoder().encode(JSON.stringify(frame)).length;

const tooLarge = (event: ClientEventName): LiveSupportError =>
  new LiveSupportError('PAYLOAD_TOO_LARGE', `${event} is too large for a frame`);

function refused({ code, message, errors, retryAfter }: ServerEvents['ERROR'], { isSafe }: Pending): LiveSupportError {
  const outcomeUnknown = UNKNOWN_OUTCOME.has(code);
  return new LiveSupportError(code, message, {
    outcomeUnknown,
    retryable: outcomeUnknown ? isSafe : PASSING.has(code) || code === 'NOT_JOINED',
    errors: errors ?? [],
    retryAfter: retryAfter ?? null,
  });
}

function closed({ reason, error }: ConnectionStatus): LiveSupportError {
  const code: ClientErrorCode = reason === 'signedOut' ? 'SIGNED_OUT' : 'CLOSED';
  return error ?? new LiveSupportError(code, `the connection is closed: ${reason}`);
}

/** The upgrade didn't come through. */
class Unopened extends LiveSupportError {}

/** The WebSocket, kept up. */
export class Connection {
  readonly #deps: ConnectionDependencies;
  readonly #emitter = new Emitter<ConnectionEvents>();
  readonly #undos: Undo[];
  #status: ConnectionStatus = { state: 'idle', reason: 'new', error: null, retryAt: null };
  #line: Line | undefined;
  #failures = 0;
  #epoch = 0;
  #requests = 0;
  /** The last upgrade was refused, or the socket cut: the session may have ended. */
  #doubt = false;
  #replacing = false;
  /** A newer connection has taken the place: this one's own, if it is being replaced. */
  #cut: LiveSupportError | undefined;
  /** The socket whose place was taken, while something may still be under way on it. */
  #retired: Line | undefined;
  #stopWaiting: Undo = () => undefined;
  #isStopped = false;
  #abort = new AbortController();

  /** @internal */
  constructor(deps: ConnectionDependencies) {
    this.#deps = deps;
    this.#undos = [deps.page.onChange(() => this.#pageChanged())];
  }

  get status(): ConnectionStatus {
    return this.#status;
  }

  /** Grows with every new socket; 0 before the first. */
  get epoch(): number {
    return this.#epoch;
  }

  get isReady(): boolean {
    return this.#line !== undefined && this.#status.state === 'ready';
  }

  on<N extends keyof ConnectionEvents>(name: N, listener: (value: ConnectionEvents[N]) => void): Undo {
    return this.#emitter.on(name, listener);
  }

  /** Connects, and stays connected. Does nothing where that is so already. */
  connect(): void {
    if (this.#isStopped || (this.#status.state !== 'idle' && this.#status.state !== 'closed')) return;
    this.#failures = 0;
    void this.#try('asked');
  }

  /** @internal For the client: something needs a connection. One that was closed is not made again: that is for a person to say. */
  want(): void {
    if (this.#status.state === 'idle') this.connect();
  }

  /** Disconnects, and stays so until `connect` is called. */
  close(): void {
    this.#end('asked', null);
  }

  /** @internal For the client: as `close`, for good. */
  stop(): void {
    this.#isStopped = true;
    this.close();
    for (const undo of this.#undos) undo();
  }

  /** @internal For the client: who is signed in has changed. A socket is one person's. */
  sessionChanged(before: User | null, user: User | null): void {
    const { state, reason } = this.#status;
    // What the application has closed stays so. Whose place was taken keeps nobody else out.
    const isWanted = state !== 'idle' && (state !== 'closed' || reason !== 'asked');
    // An attempt under way has just found, or made, the session that it needs.
    if (!isWanted || (before === null && state === 'connecting')) return;
    if (user === null) {
      if (reason !== 'signedOut') this.#end('signedOut', null);
      return;
    }
    this.#drop();
    this.#failures = 0;
    void this.#try('asked');
  }

  /**
   * Sends a command and waits for its answer; first for the connection, where there is none. Throws `LiveSupportError`, or the
   * signal's reason.
   */
  request<N extends ClientEventName>(
    event: N,
    data: ClientEvents[N]['data'],
    { signal, timeoutMs = this.#deps.options.commandTimeoutMs }: CallOptions & { readonly timeoutMs?: number } = {},
  ): Promise<ClientEvents[N]['answer']> {
    return this.#deps.session.during('signedIn', signal, (during) => this.#ask(event, data, timeoutMs, during));
  }

  async #ask<N extends ClientEventName>(
    event: N,
    data: ClientEvents[N]['data'],
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<ClientEvents[N]['answer']> {
    const isSafe = isSafeToRepeat(SAFE_EVENTS[event], data);
    const size = sizeOf({ event, data });
    if (size > FRAME_BYTES) throw tooLarge(event);
    let line = this.#line;
    for (; !line || !this.isReady; line = this.#line) await this.#becomesReady(timeoutMs, signal);
    const own = line;
    this.#requests += 1;
    const requestId = String(this.#requests);
    return abortable<unknown>(signal, (resolve, reject) => {
      const late = () => {
        reject(unknownOutcome('TIMEOUT', { event, isSafe }, 'not there in time'));
        this.#check(own);
      };
      const undo = this.#deps.clock.after(timeoutMs, late);
      own.pending.set(requestId, { event, isSafe, size, resolve, reject });
      own.send(event, data, requestId);
      return () => {
        undo();
        own.pending.delete(requestId);
      };
    }) as Promise<ClientEvents[N]['answer']>;
  }

  /** Sends what is of the moment only: where there is no connection, not at all. */
  post<N extends ClientEventName>(event: N, data: ClientEvents[N]['data']): void {
    if (this.isReady) this.#line?.send(event, data);
  }

  /** @internal For the client: the service says that this connection's session is none. */
  distrust(): void {
    this.#doubt = true;
    this.#line?.over(null);
  }

  #becomesReady(timeoutMs: number, signal: AbortSignal): Promise<void> {
    this.want();
    if (this.#status.state === 'closed') return Promise.reject(closed(this.#status));
    return abortable(signal, (resolve, reject) => {
      const undos = [
        this.#deps.clock.after(timeoutMs, () =>
          reject(new LiveSupportError('TIMEOUT', 'there is no connection', { retryable: true })),
        ),
        this.on('status', (status) => {
          if (status.state === 'ready') resolve(undefined);
          if (status.state === 'closed') reject(closed(status));
        }),
      ];
      return () => {
        for (const undo of undos) undo();
      };
    });
  }

  async #try(reason: 'asked' | 'again'): Promise<void> {
    this.#stopWaiting();
    // A new attempt makes what an old one still does count for nothing.
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this.#become({ state: 'connecting', reason });
    try {
      await this.#open(signal, (line) => this.#settle(line, reason));
    } catch (error) {
      if (signal.aborted || !(error instanceof LiveSupportError)) return;
      if (error.code === 'SIGNED_OUT') this.#end('signedOut', error);
      else this.#wait(error instanceof Unopened ? 'refused' : 'unavailable', error);
    }
  }

  /**
   * Opens one socket, and hands it over in the same moment, so that nothing that happens to it is missed. A browser isn't told why
   * an upgrade is refused: so the next one makes sure of the session first.
   */
  async #open(signal: AbortSignal, opened: (line: Line) => void): Promise<void> {
    const { session, clock, WebSocket, url, options } = this.#deps;
    const token = await (this.#doubt ? session.verified({ signal }) : session.accessToken({ signal }));
    signal.throwIfAborted();
    let socket: Socket;
    try {
      socket = new WebSocket(url, [SUBPROTOCOL, token]);
    } catch (cause) {
      throw new Unopened('UNEXPECTED', 'no WebSocket could be made', { cause });
    }
    const line = new Line(socket, clock);
    const giveUp = () => line.over(null);
    signal.addEventListener('abort', giveUp);
    const opening = new Promise<void>((resolve, reject) => {
      const late = line.later(options.connectTimeoutMs, giveUp);
      socket.onopen = () => {
        late();
        resolve();
        opened(line);
      };
      line.onOver = () => {
        this.#doubt ||= !signal.aborted;
        reject(new Unopened('NETWORK', 'the WebSocket did not open', { retryable: true }));
      };
    });
    return opening.finally(() => signal.removeEventListener('abort', giveUp));
  }

  /** From here on this is the connection. */
  #settle(line: Line, reason: 'asked' | 'again'): void {
    const { options, clock, random } = this.#deps;
    this.#line = line;
    this.#doubt = false;
    this.#cut = undefined;
    this.#epoch += 1;
    line.onFrame = (frame) => this.#receive(line, frame);
    line.onOver = (code) => this.#lost(line, code);
    line.later(STEADY_MS, () => {
      this.#failures = 0;
    });
    const ping = () => {
      this.#wake();
      line.later(options.pingEveryMs, ping);
    };
    line.later(options.pingEveryMs, ping);
    let seenAt = clock.now();
    const watch = () => {
      const slept = clock.now() - seenAt > 2 * WATCH_MS;
      seenAt = clock.now();
      if (slept) this.#wake();
      line.later(WATCH_MS, watch);
    };
    line.later(WATCH_MS, watch);
    // Not all at the same moment, of those that connected at the same moment.
    line.later(options.replaceAfterMs * (0.9 + 0.1 * random()), () => void this.#replace(line));
    this.#become({ state: 'ready', reason });
    this.#emitter.emit('up', { epoch: this.#epoch });
  }

  /** A new socket takes the place of this one, which stays until what is under way on it is answered. */
  async #replace(old: Line): Promise<void> {
    if (this.#line !== old || this.#replacing) return;
    this.#replacing = true;
    const { signal } = this.#abort;
    try {
      await this.#open(signal, (line) => {
        // Meanwhile the old one may have been lost.
        if (this.#line === old) this.#retire(old);
        else this.#stopWaiting();
        this.#settle(line, 'again');
      });
    } catch {
      if (signal.aborted) return;
      // It was not one's own new socket that has taken the place.
      if (this.#cut) this.#end('tooManyConnections', this.#cut);
      else if (this.#line === old) old.later(REPLACE_AGAIN_MS, () => void this.#replace(old));
    } finally {
      this.#replacing = false;
    }
  }

  #retire(line: Line): void {
    this.#retired = line;
    line.onOver = () => undefined;
    const { clock } = this.#deps;
    const until = clock.now() + OVERLAP_MS;
    // A moment longer than need be: the rooms are joined on the new one meanwhile.
    const look = () => {
      if (line.pending.size === 0 || clock.now() >= until) line.over(null);
      else line.later(1_000, look);
    };
    line.later(2_000, look);
  }

  #receive(line: Line, frame: ServerFrame): void {
    if (frame.event === 'ERROR' && frame.data.code === 'TOO_MANY_CONNECTIONS' && frame.data.event === null) {
      // One's own new socket may have taken the place of the old one.
      if (line !== this.#line) return;
      this.#cut = new LiveSupportError('TOO_MANY_CONNECTIONS', frame.data.message);
      if (!this.#replacing) this.#end('tooManyConnections', this.#cut);
      return;
    }
    this.#emitter.emit('frame', frame);
  }

  #lost(line: Line, code: number | null): void {
    if (this.#line !== line) return;
    this.#line = undefined;
    // What becomes of its replacement decides.
    if (this.#cut) return;
    // 1001 is the gateway's, after its time. All else may mean that the session has ended.
    if (code !== null && code !== 1001) this.#doubt = true;
    this.#wait(
      'lost',
      new LiveSupportError(
        'NETWORK',
        code === null ? 'the connection is dead' : `the connection was closed with ${code}`,
        { retryable: true },
      ),
    );
  }

  #wait(reason: 'lost' | 'refused' | 'unavailable', error: LiveSupportError): void {
    const { clock, random, page, options } = this.#deps;
    this.#line = undefined;
    const ms = Math.max((error.retryAfter ?? 0) * 1000, pause(options.backoff, this.#failures, random));
    this.#failures += 1;
    this.#stopWaiting();
    this.#stopWaiting = clock.after(ms, () => void this.#try('again'));
    this.#become({ state: 'waiting', reason: page.isOnline() ? reason : 'offline', error, retryAt: clock.now() + ms });
  }

  #end(reason: 'asked' | 'signedOut' | 'tooManyConnections', error: LiveSupportError | null): void {
    this.#drop();
    this.#become({ state: 'closed', reason, error });
  }

  #drop(): void {
    this.#stopWaiting();
    this.#abort.abort();
    const line = this.#line;
    this.#line = undefined;
    line?.over(null);
    this.#retired?.over(null);
  }

  #check(line: Line): void {
    this.#requests += 1;
    line.check(`ping-${this.#requests}`, this.#deps.options.pongTimeoutMs);
  }

  #pageChanged(): void {
    const { page, clock } = this.#deps;
    const { state, reason, error } = this.#status;
    if (state === 'waiting') {
      const mayGoOn = reason === 'offline' || page.isFocused();
      if (page.isOnline() && mayGoOn && error?.retryAfter == null) void this.#try('again');
    } else if (this.#line && page.isOnline() && clock.now() - this.#line.lastFrameAt > FRESH_MS) this.#wake();
  }

  #wake(): void {
    if (this.#line) this.#check(this.#line);
    this.#emitter.emit('wake', undefined);
  }

  #become(status: Pick<ConnectionStatus, 'state' | 'reason'> & Partial<ConnectionStatus>): void {
    this.#status = { error: null, retryAt: null, ...status };
    this.#emitter.emit('status', this.#status);
  }
}

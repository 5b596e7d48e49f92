import { type Clock, pause, sleep, unlessAborted } from './clock.ts';
import { Emitter, type Undo } from './emitter.ts';
import { isTokenRefused, LiveSupportError } from './errors.ts';
import type { Caller, CallOptions, Wire } from './http.ts';
import { type Locks, withLock } from './locks.ts';
import type { Session, User } from './protocol.ts';
import type { ClientStorage } from './storage.ts';

/**
 * Makes a session: by `POST /auth/exchange` with a token of your own site, by `POST /auth/visitor`, or by asking for a password.
 * Called when there is no session, and when the one there was has ended. `null` means that nobody is signed in. The signal is
 * aborted when somebody signs in or out by other means: what is made after that is not used.
 */
export type GetSession = (options: { readonly signal: AbortSignal }) => Promise<Session | null>;

/** Why somebody is signed in, or no longer. */
export type SessionReason =
  /** By `use`, or by what `getSession` returned. */
  | 'signedIn'
  /** Found in the storage. */
  | 'restored'
  /** By `end`, here or in another tab. */
  | 'signedOut'
  /** The service has ended the session, or it could not be continued. */
  | 'ended';

export interface SessionEvents {
  /** Somebody signed in or out, or somebody else is signed in. */
  change: { readonly user: User | null; readonly reason: SessionReason };
}

interface Kept {
  readonly session: Session;
  /** By this machine's clock. */
  readonly expiresAt: number;
  /** When the refresh token was first sent, where no answer has come yet. */
  readonly refreshSentAt: number | null;
}

/** Work that brings another session in the place of the one there was. */
interface Renewal {
  readonly controller: AbortController;
  /** The refresh token that was kept when it began: `null` for none, `undefined` while that is not known. */
  began: string | null | undefined;
  /** A refresh token is on its way: without the answer the session may be lost. */
  isSent: boolean;
}

/** A token that expires within this time, or within a third of its own, counts as expired, because a request takes time to arrive. */
const LEEWAY_MS = 30_000;
/** The service repeats its answer to a refresh for 30 seconds. Later a repeat would pass for a theft. */
const REPEAT_MS = 25_000;
/** After so many renewals a call takes the session that there is, refused or not: nothing is renewed for ever. */
const MOST_RENEWALS = 2;
const REFRESH_TIMEOUT_MS = 8_000;
/** A refresh that has taken so long is sent by another tab as well: the service answers both alike, and who has sent it may be asleep. */
const TAKE_OVER_MS = 10_000;
/** The service is told of a sign-out within this time, or not at all. */
const SIGN_OUT_MS = 5_000;
/** A visitor's token is alive for minutes: it is of one of the last sessions. */
const REMEMBERED = 8;
const BACKOFF = { firstMs: 500, mostMs: 4_000 };
/** Why a renewal is abandoned whose session is no longer the one that is kept. Who waits for it looks at what is kept now. */
const SUPERSEDED = new LiveSupportError('SIGNED_OUT', 'another session has taken the place');

export interface SessionDependencies {
  readonly wire: Wire;
  readonly clock: Clock;
  readonly random: () => number;
  readonly storage: ClientStorage;
  readonly locks: Locks;
  /** Where the session is kept, and the name of the lock. */
  readonly key: string;
  readonly getSession: GetSession | undefined;
}

/** Who is signed in, and the tokens that show it. */
export class SessionKeeper {
  readonly #deps: SessionDependencies;
  readonly #emitter = new Emitter<SessionEvents>();
  /** What is under way. */
  readonly #calls = new Map<AbortController, Caller>();
  #user: User | null = null;
  /** How often somebody has signed in or out here: who does it last decides. */
  #decisions = 0;
  #renewal: Renewal | undefined;
  #renewing: Promise<void> | undefined;
  /** What was written last, until it is there. One after the other, so that what was written last is what is kept. */
  #writing: Promise<void> = Promise.resolve();
  /** How often the storage was asked, and which question was answered last: an answer to an earlier one says how it was. */
  #asked = 0;
  #answered = 0;
  #remembered: readonly Session[] = [];
  readonly #closed = new AbortController();
  #unsubscribe: Undo;

  /** @internal */
  constructor(deps: SessionDependencies) {
    this.#deps = deps;
    const look = (key?: string | null) => {
      if ((key ?? deps.key) === deps.key) void this.#look();
    };
    this.#unsubscribe = deps.storage.subscribe?.(look) ?? (() => undefined);
  }

  /** Who is signed in, as far as is known: `null` until `restore` has looked into the storage. */
  get user(): User | null {
    return this.#user;
  }

  on<N extends keyof SessionEvents>(name: N, listener: (value: SessionEvents[N]) => void): Undo {
    return this.#emitter.on(name, listener);
  }

  /** Finds out who is signed in, without asking anybody: from the storage. */
  async restore(): Promise<User | null> {
    await this.#look();
    return this.#user;
  }

  /** Whose access token this is, where it is or was of a session of this client. */
  async holderOf(accessToken: string): Promise<User | null> {
    await this.#look();
    return this.#remembered.find((session) => session.accessToken === accessToken)?.user ?? null;
  }

  /** Takes a session, however it was made. One of another person takes the place of the one there was. */
  async use(session: Session): Promise<void> {
    const kept = this.#keep(session);
    this.#decide(SUPERSEDED);
    await this.#write(kept, 'signedIn');
  }

  /** @internal Takes the session that is asked for, unless somebody signs in or out here meanwhile. */
  async useAnswer(ask: () => Promise<Session>): Promise<Session> {
    const decision = this.#decide();
    const session = await ask();
    if (decision !== this.#decisions) throw signedOut();
    await this.use(session);
    return session;
  }

  /** Forgets the session. The service isn't told: that is `signOut` of the client. */
  async end(): Promise<void> {
    this.#decide(signedOut());
    await this.#write(null, 'signedOut');
  }

  /**
   * @internal Ends the session: here at once, for whoever leaves a shared computer doesn't wait for a network; and at the service,
   * where that answers soon.
   */
  async signOut({ signal }: CallOptions = {}): Promise<void> {
    const { wire, clock } = this.#deps;
    const decision = this.#decide(signedOut());
    const kept = await this.#look();
    // It is somebody else's by now.
    if (decision !== this.#decisions) return;
    await this.#write(null, 'signedOut');
    if (!kept) return;
    const until = clock.now() + SIGN_OUT_MS;
    const { accessToken, refreshToken } = kept.session;
    const leave = (token: string) => wire.send('logout', { signal }, token, until - clock.now());
    const renewAndLeave = async () => {
      const parts = { body: { refreshToken }, signal };
      // Sent a second time it would pass for a theft, which ends the session, too.
      await leave((await wire.send('refreshSession', parts, null, until - clock.now())).accessToken);
    };
    try {
      if (kept.expiresAt <= clock.now()) return await renewAndLeave();
      await leave(accessToken).catch((error: unknown) => {
        if (!isTokenRefused(error)) throw error;
        // By the service's clock it has expired.
        return renewAndLeave();
      });
    } catch (error) {
      if (!(error instanceof LiveSupportError)) throw error;
    }
  }

  /**
   * @internal Does something as one person: as who is signed in when it begins, or else as who is signed in first. Its signal is
   * aborted when that is somebody else or nobody, so that no retry is sent as another person, and no answer is given to one.
   */
  async during<T>(
    caller: Caller,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    this.#closed.signal.throwIfAborted();
    const call = new AbortController();
    const abort = () => call.abort(signal?.reason);
    signal?.addEventListener('abort', abort);
    this.#calls.set(call, caller);
    try {
      return await work(call.signal);
    } finally {
      this.#calls.delete(call);
      signal?.removeEventListener('abort', abort);
    }
  }

  async accessToken({
    signal,
    refused,
  }: CallOptions & { readonly refused?: string | undefined } = {}): Promise<string> {
    for (let renewals = 0; ; renewals += 1) {
      const kept = await this.#look();
      signal?.throwIfAborted();
      if (kept && (renewals > MOST_RENEWALS || this.#isUsable(kept, refused))) return kept.session.accessToken;
      this.#closed.signal.throwIfAborted();
      if (renewals > MOST_RENEWALS) throw new LiveSupportError('UNEXPECTED', 'no session is kept');
      this.#renewing ??= this.#renew(kept?.refreshSentAt ?? null, refused).finally(() => {
        this.#renewing = undefined;
      });
      await unlessAborted(signal, unlessAborted(this.#closed.signal, this.#renewing));
    }
  }

  /** As `accessToken`, of a session that the service has just said is alive. */
  async verified(options: CallOptions = {}): Promise<string> {
    const token = await this.accessToken(options);
    try {
      await this.#deps.wire.send('getMe', options, token);
      return token;
    } catch (error) {
      if (!isTokenRefused(error)) throw error;
      return this.accessToken({ ...options, refused: token });
    }
  }

  /** Nothing is renewed any more, and nobody waits for an answer. That to a refresh is kept all the same, for whoever comes next. */
  stop(): void {
    this.#unsubscribe();
    const closed = new LiveSupportError('CLOSED', 'the client is closed', { outcomeUnknown: true });
    this.#closed.abort(closed);
    if (!this.#renewal?.isSent) this.#renewal?.controller.abort(closed);
    for (const call of this.#calls.keys()) call.abort(closed);
  }

  #isUsable({ session, expiresAt }: Kept, refused: string | undefined): boolean {
    const leeway = Math.min(LEEWAY_MS, (session.expiresIn * 1000) / 3);
    return session.accessToken !== refused && expiresAt - this.#deps.clock.now() > leeway;
  }

  /** Somebody signs in or out: what brings a session by itself is abandoned. */
  #decide(reason?: LiveSupportError): number {
    this.#decisions += 1;
    if (reason) this.#renewal?.controller.abort(reason);
    return this.#decisions;
  }

  /** One at a time, in this tab and all others: whoever comes second finds what the first one has stored. */
  async #renew(sentAt: number | null, refused: string | undefined): Promise<void> {
    const { clock, key, locks } = this.#deps;
    const left = TAKE_OVER_MS - (sentAt === null ? 0 : Math.abs(clock.now() - sentAt));
    const renewal: Renewal = { controller: new AbortController(), began: undefined, isSent: false };
    this.#renewal = renewal;
    const { signal } = renewal.controller;
    try {
      const work = () => this.#renewNow(renewal, refused);
      await withLock(locks, clock, `${key}:refresh`, work, signal, Math.max(0, left));
    } catch (error) {
      if (error === SUPERSEDED) return;
      if (error instanceof LiveSupportError) throw error;
      // Of `getSession` or the locks, which are the application's.
      throw new LiveSupportError('UNEXPECTED', 'no session could be had', { cause: error, retryable: true });
    }
  }

  async #renewNow(renewal: Renewal, refused: string | undefined): Promise<void> {
    const { signal } = renewal.controller;
    signal.throwIfAborted();
    const kept = await this.#look();
    renewal.began = kept?.session.refreshToken ?? null;
    if (!kept) return this.#obtain('signedOut', signal);
    if (!this.#isUsable(kept, refused)) return this.#refresh(kept, renewal);
  }

  async #refresh(kept: Kept, renewal: Renewal): Promise<void> {
    const { clock, random, wire } = this.#deps;
    const { signal } = renewal.controller;
    let sentAt = kept.refreshSentAt;
    // While the service can't be reached, the token isn't sent: an answer that got lost would cost the session. An answer to something
    // else, however recent, says less.
    if (sentAt === null) await wire.send('health', { signal }, null);
    for (let attempt = 0; ; attempt += 1) {
      if (sentAt !== null && clock.now() - sentAt > REPEAT_MS) return this.#obtain('ended', signal);
      const isFirst = sentAt === null;
      renewal.isSent = true;
      if (sentAt === null) {
        sentAt = clock.now();
        await this.#replace({ ...kept, refreshSentAt: sentAt }, 'signedIn', signal);
      }
      const body = { refreshToken: kept.session.refreshToken };
      try {
        const session = await wire.send('refreshSession', { body, signal }, null, REFRESH_TIMEOUT_MS);
        return await this.#replace(this.#keep(session), 'signedIn', signal);
      } catch (error) {
        if (!(error instanceof LiveSupportError) || signal.aborted) throw error;
        const hasEnded = isTokenRefused(error) || error.code === 'VALIDATION_FAILED';
        if (!hasEnded && (!error.outcomeUnknown || error.code === 'UNEXPECTED')) {
          // Not spent, unless by an attempt before: too many of them, or something on the way that is none of the service's.
          if (isFirst) await this.#replace(kept, 'signedIn', signal);
          throw error;
        }
        this.#closed.signal.throwIfAborted();
        renewal.isSent = false;
        if (hasEnded) return this.#obtain('ended', signal);
        // As long as the service says, if that is not too long for a repeat.
        const least = Math.min((error.retryAfter ?? 0) * 1000, BACKOFF.mostMs);
        await sleep(clock, least + pause(BACKOFF, attempt, random), signal);
      }
    }
  }

  /** There is no session any more: asks for another one, which may take as long as a person takes. One tab asks at a time. */
  async #obtain(reason: 'signedOut' | 'ended', signal: AbortSignal): Promise<void> {
    const { clock, getSession, key, locks } = this.#deps;
    const ask = async () => {
      // Another tab may have signed somebody in meanwhile.
      await this.#look();
      signal.throwIfAborted();
      // One that hears nothing of the signal keeps nobody from what comes next.
      const session = await unlessAborted(signal, Promise.resolve(getSession?.({ signal })));
      if (session) return this.#replace(this.#keep(session), 'signedIn', signal);
      await this.#replace(null, reason, signal);
      throw new LiveSupportError('SIGNED_OUT', getSession ? 'getSession returned no session' : 'nobody is signed in');
    };
    return getSession ? withLock(locks, clock, `${key}:getSession`, ask, signal) : ask();
  }

  /** What a renewal brings takes the place of what it began with, and of nothing else. */
  async #replace(kept: Kept | null, reason: SessionReason, signal: AbortSignal): Promise<void> {
    await this.#look();
    signal.throwIfAborted();
    await this.#write(kept, reason);
  }

  #keep(session: Session): Kept {
    if (typeof session?.accessToken !== 'string' || typeof session.user?.id !== 'string') {
      throw new LiveSupportError('UNEXPECTED', 'this is no session');
    }
    this.#remember(session);
    return { session, expiresAt: this.#deps.clock.now() + session.expiresIn * 1000, refreshSentAt: null };
  }

  #remember(session: Session): void {
    if (this.#remembered.some(({ accessToken }) => accessToken === session.accessToken)) return;
    this.#remembered = [session, ...this.#remembered].slice(0, REMEMBERED);
  }

  /** What is kept now, maybe by another tab. Not what was kept before something that was written, or read, meanwhile. */
  async #look(): Promise<Kept | null> {
    for (;;) {
      const writing = this.#writing;
      await writing;
      this.#asked += 1;
      const asked = this.#asked;
      const text = await this.#deps.storage.get(this.#deps.key);
      if (writing !== this.#writing || asked < this.#answered) continue;
      this.#answered = asked;
      const kept = text === null ? null : read(text);
      if (kept) this.#remember(kept.session);
      const began = this.#renewal?.began;
      if (began !== undefined && began !== (kept?.session.refreshToken ?? null)) {
        this.#renewal?.controller.abort(SUPERSEDED);
      }
      this.#become(kept?.session.user ?? null, kept ? 'restored' : 'signedOut');
      return kept;
    }
  }

  #write(kept: Kept | null, reason: SessionReason): Promise<void> {
    const { storage, key } = this.#deps;
    const write = async () => {
      await (kept ? storage.set(key, JSON.stringify(kept)) : storage.remove(key));
      this.#become(kept?.session.user ?? null, reason);
    };
    this.#writing = this.#writing.then(write, write);
    return this.#writing;
  }

  #become(user: User | null, reason: SessionReason): void {
    const before = this.#user;
    this.#user = user;
    if (before?.id === user?.id) return;
    for (const [call, caller] of before ? this.#calls : []) if (caller === 'signedIn') call.abort(signedOut());
    this.#emitter.emit('change', { user, reason });
  }
}

export const signedOut = (): LiveSupportError =>
  new LiveSupportError('SIGNED_OUT', 'somebody has signed in or out meanwhile', { outcomeUnknown: true });

function read(text: string): Kept | null {
  try {
    const kept = JSON.parse(text) as Kept;
    return typeof kept.session.accessToken === 'string' ? kept : null;
  } catch {
    return null;
  }
}

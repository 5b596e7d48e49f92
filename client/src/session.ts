import { type Clock, pause, sleep, unlessAborted } from './clock.ts';
import { Emitter, type Undo } from './emitter.ts';
import { LiveSupportError } from './errors.ts';
import type { CallOptions, Tokens, Wire } from './http.ts';
import type { Locks } from './locks.ts';
import type { Session, User } from './protocol.ts';
import type { ClientStorage } from './storage.ts';

/**
 * Makes a session: by `POST /auth/exchange` with a token of your own site, by `POST /auth/visitor`, or by asking for a password.
 * Called when there is no session, and when the one there was has ended. `null` means that nobody is signed in.
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

/** A token that expires within this time counts as expired, because a request takes time to arrive. */
const LEEWAY_MS = 30_000;
/** The service repeats its answer to a refresh for 30 seconds. Later a repeat would pass for a theft. */
const REPEAT_MS = 25_000;
/** After so many renewals a call takes the session that there is, refused or not: nothing is renewed for ever. */
const MOST_RENEWALS = 2;
const REFRESH_TIMEOUT_MS = 8_000;
/** What has answered so recently can be reached. */
const REACHED_MS = 5_000;
const BACKOFF = { firstMs: 500, mostMs: 4_000 };

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
export class SessionKeeper implements Tokens {
  readonly #deps: SessionDependencies;
  readonly #emitter = new Emitter<SessionEvents>();
  readonly #ended = new AbortController();
  #user: User | null = null;
  #renewing: Promise<void> | undefined;
  #unsubscribe: Undo;

  /** @internal */
  constructor(deps: SessionDependencies) {
    this.#deps = deps;
    this.#unsubscribe = deps.storage.subscribe?.(() => void this.#look()) ?? (() => undefined);
  }

  /** Who is signed in, as far as is known; `null` before `ready`. */
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

  /** Whose access token this is, where it is of the session that is kept. */
  async holderOf(accessToken: string): Promise<User | null> {
    const kept = await this.#look();
    return kept?.session.accessToken === accessToken ? kept.session.user : null;
  }

  /** Takes a session, however it was made. One of another person takes the place of the one there was. */
  async use(session: Session): Promise<void> {
    if (typeof session?.accessToken !== 'string' || typeof session.user?.id !== 'string') {
      throw new LiveSupportError('UNEXPECTED', 'this is no session');
    }
    await this.#write({ session, expiresAt: this.#deps.clock.now() + session.expiresIn * 1000, refreshSentAt: null });
    this.#become(session.user, 'signedIn');
  }

  /** Forgets the session. The service isn't told: that is `signOut` of the client. */
  async end(): Promise<void> {
    await this.#forget('signedOut');
  }

  async accessToken({
    signal,
    refused,
  }: CallOptions & { readonly refused?: string | undefined } = {}): Promise<string> {
    for (let renewals = 0; ; renewals += 1) {
      signal?.throwIfAborted();
      const kept = await this.#look();
      if (kept && (renewals > MOST_RENEWALS || this.#isUsable(kept, refused))) return kept.session.accessToken;
      this.#renewing ??= this.#renew(refused).finally(() => {
        this.#renewing = undefined;
      });
      await unlessAborted(signal, this.#renewing);
    }
  }

  /** As `accessToken`, of a session that the service has just said is alive. */
  async verified(options: CallOptions = {}): Promise<string> {
    const token = await this.accessToken(options);
    try {
      await this.#deps.wire.send('getMe', options, token);
      return token;
    } catch (error) {
      if (!(error instanceof LiveSupportError) || error.code !== 'INVALID_TOKEN') throw error;
      return this.accessToken({ ...options, refused: token });
    }
  }

  /** Nothing is renewed any more. */
  stop(): void {
    this.#unsubscribe();
    this.#ended.abort(new LiveSupportError('CLOSED', 'the client is closed'));
  }

  #isUsable({ session, expiresAt }: Kept, refused: string | undefined): boolean {
    return session.accessToken !== refused && expiresAt - this.#deps.clock.now() > LEEWAY_MS;
  }

  /** One at a time, in this tab and all others. Whoever comes second finds what the first one has stored. */
  async #renew(refused: string | undefined): Promise<void> {
    await this.#deps.locks.request(`${this.#deps.key}:refresh`, async () => {
      this.#ended.signal.throwIfAborted();
      const kept = await this.#look();
      if (!kept) return this.#obtain('signedOut');
      if (!this.#isUsable(kept, refused)) return this.#refresh(kept);
    });
  }

  async #refresh(kept: Kept): Promise<void> {
    const { clock, random, wire } = this.#deps;
    const { signal } = this.#ended;
    let sentAt = kept.refreshSentAt;
    // While the service can't be reached, the token isn't sent: an answer that got lost would cost the session.
    if (sentAt === null && clock.now() - wire.lastAnswerAt > REACHED_MS) await wire.send('health', { signal }, null);
    for (let attempt = 0; ; attempt += 1) {
      if (sentAt !== null && clock.now() - sentAt > REPEAT_MS) return this.#obtain('ended');
      const isFirst = sentAt === null;
      if (sentAt === null) {
        sentAt = clock.now();
        await this.#write({ ...kept, refreshSentAt: sentAt });
      }
      const { refreshToken } = kept.session;
      try {
        const session = await wire.send('refreshSession', { body: { refreshToken }, signal }, null, REFRESH_TIMEOUT_MS);
        return await this.use(session);
      } catch (error) {
        if (!(error instanceof LiveSupportError) || signal.aborted) throw error;
        if (error.code === 'INVALID_TOKEN' || error.code === 'VALIDATION_FAILED') {
          // Another tab may have signed somebody in meanwhile.
          const now = await this.#look();
          if (now && now.session.refreshToken !== refreshToken) return;
          return this.#obtain('ended');
        }
        if (!error.outcomeUnknown) {
          // Not spent, unless by an attempt before: too many of them, or something on the way that is none of the service's.
          if (isFirst) await this.#write(kept);
          throw error;
        }
        await sleep(clock, pause(BACKOFF, attempt, random), signal);
      }
    }
  }

  /** There is no session any more: asks for another one. */
  async #obtain(reason: 'signedOut' | 'ended'): Promise<void> {
    const { getSession } = this.#deps;
    if (!getSession) {
      await this.#forget(reason);
      throw new LiveSupportError('SIGNED_OUT', 'nobody is signed in');
    }
    const session = await getSession({ signal: this.#ended.signal });
    if (session) return this.use(session);
    await this.#forget(reason);
    throw new LiveSupportError('SIGNED_OUT', 'getSession returned no session');
  }

  /** What is kept now, maybe by another tab. */
  async #look(): Promise<Kept | null> {
    const text = await this.#deps.storage.get(this.#deps.key);
    const kept = text === null ? null : read(text);
    this.#become(kept?.session.user ?? null, kept ? 'restored' : 'signedOut');
    return kept;
  }

  async #write(kept: Kept): Promise<void> {
    await this.#deps.storage.set(this.#deps.key, JSON.stringify(kept));
  }

  async #forget(reason: 'signedOut' | 'ended'): Promise<void> {
    await this.#deps.storage.remove(this.#deps.key);
    this.#become(null, reason);
  }

  #become(user: User | null, reason: SessionReason): void {
    const before = this.#user;
    this.#user = user;
    if (before?.id !== user?.id) this.#emitter.emit('change', { user, reason });
  }
}

function read(text: string): Kept | null {
  try {
    const kept = JSON.parse(text) as Kept;
    return typeof kept.session.accessToken === 'string' ? kept : null;
  } catch {
    return null;
  }
}

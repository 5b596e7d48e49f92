import { type Clock, unlessAborted } from './clock.ts';
import type { Connection } from './connection.ts';
import { Emitter, type Undo } from './emitter.ts';
import { isRefusal, LiveSupportError } from './errors.ts';
import type { CallOptions } from './http.ts';
import type { ServerEvents, Availability as Status } from './protocol.ts';
import { signedOut } from './session.ts';

export interface AvailabilitySnapshot {
  /** `null` until the service has said so. */
  readonly status: Status | null;
  /** When it ends without a renewal, by the service's clock. */
  readonly until: string | null;
}

export interface AvailabilityEvents {
  /** Also when the service, the supervisor or another tab has decided it. */
  change: AvailabilitySnapshot;
}

export interface AvailabilityDependencies {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly renewEveryMs: number;
}

/** Whether an agent is given conversations. Available is a lease, which is renewed as long as this client lives. */
export class Availability {
  readonly #deps: AvailabilityDependencies;
  readonly #emitter = new Emitter<AvailabilityEvents>();
  readonly #undos: Undo[];
  #snapshot: AvailabilitySnapshot = { status: null, until: null };
  #timer: Undo = () => undefined;
  /** `resume` was called, and the service has not said yet how it is. */
  #isAsked = false;
  /** Questions of `resume` under way: they wait for the connection by themselves. */
  #asking = 0;
  /** Counts what the person has said: an answer to what was asked before that is too late. */
  #sets = 0;
  /** Counts what was told without being asked for: an answer to a renewal from before that may be older. */
  #told = 0;
  /** What the person has said last, until it is answered. */
  #setting: Promise<void> | undefined;
  /** Stands for who is signed in. */
  #person = {};
  #isStopped = false;

  /** @internal */
  constructor(deps: AvailabilityDependencies) {
    this.#deps = deps;
    this.#undos = [
      deps.connection.on('frame', (frame) => {
        // An answer is taken by who has asked.
        if (frame.event !== 'AVAILABILITY_SET' || frame.requestId !== undefined) return;
        this.#told += 1;
        this.#take(frame.data);
      }),
      // The lease has gone on meanwhile, if it was not too long.
      deps.connection.on('up', () => this.#renew()),
      deps.connection.on('wake', () => this.#renew()),
    ];
  }

  get snapshot(): AvailabilitySnapshot {
    return this.#snapshot;
  }

  on<N extends keyof AvailabilityEvents>(name: N, listener: (value: AvailabilityEvents[N]) => void): Undo {
    return this.#emitter.on(name, listener);
  }

  /** Call this when the person says so, and only then. Throws `LiveSupportError`: ask the person to try again. */
  async set(status: Status, options: CallOptions = {}): Promise<AvailabilitySnapshot> {
    // What the person says now counts, and not what was before.
    this.#isAsked = false;
    this.#sets += 1;
    const set = this.#sets;
    this.#deps.connection.want();
    try {
      const ask = () => this.#deps.connection.request('SET_AVAILABILITY', { status }, options);
      const answer = await unlessAborted(options.signal, this.#inTurn(ask));
      if (set === this.#sets) this.#take(answer);
    } catch (error) {
      if (set === this.#sets && error instanceof LiveSupportError && error.outcomeUnknown) {
        // The next renewal tells how it is.
        this.#isAsked = true;
        this.#plan();
      }
      throw error;
    }
    return this.#snapshot;
  }

  /**
   * Call this when your page loads: goes on being available, where the lease still runs, and finds out where it doesn't. It throws
   * where there is no answer for now. It is then asked again by itself until the service has answered or refused, and `change` tells.
   */
  async resume(options: CallOptions = {}): Promise<AvailabilitySnapshot> {
    this.#isAsked = true;
    this.#asking += 1;
    this.#plan();
    try {
      this.#deps.connection.want();
      await this.#extend(options);
    } finally {
      this.#asking -= 1;
    }
    return this.#snapshot;
  }

  /** After what was said before is answered: two at once could take effect in either order. */
  #inTurn<T>(ask: () => Promise<T>): Promise<T> {
    const person = this.#person;
    const askAs = () => {
      if (person !== this.#person) throw signedOut();
      return ask();
    };
    const asked = this.#setting ? this.#setting.then(askAs) : ask();
    const over = () => {
      if (this.#setting === setting) this.#setting = undefined;
    };
    const setting = asked.then(over, over);
    this.#setting = setting;
    return asked;
  }

  /** @internal For the client: it was another person's. */
  sessionChanged(): void {
    this.#person = {};
    this.#timer();
    this.#isAsked = false;
    this.#sets += 1;
    this.#become({ status: null, until: null });
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer();
    for (const undo of this.#undos) undo();
  }

  #take({ status, until }: ServerEvents['AVAILABILITY_SET']): void {
    this.#isAsked = false;
    this.#become({ status, until });
    this.#plan();
  }

  get #isToRenew(): boolean {
    return !this.#isStopped && (this.#isAsked || this.#snapshot.status === 'available');
  }

  #plan(): void {
    this.#timer();
    if (this.#isToRenew) this.#timer = this.#deps.clock.after(this.#deps.renewEveryMs, () => this.#renew());
  }

  /** Extends a lease that runs, and never begins one: what is answered decides. Without an answer the next minute tries again. */
  #renew(): void {
    if (!this.#isToRenew) return;
    this.#plan();
    if (!this.#deps.connection.isReady || this.#asking > 0) return;
    this.#extend().catch((error: unknown) => {
      if (!(error instanceof LiveSupportError)) throw error;
    });
  }

  /** Asks the service to extend a lease that runs. What it refuses for good is not asked again. */
  async #extend(options: CallOptions = {}): Promise<void> {
    const { connection } = this.#deps;
    const sets = this.#sets;
    const told = this.#told;
    try {
      const answer = await connection.request('SET_AVAILABILITY', { status: 'available', renew: true }, options);
      if (sets === this.#sets && told === this.#told) this.#take(answer);
    } catch (error) {
      // A connection that isn't there refuses nothing.
      if (sets === this.#sets && connection.isReady && error instanceof LiveSupportError && isRefusal(error))
        this.#isAsked = false;
      throw error;
    }
  }

  #become(snapshot: AvailabilitySnapshot): void {
    const { status, until } = this.#snapshot;
    if (status === snapshot.status && until === snapshot.until) return;
    this.#snapshot = snapshot;
    this.#emitter.emit('change', snapshot);
  }
}

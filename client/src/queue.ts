import { type Backoff, type Clock, pause, sleep, told, unlessAborted } from './clock.ts';
import type { Connection } from './connection.ts';
import { Emitter, oncePerTurn, type Undo } from './emitter.ts';
import { LiveSupportError } from './errors.ts';
import type { CallOptions } from './http.ts';
import type { ServerEvents, ServerFrame, StaffConversation, User } from './protocol.ts';

/** `idle`: not watched. `loading`: on the way to the truth. `live`: this is the queue, as far as anybody has been told. */
export type QueueState = 'idle' | 'loading' | 'live';

export interface QueueSnapshot {
  readonly state: QueueState;
  readonly error: LiveSupportError | null;
  /** The open ones: the most urgent first, then the oldest. */
  readonly conversations: readonly StaffConversation[];
}

export interface QueueEvents {
  /** Something has changed. Told once for what changes at once. */
  change: QueueSnapshot;
  /** A conversation has changed: also one that is not in the queue, such as one that an agent of the team has closed. */
  conversation: ServerEvents['QUEUE_CHANGED'];
  /** A conversation is not this person's to see any more. */
  removed: ServerEvents['QUEUE_REMOVED'];
  /** An agent's availability or capacity has changed. */
  agent: User;
}

export interface QueueDependencies {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly random: () => number;
  readonly backoff: Backoff;
}

const URGENCY = { urgent: 0, high: 1, normal: 2, low: 3 } as const;

const READINGS_KEPT = 3;

interface Known {
  readonly revision: number;
  readonly lastSeq: number;
  /** `null`: not in the queue, as of that revision. */
  readonly conversation: StaffConversation | null;
  /** The reading of the queue in which it was told. */
  readonly reading: number;
}

/** The live queue, for supervisors and admins. */
export class Queue {
  readonly #deps: QueueDependencies;
  readonly #emitter = new Emitter<QueueEvents>();
  readonly #undos: Undo[];
  #known = new Map<string, Known>();
  #state: QueueState = 'idle';
  #error: LiveSupportError | null = null;
  #isWanted = false;
  /** Counts the times that the queue was read from the beginning. */
  #reading = 0;
  #loading: Promise<void> | undefined;
  #isStale = false;
  #snapshot: QueueSnapshot | undefined;
  readonly #tell = oncePerTurn(() => this.#emitter.emit('change', this.snapshot));
  #stopped = new AbortController();

  /** @internal */
  constructor(deps: QueueDependencies) {
    this.#deps = deps;
    this.#undos = [
      deps.connection.on('frame', (frame) => this.#receive(frame)),
      deps.connection.on('up', () => this.#read()),
      deps.connection.on('wake', () => this.#read()),
      deps.connection.on('status', ({ state }) => {
        if (state !== 'ready' && this.#state === 'live') this.#set('loading');
      }),
    ];
  }

  get snapshot(): QueueSnapshot {
    this.#snapshot ??= {
      state: this.#state,
      error: this.#error,
      conversations: [...this.#known.values()].flatMap(({ conversation }) => conversation ?? []).sort(byUrgency),
    };
    return this.#snapshot;
  }

  on<N extends keyof QueueEvents>(name: N, listener: (value: QueueEvents[N]) => void): Undo {
    return this.#emitter.on(name, listener);
  }

  /** Watches, across every new socket, until `unwatch`. Returns once the whole queue is there. */
  async watch({ signal }: CallOptions = {}): Promise<QueueSnapshot> {
    signal?.throwIfAborted();
    const { connection } = this.#deps;
    if (!this.#isWanted) {
      this.#isWanted = true;
      this.#set('loading');
      connection.want();
      this.#read();
    }
    while (this.#state === 'loading') {
      if (this.#error && !this.#isWanted) throw this.#error;
      if (connection.status.state === 'closed') {
        throw (
          connection.status.error ??
          new LiveSupportError('CLOSED', `the connection is closed: ${connection.status.reason}`)
        );
      }
      await told(
        signal,
        (heard) => this.on('change', heard),
        (heard) => connection.on('status', heard),
      );
    }
    if (this.#error && !this.#isWanted) throw this.#error;
    return this.snapshot;
  }

  /** Watches no more. */
  async unwatch({ signal }: CallOptions = {}): Promise<void> {
    if (!this.#isWanted) return;
    this.#isWanted = false;
    this.#known.clear();
    this.#set('idle');
    const { connection } = this.#deps;
    // It could overtake what asks for a page.
    if (this.#loading) await unlessAborted(signal, this.#loading);
    if (this.#isWanted || !connection.isReady) return;
    try {
      await connection.request('UNWATCH_QUEUE', {}, { signal });
    } catch (error) {
      // A socket that is gone watches nothing.
      if (!(error instanceof LiveSupportError)) throw error;
    }
  }

  /** @internal For the client: what another person was told is forgotten. */
  sessionChanged(): void {
    this.#known.clear();
    if (this.#isWanted) this.#set('loading');
    this.#changed();
  }

  stop(): void {
    this.#isWanted = false;
    this.#stopped.abort(new LiveSupportError('CLOSED', 'the client is closed'));
    for (const undo of this.#undos) undo();
    this.#set('idle');
  }

  /** Reads the queue from the beginning. While that is done already, once more after it. */
  #read(): void {
    if (!this.#isWanted || !this.#deps.connection.isReady) return;
    if (this.#loading) {
      this.#isStale = true;
      return;
    }
    this.#loading = this.#readAll().finally(() => {
      this.#loading = undefined;
      if (!this.#isStale) return;
      this.#isStale = false;
      this.#read();
    });
  }

  async #readAll(): Promise<void> {
    const { connection, clock, random, backoff } = this.#deps;
    const { signal } = this.#stopped;
    for (let attempt = 0; this.#isWanted && connection.isReady && !signal.aborted; attempt += 1) {
      const { epoch } = connection;
      this.#reading += 1;
      try {
        let cursor: string | null | undefined;
        while (cursor !== null) {
          const page: ServerEvents['QUEUE_WATCHED'] = await connection.request(
            'WATCH_QUEUE',
            { ...(cursor && { cursor }) },
            { signal },
          );
          if (epoch !== connection.epoch || !this.#isWanted) return;
          for (const conversation of page.conversations) this.#take(conversation);
          cursor = page.nextCursor;
        }
        this.#forgetUntold();
        this.#error = null;
        return this.#set('live');
      } catch (error) {
        if (!(error instanceof LiveSupportError) || signal.aborted || !this.#isWanted) return;
        if (epoch !== connection.epoch || !connection.isReady) return;
        if (error.code === 'INVALID_TOKEN') return connection.distrust();
        this.#error = error;
        if (!error.retryable) {
          this.#isWanted = false;
          return this.#set('idle');
        }
        // Of what changes meanwhile, on a new socket, nobody tells.
        this.#set('loading');
        await sleep(clock, (error.retryAfter ?? 0) * 1000 + pause(backoff, attempt, random), signal).catch(
          () => undefined,
        );
      }
    }
  }

  /** What is in no page and was not told since is not there any more. Its revision is kept for a while: an older frame may be late. */
  #forgetUntold(): void {
    for (const [id, known] of this.#known) {
      if (known.reading < this.#reading - READINGS_KEPT) this.#known.delete(id);
      else if (known.reading < this.#reading) this.#known.set(id, { ...known, conversation: null });
    }
  }

  #receive(frame: ServerFrame): void {
    // Watched again before its end was told: that may have taken effect last.
    if (frame.event === 'QUEUE_STALE' || (frame.event === 'QUEUE_UNWATCHED' && this.#isWanted)) {
      if (this.#state === 'live') this.#set('loading');
      this.#read();
    } else if (frame.event === 'QUEUE_CHANGED') {
      if (this.#isWanted) this.#take(frame.data.conversation);
      this.#emitter.emit('conversation', frame.data);
    } else if (frame.event === 'QUEUE_REMOVED') {
      if (this.#isWanted) this.#remove(frame.data);
      this.#emitter.emit('removed', frame.data);
    } else if (frame.event === 'AGENT_CHANGED') this.#emitter.emit('agent', frame.data.user);
  }

  #take(given: StaffConversation): void {
    const had = this.#known.get(given.id);
    const { revision, lastSeq } = given;
    const isOlder =
      had && (revision < had.revision || (revision === had.revision && (lastSeq < had.lastSeq || !had.conversation)));
    const conversation = given.status === 'open' ? given : null;
    if (isOlder && had) this.#known.set(given.id, { ...had, reading: this.#reading });
    else this.#known.set(given.id, { revision, lastSeq, conversation, reading: this.#reading });
    this.#changed();
  }

  #remove({ conversationId, revision }: ServerEvents['QUEUE_REMOVED']): void {
    const had = this.#known.get(conversationId);
    if (had && had.revision > revision) return;
    // Kept, so that what is older and comes later doesn't bring it back.
    this.#known.set(conversationId, { revision, lastSeq: 0, conversation: null, reading: this.#reading });
    this.#changed();
  }

  #set(state: QueueState): void {
    this.#state = state;
    this.#changed();
  }

  #changed(): void {
    this.#snapshot = undefined;
    this.#tell();
  }
}

const byUrgency = (a: StaffConversation, b: StaffConversation): number =>
  URGENCY[a.priority] - URGENCY[b.priority] || a.createdAt.localeCompare(b.createdAt) || a.id.localeCompare(b.id);

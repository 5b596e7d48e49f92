import { type Backoff, type Clock, pause } from './clock.ts';
import type { Undo } from './emitter.ts';
import { LiveSupportError } from './errors.ts';
import type { Locks } from './locks.ts';
import type { ClientEvents, ErrorCode, Message, Role, ServerEvents } from './protocol.ts';
import type { ClientStorage } from './storage.ts';

/** A message on its way. */
export interface OutgoingMessage {
  readonly clientMessageId: string;
  readonly conversationId: string;
  readonly content: string;
  /** When it was written, by this machine's clock. */
  readonly createdAt: number;
  /**
   * `sending`: kept, and sent until there is an answer. `accepted`: the service has stored it; it is among the messages in a
   * moment. `failed`: the service has refused it for good, and says why in `error`: `retry` it, or `discard` it.
   */
  readonly state: 'sending' | 'accepted' | 'failed';
  readonly error: LiveSupportError | null;
  /** Its place in the conversation, once it is accepted. */
  readonly seq: number | null;
}

/** What `send` returns: the message as it was at that moment, and a promise of its end. */
export interface Sending extends OutgoingMessage {
  /**
   * Fulfils once the service has stored the message, which may be long after, and rejects once it has refused it. Nobody has to
   * wait for it.
   */
  readonly accepted: Promise<{ readonly clientMessageId: string; readonly seq: number }>;
}

/** As it is kept in the storage. */
interface Kept {
  readonly id: string;
  readonly conversationId: string;
  readonly content: string;
  readonly createdAt: number;
  /** Its place among the user's messages that are on their way. */
  readonly order: number;
  /** The message of the same sender that comes before it, where that one was on its way. */
  readonly after: string | null;
  /** The tab that sends it. */
  readonly tab: string;
  readonly failed: { readonly code: ErrorCode; readonly message: string } | null;
}

interface Entry {
  kept: Kept;
  state: OutgoingMessage['state'];
  error: LiveSupportError | null;
  seq: number | null;
  isUnderWay: boolean;
  /** Whether this tab sends it. */
  isOwn: boolean;
  readonly accepted: Promise<{ clientMessageId: string; seq: number }>;
  resolve(seq: number): void;
  reject(error: LiveSupportError): void;
}

/** Messages of a conversation that are under way at once. More would only wait at the service. */
const WINDOW = 4;
/** How long another tab may take with a message that one of this tab's comes after. */
const OTHER_TAB_MS = 5_000;
/** Codes after which a message is sent again, unchanged. */
const AGAIN: ReadonlySet<string> = new Set([
  'UNAVAILABLE',
  'INTERNAL',
  'NETWORK',
  'TIMEOUT',
  'OUT_OF_ORDER',
  'CONFLICT',
  'RATE_LIMITED',
  'NOT_JOINED',
  'INVALID_TOKEN',
  'CLOSED',
  'SIGNED_OUT',
  'UNEXPECTED',
]);

export interface OutboxDependencies {
  readonly clock: Clock;
  readonly random: () => number;
  readonly newId: () => string;
  readonly storage: ClientStorage;
  readonly locks: Locks;
  /** What the keys of the storage begin with. */
  readonly prefix: string;
  /** The name of this tab, and of the lock that it has as long as it lives. */
  readonly tab: string;
  readonly backoff: Backoff;
  /** Another tab is gone: this one sends what that has left. */
  onTabGone(): void;
}

/** How the outbox of a conversation reaches the service. */
export interface Carrier {
  /** Whether messages may be sent now. */
  canSend(): boolean;
  send(data: ClientEvents['SEND_MESSAGE']['data']): Promise<ServerEvents['MESSAGE_ACCEPTED']>;
  /** The connection isn't in the room. */
  rejoin(): void;
  /** The service takes the session for none. */
  distrust(): void;
  changed(): void;
}

/** Everybody's messages that are on their way, as they are kept. */
export class Outbox {
  readonly #deps: OutboxDependencies;
  #lastOrder = 0;
  /** One after the other, so that what was written last is what is kept. */
  #writes: Promise<unknown> = Promise.resolve();
  /** Whether each other tab that has written something is gone. */
  readonly #tabs = new Map<string, boolean>();
  /** Who has turned out to be who here. */
  #handedOver: { readonly from: string; readonly to: string } | undefined;

  /** @internal */
  constructor(deps: OutboxDependencies) {
    this.#deps = deps;
  }

  get deps(): OutboxDependencies {
    return this.#deps;
  }

  /** The conversations in which there is something of this user's to be sent that other tabs have left. */
  async leftovers(userId: string): Promise<string[]> {
    if (this.#handedOver?.to === userId) await this.handOver(this.#handedOver.from, userId);
    const left = (await this.load(userId)).filter(
      ({ tab, failed }) => !failed && tab !== this.#deps.tab && this.sendsFor(tab),
    );
    return [...new Set(left.map(({ conversationId }) => conversationId))];
  }

  /** Whether this tab sends what that one has written. Of one that lives it is told when that is gone. Sent by two, a message is still one. */
  sendsFor(tab: string): boolean {
    const { tab: own, locks, onTabGone } = this.#deps;
    if (tab === own) return true;
    const isGone = this.#tabs.get(tab);
    if (isGone === undefined) {
      this.#tabs.set(tab, false);
      void locks
        .request(tab, async () => undefined)
        .catch(() => undefined)
        .then(() => {
          this.#tabs.set(tab, true);
          onTabGone();
        });
    }
    return isGone === true;
  }

  /** Everything that is kept of this user, in order; of one conversation, where one is named. */
  async load(userId: string, conversationId?: string): Promise<Kept[]> {
    const { storage } = this.#deps;
    const prefix = `${this.#deps.prefix}${userId}:${conversationId === undefined ? '' : `${conversationId}:`}`;
    await this.#writes;
    const texts = await Promise.all((await storage.keys(prefix)).map((key) => storage.get(key)));
    const kept = texts.flatMap((text) => (text === null ? [] : read(text)));
    for (const { order } of kept) this.#lastOrder = Math.max(this.#lastOrder, order);
    return kept.sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1));
  }

  /**
   * One person has turned out to be the other: what is kept of the first is the other's from now on. Another tab may write for the first
   * until it hears of it.
   */
  async handOver(from: string, to: string): Promise<void> {
    this.#handedOver = { from, to };
    for (const kept of await this.load(from)) {
      this.save(to, kept);
      this.remove(from, kept);
    }
    await this.#writes;
  }

  /** The next place among the messages: the time, and later than any before. */
  nextOrder(): number {
    this.#lastOrder = Math.max(this.#lastOrder + 1, this.#deps.clock.now());
    return this.#lastOrder;
  }

  save(userId: string, kept: Kept): void {
    this.#write(() => this.#deps.storage.set(this.#key(userId, kept), JSON.stringify(kept)));
  }

  remove(userId: string, kept: Kept): void {
    this.#write(() => this.#deps.storage.remove(this.#key(userId, kept)));
  }

  #key(userId: string, { conversationId, id }: Kept): string {
    return `${this.#deps.prefix}${userId}:${conversationId}:${id}`;
  }

  /** A storage that is full or gone keeps no message from being sent. */
  #write(work: () => unknown): void {
    this.#writes = this.#writes.then(work).catch(() => undefined);
  }
}

/** The messages of one user in one conversation that are on their way. */
export class ConversationOutbox {
  readonly #outbox: Outbox;
  readonly #carrier: Carrier;
  readonly #userId: string;
  readonly #role: Role;
  readonly #conversationId: string;
  #entries: Entry[] = [];
  #failures = 0;
  #pausedUntil = 0;
  #wake: Undo = () => undefined;
  #isStopped = false;
  /** Whether what earlier pages have left is known. */
  isRead = false;
  /** What is stored, or was discarded: what was read of the storage before that, and comes after it, doesn't bring it back. */
  readonly #over = new Set<string>();
  /** What the persons before had here, one of whom may turn out to be this one: somebody waits for the end of a message. */
  readonly #before: Map<string, Entry>;

  constructor(
    outbox: Outbox,
    carrier: Carrier,
    user: { readonly id: string; readonly role: Role },
    conversationId: string,
    before?: ConversationOutbox,
  ) {
    const entries = (before ? before.#entries : []).map((entry) => [entry.kept.id, entry] as const);
    this.#before = new Map([...(before ? before.#before : []), ...entries]);
    this.#outbox = outbox;
    this.#carrier = carrier;
    this.#userId = user.id;
    this.#role = user.role;
    this.#conversationId = conversationId;
  }

  get userId(): string {
    return this.#userId;
  }

  get role(): Role {
    return this.#role;
  }

  /** Whether there is something to be sent by this tab. */
  get isPending(): boolean {
    return this.#entries.some(({ state, isOwn }) => state === 'sending' && isOwn);
  }

  get messages(): readonly OutgoingMessage[] {
    return this.#entries.map(shown);
  }

  /** The last message that is on its way. */
  get last(): string | undefined {
    return this.#entries.findLast(({ state }) => state === 'sending')?.kept.id;
  }

  send(content: string): Sending {
    const { newId, clock, tab } = this.#outbox.deps;
    return this.#post({
      id: newId(),
      conversationId: this.#conversationId,
      content,
      createdAt: clock.now(),
      order: this.#outbox.nextOrder(),
      after: this.last ?? null,
      tab,
      failed: null,
    });
  }

  #post(kept: Kept): Sending {
    const entry = this.#take(kept);
    this.#outbox.save(this.#userId, kept);
    this.#carrier.changed();
    this.pump();
    return { ...shown(entry), accepted: entry.accepted };
  }

  /** Sends a refused message once more, as the last one. `undefined` where there is no such refused message. */
  retry(id: string): Sending | undefined {
    const entry = this.#find(id);
    if (entry?.state !== 'failed') return undefined;
    const { tab } = this.#outbox.deps;
    this.#entries = this.#entries.filter((other) => other !== entry);
    return this.#post({ ...entry.kept, order: this.#outbox.nextOrder(), after: this.last ?? null, tab, failed: null });
  }

  /** Forgets a refused message. */
  discard(id: string): void {
    const entry = this.#find(id);
    if (entry?.state !== 'failed') return;
    this.#drop(entry);
    this.#carrier.changed();
  }

  /** Takes what the storage has: after a reload, and of other tabs. */
  async sync(): Promise<void> {
    const hadFailed = new Set(this.#entries.filter(({ state }) => state === 'failed'));
    const all = await this.#outbox.load(this.#userId, this.#conversationId);
    if (this.#isStopped) return;
    this.isRead = true;
    const there = new Map(all.map((kept) => [kept.id, kept]));
    // Another tab may have sent it, sent it once more, or discarded it.
    this.#entries = this.#entries.filter((entry) => {
      const kept = there.get(entry.kept.id);
      if (entry.state === 'failed' && hadFailed.has(entry)) return kept !== undefined && kept.failed !== null;
      return entry.isOwn || entry.state === 'accepted' || kept !== undefined;
    });
    for (const kept of all) {
      const known = this.#find(kept.id);
      if (known) {
        known.isOwn ||= this.#outbox.sendsFor(kept.tab);
        if (!known.isOwn) this.#update(known, kept);
      } else if (this.#over.has(kept.id)) this.#outbox.remove(this.#userId, kept);
      else this.#take(kept);
    }
    this.#entries.sort((a, b) => a.kept.order - b.kept.order || (a.kept.id < b.kept.id ? -1 : 1));
    this.#chain();
    this.#carrier.changed();
    this.pump();
  }

  /** A message that was written before it was known what earlier pages had left comes after that. */
  #chain(): void {
    let before: Entry | undefined;
    for (const entry of this.#entries) {
      if (entry.state !== 'sending') continue;
      if (before && entry.isOwn && !entry.isUnderWay && entry.kept.after === null) {
        entry.kept = { ...entry.kept, after: before.kept.id };
        this.#outbox.save(this.#userId, entry.kept);
      }
      before = entry;
    }
  }

  /** Sends what may be sent. Each names the one before, so that no answer has to be waited for. */
  pump(): void {
    const { clock } = this.#outbox.deps;
    if (this.#isStopped || !this.#carrier.canSend() || clock.now() < this.#pausedUntil) return;
    let free = WINDOW - this.#entries.filter(({ isUnderWay }) => isUnderWay).length;
    for (const entry of this.#entries) {
      if (free <= 0) return;
      if (entry.state !== 'sending' || entry.isUnderWay) continue;
      if (!entry.isOwn && !this.#takesOver(entry)) continue;
      if (this.#waitsForOther(entry)) return;
      free -= 1;
      void this.#send(entry);
    }
  }

  /** Whether this message comes after one that another tab is sending: there it is sooner done than waited for at the service. */
  #waitsForOther(entry: Entry): boolean {
    return this.#first(entry)?.isOwn === false;
  }

  /**
   * The message that this one comes after, while that is on its way: what is stored already, or was given up, is not to be waited for.
   * Nor is one that was refused and is sent once more, which comes last: that one waits for this one.
   */
  #first(entry: Entry): Entry | undefined {
    const before = this.#entries.slice(0, this.#entries.indexOf(entry));
    return before.find(({ kept, state }) => state === 'sending' && kept.id === entry.kept.after);
  }

  /** Another tab may be asleep. What one of this tab's messages has waited for so long, this tab sends, too: it is still one message. */
  #takesOver(entry: Entry): boolean {
    const { clock } = this.#outbox.deps;
    const waiting = this.#entries.find(
      ({ kept, isOwn, state }) => isOwn && state === 'sending' && kept.order > entry.kept.order,
    );
    if (!waiting) return false;
    // Of a clock that was set back as little is waited.
    const left = OTHER_TAB_MS - Math.abs(clock.now() - waiting.kept.createdAt);
    if (left > 0) {
      this.#wake();
      this.#wake = clock.after(left, () => this.pump());
    } else entry.isOwn = true;
    return entry.isOwn;
  }

  /** A message of the conversation: it may be one of these. */
  stored({ clientMessageId, seq, senderRole }: Message): void {
    if (clientMessageId === null || senderRole !== this.#role) return;
    this.#accept(clientMessageId, seq);
  }

  /** For an acknowledgement that nobody waits for any more. */
  acknowledged({ clientMessageId, seq }: ServerEvents['MESSAGE_ACCEPTED']): void {
    if (clientMessageId !== null) this.#accept(clientMessageId, seq);
  }

  /** Those that are among the messages need not be shown beside them. */
  seen(end: number): void {
    const before = this.#entries.length;
    this.#entries = this.#entries.filter(({ state, seq }) => state !== 'accepted' || seq === null || seq > end);
    if (this.#entries.length !== before) this.#carrier.changed();
  }

  /** Nothing more is taken in this conversation. */
  refuseAll(error: LiveSupportError): void {
    for (const entry of this.#entries) if (entry.state === 'sending') this.#fail(entry, error);
  }

  /** Sends nothing more. With an error nobody comes back for it either, and whoever waits for a message's end is told so. */
  stop(error?: LiveSupportError): void {
    this.#isStopped = true;
    this.#wake();
    if (!error) return;
    for (const { state, reject } of [...this.#entries, ...this.#before.values()])
      if (state === 'sending') reject(error);
  }

  async #send(entry: Entry): Promise<void> {
    entry.isUnderWay = true;
    const { id, content } = entry.kept;
    const first = this.#first(entry);
    try {
      const answer = await this.#carrier.send({
        conversationId: this.#conversationId,
        content,
        clientMessageId: id,
        ...(first && { after: first.kept.id }),
      });
      entry.isUnderWay = false;
      this.#failures = 0;
      this.#accept(id, answer.seq);
    } catch (error) {
      entry.isUnderWay = false;
      if (this.#isStopped) return;
      // What was seen among the messages meanwhile needs no answer.
      if (entry.state === 'sending') {
        if (!(error instanceof LiveSupportError)) return this.#pause(null);
        if (AGAIN.has(error.code)) return this.#again(error, first);
        this.#fail(entry, error);
      }
    }
    // There is room for another one.
    this.pump();
  }

  /** `first` is the message that the refused one comes after. */
  #again(error: LiveSupportError, first: Entry | undefined): void {
    if (error.code === 'NOT_JOINED') this.#carrier.rejoin();
    // It got lost, or is late: sent again alone, this one would wait for it in vain once more, which counts as ten messages.
    if (error.code === 'OUT_OF_ORDER' && first) first.isUnderWay = false;
    if (error.code === 'INVALID_TOKEN') this.#carrier.distrust();
    this.#pause(error.retryAfter);
  }

  /** Nothing is sent for a while, longer each time in a row. */
  #pause(retryAfter: number | null): void {
    const { clock, random, backoff } = this.#outbox.deps;
    // Messages that were under way together fail together: one pause, the longest.
    const left = this.#pausedUntil - clock.now();
    const ms = Math.max((retryAfter ?? 0) * 1000, left > 0 ? 0 : pause(backoff, this.#failures, random));
    if (ms < left) return;
    if (left <= 0) this.#failures += 1;
    this.#pausedUntil = clock.now() + ms;
    this.#wake();
    this.#wake = clock.after(ms, () => {
      // Not by the clock, which may have been set back.
      this.#pausedUntil = 0;
      this.pump();
    });
  }

  #accept(id: string, seq: number): void {
    this.#over.add(id);
    // What this person, or the one they were, has left may not be read yet.
    const entry = this.#find(id) ?? this.#before.get(id);
    if (!entry || entry.state === 'accepted') return;
    entry.state = 'accepted';
    entry.seq = seq;
    entry.error = null;
    this.#outbox.remove(this.#userId, entry.kept);
    entry.resolve(seq);
    this.#carrier.changed();
  }

  #fail(entry: Entry, error: LiveSupportError): void {
    this.#refused(entry, error);
    entry.kept = { ...entry.kept, failed: { code: error.code as ErrorCode, message: error.message } };
    this.#outbox.save(this.#userId, entry.kept);
    this.#carrier.changed();
  }

  /** Messages that were to come after a refused one come after the one before it. */
  #refused(entry: Entry, error: LiveSupportError): void {
    entry.state = 'failed';
    entry.error = error;
    entry.reject(error);
    for (const other of this.#entries) {
      if (other.kept.after !== entry.kept.id) continue;
      other.kept = { ...other.kept, after: entry.kept.after };
      if (other.isOwn) this.#outbox.save(this.#userId, other.kept);
    }
  }

  #drop(entry: Entry): void {
    this.#over.add(entry.kept.id);
    this.#entries = this.#entries.filter((other) => other !== entry);
    this.#outbox.remove(this.#userId, entry.kept);
  }

  #find(id: string): Entry | undefined {
    return this.#entries.find(({ kept }) => kept.id === id);
  }

  #take(kept: Kept): Entry {
    const isOwn = this.#outbox.sendsFor(kept.tab);
    const before = this.#before.get(kept.id);
    this.#before.delete(kept.id);
    // What was refused, and is sent once more, has another end.
    const goesOn = before && (before.state !== 'failed' || kept.failed);
    const entry = goesOn ? { ...before, kept, isUnderWay: false, isOwn } : newEntry(kept, isOwn);
    this.#entries.push(entry);
    this.#update(entry, kept);
    // Its answer came as it was handed over.
    if (entry.state === 'accepted') this.#outbox.remove(this.#userId, kept);
    return entry;
  }

  #update(entry: Entry, kept: Kept): void {
    entry.kept = kept;
    if (kept.failed && entry.state === 'sending') {
      this.#refused(entry, new LiveSupportError(kept.failed.code, kept.failed.message));
    }
  }
}

function newEntry(kept: Kept, isOwn: boolean): Entry {
  let resolve: (seq: number) => void = () => undefined;
  let reject: (error: LiveSupportError) => void = () => undefined;
  const accepted = new Promise<{ clientMessageId: string; seq: number }>((fulfil, refuse) => {
    resolve = (seq) => fulfil({ clientMessageId: kept.id, seq });
    reject = refuse;
  });
  // Nobody has to wait for it.
  accepted.catch(() => undefined);
  return { kept, state: 'sending', error: null, seq: null, isUnderWay: false, isOwn, accepted, resolve, reject };
}

const shown = ({ kept, state, error, seq }: Entry): OutgoingMessage => ({
  clientMessageId: kept.id,
  conversationId: kept.conversationId,
  content: kept.content,
  createdAt: kept.createdAt,
  state,
  error,
  seq,
});

function read(text: string): Kept[] {
  try {
    const kept = JSON.parse(text) as Kept;
    return typeof kept.id === 'string' && typeof kept.content === 'string' ? [kept] : [];
  } catch {
    return [];
  }
}

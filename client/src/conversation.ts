import { type Backoff, type Clock, pause, sleep, told, unlessAborted } from './clock.ts';
import type { Connection } from './connection.ts';
import { Emitter, oncePerTurn, type Undo } from './emitter.ts';
import { isRefusal, LiveSupportError, madeHere } from './errors.ts';
import type { CallOptions, Http } from './http.ts';
import { MessageList } from './messageList.ts';
import { ConversationOutbox, type Outbox, type OutgoingMessage, type Sending } from './outbox.ts';
import type { Page } from './page.ts';
import type {
  Conversation,
  HeldConversation,
  Message,
  Note,
  OwnConversation,
  ServerEventName,
  ServerEvents,
  ServerFrame,
  StaffConversation,
  User,
} from './protocol.ts';
import type { SessionKeeper } from './session.ts';

/** A conversation as it was told last, by whichever answer or frame: the staff are told more than customers are. */
export type AnyConversation = Conversation &
  Partial<Omit<StaffConversation & HeldConversation & OwnConversation, keyof Conversation>>;

/**
 * How the view is.
 * `idle`: not joined, or left. `joining`: on its way into the room, or back. `live`: in the room, and nothing is missing.
 * `ended`: nothing more comes; `reason` says why.
 */
export type ConversationState = 'idle' | 'joining' | 'live' | 'ended';

/** Why a view has ended: the conversation is closed, and read to its end; or it is not this person's to see, or no longer. */
export type EndReason = 'closed' | 'lost';

/** Everything that is known of a conversation, at one moment. It never changes: the next moment has another one. */
export interface ConversationSnapshot {
  readonly id: string;
  readonly state: ConversationState;
  readonly reason: EndReason | null;
  /** What keeps the view from being live, where something does. */
  readonly error: LiveSupportError | null;
  readonly conversation: AnyConversation | null;
  /** In order, without a hole or a repeat, from the message after `firstSeq` on. */
  readonly messages: readonly Message[];
  /** Whether there are earlier messages that were not asked for: see `loadEarlier`. */
  readonly hasEarlier: boolean;
  /** What this person has sent and the messages don't hold yet, in order. */
  readonly outbox: readonly OutgoingMessage[];
  /** Up to where each person has read. */
  readonly readSeqs: Readonly<Record<string, number>>;
  /** How many messages of the other side this person hasn't read; `null` where that can't be told. */
  readonly unread: number | null;
  /** Who is there, by their ids. A hint. */
  readonly present: readonly string[];
  /** Who is typing, by their ids, this person not among them. */
  readonly typing: readonly string[];
}

export interface ConversationEvents {
  /** Something has changed. Told once for what changes at once. */
  change: ConversationSnapshot;
  /** Each message once, in order, those of the past included, as soon as somebody has joined. */
  message: Message;
  /** A note of the staff's was added. */
  note: Note;
  /** The view has ended. */
  ended: { readonly reason: EndReason };
}

export interface JoinOptions extends CallOptions {
  /** Begin with so many of the last messages, instead of with the first one. Counts only the first time. */
  readonly last?: number;
}

export interface ConversationDependencies {
  readonly connection: Connection;
  readonly http: Http;
  readonly session: SessionKeeper;
  readonly clock: Clock;
  readonly random: () => number;
  readonly newId: () => string;
  readonly page: Page;
  readonly outbox: Outbox;
  readonly backoff: Backoff;
}

/** Frames overtake each other: what is missing for so long is asked for. */
const GAP_MS = 300;
const TYPING_EVERY_MS = 3_000;
/** Who hasn't pressed a key for so long has stopped typing. */
const TYPING_ENDS_MS = 5_000;
/** Whoever hears of somebody typing forgets it after this. */
const TYPING_SHOWN_MS = 8_000;
const READ_EVERY_MS = 1_000;
const PAGE = 200;

/** One conversation, kept up to date. */
export class ConversationView {
  readonly id: string;
  readonly #deps: ConversationDependencies;
  readonly #emitter = new Emitter<ConversationEvents>();
  #list = new MessageList();
  /** With how many of the last messages the list begins, where the application has said so. */
  #last: number | undefined;
  /** The list's beginning is settled. */
  #hasBegun = false;
  /** Up to where `message` has told, and whom: a visitor, and the customer that the visitor has become, are one person. */
  #toldSeq = 0;
  readonly #toldTo = new Set<string>();
  #outbox: ConversationOutbox | undefined;
  /** Of who was signed in before. */
  #outboxBefore: ConversationOutbox | undefined;
  #conversation: AnyConversation | null = null;
  #state: ConversationState = 'idle';
  #reason: EndReason | null = null;
  #error: LiveSupportError | null = null;
  #readSeqs: Record<string, number> = {};
  #present: readonly string[] = [];
  /** Who came or went, as told since the join was asked for that is not answered yet. */
  readonly #cameOrWent = new Map<string, boolean>();
  readonly #typing = new Map<string, Undo>();
  /** The application wants to be in the room. */
  #isWanted = false;
  /** The socket on which this view is in the room; 0 for none. */
  #joinedEpoch = 0;
  /** How often it was given to somebody, or back. */
  #moves = 0;
  /** The service has said that the conversation is closed. */
  #isClosed = false;
  /** The work that brings the view up to date, while it runs. */
  #syncing: Promise<void> | undefined;
  /** The join that is under way: it is carried out even where nobody waits for it any more. */
  #joining: Promise<unknown> | undefined;
  #syncAgain = false;
  #failures = 0;
  #gap: Undo | undefined;
  #stopped = new AbortController();
  #snapshot: ConversationSnapshot | undefined;
  readonly #tell = oncePerTurn(() => this.#emitter.emit('change', this.snapshot));
  #typedAt = 0;
  #typingEnds: Undo | undefined;
  /** Up to where the application says that messages are on the screen, and up to where somebody has looked at it since. */
  #wantsRead = 0;
  #seenRead = 0;
  #markedRead = 0;
  /** What is said and not answered yet. */
  #markingRead = 0;
  #readPause: Undo | undefined;
  /** The pause is for what has failed, and not the one between two marks. */
  #isReadHeldOff = false;
  readonly #undos: Undo[];
  /** What each server event about this conversation does. */
  readonly #told: { readonly [N in ServerEventName]?: (data: ServerEvents[N]) => void } = {
    NEW_MESSAGE: (message) => this.#heard(message),
    MESSAGE_ACCEPTED: (data) => {
      this.#outbox?.acknowledged(data);
      // A repeat's may be among the messages, or before them.
      this.#outbox?.seen(this.#list.end);
      this.#expect(data.seq);
    },
    CONVERSATION_ASSIGNED: ({ conversation }) => this.#moved(conversation),
    CONVERSATION_REQUEUED: ({ conversation }) => this.#moved(conversation),
    QUEUE_CHANGED: ({ conversation }) => this.#take(conversation),
    CONVERSATION_CLOSED: (data) => this.#closed(data),
    TYPING: ({ userId, typing }) => this.#isTyping(userId, typing),
    MESSAGES_READ: ({ userId, seq }) => {
      this.#noteRead(userId, seq);
      this.#changed();
    },
    CONVERSATION_LEFT: () => this.#left(),
    PARTICIPANT_JOINED: ({ userId }) => this.#isThere(userId, true),
    PARTICIPANT_LEFT: ({ userId }) => this.#isThere(userId, false),
    NOTE_ADDED: ({ note }) => this.#emitter.emit('note', note),
  };

  /** @internal */
  constructor(id: string, deps: ConversationDependencies) {
    this.id = id;
    this.#deps = deps;
    this.#undos = [
      deps.connection.on('frame', (frame) => this.#receive(frame)),
      deps.connection.on('up', () => this.#up()),
      deps.connection.on('status', ({ state }) => {
        if (state !== 'ready') this.#down();
      }),
      deps.connection.on('wake', () => this.#goOn()),
      deps.page.onChange(() => this.#pageChanged()),
    ];
    this.#openOutbox();
  }

  get snapshot(): ConversationSnapshot {
    this.#snapshot ??= {
      id: this.id,
      state: this.#state,
      reason: this.#reason,
      error: this.#error,
      conversation: this.#conversation,
      messages: this.#list.messages,
      hasEarlier: this.#list.hasEarlier,
      outbox: this.#outbox?.messages ?? [],
      readSeqs: { ...this.#readSeqs },
      unread: this.#unread(),
      present: this.#present,
      typing: [...this.#typing.keys()],
    };
    return this.#snapshot;
  }

  on<N extends keyof ConversationEvents>(name: N, listener: (value: ConversationEvents[N]) => void): Undo {
    return this.#emitter.on(name, listener);
  }

  /**
   * Enters the room, reads what was said, and stays, across every new socket, until `leave`. Returns once nothing is missing.
   * Throws `LiveSupportError` where the conversation is not this person's to see; of a closed one the history is read.
   */
  async join({ signal, last }: JoinOptions = {}): Promise<ConversationSnapshot> {
    signal?.throwIfAborted();
    this.#isWanted = true;
    if (!this.#hasBegun) this.#last ??= last;
    if (this.#state === 'idle' || (this.#state === 'ended' && this.#reason === 'lost')) this.#set('joining');
    // What was read for the outbox's sake.
    this.#tellMessages();
    this.#deps.connection.want();
    this.#goOn();
    await this.#settled(signal);
    if (this.#state === 'ended' && this.#reason === 'lost' && this.#error) throw this.#error;
    if (this.#state === 'idle' && !this.#deps.session.user)
      throw new LiveSupportError('SIGNED_OUT', 'nobody is signed in');
    return this.snapshot;
  }

  /** Leaves the room. What is in the outbox is still sent. */
  async leave({ signal }: CallOptions = {}): Promise<void> {
    this.#isWanted = false;
    if (this.#state !== 'ended') this.#set('idle');
    if (this.#outbox?.isPending || this.#joinedEpoch === 0) return;
    await this.#out(signal);
  }

  /**
   * Puts a message into the outbox, which sends it as soon as it can, after those before it. Throws `LiveSupportError` where nobody is
   * signed in, or the client is closed or has forgotten this view: nothing is kept then.
   */
  send(content: string): Sending {
    this.#stopped.signal.throwIfAborted();
    const outbox = this.#openOutbox();
    if (!outbox) throw new LiveSupportError('SIGNED_OUT', 'nobody is signed in');
    this.#typingStopped();
    const sending = outbox.send(content);
    this.#deps.connection.want();
    return sending;
  }

  /** Sends a failed message once more. */
  retry(clientMessageId: string): Sending | undefined {
    return this.#outbox?.retry(clientMessageId);
  }

  /** Forgets a failed message. */
  discard(clientMessageId: string): void {
    this.#outbox?.discard(clientMessageId);
  }

  /**
   * Every message after `afterSeq`, once and in order, as they come, and those that a `join({ last })` has left out; joins first. Ends
   * when the conversation has ended and is read to its end. An abort ends it with the signal's reason.
   */
  async *messages({
    afterSeq = 0,
    signal,
  }: CallOptions & { readonly afterSeq?: number } = {}): AsyncGenerator<Message, void, void> {
    if (!this.#isWanted || this.#reason === 'lost') await this.join({ signal });
    for (let seq = afterSeq + 1, failures = 0; ; ) {
      signal?.throwIfAborted();
      const list = this.#list;
      const { base } = list;
      if (seq <= base) {
        try {
          await this.loadEarlier({ count: Math.min(PAGE, base - seq + 1), signal });
        } catch (error) {
          if (this.#stopped.signal.aborted) return;
          if (list !== this.#list) continue;
          if (!(error instanceof LiveSupportError) || (isRefusal(error) && !(await this.#isStillOurs(signal))))
            throw error;
          // A network that is gone for longer than a call waits ends no reading.
          const { clock, random, backoff } = this.#deps;
          await sleep(clock, (error.retryAfter ?? 0) * 1000 + pause(backoff, failures, random), signal);
          failures += 1;
          continue;
        }
        failures = 0;
        // Of what was deleted after its time there are no earlier ones.
        if (list === this.#list && list.base === base) seq = base + 1;
        continue;
      }
      const message = this.#list.at(seq);
      if (message) {
        seq += 1;
        yield message;
      } else if (this.#state === 'ended' || this.#stopped.signal.aborted) return;
      else await told(signal, (heard) => this.on('change', heard));
    }
  }

  /** Reads so many of the messages before the first one. Returns whether there are still earlier ones. */
  async loadEarlier({ count = 50, signal }: CallOptions & { readonly count?: number } = {}): Promise<boolean> {
    const list = this.#list;
    if (!list.hasEarlier) return false;
    const { base } = list;
    const from = Math.max(0, base - count);
    const earlier: Message[] = [];
    for (let afterSeq: number | null = from; afterSeq !== null && afterSeq < base; ) {
      const page: { items: Message[]; nextAfterSeq: number | null } = await this.#page(
        afterSeq,
        Math.min(PAGE, base - afterSeq),
        signal,
      );
      earlier.push(...page.items);
      afterSeq = page.nextAfterSeq;
    }
    if (from < base && earlier.length === 0) list.isAllThereIs = true;
    list.prepend(earlier);
    for (const message of earlier) this.#outbox?.stored(message);
    this.#outbox?.seen(list.end);
    this.#changed();
    return this.#list.hasEarlier;
  }

  /**
   * Call this for each key that is pressed, with `false` when the field is emptied. The others are told at most every three
   * seconds, and when it ends: after five seconds without a call, when a message is sent, or when the page loses the focus.
   */
  typing(isTyping = true): void {
    if (!isTyping) {
      if (this.#typedAt > 0) this.#post(false);
      this.#typingStopped();
      return;
    }
    const { clock, page } = this.#deps;
    if (!page.isFocused()) return;
    this.#typingEnds?.();
    this.#typingEnds = clock.after(TYPING_ENDS_MS, () => this.typing(false));
    if (this.#typedAt > 0 && clock.now() - this.#typedAt < TYPING_EVERY_MS) return;
    this.#typedAt = clock.now();
    this.#post(true);
  }

  /**
   * Says that this person has seen the messages up to `seq`: the last one, where nothing else is said. Told at most once a
   * second, and when somebody looks away; not before somebody looks at the page.
   */
  markRead(seq: number = this.#list.end): void {
    const there = Math.max(this.#list.end, this.#conversation?.lastSeq ?? 0);
    this.#wantsRead = Math.max(this.#wantsRead, Math.min(seq, there));
    this.#look();
    this.#changed();
  }

  /**
   * Closes the conversation, as its agent, after everything in the outbox. Throws `LiveSupportError`. A close whose outcome is
   * unknown is tried again.
   */
  async close({ signal }: CallOptions = {}): Promise<void> {
    return this.#deps.session.during('signedIn', signal, (during) => this.#close(during));
  }

  async #close(signal: AbortSignal): Promise<void> {
    const { session, connection, clock, random, backoff } = this.#deps;
    for (let attempt = 0; ; attempt += 1) {
      try {
        // Who closes, and what an earlier page has left, may not be known yet.
        if (!this.#outbox?.isRead) {
          await session.accessToken({ signal });
          await this.#outbox?.sync();
        }
        const after = this.#outbox?.last;
        await connection.request(
          'CLOSE_CONVERSATION',
          { conversationId: this.id, ...(after !== undefined && { after }) },
          { signal },
        );
        return;
      } catch (error) {
        if (!(error instanceof LiveSupportError)) throw error;
        // The attempt before, whose answer was lost.
        if (error.code === 'CONVERSATION_CLOSED' && attempt > 0) {
          this.#isClosed = true;
          return this.#goOn();
        }
        const mayGoOn = error.outcomeUnknown || error.retryable;
        if (!mayGoOn || attempt >= 8) throw error;
        await sleep(clock, (error.retryAfter ?? 0) * 1000 + pause(backoff, attempt, random), signal);
      }
    }
  }

  /** Notes something for the staff. Repeated while that is safe. With a `clientNoteId` of yours, calling again makes no second note. */
  async addNote(
    content: string,
    { clientNoteId, signal }: CallOptions & { readonly clientNoteId?: string } = {},
  ): Promise<Note> {
    const { http, newId } = this.#deps;
    const body = { content, clientNoteId: clientNoteId ?? newId() };
    try {
      return await http.addNote({ params: { conversationId: this.id }, body, signal });
    } catch (error) {
      throw clientNoteId === undefined ? madeHere(error) : error;
    }
  }

  /** Takes a conversation that an answer of the HTTP API has brought, so that the view is as new as that. */
  update(conversation: AnyConversation): void {
    this.#take(conversation);
  }

  /** @internal For the client: somebody else is signed in, or nobody. What was another person's is forgotten. */
  sessionChanged(): void {
    const { user } = this.#deps.session;
    if (user && this.#outbox?.userId === user.id) return;
    if (!user && !this.#outbox) return;
    const isNew = this.#outbox !== undefined;
    // A customer's conversation is no other customer's: who sees it next is the same person, a visitor who has said who they are.
    // Who comes back was no visitor, and somebody else was here meanwhile.
    const isSame = this.#outbox?.role === 'candidate' && user?.role === 'candidate' && !this.#toldTo.has(user.id);
    if (!isSame) {
      this.#toldSeq = 0;
      this.#toldTo.clear();
    }
    this.#outbox?.stop();
    this.#outboxBefore = this.#outbox ?? this.#outboxBefore;
    this.#outbox = undefined;
    if (isNew) {
      this.#list = new MessageList();
      this.#hasBegun = false;
      this.#conversation = null;
      this.#readSeqs = {};
      this.#present = [];
      this.#wantsRead = 0;
      this.#seenRead = 0;
      this.#markedRead = 0;
      this.#joinedEpoch = 0;
      this.#isClosed = false;
      this.#error = null;
      this.#forgetTyping();
      this.#set('idle');
    }
    this.#openOutbox();
    // The next socket is this person's, and `up` goes on with it.
    if (user && this.#isWanted) this.#set('joining');
  }

  /** @internal For the client: other tabs may have changed the outbox. */
  storageChanged(): void {
    void this.#outbox?.sync();
  }

  /** @internal For the client: this view is over, and out of its room. */
  async forget(): Promise<void> {
    const { connection } = this.#deps;
    const { epoch } = connection;
    const isIn = this.#joinedEpoch > 0 || this.#joining !== undefined;
    this.stop();
    // A leave could overtake it.
    await this.#joining;
    if (isIn && connection.epoch === epoch && connection.isReady) await this.#sayGoodbye(undefined);
  }

  /** @internal For the client: this view is over. */
  stop(): void {
    this.#isWanted = false;
    this.#tellRead(true);
    const why = 'the conversation was forgotten, or the client is closed';
    this.#stopped.abort(new LiveSupportError('CLOSED', why));
    for (const undo of this.#undos) undo();
    for (const undo of this.#typing.values()) undo();
    this.#gap?.();
    this.#typingStopped();
    this.#readPause?.();
    (this.#outbox ?? this.#outboxBefore)?.stop(new LiveSupportError('CLOSED', why, { outcomeUnknown: true }));
    this.#changed();
  }

  // The room

  get #needsRoom(): boolean {
    return this.#state !== 'ended' && (this.#isWanted || this.#outbox?.isPending === true);
  }

  get #isOver(): boolean {
    return this.#isClosed || this.#conversation?.status === 'closed';
  }

  get #isUpToDate(): boolean {
    return !this.#isOver && this.#joinedEpoch === this.#deps.connection.epoch && this.#list.isComplete;
  }

  #up(): void {
    this.#joinedEpoch = 0;
    this.#failures = 0;
    this.#goOn();
    this.#tellRead();
  }

  #down(): void {
    this.#joinedEpoch = 0;
    if (this.#state === 'live') this.#set('joining');
    this.#nobodyIsThere();
  }

  #nobodyIsThere(): void {
    if (this.#present.length === 0 && this.#typing.size === 0) return;
    this.#present = [];
    this.#forgetTyping();
  }

  /** Does what is to be done to be up to date. One at a time; what comes meanwhile is done after it. */
  #goOn(): void {
    if (!this.#needsRoom || !this.#deps.connection.isReady) return;
    if (this.#syncing) {
      this.#syncAgain = true;
      return;
    }
    this.#syncing = this.#sync().finally(() => {
      this.#syncing = undefined;
      // Somebody may have joined in the moment in which it was done.
      const isWanted = this.#syncAgain && (!this.#isUpToDate || this.#state === 'joining');
      this.#syncAgain = false;
      if (isWanted) this.#goOn();
    });
  }

  async #sync(): Promise<void> {
    const { connection } = this.#deps;
    const { signal } = this.#stopped;
    while (this.#needsRoom && connection.isReady && !signal.aborted) {
      const { epoch } = connection;
      const list = this.#list;
      const moves = this.#moves;
      try {
        if (!this.#hasBegun && this.#last !== undefined) {
          await this.#readConversation(signal);
          continue;
        }
        // No room has it any more.
        if (this.#isOver) return await this.refresh();
        this.#cameOrWent.clear();
        const joined = await unlessAborted(signal, this.#join(list.end));
        // The person may be another one by now.
        if (list !== this.#list || signal.aborted) continue;
        this.#hasBegun = true;
        // What was told meanwhile may have ended the stay that this answer speaks of.
        const isIn = epoch === connection.epoch && moves === this.#moves;
        if (isIn) this.#joinedEpoch = epoch;
        const { end } = list;
        this.#joined(joined);
        if (list.end > end) this.#failures = 0;
        this.#outbox?.pump();
        if (joined.nextAfterSeq !== null || !isIn) continue;
        if (list.isComplete) return this.#caughtUp();
        // What is said to be there is on its way, or is read in a moment.
        await this.#wait(null, signal);
      } catch (error) {
        if (!(error instanceof LiveSupportError) || signal.aborted || list !== this.#list) return;
        if (error.code === 'CONVERSATION_CLOSED') this.#isClosed = true;
        else if (epoch === connection.epoch && connection.isReady) {
          if (error.code === 'INVALID_TOKEN') return connection.distrust();
          if (isRefusal(error)) {
            if (moves === this.#moves) return this.#end('lost', error);
            // It was given to somebody meanwhile, maybe to this person again: what is refused now counts.
            continue;
          }
          this.#heldUp(error);
          await this.#wait(error.retryAfter, signal).catch(() => undefined);
        }
      }
    }
    // Left while a join was under way.
    if (!this.#needsRoom && this.#joinedEpoch > 0) void this.#out(undefined);
  }

  #join(afterSeq: number): Promise<ServerEvents['CONVERSATION_JOINED']> {
    const join = this.#deps.connection.request('JOIN_CONVERSATION', { conversationId: this.id, afterSeq });
    const over = () => {
      this.#joining = undefined;
    };
    this.#joining = join.then(over, over);
    return join;
  }

  /** Longer each time in a row. */
  async #wait(retryAfter: number | null, signal: AbortSignal): Promise<void> {
    const { clock, random, backoff } = this.#deps;
    const ms = GAP_MS + (retryAfter ?? 0) * 1000 + pause(backoff, this.#failures, random);
    this.#failures += 1;
    await sleep(clock, ms, signal);
  }

  #joined({ conversation, messages, readSeqs, present }: ServerEvents['CONVERSATION_JOINED']): void {
    this.#take(conversation);
    for (const message of messages) this.#add(message);
    for (const [userId, seq] of Object.entries(readSeqs)) this.#noteRead(userId, seq);
    // What was refused while the conversation was somebody else's may be told now.
    const { user } = this.#deps.session;
    this.#markedRead = (user && this.#readSeqs[user.id]) ?? 0;
    this.#tellRead();
    this.#present = present;
    // The answer says who was there as this connection came in, and the room is told nothing before that.
    for (const [userId, isThere] of this.#cameOrWent) this.#isThere(userId, isThere);
    this.#changed();
  }

  /** A view that is in the room, and knows of nothing that is missing, stays live though asking once more has failed. */
  #heldUp(error: LiveSupportError): void {
    if (this.#isUpToDate) return;
    this.#error = error;
    if (this.#state === 'live') this.#state = 'joining';
    this.#changed();
  }

  #caughtUp(): void {
    this.#failures = 0;
    this.#error = null;
    if (this.#state !== 'ended') this.#set(this.#isWanted ? 'live' : 'idle');
    this.#outbox?.pump();
    if (!this.#needsRoom) void this.#out(undefined);
  }

  async #out(signal: AbortSignal | undefined): Promise<void> {
    if (this.#joinedEpoch === 0 || !this.#deps.connection.isReady) return;
    this.#joinedEpoch = 0;
    this.#nobodyIsThere();
    await this.#sayGoodbye(signal);
    // Somebody may have joined meanwhile, and the two may have taken effect in either order.
    if (this.#needsRoom) this.#goOn();
  }

  async #sayGoodbye(signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#deps.connection.request('LEAVE_CONVERSATION', { conversationId: this.id }, { signal });
    } catch (error) {
      // Not in the room, or not connected: it is out.
      if (!(error instanceof LiveSupportError)) throw error;
    }
  }

  /** Reads the conversation, and begins the list with the last messages, where that is wanted. `null`: it is another person's by now. */
  async #readConversation(signal: AbortSignal): Promise<AnyConversation | null> {
    const list = this.#list;
    const conversation = await this.#deps.http.getConversation({ params: { conversationId: this.id }, signal });
    if (list !== this.#list) return null;
    if (!this.#hasBegun && this.#last !== undefined) {
      this.#hasBegun = true;
      if (list.end === 0) this.#list = new MessageList(Math.max(0, conversation.lastSeq - this.#last));
    }
    this.#take(conversation);
    return conversation;
  }

  /** After a refusal over HTTP: the room says whether it counts. The conversation may have been given back meanwhile. */
  async #isStillOurs(signal: AbortSignal | undefined): Promise<boolean> {
    if (!this.#isWanted || this.#state === 'ended') return false;
    this.#joinedEpoch = 0;
    this.#set('joining');
    this.#goOn();
    // Without a connection nothing is decided yet.
    await this.#settled(signal).catch(() => signal?.throwIfAborted());
    return this.#reason !== 'lost';
  }

  /** Until the view is live, or has ended. */
  async #settled(signal: AbortSignal | undefined): Promise<void> {
    const { connection } = this.#deps;
    while (this.#state === 'joining') {
      if (connection.status.state === 'closed') {
        throw (
          connection.status.error ??
          new LiveSupportError('CLOSED', `the connection is closed: ${connection.status.reason}`)
        );
      }
      const changed = told(
        this.#stopped.signal,
        (heard) => this.on('change', heard),
        (heard) => connection.on('status', heard),
      );
      await unlessAborted(signal, changed);
    }
  }

  /** Reads what is missing over HTTP. Where no socket opens, this is the only way to hear of anything. */
  async refresh({ signal = this.#stopped.signal }: CallOptions = {}): Promise<void> {
    const conversation = await this.#readConversation(signal);
    if (!conversation) return;
    const list = this.#list;
    for (;;) {
      const page = await this.#page(list.end, PAGE, signal);
      if (list !== this.#list) return;
      for (const message of page.items) this.#add(message);
      if (page.nextAfterSeq === null) break;
    }
    this.#markReadBut(conversation);
    if (!this.#isOver) return;
    // What waits for an answer that was lost may be stored among those that were left out.
    for (let base = -1; this.#outbox?.isPending && list.hasEarlier && base !== list.base; ) {
      ({ base } = list);
      await this.loadEarlier({ count: PAGE, signal });
      if (list !== this.#list) return;
    }
    this.#end('closed', null);
  }

  /** Over HTTP nobody says up to where one has read, but how much is unread. */
  #markReadBut({ unread, lastSeq }: AnyConversation): void {
    const { user } = this.#deps.session;
    if (!user || typeof unread !== 'number') return;
    const isMine = isOfSideOf(user);
    // What has come since is not counted.
    let read = Math.min(this.#list.end, lastSeq);
    let left = unread;
    for (; left > 0 && read > this.#list.base; read -= 1) {
      const message = this.#list.at(read);
      if (message && !isMine(message)) left -= 1;
    }
    // Of more than the list has it is not known which they are.
    if (left === 0) this.#noteRead(user.id, read);
  }

  #page(afterSeq: number, limit: number, signal: AbortSignal | undefined) {
    return this.#deps.http.listMessages({ params: { conversationId: this.id }, query: { afterSeq, limit }, signal });
  }

  #end(reason: EndReason, error: LiveSupportError | null): void {
    this.#joinedEpoch = 0;
    this.#present = [];
    this.#forgetTyping();
    const refusal = error ?? new LiveSupportError('CONVERSATION_CLOSED', 'the conversation is closed');
    // What is read once more, as where no socket opens, has not ended once more. Another state has no reason.
    const isNews = this.#reason !== reason;
    this.#reason = reason;
    this.#error = error;
    this.#set('ended');
    this.#outbox?.refuseAll(refusal);
    if (isNews) this.#emitter.emit('ended', { reason });
  }

  // What is told

  #receive({ event, data }: ServerFrame): void {
    const { conversationId, conversation, note } = data as {
      readonly conversationId?: string;
      readonly conversation?: Conversation;
      readonly note?: Note;
    };
    if ((conversationId ?? conversation?.id ?? note?.conversationId) !== this.id) return;
    this.#told[event]?.(data as never);
  }

  #heard(message: Message): void {
    // After a leave frames may still be on their way.
    if (!this.#needsRoom && this.#state === 'idle') return;
    this.#add(message);
    this.#expect(message.seq);
  }

  #add(message: Message): void {
    this.#outbox?.stored(message);
    const added = this.#list.add(message);
    for (const one of added) {
      this.#typing.get(one.senderId)?.();
      this.#typing.delete(one.senderId);
    }
    if (added.length === 0) return;
    this.#tellMessages();
    const last = added.at(-1);
    const { end } = this.#list;
    if (last && this.#conversation && this.#conversation.lastSeq < end) {
      this.#conversation = { ...this.#conversation, lastSeq: end, lastMessageAt: last.sentAt };
    }
    this.#outbox?.seen(end);
    this.#changed();
  }

  /** Tells what was not told yet. While only the outbox wants the room nobody listens: it is told once somebody does. */
  #tellMessages(): void {
    if (!this.#isWanted) return;
    const list = this.#list;
    for (let seq = Math.max(this.#toldSeq, list.base) + 1; list === this.#list; seq = this.#toldSeq + 1) {
      const message = list.at(seq);
      if (!message) return;
      this.#toldSeq = seq;
      this.#emitter.emit('message', message);
    }
  }

  /** There is a message of this `seq`. Where it isn't here in a moment, it is asked for. */
  #expect(seq: number): void {
    this.#list.expect(seq);
    if (this.#list.isComplete || this.#gap) return;
    this.#gap = this.#deps.clock.after(GAP_MS, () => {
      this.#gap = undefined;
      if (!this.#list.isComplete) this.#goOn();
    });
  }

  /** Keeps the newer one. Of the room's frames the staff's fields are missing: those stay as they were. */
  #take(given: AnyConversation): void {
    const had = this.#conversation;
    const isOlder =
      had && (given.revision < had.revision || (given.revision === had.revision && given.lastSeq < had.lastSeq));
    if (isOlder) return;
    // The frame of the close has no revision. Nothing comes after it.
    if (had?.status === 'closed' && given.status !== 'closed') return;
    this.#conversation = had ? { ...had, ...given, candidate: { ...had.candidate, ...given.candidate } } : given;
    if (had && had.lastSeq > given.lastSeq) {
      this.#conversation = { ...this.#conversation, lastSeq: had.lastSeq, lastMessageAt: had.lastMessageAt };
    }
    this.#expect(given.lastSeq);
    this.#changed();
    if (given.status === 'closed' && had?.status !== 'closed') this.#goOn();
  }

  /** It was given to somebody, or back. An agent who had it may be out of the room, and one who has it now may be in it. */
  #moved(conversation: Conversation): void {
    const former = this.#conversation?.agentId;
    this.#take(conversation);
    // Of an agent who has lost it the room isn't told that they have left.
    if (former && former !== this.#conversation?.agentId) this.#isThere(former, false);
    const { user } = this.#deps.session;
    if (user?.role !== 'agent') return;
    // Of a loss and a gain at the same moment the loss may be told last: the room says which it is.
    this.#moves += 1;
    this.#joinedEpoch = 0;
    if (this.#state === 'ended' && this.#reason === 'lost' && this.#isWanted && conversation.agentId === user.id)
      this.#set('joining');
    if (this.#state === 'live') this.#set('joining');
    this.#goOn();
  }

  /** Out of the room: by a view that was forgotten, or a leave that was thought better of and may have taken effect last. */
  #left(): void {
    if (!this.#needsRoom) return;
    this.#moves += 1;
    this.#joinedEpoch = 0;
    if (this.#state === 'live') this.#set('joining');
    this.#goOn();
  }

  #closed({ closedAt, closedBy, lastSeq }: ServerEvents['CONVERSATION_CLOSED']): void {
    this.#isClosed = true;
    this.#list.expect(lastSeq);
    this.#joinedEpoch = 0;
    if (this.#conversation && this.#conversation.status !== 'closed') {
      this.#conversation = {
        ...this.#conversation,
        status: 'closed',
        closedAt,
        closedBy,
        lastSeq: Math.max(lastSeq, this.#conversation.lastSeq),
      };
    }
    this.#forgetTyping();
    this.#changed();
    this.#goOn();
  }

  #isTyping(userId: string, typing: boolean): void {
    this.#typing.get(userId)?.();
    this.#typing.delete(userId);
    if (typing && this.#needsRoom && userId !== this.#deps.session.user?.id) {
      const forget = () => {
        this.#typing.delete(userId);
        this.#changed();
      };
      this.#typing.set(userId, this.#deps.clock.after(TYPING_SHOWN_MS, forget));
    }
    this.#changed();
  }

  #forgetTyping(): void {
    for (const undo of this.#typing.values()) undo();
    this.#typing.clear();
    this.#changed();
  }

  #isThere(userId: string, isThere: boolean): void {
    // After a leave frames may still be on their way.
    if (!this.#needsRoom) return;
    this.#cameOrWent.set(userId, isThere);
    const others = this.#present.filter((id) => id !== userId);
    this.#present = isThere ? [...others, userId] : others;
    if (!isThere) {
      this.#typing.get(userId)?.();
      this.#typing.delete(userId);
    }
    this.#changed();
  }

  // What this person does

  #post(typing: boolean): void {
    const { connection } = this.#deps;
    if (this.#joinedEpoch === connection.epoch) connection.post('TYPING', { conversationId: this.id, typing });
  }

  #typingStopped(): void {
    this.#typingEnds?.();
    this.#typingEnds = undefined;
    this.#typedAt = 0;
  }

  #pageChanged(): void {
    if (this.#deps.page.isFocused()) this.#look();
    else {
      this.typing(false);
      // The page may be gone in a moment.
      this.#tellRead(true);
    }
    if (this.#wantsRead > this.#markedRead) this.#changed();
  }

  #look(): void {
    if (this.#deps.page.isFocused()) this.#seenRead = this.#wantsRead;
    this.#tellRead();
  }

  #tellRead(isLast = false): void {
    const { connection, clock } = this.#deps;
    const seq = this.#seenRead;
    const mayTell = !this.#readPause || (isLast && !this.#isReadHeldOff);
    if (seq <= Math.max(this.#markedRead, this.#markingRead) || !mayTell || !connection.isReady) return;
    const next = (ms: number, isHeldOff: boolean) => {
      this.#readPause?.();
      this.#isReadHeldOff = isHeldOff;
      this.#readPause = clock.after(ms, () => {
        this.#readPause = undefined;
        this.#tellRead();
      });
    };
    next(READ_EVERY_MS, false);
    this.#markingRead = seq;
    const answered = () => {
      // Another one may be under way.
      if (this.#markingRead === seq) this.#markingRead = 0;
    };
    connection.request('MARK_READ', { conversationId: this.id, seq }).then(
      () => {
        answered();
        this.#markedRead = Math.max(this.#markedRead, seq);
      },
      (error: unknown) => {
        answered();
        if (!(error instanceof LiveSupportError) || this.#stopped.signal.aborted) return;
        // A new socket brings it up again; what is refused for good is given up.
        if (isRefusal(error)) this.#markedRead = Math.max(this.#markedRead, seq);
        else if (connection.isReady) next(Math.max(READ_EVERY_MS, (error.retryAfter ?? 5) * 1000), true);
      },
    );
  }

  #noteRead(userId: string, seq: number): void {
    this.#readSeqs[userId] = Math.max(seq, this.#readSeqs[userId] ?? 0);
    if (userId === this.#deps.session.user?.id) this.#markedRead = Math.max(this.#markedRead, seq);
  }

  #unread(): number | null {
    const { user } = this.#deps.session;
    // Whoever takes no part has read nothing, and has nothing to read.
    if (user?.role !== 'candidate' && user?.role !== 'agent') return null;
    // What nobody looks at has not been read, and the service isn't told so either.
    const read = Math.max(this.#readSeqs[user.id] ?? 0, this.#seenRead);
    if (this.#list.base > read) return null;
    const isMine = isOfSideOf(user);
    return this.#list.messages.slice(read - this.#list.base).filter((message) => !isMine(message)).length;
  }

  // The rest

  #openOutbox(): ConversationOutbox | undefined {
    const { session, connection, outbox } = this.#deps;
    const user: User | null = session.user;
    if (this.#outbox || !user) return this.#outbox;
    this.#toldTo.add(user.id);
    this.#outbox = new ConversationOutbox(
      outbox,
      {
        canSend: () => this.#joinedEpoch > 0 && this.#joinedEpoch === connection.epoch && connection.isReady,
        send: (data) => connection.request('SEND_MESSAGE', data),
        rejoin: () => {
          this.#joinedEpoch = 0;
          this.#goOn();
        },
        distrust: () => connection.distrust(),
        changed: () => this.#outboxChanged(),
      },
      user,
      this.id,
      this.#outboxBefore,
    );
    void this.#outbox.sync();
    return this.#outbox;
  }

  #outboxChanged(): void {
    this.#changed();
    if (this.#state === 'ended') {
      this.#outbox?.refuseAll(this.#error ?? new LiveSupportError('CONVERSATION_CLOSED', 'the conversation is closed'));
    } else if (this.#joinedEpoch === 0) this.#goOn();
    // Only the outbox wanted the room, and it has nothing more to send.
    else if (!this.#needsRoom && !this.#syncing) void this.#out(undefined);
  }

  #set(state: ConversationState): void {
    if (this.#state === state) return;
    this.#state = state;
    if (state !== 'ended') this.#reason = null;
    this.#changed();
  }

  #changed(): void {
    this.#snapshot = undefined;
    this.#tell();
  }
}

const isCandidates = ({ senderRole }: Message): boolean => senderRole === 'candidate';
const isStaffs = (message: Message): boolean => !isCandidates(message);
const isOfSideOf = ({ role }: User) => (role === 'candidate' ? isCandidates : isStaffs);

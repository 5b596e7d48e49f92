import { CustomerClient, randomId } from '../../client/src/client.ts';
import { abortable, systemClock } from '../../client/src/clock.ts';
import type { ConversationSnapshot, ConversationView } from '../../client/src/conversation.ts';
import { LiveSupportError } from '../../client/src/errors.ts';
import { defaultLocks, withLock } from '../../client/src/locks.ts';
import type { Rating, Session } from '../../client/src/protocol.ts';
import { hasSomethingToSee } from '../../lib/protocol/text.ts';
import {
  isRunning,
  LOOKED,
  type LocalState,
  type Opening,
  ofTab,
  onStateChange,
  ownName,
  PREFIX,
  readState,
  writeState,
} from './localState.ts';
import { sharedSocket } from './sharedSocket.ts';
import { subjectOf } from './timeline.ts';

/**
 * One customer's side of the chat, without anything to look at: who they are, their conversation, and what becomes of it. Whoever
 * comes after them at the same browser has another `Chat`, with another client, and whatever was begun for the one before ends with
 * theirs: no answer, however late, reaches the next person.
 */

/** Who the customer is, by the word of the company. */
export interface Identity {
  /** A token that the company's backend has signed, or what fetches one. */
  readonly token: string | (() => string | Promise<string>);
}

/** What the connection's trouble is, once it has lasted a second. */
export type Trouble = 'offline' | 'reconnecting' | 'slow' | 'elsewhere';

/** Everything that is shown, at one moment. */
export interface ChatState {
  /** Whether anybody is available; `null` while that isn't known. */
  readonly deskOpen: boolean | null;
  readonly opening: Opening | null;
  /** The question that the service has taken, until the messages hold it. */
  readonly accepted: Opening['messages'];
  readonly snapshot: ConversationSnapshot | null;
  readonly trouble: Trouble | null;
  /** The page says who the customer is, and the chat that is kept may be somebody else's. Nothing of it is shown until that is known. */
  readonly isUnsure: boolean;
  /** The company's token was refused, or could not be had. */
  readonly signInFailed: boolean;
  /** The page has to say who the customer is before they can ask. */
  readonly mustSignIn: boolean;
  readonly rating: Rating | null;
  readonly mayRate: boolean;
  /** Messages of the other side that arrived while nobody looked. */
  readonly unread: number;
}

export interface ChatOptions {
  readonly service: string;
  readonly webSocket: string;
  /** Whether somebody whom the page doesn't identify may write. */
  visitors(): boolean;
  /** What goes along with a question: the page, the language, and what the page says. */
  context(): Readonly<Record<string, string>>;
  changed(state: ChatState): void;
  /** There is a network, and the service takes no request, or no socket, of this page. Told once. */
  refused(): void;
  /** Something for the page to know. */
  tell(event: ChatEvent, detail: Readonly<Record<string, unknown>>): void;
  /** A message of the other side's has just come. */
  arrived(senderName: string, content: string): void;
  /** Somebody else sits at this browser: this chat has stopped. `identity` is what the page says of them, where it shows by that. */
  another(identity: Identity | undefined): void;
}

export type ChatEvent = 'opened' | 'message' | 'closed' | 'rated' | 'identified' | 'token' | 'error';

const TROUBLE_MS = 1_000;
const DESK_EVERY_MS = 60_000;
const FIRST_PAGE = 40;
const RATED_WITHIN_MS = 14 * 24 * 60 * 60_000;
/** After so many refusals in a row no socket is to be had, and what is said is read over HTTP. */
const MOST_REFUSALS = 2;
const READ_EVERY_MS = 10_000;
/** Why a question fails that a fresh token may help. */
const WANT_A_TOKEN: ReadonlySet<string> = new Set(['INVALID_TOKEN', 'SIGNED_OUT', 'NOT_CONFIGURED']);
/** A page's function may never answer. */
const TOKEN_WITHIN_MS = 30_000;
const TOKEN_UNAVAILABLE = 'TOKEN_UNAVAILABLE';

/** The page could not give a token. It may next time. */
class TokenUnavailable extends LiveSupportError {
  constructor(cause?: unknown) {
    super('UNEXPECTED', 'token', { retryable: true, cause });
  }
}

export class Chat {
  readonly #options: ChatOptions;
  readonly #client: GatedClient;
  readonly #locks = defaultLocks();
  /** The name under which the browser keeps what is theirs. */
  readonly person = readState().person;
  readonly #stopped = new AbortController();
  readonly #undos: (() => void)[] = [];
  #view: ConversationView | undefined;
  #unfollow: () => void = () => undefined;
  #isShown = false;
  #deskOpen: boolean | null = null;
  #deskTimer: ReturnType<typeof setInterval> | undefined;
  #trouble: Trouble | null = null;
  #troubleTimer: ReturnType<typeof setTimeout> | undefined;
  #troubleWanted: Trouble | null = null;
  #identity: Identity | undefined;
  #identifying: Promise<void> = Promise.resolve();
  /** What the page has said of whom the session is made sure to be. */
  #sureOf: Identity | undefined;
  /** Ends the wait for another attempt with a token that the page has replaced, or whose person has gone. */
  #replaced = new AbortController();
  /** How many tokens in a row were refused. */
  #refusedTokens = 0;
  /** Why the last token was of no use. */
  #tokenTrouble: string | null = null;
  #isRefused = false;
  /** How often in a row no socket was opened. */
  #refusals = 0;
  #reading: ReturnType<typeof setInterval> | undefined;
  #accepted: Opening['messages'] = [];
  /** A question is on its way: only then a visitor is made of who asks. */
  #isAsking = false;
  /** What came before the page was loaded is not told as news. */
  #newsAfter: number | undefined;

  constructor(options: ChatOptions) {
    this.#options = options;
    this.#client = new GatedClient(
      {
        httpUrl: options.service,
        websocketUrl: options.webSocket,
        storagePrefix: PREFIX,
        WebSocket: sharedSocket(`${PREFIX}${new URL(options.service).host}`),
        getSession: (call) => this.#makeSession(call.signal),
      },
      () => !this.#isUnsure,
    );
    const online = () => this.#connectionChanged();
    addEventListener('online', online);
    addEventListener('offline', online);
    addEventListener('focus', this.#looked);
    this.#undos.push(
      () => removeEventListener('online', online),
      () => removeEventListener('offline', online),
      () => removeEventListener('focus', this.#looked),
      this.#client.connection.on('status', ({ state, reason }) => {
        if (state === 'ready') this.#refusals = 0;
        else if (state === 'waiting' && reason === 'refused') this.#refusals += 1;
        this.#connectionChanged();
      }),
      this.#client.session.on('change', ({ user, reason }) => {
        if (user) return;
        // Ended by the service. A session that is only missing says nothing of who sits here: the name does.
        if (reason === 'ended') this.#personGone();
        else this.#adopt();
      }),
      onStateChange(() => this.#adopt()),
    );
  }

  /** Goes on where the page before left off; where the page says who the customer is, once that is sure. */
  async start(identity?: Identity): Promise<void> {
    this.#identity = identity;
    await this.#client.session.restore();
    this.#adopt();
    if (identity && identity === this.#identity) void this.identify(identity);
  }

  get state(): ChatState {
    const isUnsure = this.#isUnsure;
    const snapshot = isUnsure ? null : (this.#view?.snapshot ?? null);
    const { opening } = readState();
    const conversation = snapshot?.conversation ?? null;
    const closedAt = conversation?.closedAt ?? null;
    return {
      deskOpen: this.#deskOpen,
      opening: isUnsure ? null : opening,
      accepted: snapshot?.messages.length === 0 ? this.#accepted : [],
      snapshot,
      trouble: this.#trouble,
      isUnsure,
      signInFailed: this.#tokenTrouble !== null,
      mustSignIn: !this.#options.visitors() && !this.#identity && this.#client.session.user === null,
      rating: conversation?.rating ?? null,
      mayRate:
        closedAt !== null && conversation?.rating === null && Date.now() - Date.parse(closedAt) < RATED_WITHIN_MS,
      // Of more than the list has, the service has counted them.
      unread: snapshot?.unread ?? conversation?.unread ?? 0,
    };
  }

  /** What the customer has begun in this tab, and not sent: it outlives a reload, and nobody else finds it. */
  begun(what: string): string | null {
    return ofTab.get(ownName(what, this.person));
  }
  keep(what: string, text: string | null): void {
    if (!this.#stopped.signal.aborted) ofTab.set(ownName(what, this.person), text);
  }

  /** The panel is shown, or no longer. */
  show(isShown: boolean): void {
    this.#isShown = isShown;
    clearInterval(this.#deskTimer);
    if (isShown) {
      void this.#askDesk();
      this.#deskTimer = setInterval(() => void this.#askDesk(), DESK_EVERY_MS);
      this.#adopt();
      this.#looked();
    } else this.#restUnlessRunning();
  }

  /** Says something: in the conversation there is, else in a new one. */
  send(content: string): void {
    const { conversation, opening } = readState();
    if (conversation && !conversation.isClosed && this.#view) {
      this.#view.send(content);
      return;
    }
    const message = { id: randomId(), content };
    // What was refused is tried again with what follows. Under another name: the service may remember the refused one.
    const before = opening?.failed ? { ...opening, id: randomId(), failed: null } : opening;
    this.#write({
      conversation: null,
      opening: before
        ? { ...before, messages: [...before.messages, message] }
        : {
            id: randomId(),
            createdAt: Date.now(),
            context: this.#options.context(),
            messages: [message],
            failed: null,
          },
    });
    this.#follow(undefined);
    void this.#open();
  }

  typing(isTyping: boolean): void {
    this.#view?.typing(isTyping);
  }

  retry(clientMessageId: string): void {
    this.#view?.retry(clientMessageId);
  }

  discard(clientMessageId: string): void {
    this.#view?.discard(clientMessageId);
  }

  retryOpening(): void {
    const { opening } = readState();
    if (!opening) return;
    // Under another name: the service may remember the refused one.
    this.#write({ opening: { ...opening, id: randomId(), failed: null } });
    void this.#open();
  }

  discardOpening(): void {
    this.#write({ opening: null });
    this.#changed();
  }

  async loadEarlier(): Promise<void> {
    await this.#view?.loadEarlier();
  }

  /** Says that the last message has been on the screen. */
  seen(): void {
    if (this.#isShown && !this.#isUnsure && document.hasFocus() && document.visibilityState === 'visible')
      this.#view?.markRead();
  }

  /** The chat goes on here, and not in the window that has taken the connection. */
  goOnHere(): void {
    this.#client.connection.connect();
  }

  async rate(score: number, comment: string): Promise<void> {
    const view = this.#view;
    if (!view) return;
    const params = { conversationId: view.id };
    try {
      const rating = await this.#client.http.rateConversation({
        params,
        body: { score, ...(comment.trim() !== '' && { comment: comment.trim() }) },
      });
      const { conversation } = view.snapshot;
      if (conversation) view.update({ ...conversation, rating });
      this.#tell('rated', { conversationId: view.id, score });
    } catch (error) {
      if (!(error instanceof LiveSupportError) || !['ALREADY_RATED', 'CONFLICT'].includes(error.code)) throw error;
      // In another tab, or too late: how it is, the service knows.
      view.update(await this.#client.http.getConversation({ params }));
    }
  }

  /** Puts the closed conversation away. */
  askAgain(): void {
    this.#write({ conversation: null });
    this.#follow(undefined);
    void this.#askDesk();
  }

  /** Takes the company's word for who the customer is. What they have asked as a visitor becomes theirs. */
  identify(identity: Identity): Promise<void> {
    const { token } = identity;
    this.#identity = identity;
    // A text that says what is known already needs nothing more.
    if (typeof token === 'string' && readState().as === personOf(token)) this.#sureOf = identity;
    this.#replaced.abort();
    this.#replaced = new AbortController();
    const { signal: replaced } = this.#replaced;
    // A page that answers each refusal with the next token, as it should, must not go round and round.
    const pause = this.#refusedTokens < 2 ? 0 : Math.min(60_000, 1_000 * 2 ** (this.#refusedTokens - 2));
    this.#identifying = this.#identifying
      .then(() => (pause > 0 ? passed(pause, false, replaced) : undefined))
      .then(() => this.#persist((signal) => this.#makeSure(identity, signal), replaced))
      .catch(() => undefined);
    this.#changed();
    return this.#identifying;
  }

  /** Forgets who the customer is: on a shared computer nobody else finds their conversation. */
  reset(): void {
    this.#another();
  }

  stop(): void {
    this.#stopped.abort();
    this.#unfollow();
    clearInterval(this.#deskTimer);
    clearInterval(this.#reading);
    clearTimeout(this.#troubleTimer);
    this.#replaced.abort();
    for (const undo of this.#undos) undo();
    this.#client.close();
  }

  // Who the customer is

  /** While that is so, nothing of what is kept is shown, joined or sent. What a visitor has asked is whoever's the page names. */
  get #isUnsure(): boolean {
    const { user } = this.#client.session;
    return this.#identity !== this.#sureOf && user !== null && readState().as !== 'visitor';
  }

  /** Whoever sat here has gone. What the page has said of another person since then goes along. */
  #personGone(): void {
    this.#another(this.#identity === this.#sureOf ? undefined : this.#identity);
  }

  /** Somebody else sits here from now on, and finds nothing. */
  #another(identity?: Identity): void {
    if (this.#stopped.signal.aborted) return;
    this.stop();
    this.#options.another(identity);
  }

  /** Another tab may have made this browser another person's a moment ago. */
  #write(changes: Partial<LocalState>): void {
    if (readState().person === this.person) writeState(changes);
  }

  /** For the client, which has no session, or none any more. */
  async #makeSession(signal: AbortSignal): Promise<Session | null> {
    const identity = this.#identity;
    if (identity) {
      const token = await this.#tokenOf(identity);
      const session = await this.#exchanged({ token }, signal);
      this.#write({ as: personOf(token) });
      if (identity === this.#identity) this.#sureOf = identity;
      return session;
    }
    if (!this.#isAsking || !this.#options.visitors()) return null;
    const session = await this.#client.http.createVisitor({ body: {}, signal });
    this.#stopped.signal.throwIfAborted();
    this.#write({ as: 'visitor' });
    return session;
  }

  /** What the page gives now. Where that is another person's token, another person is here. */
  async #tokenOf(identity: Identity): Promise<string> {
    const { signal } = this.#stopped;
    signal.throwIfAborted();
    const token = await abortable<string>(this.#replaced.signal, (resolve, reject) => {
      askedFor(identity).then(resolve, reject);
      return systemClock.after(TOKEN_WITHIN_MS, () => reject(new Error('no token has come')));
    }).catch((cause: unknown) => {
      if (identity === this.#identity) this.#tokenFailed(TOKEN_UNAVAILABLE);
      throw new TokenUnavailable(cause);
    });
    signal.throwIfAborted();
    // The page has given another one meanwhile: whose this is decides nothing any more.
    if (identity !== this.#identity) throw new TokenUnavailable();
    const { sub: before, as } = readState();
    const sub = subOf(token);
    const isKnown = before !== null || (this.#client.session.user !== null && as !== 'visitor');
    if (isKnown && sub !== null && sub !== before) this.#another(identity);
    signal.throwIfAborted();
    if (sub !== null) this.#write({ sub });
    return token;
  }

  async #exchanged(body: { token: string; visitorToken?: string }, signal: AbortSignal): Promise<Session> {
    try {
      const session = await this.#client.http.exchangeIdentity({ body, signal });
      this.#stopped.signal.throwIfAborted();
      this.#tokenTrouble = null;
      this.#refusedTokens = 0;
      return session;
    } catch (error) {
      // A token lasts an hour at most. The page may have a fresh one.
      if (error instanceof LiveSupportError && !error.outcomeUnknown && error.code !== 'RATE_LIMITED') {
        this.#refusedTokens += 1;
        this.#tokenFailed(error.code);
      }
      throw error;
    }
  }

  /** A page may answer with another token: one that can't be had is told once, lest the two go round and round. */
  #tokenFailed(code: string): void {
    const isKnown = this.#tokenTrouble === code && code === TOKEN_UNAVAILABLE;
    this.#tokenTrouble = code;
    if (!isKnown) this.#tell('token', { code });
    this.#changed();
  }

  /** Makes sure that the session is of whom the page names. */
  async #makeSure(identity: Identity, signal: AbortSignal): Promise<void> {
    if (identity !== this.#identity) return;
    await this.#client.session.restore();
    const token = await this.#tokenOf(identity);
    await this.#alone('identify', () => this.#exchange(token, signal));
    if (identity !== this.#identity) return;
    this.#sureOf = identity;
    this.#tokenTrouble = null;
    this.#client.sendLeftovers();
    const { opening } = readState();
    if (opening?.failed && WANT_A_TOKEN.has(opening.failed)) this.retryOpening();
    await this.#findRunning(signal);
  }

  async #exchange(token: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { session } = this.#client;
    const user = await session.restore();
    const { as } = readState();
    if (user && as === personOf(token)) return;
    const isVisitor = () => user !== null && readState().as === 'visitor';
    const visitorToken = isVisitor() ? await session.accessToken({ signal }).catch(() => undefined) : undefined;
    const made = await this.#exchanged(
      // The visitor's session may have been lost in the attempt, and this customer's made in its place.
      { token, ...(visitorToken && isVisitor() && { visitorToken }) },
      signal,
    );
    this.#write({ as: personOf(token) });
    // What the visitor has said and nobody has answered yet goes along.
    await this.#client.use(made, visitorToken);
    signal.throwIfAborted();
    this.#tell('identified', { userId: made.user.id, name: made.user.name });
  }

  /** A customer who has asked on another device goes on here. */
  async #findRunning(signal: AbortSignal): Promise<void> {
    if (!isRunning(readState())) {
      const { items } = await this.#client.http.listConversations({ query: { limit: 1 }, signal });
      signal.throwIfAborted();
      const [newest] = items;
      if (newest && newest.status !== 'closed' && !isRunning(readState())) {
        this.#write({ conversation: { id: newest.id, isClosed: false } });
      }
    }
    // The loader needn't load this on the next page, just to look.
    this.keep(LOOKED, '1');
    this.#adopt();
  }

  // The conversation

  /** Takes what the browser keeps, which another tab may have changed. */
  #adopt(): void {
    if (this.#stopped.signal.aborted) return;
    const state = readState();
    if (state.person !== this.person) this.#personGone();
    else if (!this.#isUnsure) {
      if (state.opening && state.opening.failed === null) void this.#open();
      const id = this.#client.session.user ? state.conversation?.id : undefined;
      if (id !== this.#view?.id) this.#follow(id === undefined ? undefined : this.#client.conversation(id));
      this.#listen(state);
    }
    this.#changed();
  }

  /** Is in the room while the conversation goes on, and reads what was said when somebody looks. */
  #listen(state: LocalState): void {
    const view = this.#view;
    if (this.#stopped.signal.aborted) return;
    if (!view || (!this.#isShown && !isRunning(state)) || view.snapshot.state === 'ended') return;
    this.#wake();
    // Of what is lost `ended` tells; of who is signed out, `change` of the session. All else the view tries again.
    view.join({ last: FIRST_PAGE, signal: this.#stopped.signal }).catch(() => undefined);
  }

  #follow(view: ConversationView | undefined): void {
    this.#unfollow();
    this.#unfollow = () => undefined;
    const before = this.#view;
    this.#view = view;
    this.#newsAfter = undefined;
    this.#accepted = [];
    if (before && before !== view) void this.#client.forget(before.id);
    if (view) {
      const undos = [
        view.on('change', (snapshot) => this.#snapshotChanged(snapshot)),
        view.on('message', ({ seq, senderRole, senderName, content }) => {
          if (this.#newsAfter === undefined || seq <= this.#newsAfter || senderRole === 'candidate') return;
          if (this.#isUnsure) return;
          this.#tell('message', { conversationId: view.id, seq, senderName });
          this.#options.arrived(senderName, content);
        }),
        view.on('ended', ({ reason }) => void this.#ended(view, reason)),
      ];
      this.#unfollow = () => {
        for (const undo of undos) undo();
      };
    }
    this.#changed();
  }

  #snapshotChanged({ state, messages }: ConversationSnapshot): void {
    if (state === 'live' || state === 'ended') this.#newsAfter ??= messages.at(-1)?.seq ?? 0;
    this.#changed();
  }

  async #ended(view: ConversationView, reason: 'closed' | 'lost'): Promise<void> {
    if (reason === 'lost') {
      this.#write({ conversation: null });
      this.#follow(undefined);
      return this.#client.connection.close();
    }
    const wasKnown = readState().conversation?.isClosed;
    if (readState().conversation?.id === view.id) this.#write({ conversation: { id: view.id, isClosed: true } });
    if (!wasKnown) this.#tell('closed', { conversationId: view.id });
    this.#restUnlessRunning();
    if (view.snapshot.conversation?.rating !== undefined) return;
    // The room was not told whether it was rated.
    await this.#client.http.getConversation({ params: { conversationId: view.id } }).then(
      (conversation) => view.update(conversation),
      () => undefined,
    );
  }

  /** No socket without a conversation that goes on. */
  #restUnlessRunning(): void {
    if (!isRunning(readState())) this.#client.connection.close();
  }

  /** Connects again where this side has closed the connection. One that another window has taken is not taken back. */
  #wake(): void {
    const { connection } = this.#client;
    if (connection.status.reason === 'asked') connection.connect();
  }

  /** Opens the conversation of the question that is kept: in one tab, and again until there is an answer. */
  async #open(): Promise<void> {
    this.#changed();
    if (this.#isAsking) return;
    this.#isAsking = true;
    for (let known: Promise<void> | undefined; known !== this.#identifying; ) {
      known = this.#identifying;
      await known;
    }
    if (!this.#isUnsure) {
      await this.#persist((signal) => this.#alone('open', () => this.#openOnce(signal))).catch((error: unknown) => {
        const { opening } = readState();
        if (this.#stopped.signal.aborted || !opening) return;
        const code = error instanceof LiveSupportError ? error.code : 'UNEXPECTED';
        this.#write({ opening: { ...opening, failed: code } });
        this.#tell('error', { code });
      });
    }
    this.#isAsking = false;
    this.#adopt();
  }

  async #openOnce(signal: AbortSignal): Promise<void> {
    const { opening } = readState();
    // Another tab has done it.
    if (signal.aborted || !opening || opening.failed !== null) return;
    const message = opening.messages[0]?.content ?? '';
    const view = await this.#client.open(
      { subject: subjectOf(message), message, context: opening.context, clientConversationId: opening.id },
      { signal },
    );
    signal.throwIfAborted();
    const now = readState().opening;
    // Meanwhile the customer has given the question up.
    if (now?.id !== opening.id) return;
    const rest = now.messages.slice(1);
    this.#write({ conversation: { id: view.id, isClosed: false }, opening: null });
    this.#follow(view);
    // A socket may be long in coming: until it brings the question back, the question stays in sight.
    this.#accepted = opening.messages.slice(0, 1);
    for (const { content } of rest) view.send(content);
    this.#tell('opened', { conversationId: view.id });
  }

  /** Reads over HTTP what no socket brings. */
  async #readWithoutSocket(): Promise<void> {
    const view = this.#view;
    if (!view || this.#isUnsure || view.snapshot.state === 'ended' || document.visibilityState !== 'visible') return;
    if (!this.#isShown && !isRunning(readState())) return;
    await view.refresh({ signal: this.#stopped.signal }).catch(() => undefined);
    if (view === this.#view) this.#newsAfter ??= view.snapshot.messages.at(-1)?.seq;
  }

  /** Does something in one tab at a time. Should a tab sleep meanwhile, it is done twice, which does no harm. */
  #alone(name: string, work: () => Promise<void>): Promise<void> {
    return withLock(this.#locks, systemClock, `${PREFIX}${name}`, work);
  }

  /** Does something again and again while there is no answer: at once when there is a network again. */
  async #persist(work: (signal: AbortSignal) => Promise<void>, sooner = this.#stopped.signal): Promise<void> {
    const { signal } = this.#stopped;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        await work(signal);
        if (!signal.aborted) this.#connectionChanged();
        return;
      } catch (error) {
        const mayHelp =
          error instanceof LiveSupportError &&
          (error.outcomeUnknown || error.retryable || error.code === 'RATE_LIMITED' || error.code === 'NETWORK');
        if (!mayHelp || signal.aborted) throw error;
        // Whether the page has a token says nothing of the service.
        if (!(error instanceof TokenUnavailable)) this.#connectionChanged(true);
        const seconds = (error.retryAfter ?? 0) + Math.min(20, 2 ** attempt) * (0.5 + Math.random() / 2);
        await passed(seconds * 1000, error.retryAfter === null, sooner);
      }
    }
  }

  // What is told

  async #askDesk(): Promise<void> {
    try {
      const { open } = await this.#client.http.getDesk();
      if (open === this.#deskOpen) return;
      this.#deskOpen = open;
      this.#changed();
    } catch {
      // It stays as it was known last.
    }
  }

  readonly #looked = (): void => {
    this.#changed();
    this.seen();
  };

  /** `isFailing`: a request without a socket has just failed. */
  #connectionChanged(isFailing = false): void {
    const { state, reason } = this.#client.connection.status;
    const isOffline = navigator.onLine === false;
    // Once or twice it may be the session, which has just ended.
    const hasNoSocket = this.#refusals > MOST_REFUSALS;
    const isUnheard = hasNoSocket && this.#client.connection.epoch === 0;
    if ((isUnheard || isFailing) && !isOffline && !this.#isRefused) {
      this.#isRefused = true;
      this.#options.refused();
    }
    if (!hasNoSocket) {
      clearInterval(this.#reading);
      this.#reading = undefined;
    } else if (this.#reading === undefined) {
      this.#reading = setInterval(() => void this.#readWithoutSocket(), READ_EVERY_MS);
      void this.#readWithoutSocket();
    }
    let trouble: Trouble | null = null;
    if (reason === 'tooManyConnections') trouble = 'elsewhere';
    else if (isRunning(readState()) && isOffline) trouble = 'offline';
    else if (state === 'waiting' || (state === 'connecting' && reason === 'again') || isFailing) {
      trouble = isOffline ? 'offline' : hasNoSocket && !isFailing ? 'slow' : 'reconnecting';
    }
    this.#troubleWanted = trouble;
    if (trouble === null) {
      clearTimeout(this.#troubleTimer);
      this.#troubleTimer = undefined;
      if (this.#trouble !== null) this.#setTrouble(null);
    } else if (this.#trouble !== null || trouble === 'elsewhere') this.#setTrouble(trouble);
    else {
      // A moment without a connection is nobody's business.
      this.#troubleTimer ??= setTimeout(() => {
        this.#troubleTimer = undefined;
        this.#setTrouble(this.#troubleWanted);
      }, TROUBLE_MS);
    }
  }

  #setTrouble(trouble: Trouble | null): void {
    this.#trouble = trouble;
    this.#changed();
  }

  #tell(event: ChatEvent, detail: Readonly<Record<string, unknown>>): void {
    if (!this.#stopped.signal.aborted) this.#options.tell(event, detail);
  }

  #changed(): void {
    if (!this.#stopped.signal.aborted) this.#options.changed(this.state);
  }
}

/** Whether there is something to send. */
export const isSendable = (text: string): boolean => hasSomethingToSee(text) && text.length <= MOST_CHARACTERS;
export const MOST_CHARACTERS = 4_000;

/** The client of somebody of whom it isn't sure yet who they are: what the person before has left unsent waits. */
class GatedClient extends CustomerClient {
  readonly #isOpen: () => boolean;

  constructor(options: ConstructorParameters<typeof CustomerClient>[0], isOpen: () => boolean) {
    super(options);
    this.#isOpen = isOpen;
  }

  protected override mayResume(): boolean {
    return this.#isOpen();
  }
}

async function askedFor({ token }: Identity): Promise<string> {
  const given: unknown = typeof token === 'string' ? token : await token();
  if (typeof given !== 'string' || !given) throw new TypeError();
  return given;
}

/** What a token says of the person: while that stays the same, no other session is needed. */
function personOf(token: string): string {
  const { sub, name, email } = claimsOf(token);
  return sub === undefined ? token : JSON.stringify([sub, name ?? null, email ?? null]);
}

/** Whose token this is; `null` where it doesn't say. */
function subOf(token: string): string | null {
  const { sub } = claimsOf(token);
  return typeof sub === 'string' ? sub : null;
}

function claimsOf(token: string): { readonly sub?: unknown; readonly name?: unknown; readonly email?: unknown } {
  try {
    const bytes = Uint8Array.from(
      atob((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')),
      (character) => character.charCodeAt(0),
    );
    return Object(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return {};
  }
}

/** Fulfils after this time; where that helps, when there is a network again; and with the signal. */
function passed(ms: number, isSoonerOnline: boolean, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener('online', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, signal.aborted ? 0 : ms);
    if (isSoonerOnline) addEventListener('online', done);
    signal.addEventListener('abort', done);
  });
}

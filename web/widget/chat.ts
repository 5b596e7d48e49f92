import { CustomerClient, randomId } from '../../client/src/client.ts';
import type { ConversationSnapshot, ConversationView } from '../../client/src/conversation.ts';
import { LiveSupportError } from '../../client/src/errors.ts';
import { defaultLocks } from '../../client/src/locks.ts';
import type { Rating, Session } from '../../client/src/protocol.ts';
import { hasSomethingToSee } from '../../lib/protocol/text.ts';
import {
  isRunning,
  type LocalState,
  type Opening,
  onStateChange,
  PREFIX,
  readState,
  writeState,
} from './localState.ts';
import { sharedSocket } from './sharedSocket.ts';
import { subjectOf } from './timeline.ts';

/** The customer's side of the chat, without anything to look at: who they are, their conversation, and what becomes of it. */

/** Who the customer is, by the word of the company. */
export interface Identity {
  /** A token that the company's backend has signed, or what fetches one. */
  readonly token: string | (() => string | Promise<string>);
}

/** What the connection's trouble is, once it has lasted a second. */
export type Trouble = 'offline' | 'reconnecting' | 'elsewhere';

/** Everything that is shown, at one moment. */
export interface ChatState {
  /** Whether anybody is available; `null` while that isn't known. */
  readonly deskOpen: boolean | null;
  readonly opening: Opening | null;
  readonly snapshot: ConversationSnapshot | null;
  readonly trouble: Trouble | null;
  /** The company's token was refused. */
  readonly signInFailed: boolean;
  readonly rating: Rating | null;
  readonly mayRate: boolean;
  /** Messages of the other side that arrived while nobody looked. */
  readonly unread: number;
}

export interface ChatOptions {
  readonly service: string;
  readonly webSocket: string;
  /** Whether somebody whom the page doesn't identify may write. */
  readonly visitors: boolean;
  /** What goes along with a question: the page, the language, and what the page says. */
  context(): Readonly<Record<string, string>>;
  changed(state: ChatState): void;
  /** There is a network, and the service takes no request, or no socket, of this page. Told once. */
  refused(): void;
  /** Something for the page to know. */
  tell(event: ChatEvent, detail: Readonly<Record<string, unknown>>): void;
  /** A message of the other side's has just come. */
  arrived(senderName: string, content: string): void;
}

export type ChatEvent = 'opened' | 'message' | 'closed' | 'rated' | 'identified' | 'token' | 'error';

const TROUBLE_MS = 1_000;
const DESK_EVERY_MS = 60_000;
const FIRST_PAGE = 40;
const RATED_WITHIN_MS = 14 * 24 * 60 * 60_000;

export class Chat {
  readonly #options: ChatOptions;
  readonly #client: CustomerClient;
  readonly #locks = defaultLocks();
  readonly #stopped = new AbortController();
  readonly #undos: (() => void)[] = [];
  #view: ConversationView | undefined;
  #unfollow: () => void = () => undefined;
  #isShown = false;
  #deskOpen: boolean | null = null;
  #deskTimer: ReturnType<typeof setInterval> | undefined;
  #trouble: Trouble | null = null;
  #troubleTimer: ReturnType<typeof setTimeout> | undefined;
  #identity: Identity | undefined;
  #identifying: Promise<void> = Promise.resolve();
  #signInFailed = false;
  #isRefused = false;
  /** How often no socket was opened. */
  #refusals = 0;
  /** Somebody has asked something: only then a visitor is made of them. */
  #isAsking = false;
  /** What came before the page was loaded is not told as news. */
  #newsAfter: number | undefined;

  constructor(options: ChatOptions) {
    this.#options = options;
    this.#client = new CustomerClient({
      httpUrl: options.service,
      websocketUrl: options.webSocket,
      storagePrefix: PREFIX,
      WebSocket: sharedSocket(`${PREFIX}${new URL(options.service).host}`),
      getSession: (call) => this.#makeSession(call.signal),
    });
    const online = () => this.#connectionChanged();
    addEventListener('online', online);
    addEventListener('offline', online);
    addEventListener('focus', this.#looked);
    this.#undos.push(
      () => removeEventListener('online', online),
      () => removeEventListener('offline', online),
      () => removeEventListener('focus', this.#looked),
      this.#client.connection.on('status', online),
      this.#client.session.on('change', ({ user, reason }) => {
        if (user || reason === 'restored') return;
        // Signed out in another tab, or by the service.
        this.#forgetConversation();
      }),
      onStateChange(() => this.#adopt()),
    );
  }

  /** Goes on where the page before left off. */
  async start(): Promise<void> {
    await this.#client.session.restore();
    this.#adopt();
  }

  get state(): ChatState {
    const snapshot = this.#view?.snapshot ?? null;
    const { opening } = readState();
    const conversation = snapshot?.conversation ?? null;
    const closedAt = conversation?.closedAt ?? null;
    return {
      deskOpen: this.#deskOpen,
      opening,
      snapshot,
      trouble: this.#trouble,
      signInFailed: this.#signInFailed,
      rating: conversation?.rating ?? null,
      mayRate:
        closedAt !== null && conversation?.rating === null && Date.now() - Date.parse(closedAt) < RATED_WITHIN_MS,
      unread: snapshot?.unread ?? 0,
    };
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
    writeState({
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
    writeState({ opening: { ...opening, id: randomId(), failed: null } });
    void this.#open();
  }

  discardOpening(): void {
    writeState({ opening: null });
    this.#changed();
  }

  async loadEarlier(): Promise<void> {
    await this.#view?.loadEarlier();
  }

  /** Says that the last message has been on the screen. */
  seen(): void {
    if (this.#isShown && document.hasFocus() && document.visibilityState === 'visible') this.#view?.markRead();
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
      this.#options.tell('rated', { conversationId: view.id, score });
    } catch (error) {
      if (!(error instanceof LiveSupportError) || !['ALREADY_RATED', 'CONFLICT'].includes(error.code)) throw error;
      // In another tab, or too late: how it is, the service knows.
      view.update(await this.#client.http.getConversation({ params }));
    }
  }

  /** Puts the closed conversation away. */
  askAgain(): void {
    writeState({ conversation: null });
    this.#follow(undefined);
    void this.#askDesk();
  }

  /** Takes the company's word for who the customer is. What they have asked as a visitor becomes theirs. */
  identify(identity: Identity): Promise<void> {
    this.#identity = identity;
    this.#identifying = this.#identifying.then(() => this.#exchange(identity)).catch(() => undefined);
    return this.#identifying;
  }

  /** Forgets who the customer is: on a shared computer nobody else finds their conversation. */
  async reset(): Promise<void> {
    this.#identity = undefined;
    this.#signInFailed = false;
    writeState({ as: null, conversation: null, opening: null });
    this.#follow(undefined);
    this.#client.connection.close();
    await this.#client.session.end();
  }

  stop(): void {
    this.#stopped.abort();
    this.#unfollow();
    clearInterval(this.#deskTimer);
    clearTimeout(this.#troubleTimer);
    for (const undo of this.#undos) undo();
    this.#client.close();
  }

  // Who the customer is

  /** For the client, which has no session, or none any more. */
  async #makeSession(signal: AbortSignal): Promise<Session | null> {
    const identity = this.#identity;
    if (identity) {
      const token = await tokenOf(identity);
      const session = await this.#exchanged({ token }, signal);
      writeState({ as: personOf(token) });
      return session;
    }
    if (!this.#isAsking || !this.#options.visitors) return null;
    const session = await this.#client.http.createVisitor({ body: {}, signal });
    writeState({ as: 'visitor' });
    return session;
  }

  async #exchanged(body: { token: string; visitorToken?: string }, signal: AbortSignal): Promise<Session> {
    try {
      const session = await this.#client.http.exchangeIdentity({ body, signal });
      this.#signInFailed = false;
      return session;
    } catch (error) {
      if (error instanceof LiveSupportError && !error.outcomeUnknown && error.code !== 'RATE_LIMITED') {
        this.#signInFailed = true;
        // A token lasts an hour at most. The page may have a fresh one.
        this.#options.tell('token', { code: error.code });
        this.#changed();
      }
      throw error;
    }
  }

  #exchange(identity: Identity): Promise<void> {
    return this.#locks.request(`${PREFIX}identify`, () =>
      this.#persist(async (signal) => {
        if (identity !== this.#identity) return;
        const token = await tokenOf(identity);
        const { as } = readState();
        const { session } = this.#client;
        const user = await session.restore();
        if (user && as === personOf(token)) return this.#findRunning();
        const wasVisitor = user !== null && as === 'visitor';
        // Another person's session must not be used for theirs; and it is not ended here, for it may be in use elsewhere.
        const visitorToken = wasVisitor ? await session.accessToken({ signal }).catch(() => undefined) : undefined;
        const made = await this.#exchanged({ token, ...(visitorToken !== undefined && { visitorToken }) }, signal);
        if (identity !== this.#identity) return;
        if (!wasVisitor) {
          writeState({ conversation: null });
          this.#follow(undefined);
        }
        writeState({ as: personOf(token) });
        // What the visitor has said and nobody has answered yet goes along.
        await this.#client.use(made, visitorToken);
        this.#options.tell('identified', { userId: made.user.id, name: made.user.name });
        await this.#findRunning();
      }),
    );
  }

  /** A customer who has asked on another device goes on here. */
  async #findRunning(): Promise<void> {
    if (isRunning(readState())) return this.#adopt();
    const { items } = await this.#client.http.listConversations({ query: { limit: 1 } });
    const [newest] = items;
    if (!newest || newest.status === 'closed' || isRunning(readState())) return this.#adopt();
    writeState({ conversation: { id: newest.id, isClosed: false } });
    this.#adopt();
  }

  // The conversation

  /** Takes what the browser keeps, which another tab may have changed. */
  #adopt(): void {
    if (this.#stopped.signal.aborted) return;
    const state = readState();
    if (state.opening && state.opening.failed === null) void this.#open();
    const id = this.#client.session.user ? state.conversation?.id : undefined;
    if (id !== this.#view?.id) this.#follow(id === undefined ? undefined : this.#client.conversation(id));
    this.#listen(state);
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
    if (before && before !== view) void this.#client.forget(before.id);
    if (view) {
      const undos = [
        view.on('change', (snapshot) => this.#snapshotChanged(snapshot)),
        view.on('message', ({ seq, senderRole, senderName, content }) => {
          if (this.#newsAfter === undefined || seq <= this.#newsAfter || senderRole === 'candidate') return;
          this.#options.tell('message', { conversationId: view.id, seq, senderName });
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
    if (reason === 'lost') return this.#forgetConversation();
    const wasKnown = readState().conversation?.isClosed;
    if (readState().conversation?.id === view.id) writeState({ conversation: { id: view.id, isClosed: true } });
    if (!wasKnown) this.#options.tell('closed', { conversationId: view.id });
    this.#restUnlessRunning();
    if (view.snapshot.conversation?.rating !== undefined) return;
    // The room was not told whether it was rated.
    await this.#client.http.getConversation({ params: { conversationId: view.id } }).then(
      (conversation) => view.update(conversation),
      () => undefined,
    );
  }

  #forgetConversation(): void {
    writeState({ conversation: null });
    this.#follow(undefined);
    this.#client.connection.close();
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
    this.#isAsking = true;
    await this.#identifying;
    await this.#locks
      .request(`${PREFIX}open`, () => this.#persist((signal) => this.#openOnce(signal)))
      .catch((error: unknown) => {
        const { opening } = readState();
        if (this.#stopped.signal.aborted || !opening) return;
        const code = error instanceof LiveSupportError ? error.code : 'UNEXPECTED';
        writeState({ opening: { ...opening, failed: code } });
        this.#options.tell('error', { code });
      });
    this.#isAsking = false;
    this.#adopt();
  }

  async #openOnce(signal: AbortSignal): Promise<void> {
    const { opening } = readState();
    // Another tab has done it.
    if (!opening || opening.failed !== null) return;
    const message = opening.messages[0]?.content ?? '';
    const view = await this.#client.open(
      { subject: subjectOf(message), message, context: opening.context, clientConversationId: opening.id },
      { signal },
    );
    const now = readState().opening;
    // Meanwhile the customer has signed out.
    if (now?.id !== opening.id) return;
    const rest = now.messages.slice(1);
    writeState({ conversation: { id: view.id, isClosed: false }, opening: null });
    this.#follow(view);
    for (const { content } of rest) view.send(content);
    this.#options.tell('opened', { conversationId: view.id });
  }

  /** Does something again and again while there is no answer: at once when there is a network again. */
  async #persist(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.#stopped;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        await work(signal);
        return this.#connectionChanged();
      } catch (error) {
        const mayHelp =
          error instanceof LiveSupportError &&
          (error.outcomeUnknown || error.retryable || error.code === 'RATE_LIMITED' || error.code === 'NETWORK');
        if (!mayHelp || signal.aborted) throw error;
        this.#connectionChanged(true);
        const seconds = (error.retryAfter ?? 0) + Math.min(20, 2 ** attempt) * (0.5 + Math.random() / 2);
        await passed(seconds * 1000, error.retryAfter === null, signal);
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
    if (state === 'waiting' && reason === 'refused') this.#refusals += 1;
    // Once or twice it may be the session, which has just ended.
    const hasNoSocket = this.#refusals > 2 && this.#client.connection.epoch === 0;
    if ((hasNoSocket || isFailing) && !isOffline && !this.#isRefused) {
      this.#isRefused = true;
      this.#options.refused();
    }
    let trouble: Trouble | null = null;
    if (reason === 'tooManyConnections') trouble = 'elsewhere';
    else if (isRunning(readState()) && isOffline) trouble = 'offline';
    else if (state === 'waiting' || (state === 'connecting' && reason === 'again') || isFailing) {
      trouble = isOffline ? 'offline' : 'reconnecting';
    }
    if (trouble === null) {
      clearTimeout(this.#troubleTimer);
      this.#troubleTimer = undefined;
      if (this.#trouble !== null) this.#setTrouble(null);
    } else if (this.#trouble !== null || trouble === 'elsewhere') this.#setTrouble(trouble);
    else {
      // A moment without a connection is nobody's business.
      this.#troubleTimer ??= setTimeout(() => {
        this.#troubleTimer = undefined;
        this.#setTrouble(navigator.onLine === false ? 'offline' : 'reconnecting');
      }, TROUBLE_MS);
    }
  }

  #setTrouble(trouble: Trouble | null): void {
    this.#trouble = trouble;
    this.#changed();
  }

  #changed(): void {
    if (!this.#stopped.signal.aborted) this.#options.changed(this.state);
  }
}

/** Whether there is something to send. */
export const isSendable = (text: string): boolean => hasSomethingToSee(text) && text.length <= MOST_CHARACTERS;
export const MOST_CHARACTERS = 4_000;

async function tokenOf({ token }: Identity): Promise<string> {
  return typeof token === 'string' ? token : token();
}

/** What a token says of the person: while that stays the same, no other session is needed. */
function personOf(token: string): string {
  try {
    const bytes = Uint8Array.from(
      atob((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')),
      (character) => character.charCodeAt(0),
    );
    const { sub, name, email } = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    return JSON.stringify([sub, name ?? null, email ?? null]);
  } catch {
    return token;
  }
}

/** Fulfils after this time, or, where that helps, when there is a network again. */
function passed(ms: number, isSoonerOnline: boolean, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener('online', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    if (isSoonerOnline) addEventListener('online', done);
    signal.addEventListener('abort', done);
  });
}

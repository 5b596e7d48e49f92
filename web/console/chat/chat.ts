import { type Signal, signal } from '@preact/signals';
import { randomId } from '../../../client/src/client.ts';
import {
  type AnyConversation,
  type ConversationSnapshot,
  type ConversationView,
  isLiveSupportError,
  type Message,
  type Note,
  type Undo,
} from '../../../client/src/index.ts';
import { cant } from '../app/cant.ts';
import type { Desk } from '../app/desk.ts';
import { type Failure, failureOf } from '../app/errors.ts';
import { FIRST_MESSAGES } from '../inbox/inbox.ts';

/** An open conversation, whoever looks at it: its agent is in the room; the others read it. */
export interface ChatState {
  readonly id: string;
  /** `loading`: nothing is there yet. `live`: as it is now. `read`: as it was at `readAt`. `lost`: not this person's to see. */
  readonly state: 'loading' | 'live' | 'read' | 'lost';
  readonly failure: Failure | null;
  readonly conversation: AnyConversation | null;
  readonly messages: readonly Message[];
  readonly hasEarlier: boolean;
  readonly outbox: ConversationSnapshot['outbox'];
  readonly readSeqs: Readonly<Record<string, number>>;
  readonly present: readonly string[];
  readonly typing: readonly string[];
  readonly readAt: number | null;
  /** Whether it is being read, again or for the first time. */
  readonly isReading: boolean;
}

const NOTHING: Omit<ChatState, 'id'> = {
  state: 'loading',
  failure: null,
  conversation: null,
  messages: [],
  hasEarlier: false,
  outbox: [],
  readSeqs: {},
  present: [],
  typing: [],
  readAt: null,
  isReading: false,
};

const PAGE = 200;
/** How often an open conversation is read again for those who are not told what is said in it. */
const REREAD_MS = 20_000;
/** Who has so much more to read begins at the end. */
const MOST_READ_BACK = 400;

export class Chat {
  readonly id: string;
  readonly #desk: Desk;
  readonly #undos: Undo[] = [];
  /** Whether this person takes part: then there is a room to be in. */
  readonly #isAgent: boolean;
  #loading: Promise<void> | undefined;
  /** Reads back to what this person has read last, so that the line "new" has its place. */
  #readingBack = false;
  /** A note that may have been taken, though no answer came: noted again, it is the same one. */
  #unsure: { readonly text: string; readonly clientNoteId: string } | undefined;
  readonly view: ConversationView;
  readonly state: Signal<ChatState>;
  readonly notes: Signal<readonly Note[]> = signal([]);
  readonly notesFailure: Signal<Failure | null> = signal(null);
  /** Where the line "new" stands: after what had been read when this person last came here, or looked away. */
  readonly newAfter: Signal<number | null> = signal(null);
  /** The last message that was there when this was opened; `null` until that is known. */
  #hadSeq: number | null = null;
  /** The last message that this person has looked at. */
  #seenSeq = 0;

  constructor(desk: Desk, id: string) {
    this.id = id;
    this.#desk = desk;
    desk.shown.add(id);
    this.#isAgent = desk.user.role === 'agent';
    this.view = desk.client.conversation(id);
    this.state = signal({ ...NOTHING, id });
    if (this.#isAgent) {
      this.#undos.push(this.view.on('change', (snapshot) => this.#take(snapshot)));
      this.#take(this.view.snapshot);
      this.view.join({ last: FIRST_MESSAGES }).catch((thrown: unknown) => this.#refused(thrown));
      addEventListener('blur', this.#left);
      this.#undos.push(() => removeEventListener('blur', this.#left));
    } else {
      this.#undos.push(
        this.view.on('change', ({ conversation }) => {
          if (conversation) this.#put({ conversation });
        }),
        // Closed or moved: there may be more to read.
        desk.client.queue.on('conversation', ({ conversation }) => {
          if (conversation.id === id) void this.refresh();
        }),
      );
      void this.refresh();
      addEventListener('focus', this.#looked);
      const rereading = setInterval(() => {
        const { conversation } = this.state.peek();
        if (!conversation || conversation.status === 'closed' || cant.peek() !== null) return;
        if (document.visibilityState === 'visible') void this.#readOnce(conversation);
      }, REREAD_MS);
      this.#undos.push(
        () => removeEventListener('focus', this.#looked),
        () => clearInterval(rereading),
      );
    }
    this.#undos.push(
      desk.client.on('NOTE_ADDED', ({ note }) => {
        if (note.conversationId === id) this.#addNote(note);
      }),
    );
    void this.loadNotes();
  }

  stop(): void {
    for (const undo of this.#undos) undo();
    this.#desk.shown.delete(this.id);
    // What the agent holds stays in its room; of the rest nothing is kept.
    if (!this.#desk.inbox?.has(this.id)) void this.#desk.client.forget(this.id);
  }

  readonly #looked = (): void => void this.refresh();

  readonly #left = (): void => {
    const read = this.state.peek().readSeqs[this.#desk.user.id] ?? 0;
    if (this.#hadSeq !== null) this.newAfter.value = Math.max(read, this.#seenSeq);
  };

  /** Whether a message came while this was open. */
  isNew({ seq }: Message): boolean {
    return this.#hadSeq !== null && seq > this.#hadSeq;
  }

  /** The last message is on the screen. */
  seen(): void {
    if (document.hasFocus()) this.#seenSeq = this.state.peek().messages.at(-1)?.seq ?? 0;
    this.view.markRead();
  }

  /** Sends a message. Whoever answers has read. */
  send(text: string): void {
    this.newAfter.value = null;
    // What becomes of it the message itself says.
    this.view.send(text).accepted.catch(() => undefined);
  }

  /** Reads what there is now: for those who are not in the room. */
  refresh(): Promise<void> {
    if (this.#isAgent)
      return this.view
        .join()
        .then(() => undefined)
        .catch((thrown: unknown) => this.#refused(thrown));
    return this.#readOnce(null);
  }

  /** `known` is not read again: of what changes in it, but for what is said, everybody is told. */
  #readOnce(known: AnyConversation | null): Promise<void> {
    this.#put({ isReading: true });
    this.#loading ??= this.#read(known).finally(() => {
      this.#loading = undefined;
      this.#put({ isReading: false });
    });
    return this.#loading;
  }

  async loadEarlier(): Promise<void> {
    if (this.#isAgent) {
      await this.view.loadEarlier({ count: FIRST_MESSAGES });
      return;
    }
    const { messages } = this.state.peek();
    const end = (messages[0]?.seq ?? 1) - 1;
    const begin = Math.max(0, end - FIRST_MESSAGES);
    const { items } = await this.#desk.client.http.listMessages({
      params: { conversationId: this.id },
      query: { afterSeq: begin, limit: end - begin },
    });
    this.#put({
      messages: [...items.filter(({ seq }) => seq <= end), ...this.state.peek().messages],
      // Of what was deleted after its time there are no earlier ones.
      hasEarlier: begin > 0 && items.length > 0,
    });
  }

  async loadNotes(): Promise<void> {
    try {
      const notes: Note[] = [];
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page: { items: Note[]; nextCursor: string | null } = await this.#desk.client.http.listNotes({
          params: { conversationId: this.id },
          query: { limit: 100, ...(cursor && { cursor }) },
        });
        notes.push(...page.items);
        cursor = page.nextCursor;
      }
      for (const note of this.notes.peek()) if (!notes.some(({ id }) => id === note.id)) notes.push(note);
      this.notes.value = notes;
      this.notesFailure.value = null;
    } catch (thrown) {
      this.notesFailure.value = failureOf(thrown);
    }
  }

  async note(text: string): Promise<void> {
    const clientNoteId = this.#unsure?.text === text ? this.#unsure.clientNoteId : randomId();
    try {
      this.#addNote(await this.view.addNote(text, { clientNoteId }));
      this.#unsure = undefined;
    } catch (thrown) {
      if (isLiveSupportError(thrown) && thrown.outcomeUnknown) this.#unsure = { text, clientNoteId };
      throw thrown;
    }
  }

  /** Takes what an answer has brought. */
  update(conversation: AnyConversation): void {
    this.view.update(conversation);
    if (!this.#isAgent) this.#put({ conversation });
  }

  #addNote(note: Note): void {
    if (!this.notes.peek().some(({ id }) => id === note.id)) this.notes.value = [...this.notes.peek(), note];
  }

  async #read(known: AnyConversation | null): Promise<void> {
    const { http } = this.#desk.client;
    const params = { conversationId: this.id };
    try {
      const conversation = known ?? (await http.getConversation({ params }));
      this.view.update(conversation);
      const had = this.state.peek().messages;
      const base = had[0] ? had[0].seq - 1 : Math.max(0, conversation.lastSeq - FIRST_MESSAGES);
      const messages = [...had];
      for (let afterSeq: number | null = messages.at(-1)?.seq ?? base; afterSeq !== null; ) {
        const page: { items: Message[]; nextAfterSeq: number | null } = await http.listMessages({
          params,
          query: { afterSeq, limit: PAGE },
        });
        messages.push(...page.items);
        afterSeq = page.nextAfterSeq;
      }
      this.#put({
        state: 'read',
        messages,
        hasEarlier: base > 0 && messages.length > 0,
        failure: null,
        readAt: Date.now(),
      });
      if (known === null) this.#put({ conversation });
    } catch (thrown) {
      this.#refused(thrown);
    }
  }

  #refused(thrown: unknown): void {
    const isGone = isLiveSupportError(thrown) && ['NOT_FOUND', 'FORBIDDEN', 'VALIDATION_FAILED'].includes(thrown.code);
    this.#put({ failure: failureOf(thrown), ...(isGone && { state: 'lost' }) });
  }

  #take(snapshot: ConversationSnapshot): void {
    const { state, reason, conversation, messages, hasEarlier, outbox, readSeqs, present, typing } = snapshot;
    if (this.#hadSeq === null && (state === 'live' || state === 'ended')) {
      const read = readSeqs[this.#desk.user.id] ?? 0;
      this.#hadSeq = messages.at(-1)?.seq ?? 0;
      // What comes while somebody looks is not marked.
      this.newAfter.value = read < this.#hadSeq || !document.hasFocus() ? read : null;
      this.#readBack(read, (messages[0]?.seq ?? 1) - 1);
    }
    const isLost = state === 'ended' && reason === 'lost';
    const hasBegun = messages.length > 0 || state === 'live' || state === 'ended' || this.state.peek().state === 'live';
    const isThere = conversation !== null && hasBegun && !this.#readingBack;
    // Without a connection one may write all the same.
    this.#put({
      state: isLost ? 'lost' : isThere ? 'live' : 'loading',
      conversation,
      messages: this.#readingBack ? [] : messages,
      hasEarlier,
      outbox,
      readSeqs,
      present,
      typing,
      failure: snapshot.error ? failureOf(snapshot.error) : null,
    });
  }

  #readBack(read: number, first: number): void {
    if (read === 0 || read >= first || first - read > MOST_READ_BACK) return;
    this.#readingBack = true;
    this.view
      .loadEarlier({ count: first - read + 5 })
      // Then the conversation begins at its end.
      .catch(() => undefined)
      .finally(() => {
        this.#readingBack = false;
        this.#take(this.view.snapshot);
      });
  }

  #put(change: Partial<ChatState>): void {
    this.state.value = { ...this.state.peek(), ...change };
  }
}

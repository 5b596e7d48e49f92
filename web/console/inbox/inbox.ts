import { computed, type Signal, signal } from '@preact/signals';
import type { AnyConversation, ConversationSnapshot, Undo, User } from '../../../client/src/index.ts';
import { callAttention, unreadTotal } from '../app/attention.ts';
import { waitingToBeSent } from '../app/client.ts';
import type { DeskCore } from '../app/deskCore.ts';
import { type Failure, failureOf } from '../app/errors.ts';
import { say, tell, tellCounted } from '../app/notices.ts';
import { addressOf, go, place } from '../app/router.ts';
import { isolate } from '../app/text.ts';

/** A conversation as a list shows it. */
export interface Row {
  readonly conversation: AnyConversation;
  readonly unread: number;
  /** Whether the customer has the last word. */
  readonly isWaiting: boolean;
  readonly isTyping: boolean;
}

/** Rooms that are entered at once when the page loads: each costs the service two calls. */
const AT_ONCE = 3;
/** With so many of the last messages a conversation begins. */
export const FIRST_MESSAGES = 50;

/** What an agent holds. The agent is in the room of each, so that what is said there is heard. */
export class Inbox {
  readonly #desk: DeskCore;
  readonly #rows: Signal<ReadonlyMap<string, Row>> = signal(new Map());
  readonly #undos: Undo[] = [];
  readonly #views = new Map<string, Undo>();
  /** What lists said of the unread before the view knows. */
  readonly #listed = new Map<string, { readonly unread: number; readonly lastSeq: number }>();
  #toEnter: string[] = [];
  #entering = 0;
  #isStopped = false;
  readonly rows = computed(() => [...this.#rows.value.values()]);
  readonly isLoaded = signal(false);
  readonly failure: Signal<Failure | null> = signal(null);

  constructor(desk: DeskCore) {
    this.#desk = desk;
    const { client } = desk;
    const me = desk.user.id;
    this.#undos.push(
      client.connection.on('up', () => void this.load()),
      client.on('CONVERSATION_ASSIGNED', ({ conversation }) => {
        if (conversation.agentId === me) void this.#gained(conversation.id);
        else
          this.#lost(
            conversation.id,
            `“${isolate(conversation.subject)}” was given to ${isolate(conversation.agent?.name ?? 'somebody else')}.`,
          );
      }),
      client.on('CONVERSATION_REQUEUED', ({ conversation }) =>
        this.#lost(conversation.id, `“${isolate(conversation.subject)}” went back to the queue.`),
      ),
      client.on('CONVERSATION_CLOSED', ({ conversationId, closedBy }) => {
        const row = this.#rows.peek().get(conversationId);
        if (!row) return;
        if (closedBy !== me) tell(`“${isolate(row.conversation.subject)}” was closed.`);
        this.#drop(conversationId);
        this.#desk.closed.put({ ...row.conversation, status: 'closed' });
      }),
    );
    void this.load();
    client.availability.resume().catch(() => undefined);
  }

  has(id: string): boolean {
    return this.#rows.peek().has(id);
  }

  /** Reads what the agent holds, all of it: 200 at most. */
  async load(): Promise<void> {
    const found = new Map<string, AnyConversation>();
    try {
      let cursor: string | null | undefined;
      while (cursor !== null) {
        const page: { items: AnyConversation[]; nextCursor: string | null } =
          await this.#desk.client.http.listConversations({
            query: { status: 'assigned', limit: 100, ...(cursor && { cursor }) },
          });
        for (const conversation of page.items) found.set(conversation.id, conversation);
        cursor = page.nextCursor;
      }
    } catch (thrown) {
      if (!this.#isStopped) this.failure.value = failureOf(thrown);
      return;
    }
    if (this.#isStopped) return;
    const isFirst = !this.isLoaded.peek();
    for (const id of this.#rows.peek().keys()) if (!found.has(id)) this.#drop(id);
    for (const conversation of found.values()) {
      const isNew = !this.#rows.peek().has(conversation.id);
      this.#enter(conversation);
      // Given while there was no connection.
      if (isNew && !isFirst) announce(conversation);
    }
    this.failure.value = null;
    this.isLoaded.value = true;
  }

  stop(): void {
    this.#isStopped = true;
    for (const undo of [...this.#undos, ...this.#views.values()]) undo();
    unreadTotal.value = 0;
  }

  #enter(conversation: AnyConversation): void {
    const { id } = conversation;
    const view = this.#desk.client.conversation(id);
    this.#listed.set(id, { unread: conversation.unread ?? 0, lastSeq: conversation.lastSeq });
    view.update(conversation);
    if (!this.#views.has(id)) {
      const undos = [
        view.on('change', (snapshot) => this.#show(snapshot)),
        view.on('message', (message) => {
          const isNew = message.seq > (this.#listed.get(id)?.lastSeq ?? 0);
          if (message.senderRole !== 'candidate' || !isNew) return;
          const isOpen = place.peek().view === 'inbox' && place.peek().id === id;
          if (!isOpen) say(`New message from ${message.senderName}`);
          callAttention({
            title: message.senderName,
            body: this.#rows.peek().get(id)?.conversation.subject ?? 'A new message',
            tag: id,
            open: () => go(addressOf('inbox', id)),
            isOpen,
          });
        }),
      ];
      this.#views.set(id, () => {
        for (const undo of undos) undo();
      });
      this.#toEnter.push(id);
    }
    this.#show(view.snapshot);
    this.#enterNext();
  }

  #enterNext(): void {
    const next = this.#entering < AT_ONCE ? this.#toEnter.shift() : undefined;
    if (next === undefined) return;
    this.#entering += 1;
    void this.#desk.client
      .conversation(next)
      .join({ last: FIRST_MESSAGES })
      // Why it isn't live its own view says.
      .catch(() => undefined)
      .finally(() => {
        this.#entering -= 1;
        if (!this.#isStopped) this.#enterNext();
      });
    this.#enterNext();
  }

  async #gained(id: string): Promise<void> {
    const isNew = !this.#rows.peek().has(id);
    try {
      const conversation: AnyConversation = await this.#desk.client.http.getConversation({
        params: { conversationId: id },
      });
      if (this.#isStopped || conversation.agentId !== this.#desk.user.id || conversation.status !== 'assigned') return;
      this.#enter(conversation);
      if (isNew) announce(conversation);
    } catch {
      // Gone again, or the network is: the next socket reads the whole list.
    }
  }

  #lost(id: string, words: string): void {
    if (!this.#rows.peek().has(id)) return;
    tell(words);
    this.#drop(id);
  }

  #drop(id: string): void {
    this.#views.get(id)?.();
    this.#views.delete(id);
    this.#toEnter = this.#toEnter.filter((waiting) => waiting !== id);
    const rows = new Map(this.#rows.peek());
    rows.delete(id);
    this.#become(rows);
    // Of what is neither on the screen nor on its way nothing is kept: this page is open for weeks.
    const { client, shown } = this.#desk;
    if (!shown.has(id) && client.conversation(id).snapshot.outbox.length === 0) void client.forget(id);
  }

  #show(snapshot: ConversationSnapshot): void {
    const { conversation } = snapshot;
    if (conversation?.status !== 'assigned' || conversation.agentId !== this.#desk.user.id) return;
    const row = rowOf(snapshot, conversation, this.#desk.user, this.#listed.get(snapshot.id));
    const rows = new Map(this.#rows.peek());
    rows.set(snapshot.id, row);
    this.#become(rows);
  }

  #become(rows: ReadonlyMap<string, Row>): void {
    this.#rows.value = rows;
    unreadTotal.value = [...rows.values()].reduce((sum, { unread }) => sum + unread, 0);
    waitingToBeSent.value = [...rows.keys()].reduce(
      (sum, id) =>
        sum + this.#desk.client.conversation(id).snapshot.outbox.filter(({ state }) => state === 'sending').length,
      0,
    );
  }
}

function announce({ id, subject, candidate }: AnyConversation): void {
  tellCounted('inbox', (times) =>
    times === 1
      ? `New in your inbox: “${isolate(subject)}” from ${isolate(candidate.name)}.`
      : `${times} new in your inbox, the last one “${isolate(subject)}” from ${isolate(candidate.name)}.`,
  );
  callAttention({
    title: 'A new conversation',
    body: subject,
    tag: id,
    open: () => go(addressOf('inbox', id)),
    isOpen: false,
  });
}

/** What the list knew counts until the view knows more: it may not have loaded as far back as the agent has read. */
export function rowOf(
  snapshot: ConversationSnapshot,
  conversation: AnyConversation,
  user: Pick<User, 'id'>,
  listed: { readonly unread: number; readonly lastSeq: number } | undefined,
): Row {
  const { state, messages, readSeqs, typing } = snapshot;
  const read = readSeqs[user.id] ?? 0;
  const since = listed
    ? messages.filter(({ seq, senderRole }) => seq > Math.max(read, listed.lastSeq) && senderRole === 'candidate')
        .length
    : 0;
  const before = listed && read < listed.lastSeq ? listed.unread : 0;
  const last = messages.at(-1);
  // Before the room is entered, the view has nothing to count.
  const isThere = state === 'live' || state === 'ended';
  return {
    conversation,
    unread: (isThere ? snapshot.unread : null) ?? before + since,
    isWaiting: last
      ? last.senderRole === 'candidate'
      : conversation.lastSeq > 0 && conversation.firstResponseAt === null,
    isTyping: typing.length > 0,
  };
}

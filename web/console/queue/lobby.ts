import { computed, type Signal, signal } from '@preact/signals';
import type { AnyConversation, QueueSnapshot, StaffConversation, Undo, User } from '../../../client/src/index.ts';
import { callAttention } from '../app/attention.ts';
import type { DeskCore } from '../app/deskCore.ts';
import { type Failure, failureOf } from '../app/errors.ts';
import { say, tell } from '../app/notices.ts';
import { addressOf, go, place } from '../app/router.ts';
import { isolate } from '../app/text.ts';

/** An agent, with how many conversations they hold. */
export interface Teammate {
  readonly user: User;
  /** `null`: not counted, or not yet. */
  readonly load: number | null;
}

interface Held {
  readonly agentId: string | null;
  readonly revision: number;
}

/** With more conversations than this nobody's load is counted: the numbers would be out of date before they were read. */
const MOST_COUNTED = 2_000;
/** How often the agents are read again: what a frame tells of them is a hint, and may be missed. */
const REREAD_MS = 60_000;
/** At so many readings of the agents what they hold is counted again too. */
const RECOUNT_EVERY = 5;
/** How long a row that has left says why. */
const FAREWELL_MS = 5_000;

/** For each reading under way, what was told of while it went on: that is newer than what is read. */
class Meanwhile<T> {
  readonly #readings = new Set<Map<string, T>>();

  begin(): Map<string, T> {
    const told = new Map<string, T>();
    this.#readings.add(told);
    return told;
  }

  note(id: string, value: T): void {
    for (const told of this.#readings) told.set(id, value);
  }

  end(told: Map<string, T>): void {
    this.#readings.delete(told);
  }
}

/** What waits, and who is there for it. */
export class Lobby {
  readonly #desk: DeskCore;
  readonly #undos: Undo[] = [];
  readonly #held: Signal<ReadonlyMap<string, Held>> = signal(new Map());
  readonly #isCounted = signal(false);
  readonly #agents: Signal<ReadonlyMap<string, User>> = signal(new Map());
  readonly #agentsToldOf = new Meanwhile<User>();
  readonly #heldToldOf = new Meanwhile<Held>();
  #seen = new Set<string>();
  /** The queue was shown once: what is new from then on calls for attention, after an outage too. */
  #hasShown = false;
  readonly queue: Signal<QueueSnapshot>;
  /** Rows that have left, with a word, for a moment. */
  readonly farewells: Signal<ReadonlyMap<string, { readonly conversation: StaffConversation; readonly word: string }>> =
    signal(new Map());
  readonly teamFailure: Signal<Failure | null> = signal(null);
  readonly isTeamLoaded = signal(false);
  readonly team = computed<readonly Teammate[]>(() => {
    const loads = new Map<string, number>();
    for (const { agentId } of this.#held.value.values()) if (agentId) loads.set(agentId, (loads.get(agentId) ?? 0) + 1);
    return [...this.#agents.value.values()]
      .filter(({ active }) => active)
      .map((user) => ({ user, load: this.#isCounted.value ? (loads.get(user.id) ?? 0) : null }))
      .sort(byReadiness);
  });

  constructor(desk: DeskCore) {
    this.#desk = desk;
    const { client } = desk;
    this.queue = signal(client.queue.snapshot);
    this.#undos.push(
      client.queue.on('change', (snapshot) => this.#show(snapshot)),
      client.queue.on('conversation', ({ conversation, reason }) => this.#changed(conversation, reason)),
      client.queue.on('removed', ({ conversationId, revision }) => {
        this.#note(conversationId, { agentId: null, revision });
        this.#seen.delete(conversationId);
        this.#bid(conversationId, 'Taken by another team');
        desk.held.remove(conversationId);
      }),
      client.queue.on('agent', (user) => this.putAgent(user)),
      client.connection.on('up', () => void this.loadTeam()),
    );
    let readings = 0;
    const rereading = setInterval(() => {
      if (document.visibilityState !== 'visible') return;
      readings += 1;
      // The next reading tells of what this one can't.
      void (readings % RECOUNT_EVERY === 0 ? this.loadTeam() : this.#readAgents().catch(() => undefined));
    }, REREAD_MS);
    this.#undos.push(() => clearInterval(rereading));
    // What keeps it from being watched the snapshot says.
    void client.queue.watch().catch(() => undefined);
    void this.loadTeam();
  }

  stop(): void {
    for (const undo of this.#undos) undo();
    void this.#desk.client.queue.unwatch();
  }

  /** Reads the agents, and counts what they hold. */
  async loadTeam(): Promise<void> {
    const { http } = this.#desk.client;
    const meanwhile = this.#heldToldOf.begin();
    try {
      await this.#readAgents();
      this.isTeamLoaded.value = true;
      const held = new Map<string, Held>();
      let cursor: string | null | undefined;
      while (cursor !== null && held.size < MOST_COUNTED) {
        const page: { items: AnyConversation[]; nextCursor: string | null } = await http.listConversations({
          query: { status: 'assigned', limit: 100, ...(cursor && { cursor }) },
        });
        for (const { id, agentId, revision } of page.items) held.set(id, { agentId, revision });
        cursor = page.nextCursor;
      }
      // What was told meanwhile is newer.
      for (const [id, told] of meanwhile) {
        const read = held.get(id);
        if (read && read.revision > told.revision) continue;
        if (told.agentId === null) held.delete(id);
        else held.set(id, told);
      }
      this.#held.value = held;
      this.#isCounted.value = cursor === null;
      this.teamFailure.value = null;
    } catch (thrown) {
      this.teamFailure.value = failureOf(thrown);
    } finally {
      this.#heldToldOf.end(meanwhile);
    }
  }

  /** What is told while they are read is newer than what was read. */
  async #readAgents(): Promise<void> {
    const { http } = this.#desk.client;
    const meanwhile = this.#agentsToldOf.begin();
    try {
      const agents = new Map<string, User>();
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page: { items: User[]; nextCursor: string | null } = await http.listUsers({
          query: { role: 'agent', active: true, limit: 100, ...(cursor && { cursor }) },
        });
        for (const user of page.items) agents.set(user.id, user);
        cursor = page.nextCursor;
      }
      this.#agents.value = new Map([...agents, ...meanwhile]);
    } finally {
      this.#agentsToldOf.end(meanwhile);
    }
  }

  putAgent(user: User): void {
    this.#agentsToldOf.note(user.id, user);
    const agents = new Map(this.#agents.peek());
    agents.set(user.id, user);
    this.#agents.value = agents;
  }

  /** Gives a conversation to an agent, and says how it went. Returns whether it was given. */
  async assign(conversation: AnyConversation, agent: User): Promise<boolean> {
    const { client, held, shown } = this.#desk;
    try {
      const given: StaffConversation = await client.http.assignConversation({
        params: { conversationId: conversation.id },
        body: { agentId: agent.id },
      });
      if (shown.has(given.id)) client.conversation(given.id).update(given);
      this.#note(given.id, given);
      held.put(given);
      tell(`“${isolate(conversation.subject)}” is with ${isolate(agent.name)} now.`);
      return true;
    } catch (thrown) {
      tell(`Not assigned. ${failureOf(thrown).said}`, 'bad');
      return false;
    }
  }

  #show(snapshot: QueueSnapshot): void {
    const fresh = snapshot.conversations.filter(({ id }) => !this.#seen.has(id));
    this.queue.value = snapshot;
    if (snapshot.state !== 'live') return;
    for (const { id } of fresh) this.#seen.add(id);
    const isFirst = !this.#hasShown;
    this.#hasShown = true;
    const [first] = fresh;
    if (!first || isFirst) return;
    say(fresh.length === 1 ? `Waiting: ${first.subject}` : `${fresh.length} more are waiting`);
    callAttention({
      title: fresh.length === 1 ? 'Somebody is waiting' : `${fresh.length} are waiting`,
      body: first.subject,
      tag: 'queue',
      open: () => go(addressOf('queue')),
      isOpen: place.peek().view === 'queue',
    });
  }

  #changed(conversation: StaffConversation, reason: string): void {
    this.#note(conversation.id, conversation);
    if (conversation.status !== 'open') {
      this.#seen.delete(conversation.id);
      const word =
        conversation.status === 'closed' ? 'Closed' : `Given to ${isolate(conversation.agent?.name ?? 'an agent')}`;
      this.#bid(conversation.id, word);
    }
    const { held, closed } = this.#desk;
    if (conversation.status === 'assigned') held.put(conversation);
    else held.remove(conversation.id);
    if (conversation.status === 'closed' && reason === 'closed' && closed.readAt.peek() !== null)
      closed.put(conversation);
  }

  #note(id: string, { agentId, revision, status }: Held & { readonly status?: string }): void {
    const had = this.#held.peek().get(id);
    if (had && had.revision > revision) return;
    const now = { agentId: status === undefined || status === 'assigned' ? agentId : null, revision };
    this.#heldToldOf.note(id, now);
    const held = new Map(this.#held.peek());
    if (now.agentId === null) held.delete(id);
    else held.set(id, now);
    this.#held.value = held;
  }

  /** A row that leaves says why, for a moment. */
  #bid(id: string, word: string): void {
    const conversation = this.queue.peek().conversations.find((one) => one.id === id);
    if (!conversation) return;
    this.farewells.value = new Map(this.farewells.peek()).set(id, { conversation, word });
    say(`${conversation.subject}: ${word}`);
    setTimeout(() => {
      const rest = new Map(this.farewells.peek());
      rest.delete(id);
      this.farewells.value = rest;
    }, FAREWELL_MS);
  }
}

/** Who can take one comes first: available, with the most room. */
function byReadiness(a: Teammate, b: Teammate): number {
  const away = (mate: Teammate) => (mate.user.availability === 'available' ? 0 : 1);
  const room = (mate: Teammate) => (mate.user.maxConversations ?? 0) - (mate.load ?? 0);
  return away(a) - away(b) || room(b) - room(a) || a.user.name.localeCompare(b.user.name);
}

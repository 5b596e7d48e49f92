import { DEFAULT_CAPACITY } from '../../../lib/domain/desk.ts';

/**
 * What the desk's records were after each commit, in the order in which the database carried the commits out. Nothing here asks
 * the code under test: the rules are the contract's, said once more.
 */

/** A user, as far as it matters who is given what. */
export interface UserState {
  readonly role: string;
  readonly active: boolean;
  readonly supervisorId: string | null;
  readonly automatic?: boolean;
  readonly leased?: boolean;
  /** In epoch milliseconds. */
  readonly availableUntil?: number;
  readonly assignedCount: number;
  readonly maxConversations?: number;
  readonly routing?: { readonly mode: string };
}

export interface ConversationState {
  readonly status: string;
  readonly agentId: string | null;
  readonly supervisorId: string | null;
  readonly closedBy: string | null;
  readonly revision: number;
  readonly urgency: number;
}

export interface AuditState {
  readonly action: string;
  readonly actorId: string | null;
  readonly targetId: string | null;
  readonly details: Readonly<Record<string, string>>;
}

export type Write =
  | { readonly of: 'users'; readonly id: string; readonly after: UserState }
  | { readonly of: 'conversations'; readonly id: string; readonly after: ConversationState }
  | { readonly of: 'audit'; readonly id: string; readonly after: AuditState };

/** The writes of one transaction, or one write without one. */
export interface Commit {
  /** By the database's clock, in epoch milliseconds. */
  readonly at: number;
  readonly writes: readonly Write[];
  /** No write, but a moment among them. */
  readonly moment?: Moment;
}

/**
 * `settled`: nothing is under way, and the clock has just ticked. `asking`, `answered`: the agent's client asks to be available, a
 * renewal not meant; what was asked may come about until it is answered.
 */
export type Moment = { readonly is: 'settled' } | { readonly is: 'asking' | 'answered'; readonly agentId: string };

/** A client that has lost a conversation, by how often it had become available until then. */
type Losses = ReadonlyMap<string, number>;

/** How everything stands between two commits. */
export class Standing {
  readonly users: ReadonlyMap<string, UserState>;
  readonly conversations: ReadonlyMap<string, ConversationState>;
  /** How often each agent has become available. */
  readonly availabilities: ReadonlyMap<string, number>;
  /** How many requests of each agent to be available are under way. */
  readonly asking: ReadonlyMap<string, number>;
  readonly #losses: ReadonlyMap<string, Losses>;

  constructor(
    users: ReadonlyMap<string, UserState>,
    conversations: ReadonlyMap<string, ConversationState>,
    availabilities: ReadonlyMap<string, number> = new Map(),
    asking: ReadonlyMap<string, number> = new Map(),
    losses: ReadonlyMap<string, Losses> = new Map(),
  ) {
    this.users = users;
    this.conversations = conversations;
    this.availabilities = availabilities;
    this.asking = asking;
    this.#losses = losses;
  }

  after({ at, writes, moment }: Commit): Standing {
    const asking = new Map(this.asking);
    if (moment && moment.is !== 'settled') {
      const one = moment.is === 'asking' ? 1 : -1;
      asking.set(moment.agentId, (asking.get(moment.agentId) ?? 0) + one);
    }
    const users = new Map(this.users);
    const conversations = new Map(this.conversations);
    const availabilities = new Map(this.availabilities);
    const losses = new Map(this.#losses);
    for (const write of writes) {
      if (write.of === 'conversations') {
        const before = conversations.get(write.id);
        const isTaken = write.after.status !== 'closed' && write.after.agentId !== before?.agentId;
        if (before?.agentId && before.status === 'assigned' && isTaken) {
          const lost = new Map(losses.get(write.id)).set(before.agentId, this.availabilities.get(before.agentId) ?? 0);
          losses.set(write.id, lost);
        }
        conversations.set(write.id, write.after);
      } else if (write.of === 'users') {
        const begins = !isAvailable(users.get(write.id), at) && isAvailable(write.after, at);
        if (begins) availabilities.set(write.id, (availabilities.get(write.id) ?? 0) + 1);
        users.set(write.id, write.after);
      }
    }
    return new Standing(users, conversations, availabilities, asking, losses);
  }

  held(agentId: string): number {
    return [...this.conversations.values()].filter((it) => it.status === 'assigned' && it.agentId === agentId).length;
  }

  /** By the routing of the agent's supervisor, whatever the agent's own record says of it. */
  isAutomatic({ supervisorId }: UserState): boolean {
    return this.users.get(supervisorId ?? '')?.routing?.mode === 'automatic';
  }

  hasLost(agentId: string, conversationId: string): boolean {
    return this.#losses.get(conversationId)?.get(agentId) === (this.availabilities.get(agentId) ?? 0);
  }
}

export const isAvailable = (user: UserState | undefined, at: number): boolean =>
  user?.leased === true && (user.availableUntil ?? 0) > at;

export const capacityOf = ({ maxConversations = DEFAULT_CAPACITY }: UserState): number => maxConversations;

/** Who watches the queue. */
export interface Sighted {
  readonly userId: string;
  readonly role: 'supervisor' | 'admin';
}

/** Whether they may see a conversation. */
export const sees = ({ userId, role }: Sighted, it: ConversationState): boolean =>
  role === 'admin' || it.status === 'open' || it.supervisorId === userId || (!it.agentId && it.closedBy === userId);

import { type Signal, signal } from '@preact/signals';
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { AnyConversation, LiveSupportClient, Reply, User } from '../../../client/src/index.ts';
import { Inbox } from '../inbox/inbox.ts';
import { Lobby } from '../queue/lobby.ts';
import { client, hasEnded, PREFIX, user } from './client.ts';
import type { DeskCore } from './deskCore.ts';
import { Drafts } from './drafts.ts';
import { PagedList } from './pagedList.ts';

function storage(): Storage | null {
  try {
    return localStorage;
  } catch {
    return null;
  }
}

/** What a person on the staff works with, from signing in to signing out. */
export class Desk implements DeskCore {
  readonly client: LiveSupportClient = client;
  readonly user: User;
  readonly drafts: Drafts;
  /** What an agent holds, kept up to date. */
  readonly inbox: Inbox | null;
  /** What waits, and the team: for supervisors and admins. */
  readonly lobby: Lobby | null;
  readonly closed: PagedList<AnyConversation>;
  readonly held: PagedList<AnyConversation>;
  readonly shown = new Set<string>();
  readonly replies: PagedList<Reply>;
  readonly #storageChanged = ({ key }: StorageEvent): void => this.drafts.changed(key);

  constructor(person: User) {
    this.user = person;
    this.drafts = new Drafts(`${PREFIX}draft:${person.id}:`, storage());
    addEventListener('storage', this.#storageChanged);
    const list = (status: 'assigned' | 'closed') => (cursor: string | undefined) =>
      client.http.listConversations({ query: { status, limit: 50, ...(cursor !== undefined && { cursor }) } });
    this.closed = new PagedList(list('closed'));
    this.held = new PagedList(list('assigned'));
    this.replies = new PagedList((cursor) =>
      client.http.listReplies({ query: { limit: 100, ...(cursor !== undefined && { cursor }) } }),
    );
    this.inbox = person.role === 'agent' ? new Inbox(this) : null;
    this.lobby = person.role === 'supervisor' || person.role === 'admin' ? new Lobby(this) : null;
  }

  stop(): void {
    removeEventListener('storage', this.#storageChanged);
    this.inbox?.stop();
    this.lobby?.stop();
  }
}

export const desk: Signal<Desk | null> = signal(null);
export const DeskContext = createContext<Desk | null>(null);

export function useDesk(): Desk {
  const found = useContext(DeskContext);
  if (!found) throw new Error('nobody is signed in');
  return found;
}

function become(person: User | null): void {
  if (user.peek() && person?.id === user.peek()?.id) return;
  desk.peek()?.stop();
  desk.value = person && person.role !== 'candidate' ? new Desk(person) : null;
  user.value = person;
}

client.session.on('change', ({ user: person, reason }) => {
  if (person === null) hasEnded.value = reason === 'ended';
  else hasEnded.value = false;
  become(person);
});
void client.session.restore().then(become);

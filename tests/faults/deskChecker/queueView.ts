import type { ServerFrame } from '../../../lib/protocol/events.ts';

/** The queue as a client has it that watches as the contract says: pages and changes are merged by `revision`. */
export class QueueView {
  readonly #known = new Map<string, { readonly revision: number; readonly isOpen: boolean }>();
  /** The revisions at which conversations were removed: what is older than that comes too late. */
  readonly #removed = new Map<string, number>();

  /** The client is about to watch, and trusts nothing that it was told before. */
  restart(): void {
    this.#known.clear();
  }

  receive(frame: ServerFrame): void {
    if (frame.event === 'QUEUE_WATCHED') for (const it of frame.data.conversations) this.#take(it);
    if (frame.event === 'QUEUE_CHANGED') this.#take(frame.data.conversation);
    if (frame.event === 'QUEUE_REMOVED') this.#remove(frame.data.conversationId, frame.data.revision);
  }

  /** The open conversations that it has. */
  get open(): string[] {
    return [...this.#known].filter(([, { isOpen }]) => isOpen).map(([id]) => id);
  }

  #take({ id, revision, status }: { id: string; revision: number; status: string }): void {
    const newest = Math.max(this.#known.get(id)?.revision ?? -1, this.#removed.get(id) ?? -1);
    if (revision > newest) this.#known.set(id, { revision, isOpen: status === 'open' });
  }

  #remove(id: string, revision: number): void {
    if (revision <= Math.max(this.#known.get(id)?.revision ?? -1, this.#removed.get(id) ?? -1)) return;
    this.#removed.set(id, revision);
    this.#known.delete(id);
  }
}

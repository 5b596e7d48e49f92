import { type Signal, signal } from '@preact/signals';

/** What somebody has written and not sent, by conversation: it survives a reload, and a browser that has no storage. */

export type Mode = 'reply' | 'note';

export interface Draft {
  readonly text: string;
  readonly mode: Mode;
}

const EMPTY: Draft = { text: '', mode: 'reply' };
/** Of conversations that nobody came back to, so many are kept. */
const MOST = 100;

/** What is needed of the browser's storage. */
export interface Kept {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export class Drafts {
  readonly #prefix: string;
  readonly #storage: Kept | null;
  readonly #drafts = new Map<string, Signal<Draft>>();

  constructor(prefix: string, storage: Kept | null) {
    this.#prefix = prefix;
    this.#storage = storage;
  }

  get(conversationId: string): Draft {
    return this.#of(conversationId).value;
  }

  set(conversationId: string, draft: Draft): void {
    this.#of(conversationId).value = draft;
    const key = this.#prefix + conversationId;
    try {
      if (draft.text === '') this.#storage?.removeItem(key);
      else {
        if (this.#storage?.getItem(key) === null) this.#forgetOldest();
        this.#storage?.setItem(key, JSON.stringify({ ...draft, at: Date.now() }));
      }
    } catch {
      // The storage is full, or refused: the draft lives as long as the page.
    }
  }

  /** Another tab has written under this key. What it has sent is not to be sent here again. */
  changed(key: string | null): void {
    const conversationId = key?.startsWith(this.#prefix) ? key.slice(this.#prefix.length) : '';
    const draft = this.#drafts.get(conversationId);
    // A field for notes stays one: somebody may go on writing in it.
    if (draft) draft.value = this.#read(conversationId) ?? { ...EMPTY, mode: draft.peek().mode };
  }

  #of(conversationId: string): Signal<Draft> {
    const draft = this.#drafts.get(conversationId) ?? signal(this.#read(conversationId) ?? EMPTY);
    this.#drafts.set(conversationId, draft);
    return draft;
  }

  #read(conversationId: string): Draft | null {
    try {
      const { text, mode } = JSON.parse(this.#storage?.getItem(this.#prefix + conversationId) ?? '') as Draft;
      return typeof text === 'string' ? { text, mode: mode === 'note' ? 'note' : 'reply' } : null;
    } catch {
      return null;
    }
  }

  #forgetOldest(): void {
    const storage = this.#storage;
    if (!storage) return;
    const keys = Array.from({ length: storage.length }, (_, at) => storage.key(at) ?? '').filter((key) =>
      key.startsWith(this.#prefix),
    );
    const ageOf = (key: string) => (JSON.parse(storage.getItem(key) ?? '{}') as { at?: number }).at ?? 0;
    for (const key of keys.sort((a, b) => ageOf(a) - ageOf(b)).slice(0, Math.max(0, keys.length + 1 - MOST))) {
      storage.removeItem(key);
    }
  }
}

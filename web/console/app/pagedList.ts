import { computed, signal } from '@preact/signals';
import { type Failure, failureOf } from './errors.ts';

interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

/** A list of the HTTP API that is read page by page, as far as somebody scrolls. */
export class PagedList<T extends { readonly id: string }> {
  readonly #read: (cursor: string | undefined) => Promise<Page<T>>;
  readonly #items = signal<ReadonlyMap<string, T>>(new Map());
  #cursor: string | null | undefined;
  #reading = 0;
  #all: Promise<boolean> | undefined;
  readonly items = computed(() => [...this.#items.value.values()]);
  readonly isLoading = signal(false);
  /** What has kept the last reading from succeeding. */
  readonly failure = signal<Failure | null>(null);
  /** When the list was read from its beginning; `null` before. */
  readonly readAt = signal<number | null>(null);
  readonly hasMore = signal(true);

  constructor(read: (cursor: string | undefined) => Promise<Page<T>>) {
    this.#read = read;
  }

  /** Reads the list from its beginning. What is shown stays until the answer is there. */
  async refresh(): Promise<void> {
    await this.#page(undefined);
  }

  /** Reads the next page, unless one is on its way. */
  async more(): Promise<void> {
    if (this.isLoading.peek() || !this.hasMore.peek()) return;
    await this.#page(this.#cursor ?? undefined);
  }

  /** Reads on to the end, or to so many. Whoever asks meanwhile waits for the same reading. Returns whether the end was reached. */
  all(most: number): Promise<boolean> {
    this.#all ??= this.#readAll(most).finally(() => {
      this.#all = undefined;
    });
    return this.#all;
  }

  async #readAll(most: number): Promise<boolean> {
    await this.refresh();
    while (this.hasMore.peek() && this.failure.peek() === null && this.#items.peek().size < most) {
      // Somebody has begun to read it from its beginning.
      if (this.isLoading.peek()) return false;
      await this.more();
    }
    return !this.hasMore.peek() && this.failure.peek() === null;
  }

  get(id: string): T | undefined {
    return this.#items.peek().get(id);
  }

  /** Takes one that was changed or made here. A new one comes first. */
  put(item: T): void {
    const items = this.#items.peek();
    this.#items.value = items.has(item.id)
      ? new Map([...items].map(([id, had]) => [id, id === item.id ? item : had]))
      : new Map([[item.id, item], ...items]);
  }

  remove(id: string): void {
    if (!this.#items.peek().has(id)) return;
    this.#items.value = new Map([...this.#items.peek()].filter(([had]) => had !== id));
  }

  async #page(cursor: string | undefined): Promise<void> {
    this.#reading += 1;
    const reading = this.#reading;
    this.isLoading.value = true;
    try {
      const { items, nextCursor } = await this.#read(cursor);
      if (reading !== this.#reading) return;
      const added = items.map((item) => [item.id, item] as const);
      this.#items.value = new Map(cursor === undefined ? added : [...this.#items.peek(), ...added]);
      this.#cursor = nextCursor;
      this.hasMore.value = nextCursor !== null;
      if (cursor === undefined) this.readAt.value = Date.now();
      this.failure.value = null;
    } catch (thrown) {
      if (reading === this.#reading) this.failure.value = failureOf(thrown);
    } finally {
      if (reading === this.#reading) this.isLoading.value = false;
    }
  }
}

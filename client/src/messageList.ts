import type { Message } from './protocol.ts';

/** The messages of a conversation after `base`, in order and without a hole, and those beyond the first hole. */
export class MessageList {
  #base: number;
  #messages: Message[] = [];
  #copy: readonly Message[] | undefined;
  readonly #beyond = new Map<number, Message>();
  /** The highest `seq` that is known to be there. */
  #known: number;
  #hasEarlier: boolean;

  constructor(base = 0) {
    this.#base = base;
    this.#known = base;
    this.#hasEarlier = base > 0;
  }

  /** Whether there may be messages before `base`: those of a closed conversation are deleted after their time. */
  get hasEarlier(): boolean {
    return this.#hasEarlier;
  }

  /** The `seq` after which the list begins. */
  get base(): number {
    return this.#base;
  }

  /** The last `seq` up to which nothing is missing. */
  get end(): number {
    return this.#base + this.#messages.length;
  }

  get isComplete(): boolean {
    return this.end >= this.#known;
  }

  /** A copy: the list goes on. The same one until there are more: a view tells of much that is no message. */
  get messages(): readonly Message[] {
    this.#copy ??= [...this.#messages];
    return this.#copy;
  }

  at(seq: number): Message | undefined {
    return this.#messages[seq - this.#base - 1];
  }

  /** The service has said that there is a message of this `seq`. */
  expect(seq: number): void {
    this.#known = Math.max(this.#known, seq);
  }

  /** Takes a message, and returns those that are in order now, this one among them or not. A repeat changes nothing. */
  add(message: Message): readonly Message[] {
    this.expect(message.seq);
    if (message.seq <= this.end) return [];
    this.#beyond.set(message.seq, message);
    const added: Message[] = [];
    for (let next = this.#beyond.get(this.end + 1); next; next = this.#beyond.get(this.end + 1)) {
      this.#beyond.delete(next.seq);
      this.#messages.push(next);
      added.push(next);
      this.#copy = undefined;
    }
    return added;
  }

  /** Puts in front what was left out at first. What doesn't end where the list begins changes nothing. */
  prepend(earlier: readonly Message[]): void {
    if (earlier.length === 0) this.#hasEarlier = false;
    const wanted = earlier.filter(({ seq }) => seq <= this.#base);
    const first = wanted[0];
    if (!first || wanted.some(({ seq }, index) => seq !== first.seq + index) || wanted.at(-1)?.seq !== this.#base)
      return;
    this.#messages = [...wanted, ...this.#messages];
    this.#copy = undefined;
    this.#base = first.seq - 1;
    this.#hasEarlier = this.#base > 0;
  }
}

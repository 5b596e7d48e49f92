/** Takes back what `on` did. Calling it again does nothing. */
export type Undo = () => void;

/** Calls listeners by the name of an event. `Events` maps each name to what its listeners are given. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>();
  /** What is being told, and what is to be told after it. */
  readonly #untold: (() => void)[] = [];

  /** Calls `listener` for each event of this name from now on, until the function it returns is called. */
  on<N extends keyof Events>(name: N, listener: (value: Events[N]) => void): Undo {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    // The same function may be given twice; each has an undo of its own.
    const own = (value: Events[N]) => listener(value);
    listeners.add(own);
    return () => {
      listeners.delete(own);
    };
  }

  /**
   * What a listener throws is the application's to see, and keeps nothing from the other listeners. What one of them causes is told after
   * what it was told: each hears everything in the order in which it happened.
   */
  emit<N extends keyof Events>(name: N, value: Events[N]): void {
    this.#untold.push(() => this.#tell(name, value));
    if (this.#untold.length > 1) return;
    for (let tell = this.#untold[0]; tell; tell = this.#untold[0]) {
      tell();
      this.#untold.shift();
    }
  }

  #tell<N extends keyof Events>(name: N, value: Events[N]): void {
    const listeners = (this.#listeners.get(name) ?? new Set()) as Set<(value: Events[N]) => void>;
    for (const listener of [...listeners]) {
      try {
        // One that was told before may have taken this one back.
        if (listeners.has(listener)) listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

/** Returns what does `work` once for all its calls of one turn, after what runs now. */
export function oncePerTurn(work: () => void): () => void {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    queueMicrotask(() => {
      isDue = false;
      work();
    });
  };
}

/**
 * Work of which one run at a time serves whoever asks for it meanwhile. Who has joined a run that then fails begins one
 * of their own: the run may be old, having lain frozen in the middle of it with the Lambda that began it ahead of time.
 */
export class Shared<T> {
  #running: Promise<T> | undefined;

  async run(work: () => Promise<T>): Promise<T> {
    const joined = this.#running;
    if (joined) {
      try {
        return await joined;
      } catch {
        // Theirs to report; ours may fare better.
      }
    }
    this.#running ??= work().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }
}

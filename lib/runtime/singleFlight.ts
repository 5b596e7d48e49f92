/** A run that was begun longer ago than this may have lain frozen since, with all it had under way lost. */
const YOUNG_MS = 1_000;

/**
 * Work of which one run at a time serves whoever asks for it meanwhile. A run may have been begun ahead of time and frozen
 * in the middle, with the Lambda that began it: when one that was old already fails, whoever joined it begins another.
 */
export class SingleFlight<T> {
  #running: { readonly begun: number; readonly result: Promise<T> } | undefined;

  async run(work: () => Promise<T>): Promise<T> {
    const joined = this.#running;
    if (joined) {
      const isYoung = Date.now() - joined.begun < YOUNG_MS;
      try {
        return await joined.result;
      } catch (error) {
        if (isYoung) throw error;
      }
    }
    this.#running ??= {
      begun: Date.now(),
      result: work().finally(() => {
        this.#running = undefined;
      }),
    };
    return this.#running.result;
  }
}

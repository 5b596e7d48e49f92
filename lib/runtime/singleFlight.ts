/** A run that began longer ago may have been frozen since, and lost its connections. */
const YOUNG_MS = 1_000;

/**
 * Single flight: concurrent callers share one run. A run may have begun ahead of time and been frozen with its Lambda.
 * When such an old run fails, callers that joined it begin another.
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

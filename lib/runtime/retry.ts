/** How long to go on with something that failed in a way that may pass. */
export interface Retries {
  readonly attempts: number;
  /** Epoch milliseconds: no attempt is begun later. */
  readonly end: number;
}

/**
 * Waits before another attempt, after the one with this number, from 1: twice as long each time, with full jitter, so that
 * a crowd spreads out. Answers `false`, at once, where there is to be none.
 */
export async function waitToRetry(attempt: number, { attempts, end }: Retries): Promise<boolean> {
  const pause = Math.random() * 100 * 2 ** attempt;
  if (attempt === attempts || Date.now() + pause >= end) return false;
  await new Promise((resolve) => setTimeout(resolve, pause));
  return true;
}

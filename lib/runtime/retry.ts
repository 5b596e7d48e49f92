/** How long to go on after failures that may pass. */
export interface Retries {
  readonly attempts: number;
  /** Epoch milliseconds after which no attempt begins. */
  readonly end: number;
}

/**
 * Waits before the next attempt. `attempt` is the number of the one that failed, from 1. The pause doubles each time
 * and has full jitter, so that many callers spread out. Returns `false` at once when there is no next attempt.
 */
export async function waitToRetry(attempt: number, { attempts, end }: Retries): Promise<boolean> {
  const pause = Math.random() * 100 * 2 ** attempt;
  if (attempt === attempts || Date.now() + pause >= end) return false;
  await new Promise((resolve) => setTimeout(resolve, pause));
  return true;
}

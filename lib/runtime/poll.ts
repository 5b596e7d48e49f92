import { setTimeout as sleep } from 'node:timers/promises';

/** The first pause between two looks, and the longest. */
const FIRST_MS = 10;
const LONGEST_MS = 250;

/**
 * Calls `look` until its answer is truthy, for `ms` at most. Returns the last answer. The pauses grow by half each
 * time, with some jitter: an early answer is seen early, and a look in vain for three seconds costs some twenty calls.
 */
export async function poll<T>(ms: number, look: () => Promise<T>): Promise<T> {
  const end = Date.now() + ms;
  for (let pause = FIRST_MS; ; pause = Math.min(pause * 1.5, LONGEST_MS)) {
    const answer = await look();
    const left = end - Date.now();
    if (answer || left <= 0) return answer;
    await sleep(Math.min(pause * (0.75 + Math.random() / 2), left));
  }
}

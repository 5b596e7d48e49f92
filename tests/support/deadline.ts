/**
 * How long a wait of a test lasts at most. It only bounds a hang: what comes at all comes sooner, on however busy a
 * machine. Less than jest's own limit, so that a test that hangs says what it waited for.
 */
export const HANG_MS = 60_000;

/** Waits for a promise, and rejects, saying what was waited for, when it hangs. */
export async function within<T>(what: string, promise: Promise<T>, ms = HANG_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again and again until the answer is truthy; rejects, saying what was waited for, after `HANG_MS`. */
export async function eventually<T>(what: string, ask: () => Promise<T>): Promise<NonNullable<T>> {
  const end = Date.now() + HANG_MS;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`waited ${HANG_MS} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

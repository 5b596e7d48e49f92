import type { Undo } from './emitter.ts';

/** The time, and timers. Tests give one that they turn by hand. */
export interface Clock {
  /** Milliseconds since some moment that stays the same across reloads: `Date.now()`. */
  now(): number;
  /** Runs this once, after so many milliseconds, unless the function it returns is called before. */
  after(ms: number, run: () => void): Undo;
}

const LONGEST_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, run) => {
    let timer: ReturnType<typeof setTimeout>;
    // A platform's timer that is longer runs at once.
    const wait = (left: number) => {
      if (left > LONGEST_MS) timer = setTimeout(() => wait(left - LONGEST_MS), LONGEST_MS);
      else timer = setTimeout(run, left);
    };
    wait(ms);
    return () => clearTimeout(timer);
  },
};

/** Waits. Rejects with the signal's reason when that is aborted. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return abortable(signal, (resolve) => clock.after(ms, () => resolve(undefined)));
}

/**
 * Makes a promise that an abort rejects with the signal's reason. `start` may return what is to be undone once the promise is
 * settled, however that happens.
 */
export function abortable<T>(
  signal: AbortSignal | undefined,
  start: (resolve: (value: T) => void, reject: (error: unknown) => void) => Undo,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    let undo: Undo = () => undefined;
    let settled = false;
    const settle =
      <V>(how: (value: V) => void) =>
      (value: V) => {
        settled = true;
        undo();
        signal?.removeEventListener('abort', abort);
        how(value);
      };
    const abort = () => settle(reject)(signal?.reason);
    signal?.addEventListener('abort', abort);
    undo = start(settle(resolve), settle(reject));
    if (settled) undo();
  });
}

/** Waits for what goes on anyway, unless the signal is aborted before. */
export function unlessAborted<T>(signal: AbortSignal | undefined, promise: Promise<T>): Promise<T> {
  // What fails once nobody waits any more is nobody's fault.
  promise.catch(() => undefined);
  if (!signal) return promise;
  return abortable(signal, (resolve, reject) => {
    promise.then(resolve, reject);
    return () => undefined;
  });
}

/** Waits until one of these is told. Rejects with the signal's reason when that is aborted. */
export const told = (signal: AbortSignal | undefined, ...ons: ((heard: () => void) => Undo)[]): Promise<void> =>
  abortable(signal, (resolve) => {
    const undos = ons.map((on) => on(() => resolve(undefined)));
    return () => {
      for (const undo of undos) undo();
    };
  });

/** A pause that doubles, with full jitter, so that clients that lost their connections at once don't come back at once. */
export interface Backoff {
  /** The first pause is anything from 0 to this. */
  readonly firstMs: number;
  /** No pause is longer than this. */
  readonly mostMs: number;
}

export const pause = ({ firstMs, mostMs }: Backoff, attempt: number, random: () => number): number =>
  random() * Math.min(mostMs, firstMs * 2 ** Math.min(attempt, 30));

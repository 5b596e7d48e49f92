import { abortable, type Clock } from './clock.ts';

/** Locks by name, shared by every tab that shares the storage. `navigator.locks` is one. */
export interface Locks {
  /** Waits until nobody else has this lock, and has it until the promise of `work` is settled. */
  request<T>(name: string, work: () => Promise<T>): Promise<T>;
}

/** Locks within this page or process. */
export function localLocks(): Locks {
  const last = new Map<string, Promise<unknown>>();
  return {
    request: (name, work) => {
      const turn = (last.get(name) ?? Promise.resolve()).then(work);
      last.set(
        name,
        turn.catch(() => undefined),
      );
      return turn;
    },
  };
}

/** The browser's locks, which reach across tabs, where it has them. */
export function defaultLocks(): Locks {
  const { navigator } = globalThis as { navigator?: { locks?: Locks } };
  const locks = navigator?.locks;
  const local = localLocks();
  if (!locks) return local;
  return {
    request: async (name, work) => {
      let isHad = false;
      try {
        return await locks.request(name, () => {
          isHad = true;
          return work();
        });
      } catch (error) {
        // Where a page's storage is blocked nobody gets a lock. Such a page shares nothing with other tabs.
        if (isHad) throw error;
        return local.request(name, work);
      }
    },
  };
}

/** A tab that has a lock for so long is asleep, or what it does there asks a person. */
const LOCK_MS = 60_000;

/**
 * Does something once, in one tab at a time. For a tab that sleeps nobody waits for ever: after `mostMs` it is done without the
 * lock. An abort ends the wait, and not what has begun.
 */
export function withLock<T>(
  locks: Locks,
  clock: Clock,
  name: string,
  work: () => Promise<T>,
  signal?: AbortSignal,
  mostMs = LOCK_MS,
): Promise<T> {
  let begun: Promise<T> | undefined;
  const once = () => {
    begun ??= work();
    return begun;
  };
  return abortable(signal, (resolve, reject) => {
    locks.request(name, once).then(resolve, reject);
    return clock.after(mostMs, () => once().then(resolve, reject));
  });
}

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
  return locks ? { request: (name, work) => locks.request(name, work) } : localLocks();
}

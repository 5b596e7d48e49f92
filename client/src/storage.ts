import type { Undo } from './emitter.ts';

/**
 * Where the session and the outbox are kept. A method may answer at once or later; one that fails is treated as if nothing
 * were kept.
 */
export interface ClientStorage {
  get(key: string): string | null | Promise<string | null>;
  set(key: string, value: string): void | Promise<void>;
  remove(key: string): void | Promise<void>;
  /** Every key that begins so. */
  keys(prefix: string): readonly string[] | Promise<readonly string[]>;
  /**
   * Calls back when another tab or process has changed something, with the key where that is known: what is not of the client's is then
   * not looked at. Where it is missing, other tabs are not heard of.
   */
  subscribe?(listener: (key?: string | null) => void): Undo;
}

/** Forgets everything with the page or process. */
export function memoryStorage(): ClientStorage {
  const kept = new Map<string, string>();
  return {
    get: (key) => kept.get(key) ?? null,
    set: (key, value) => {
      kept.set(key, value);
    },
    remove: (key) => {
      kept.delete(key);
    },
    keys: (prefix) => [...kept.keys()].filter((key) => key.startsWith(prefix)),
  };
}

/** What this file takes from `localStorage`. */
interface WebStorage {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** `localStorage`, and by its events what other tabs do to it. */
export function webStorage(storage: WebStorage): ClientStorage {
  return {
    get: (key) => storage.getItem(key),
    set: (key, value) => storage.setItem(key, value),
    remove: (key) => storage.removeItem(key),
    keys: (prefix) =>
      Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? '').filter((key) =>
        key.startsWith(prefix),
      ),
    subscribe: (listener) => {
      const { addEventListener, removeEventListener } = globalThis as Partial<EventTarget>;
      const changed = (event: Event & { readonly key?: string | null }) => listener(event.key);
      addEventListener?.call(globalThis, 'storage', changed);
      return () => removeEventListener?.call(globalThis, 'storage', changed);
    },
  };
}

/** `localStorage` where there is one that lets itself be used, which private windows and sandboxes may not. */
export function defaultStorage(): ClientStorage {
  try {
    // Node has a `localStorage` that wants a file; what runs there has no tabs, and says itself where things are kept.
    const { document, localStorage } = globalThis as { document?: unknown; localStorage?: WebStorage };
    if (!document || !localStorage) return memoryStorage();
    const probe = 'live-support:probe';
    localStorage.setItem(probe, '1');
    localStorage.removeItem(probe);
    return webStorage(localStorage);
  } catch {
    return memoryStorage();
  }
}

/** As this storage; what it can't keep is kept in memory, and what it can't find is not there. */
export function tolerant(storage: ClientStorage): ClientStorage {
  const instead = new Map<string, string>();
  const attempt = async <T>(work: () => T | Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await work();
    } catch {
      return otherwise;
    }
  };
  return {
    get: async (key) => instead.get(key) ?? (await attempt(() => storage.get(key), null)),
    set: async (key, value) => {
      const isKept = () =>
        attempt(async () => {
          await storage.set(key, value);
          return true;
        }, false);
      if (await isKept()) return void instead.delete(key);
      instead.set(key, value);
      // What is there is older: another tab must not take it for what counts. And the room that it leaves may be enough.
      await attempt(() => storage.remove(key), undefined);
      if (await isKept()) instead.delete(key);
    },
    remove: async (key) => {
      instead.delete(key);
      await attempt(() => storage.remove(key), undefined);
    },
    keys: async (prefix) => [
      ...new Set([
        ...[...instead.keys()].filter((key) => key.startsWith(prefix)),
        ...(await attempt<readonly string[]>(() => storage.keys(prefix), [])),
      ]),
    ],
    ...(storage.subscribe && { subscribe: (listener) => storage.subscribe?.(listener) ?? (() => undefined) }),
  };
}

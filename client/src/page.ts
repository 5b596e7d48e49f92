import type { Undo } from './emitter.ts';

/** What the client wants to know of the page it runs in. */
export interface Page {
  /** Whether somebody is looking: the page is visible and has the focus. */
  isFocused(): boolean;
  /** `false` only where there is surely no network. */
  isOnline(): boolean;
  /** Calls back when one of the two may have changed, or the page comes back from being frozen. */
  onChange(listener: () => void): Undo;
}

interface BrowserDocument extends EventTarget {
  readonly visibilityState: string;
  hasFocus(): boolean;
}

/** The page of a browser. Elsewhere, a program that is always looked at and never knows that it is offline. */
export function defaultPage(): Page {
  const scope = globalThis as unknown as Partial<EventTarget> & {
    readonly document?: BrowserDocument;
    readonly navigator?: { readonly onLine?: boolean };
  };
  const { document } = scope;
  if (!document) return { isFocused: () => true, isOnline: () => true, onChange: () => () => undefined };
  return {
    isFocused: () => document.visibilityState === 'visible' && document.hasFocus(),
    isOnline: () => scope.navigator?.onLine !== false,
    onChange: (listener) => {
      const ofWindow = ['online', 'offline', 'focus', 'blur', 'pageshow'];
      for (const name of ofWindow) scope.addEventListener?.(name, listener);
      document.addEventListener('visibilitychange', listener);
      return () => {
        for (const name of ofWindow) scope.removeEventListener?.(name, listener);
        document.removeEventListener('visibilitychange', listener);
      };
    },
  };
}

import { useLayoutEffect, useRef } from 'preact/hooks';
import { type Place, place } from '../app/router.ts';

/** What doesn't come within this comes too late to take the focus to. */
const PATIENCE_MS = 3_000;

const isThere = (element: Element | null): boolean => element?.checkVisibility() === true && element !== document.body;

/** Puts the focus on what this finds, as soon as it is there. Returns how to stop waiting for it. */
function focusOn(selector: string): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const observer = new MutationObserver(() => attempt());
  const stop = () => {
    observer.disconnect();
    clearTimeout(timer);
  };
  const attempt = (): boolean => {
    const found = [...document.querySelectorAll<HTMLElement>(selector)].find(isThere);
    if (!found) return false;
    stop();
    // Somebody was faster.
    if (!isThere(document.activeElement) || document.activeElement?.id === 'main') {
      if (!found.matches('a, button')) found.tabIndex = -1;
      found.focus({ preventScroll: true });
    }
    return true;
  };
  if (attempt()) return stop;
  observer.observe(document.body, { childList: true, subtree: true });
  timer = setTimeout(stop, PATIENCE_MS);
  return stop;
}

/**
 * Takes the focus along where the place changes: to the heading of another view; to the conversation that takes the place of the
 * list, and back to its row. Where the focus stays in sight, it stays.
 */
export function useFocusOfPlace(): void {
  const { view, id } = place.value;
  const had = useRef<Pick<Place, 'view' | 'id'>>({ view, id });
  // While the page is drawn, the focus is still where it was.
  const before = document.activeElement;
  // Before anything else changes the page: what is still waited for belongs to the place before.
  useLayoutEffect(() => {
    const left = had.current;
    had.current = { view, id };
    if (left.view === null || (left.view === view && left.id === id)) return;
    if (left.view !== view) {
      document.getElementById('main')?.focus({ preventScroll: true });
      return focusOn('#main h1');
    }
    const isOneColumn = matchMedia('(width < 720px)').matches;
    const isLost = before !== document.body && !isThere(before);
    if (!isOneColumn && !isLost) return;
    if (id !== null) return focusOn('.conversation h1');
    return focusOn(`[data-row="${CSS.escape(left.id ?? '')}"]`);
  }, [view, id]);
}

import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** How far each list was scrolled, by its name: whoever comes back finds the place again. */
const tops = new Map<string, number>();

export interface WindowedListProps<T> {
  /** Two lists of the same name are one that somebody comes back to. */
  readonly name: string;
  readonly label: string;
  readonly items: readonly T[];
  readonly idOf: (item: T) => string;
  /** Every row is as high as this, in pixels. */
  readonly rowHeight: number;
  readonly row: (item: T) => ComponentChildren;
  /** The row that the keys move from. */
  readonly currentId: string | null;
  /** Somebody points at the list, or has the focus in it. */
  readonly onHeld?: (isHeld: boolean) => void;
  readonly onEnd?: () => void;
  readonly footer?: ComponentChildren;
}

const BEYOND = 6;

/** A list of which only what is in sight is drawn, and a little more: a thousand rows cost no more than twenty. */
export function WindowedList<T>({
  name,
  label,
  items,
  idOf,
  rowHeight,
  row,
  currentId,
  onHeld,
  onEnd,
  footer,
}: WindowedListProps<T>) {
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 900 });
  const holding = useRef({ pointer: false, focus: false });

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const measure = () => setView({ top: element.scrollTop, height: element.clientHeight });
    const back = () => {
      const top = tops.get(name) ?? 0;
      if (element.scrollTop !== top) element.scrollTop = top;
      measure();
    };
    const scrolled = () => {
      tops.set(name, element.scrollTop);
      measure();
    };
    back();
    // A browser forgets how far an element was scrolled that is hidden for a while.
    const observer = new ResizeObserver(back);
    observer.observe(element);
    element.addEventListener('scroll', scrolled, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', scrolled);
    };
  }, [name]);

  const first = Math.max(0, Math.floor(view.top / rowHeight) - BEYOND);
  const last = Math.min(items.length, Math.ceil((view.top + view.height) / rowHeight) + BEYOND);
  const reached = last >= items.length;
  useEffect(() => {
    if (reached) onEnd?.();
  }, [reached, items.length, onEnd]);

  // The keys may move to a row that is out of sight.
  const at = currentId === null ? -1 : items.findIndex((item) => idOf(item) === currentId);
  useEffect(() => {
    const element = scroller.current;
    if (!element || at < 0) return;
    const top = at * rowHeight;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + rowHeight > element.scrollTop + element.clientHeight) {
      element.scrollTop = top + rowHeight - element.clientHeight;
    }
  }, [currentId, at < 0]);

  const hold = (change: Partial<{ pointer: boolean; focus: boolean }>) => {
    const before = holding.current.pointer || holding.current.focus;
    holding.current = { ...holding.current, ...change };
    const after = holding.current.pointer || holding.current.focus;
    if (before !== after) onHeld?.(after);
  };

  // A row that goes takes the focus along without a word.
  useEffect(() => {
    if (holding.current.focus && !scroller.current?.contains(document.activeElement)) hold({ focus: false });
  });

  // A drag and a menu take the pointer away without a word: the next move says where it is.
  useEffect(() => {
    const look = ({ target }: Event) => {
      if (!holding.current.pointer) return;
      if (!(target instanceof Node) || !scroller.current?.contains(target)) hold({ pointer: false });
    };
    document.addEventListener('pointermove', look);
    document.addEventListener('dragend', look);
    return () => {
      document.removeEventListener('pointermove', look);
      document.removeEventListener('dragend', look);
    };
  });

  const drawn = items.slice(first, last);
  return (
    <div
      ref={scroller}
      class="windowed"
      onPointerEnter={({ pointerType }) => pointerType === 'mouse' && hold({ pointer: true })}
      onPointerLeave={() => hold({ pointer: false })}
      // A click leaves the focus too: only who goes by the keys has a place in the list.
      onFocusIn={({ target }) => target instanceof Element && hold({ focus: target.matches(':focus-visible') })}
      onFocusOut={({ relatedTarget }) => {
        if (!(relatedTarget instanceof Node) || !scroller.current?.contains(relatedTarget)) hold({ focus: false });
      }}
    >
      <ul class="windowed-rows" aria-label={label} style={{ blockSize: `${items.length * rowHeight}px` }}>
        {drawn.map((item, index) => (
          <li
            key={idOf(item)}
            aria-setsize={items.length}
            aria-posinset={first + index + 1}
            style={{ blockSize: `${rowHeight}px`, insetBlockStart: `${(first + index) * rowHeight}px` }}
          >
            {row(item)}
          </li>
        ))}
      </ul>
      {footer}
    </div>
  );
}

import { useEffect, useRef, useState } from 'preact/hooks';
import { say } from '../app/notices.ts';
import { type Handlers, leaveRow } from './keys.ts';

export interface Current {
  /** The row that the keys have moved to, or that was opened last; `null` before. */
  readonly current: string | null;
  /** The keys that move. */
  readonly moves: Handlers;
  /** Goes on from a row that is done with, if the keys are on it. */
  readonly leave: (id: string) => void;
}

/** The row of a list that the keys move to. `openId` is the one that is open, `nameOf` says what a row is called when it is reached. */
export function useCurrent(
  ids: readonly string[],
  openId: string | null,
  nameOf: (id: string) => string | undefined,
): Current {
  const [current, setCurrent] = useState<string | null>(null);
  // Whoever has opened one by a click goes on from there.
  useEffect(() => {
    if (openId !== null) setCurrent(openId);
  }, [openId]);
  // Where the row is, or where it was last: whoever works down a list goes on from there once it has gone.
  const place = useRef(-1);
  const found = ids.indexOf(current ?? openId ?? '');
  if (found >= 0) place.current = found;
  const move = (by: number) => {
    const goal = found < 0 && by > 0 ? place.current : place.current + by;
    const next = ids[Math.min(ids.length - 1, Math.max(0, goal))];
    if (next === undefined) return;
    leaveRow();
    setCurrent(next);
    const name = nameOf(next);
    if (name !== undefined) say(name);
  };
  // Within what was said the arrows scroll.
  const arrow = (by: number) => document.activeElement?.closest('.history-scroll') === null && move(by);
  return {
    current,
    leave: (id) => id === current && move(1),
    moves: { j: () => move(1), k: () => move(-1), ArrowDown: () => arrow(1), ArrowUp: () => arrow(-1) },
  };
}

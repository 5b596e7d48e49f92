import { useEffect, useState } from 'preact/hooks';
import { say } from '../app/notices.ts';
import { type Handlers, leaveRow } from './keys.ts';

export interface Current {
  /** The row that the keys have moved to, or that was opened last; `null` before. */
  readonly current: string | null;
  /** The keys that move. */
  readonly moves: Handlers;
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
  const move = (by: number) => {
    const from = ids.indexOf(current ?? openId ?? '');
    const next = ids[Math.min(ids.length - 1, Math.max(0, from < 0 ? 0 : from + by))];
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
    moves: { j: () => move(1), k: () => move(-1), ArrowDown: () => arrow(1), ArrowUp: () => arrow(-1) },
  };
}

import { useRef, useState } from 'preact/hooks';
import { arrange } from './arrange.ts';

export interface Order<T> {
  /** As they are shown. Those that have gone are there as long as somebody points at the list. */
  readonly rows: readonly T[];
  readonly ids: readonly string[];
  readonly isGone: (id: string) => boolean;
  /** What is shown is not the order any more. */
  readonly isBehind: boolean;
  readonly hold: (isHeld: boolean) => void;
}

/**
 * The order of a list that changes while somebody works with it: nothing moves while they point at it or have the focus in it.
 * `name` names the list: another one begins anew.
 */
export function useOrder<T>(name: string, sorted: readonly string[], byId: ReadonlyMap<string, T>): Order<T> {
  const [isHeld, setHeld] = useState(false);
  const shown = useRef<{ readonly name: string; readonly ids: readonly string[] }>({ name: '', ids: [] });
  const known = useRef(new Map<string, T>());
  const holds = isHeld && shown.current.name === name;
  const ids = arrange(shown.current.ids, sorted, holds);
  if (!holds) known.current = new Map();
  for (const [id, row] of byId) known.current.set(id, row);
  shown.current = { name, ids };
  return {
    ids,
    rows: ids.flatMap((id) => byId.get(id) ?? known.current.get(id) ?? []),
    isGone: (id) => !byId.has(id),
    isBehind: holds && (ids.length !== sorted.length || ids.some((id, at) => id !== sorted[at])),
    hold: setHeld,
  };
}

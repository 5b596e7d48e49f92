import { useRef } from 'preact/hooks';
import { arrange } from '../app/arrange.ts';
import type { Teammate } from './lobby.ts';

/** The team in its order; while it is held, nobody in it moves. */
export function useTeamInPlace(team: readonly Teammate[], isHeld: boolean): readonly Teammate[] {
  const shown = useRef<readonly string[]>([]);
  const byId = new Map(team.map((mate) => [mate.user.id, mate]));
  shown.current = arrange(shown.current, [...byId.keys()], isHeld);
  return shown.current.flatMap((id) => byId.get(id) ?? []);
}

import type { Routing } from '../../domain/desk.ts';
import type { Caller } from '../../domain/permissions.ts';
import { findRouting } from '../../store/agents.ts';

/** Reads how the caller's team gets its conversations. */
export async function getRouting({ userId }: Caller): Promise<Routing> {
  return findRouting(userId);
}

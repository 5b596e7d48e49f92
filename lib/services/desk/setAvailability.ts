import { AppError } from '../../errors/appError.ts';
import { limitAvailability } from '../../limits/rateLimits.ts';
import type { ServerData } from '../../protocol/events.ts';
import type { User } from '../../protocol/objects/users.ts';
import { broadcast } from '../../realtime/broadcast.ts';
import { errorFields, logger } from '../../runtime/logger.ts';
import { makeAvailable, makeAway, renewLease } from '../../store/agents.ts';
import type { SocketCaller } from '../../store/connections.ts';

/** What an agent is answered, and whether others are to hear of it. */
export interface AvailabilityAnswer {
  readonly answer: ServerData<'AVAILABILITY_SET'>;
  readonly changed: User | null;
}

export const AWAY = { status: 'away', until: null } as const;

/** Makes an agent available, or away, or extends a lease that runs. Throws `INVALID_TOKEN`, `RATE_LIMITED`. */
export async function setAvailability(
  { userId }: SocketCaller,
  { status, renew = false }: { readonly status: 'available' | 'away'; readonly renew?: boolean | undefined },
): Promise<AvailabilityAnswer> {
  await limitAvailability(userId);
  if (status === 'away') return { answer: AWAY, changed: await makeAway(userId) };
  if (renew) {
    const until = await renewLease(userId);
    return { answer: until ? { status, until: until.toISOString() } : AWAY, changed: null };
  }
  const set = await makeAvailable(userId);
  if (!set?.until) throw new AppError('INVALID_TOKEN');
  return { answer: { status, until: set.until.toISOString() }, changed: set.changed };
}

/** Tells an agent's connections, but for one, whether they are available. Never throws. */
export async function tellAvailability(
  agentId: string,
  data: AvailabilityAnswer['answer'],
  except?: string,
): Promise<void> {
  try {
    await broadcast({ users: [agentId], except }, { event: 'AVAILABILITY_SET', data });
  } catch (error) {
    // A client that believes in a lease that has ended finds out when it renews.
    logger.warn('could not tell an agent of their availability', { userId: agentId, ...errorFields(error) });
  }
}

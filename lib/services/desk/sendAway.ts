import type { Caller } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { limitStaffWrites } from '../../limits/rateLimits.ts';
import type { User } from '../../protocol/objects/users.ts';
import { makeAway } from '../../store/agents.ts';
import { audit } from '../../store/audit.ts';
import { transaction } from '../../store/database.ts';
import { findUser } from '../../store/users.ts';
import { getUser } from '../users/getUser.ts';
import { AWAY, tellAvailability } from './setAvailability.ts';

/** Who was sent away, as they are now, and whether they were available. */
export interface SentAway {
  readonly user: User;
  readonly changed: boolean;
}

/** Sends an agent of the caller's away. A renewal doesn't undo it. Throws `NOT_FOUND`, `RATE_LIMITED`. */
export async function sendAway(caller: Caller, agentId: string): Promise<SentAway> {
  await limitStaffWrites(caller.userId);
  const found = await getUser(caller, agentId);
  if (found.role !== 'agent' || found.supervisorId !== caller.userId) throw new AppError('NOT_FOUND');
  return transaction(async (session) => {
    const user = await makeAway(agentId, session);
    if (!user) return { user: (await findUser(agentId)) ?? found, changed: false };
    // Moved to another team meanwhile.
    if (user.supervisorId !== caller.userId) throw new AppError('NOT_FOUND');
    await audit(caller, 'agent_sent_away', agentId, {}, session);
    return { user, changed: true };
  });
}

/** Tells an agent who was sent away. Never throws. */
export const tellSentAway = ({ id }: User): Promise<void> => tellAvailability(id, AWAY);

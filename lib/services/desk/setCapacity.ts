import type { Caller } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { limitStaffWrites } from '../../limits/rateLimits.ts';
import type { User } from '../../protocol/objects/users.ts';
import * as agents from '../../store/agents.ts';
import { audit } from '../../store/audit.ts';
import { transaction } from '../../store/database.ts';
import { getUser } from '../users/getUser.ts';

/**
 * Sets how many conversations an agent may be given automatically. Takes nothing away from who has more. Throws `NOT_FOUND`,
 * `RATE_LIMITED`.
 */
export async function setCapacity(caller: Caller, agentId: string, maxConversations: number): Promise<User> {
  await limitStaffWrites(caller.userId);
  const found = await getUser(caller, agentId);
  if (found.role !== 'agent') throw new AppError('NOT_FOUND');
  return transaction(async (session) => {
    const user = await agents.setCapacity(agentId, maxConversations, session);
    // Moved to another team meanwhile.
    const isTheirs = caller.role === 'admin' || user?.supervisorId === caller.userId;
    if (!user || !isTheirs) throw new AppError('NOT_FOUND');
    await audit(caller, 'capacity_set', agentId, { maxConversations: String(maxConversations) }, session);
    return user;
  });
}

import type { Caller } from '../../domain/permissions.ts';
import { AppError, invalid } from '../../protocol/errors.ts';
import type { User } from '../../protocol/objects.ts';
import { cutAll } from '../../realtime/cut.ts';
import { audit } from '../../store/audit.ts';
import * as users from '../../store/users.ts';
import { endSessions } from '../auth/endSessions.ts';
import { requireActiveSupervisor } from './createUser.ts';

/**
 * Changes a user. Making them inactive ends their sessions and sockets with the same commit. Throws `NOT_FOUND`,
 * `VALIDATION_FAILED`, `LAST_ADMIN`.
 */
export async function updateUser(caller: Caller, userId: string, change: users.UserChange): Promise<User> {
  if (change.supervisorId !== undefined) {
    const user = await users.findUser(userId);
    if (!user) throw new AppError('NOT_FOUND');
    if (user.role !== 'agent') throw invalid('/body/supervisorId', 'is for agents only');
    await requireActiveSupervisor(change.supervisorId);
  }
  let sockets: string[] = [];
  const updated = await users.updateUser(userId, change, async (_before, session) => {
    await audit(caller, 'user_updated', userId, described(change), session);
    sockets = change.active === false ? await endSessions({ userId }, session) : [];
  });
  await cutAll(sockets);
  return updated;
}

/** What changed, for the audit trail; a name is personal, that it changed is not. */
function described({ name, supervisorId, active }: users.UserChange): Record<string, string> {
  return {
    ...(name !== undefined && { name: 'changed' }),
    ...(supervisorId !== undefined && { supervisorId }),
    ...(active !== undefined && { active: String(active) }),
  };
}

import type { Caller } from '../../domain/permissions.ts';
import { invalid } from '../../errors/appError.ts';
import type { User } from '../../protocol/objects/users.ts';
import { cutAll } from '../../realtime/cut.ts';
import { audit } from '../../store/audit.ts';
import type { Transaction } from '../../store/database.ts';
import * as users from '../../store/users.ts';
import { endSessions } from '../auth/endSessions.ts';
import { noActiveSupervisor } from './createUser.ts';

/** A user just changed. */
export interface Updated {
  readonly user: User;
  /** What they hold is to follow: `finishHandingOver`'s. */
  readonly handsOver: boolean;
}

/**
 * Changes a user. Making them inactive ends their sessions and sockets with the same commit. Throws `NOT_FOUND`,
 * `VALIDATION_FAILED`, `EMAIL_TAKEN`, `LAST_ADMIN`, `HAS_TEAM`.
 */
export async function updateUser(caller: Caller, userId: string, change: users.UserChange): Promise<Updated> {
  let sockets: string[] = [];
  const user = await users.updateUser(userId, change, async (before, session) => {
    await joinTeam(before, change, session);
    await audit(caller, 'user_updated', userId, described(change), session);
    sockets = change.active === false ? await endSessions({ userId }, session) : [];
  });
  await cutAll(sockets);
  return { user, handsOver: users.handsOver(user, change) };
}

/** Where the change makes somebody an active supervisor's agent: by moving them, or by making them active again. */
async function joinTeam(before: User, change: users.UserChange, session: Transaction): Promise<void> {
  const { supervisorId = before.supervisorId } = change;
  if (before.role !== 'agent') {
    if (change.supervisorId !== undefined) throw invalid('/body/supervisorId', 'is for agents only');
    return;
  }
  const isReactivation = change.active === true && !before.active;
  if (supervisorId === null || (change.supervisorId === undefined && !isReactivation)) return;
  if (await users.joinTeam(supervisorId, session)) return;
  if (change.supervisorId !== undefined) throw noActiveSupervisor();
  throw invalid('/body/supervisorId', 'is required: the supervisor they had is not active');
}

/** What changed, for the audit trail; a name or an address is personal, that it changed is not. */
function described({ name, email, supervisorId, active }: users.UserChange): Record<string, string> {
  return {
    ...(name !== undefined && { name: 'changed' }),
    ...(email !== undefined && { email: 'changed' }),
    ...(supervisorId !== undefined && { supervisorId }),
    ...(active !== undefined && { active: String(active) }),
  };
}

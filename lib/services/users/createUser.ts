import { hashPassword } from '../../auth/passwords.ts';
import type { Caller } from '../../domain/permissions.ts';
import type { STAFF_ROLES } from '../../domain/roles.ts';
import { invalid } from '../../errors/appError.ts';
import { limitStaffWrites } from '../../limits/rateLimits.ts';
import type { User } from '../../protocol/objects/users.ts';
import { audit } from '../../store/audit.ts';
import { transaction } from '../../store/database.ts';
import { newId } from '../../store/ids.ts';
import { findUser, insertUser, touchActiveSupervisor } from '../../store/users.ts';

export interface NewStaff {
  readonly name: string;
  readonly email: string;
  readonly password: string;
  readonly role: (typeof STAFF_ROLES)[number];
  readonly supervisorId?: string | undefined;
}

/**
 * Makes a member of staff; an agent needs an active supervisor. Throws `VALIDATION_FAILED`, `EMAIL_TAKEN`,
 * `RATE_LIMITED`.
 */
export async function createUser(
  caller: Caller,
  { name, email, password, role, supervisorId }: NewStaff,
): Promise<User> {
  await limitStaffWrites(caller.userId);
  if (role === 'agent') {
    if (supervisorId === undefined) throw invalid('/body/supervisorId', 'is required for an agent');
    await requireActiveSupervisor(supervisorId);
  } else if (supervisorId !== undefined) {
    throw invalid('/body/supervisorId', 'is for agents only');
  }
  const passwordHash = await hashPassword(password);
  const user = { id: newId(), name, email, role, supervisorId: supervisorId ?? null, passwordHash };
  return transaction(async (session) => {
    // Check again in the transaction: the supervisor may have become inactive during the hashing.
    const team = supervisorId === undefined ? {} : await touchActiveSupervisor(supervisorId, session);
    if (!team) throw noActiveSupervisor();
    await audit(caller, 'user_created', user.id, { role }, session);
    return insertUser({ ...user, ...team }, session);
  });
}

async function requireActiveSupervisor(id: string): Promise<void> {
  const supervisor = await findUser(id);
  if (supervisor?.role !== 'supervisor' || !supervisor.active) throw noActiveSupervisor();
}

export const noActiveSupervisor = () => invalid('/body/supervisorId', 'must name an active supervisor');

import type { Caller } from '../../domain/permissions.ts';
import { effectsOf, type UserChange } from '../../domain/staff.ts';
import { AppError, invalid } from '../../errors/appError.ts';
import { limitStaffWrites } from '../../limits/rateLimits.ts';
import type { User } from '../../protocol/objects/users.ts';
import { cutAll } from '../../realtime/cut.ts';
import { audit } from '../../store/audit.ts';
import { changeSpeaker } from '../../store/connections.ts';
import { type Transaction, transaction } from '../../store/database.ts';
import { deleteMailsTo } from '../../store/mailOutbox.ts';
import { endResets } from '../../store/passwordResets.ts';
import {
  changeUser,
  hasActiveAdmin,
  hasTeam,
  touchActiveSupervisor,
  touchAdmins,
  touchUser,
} from '../../store/users.ts';
import { endSessions } from '../auth/endSessions.ts';
import { unblock } from '../auth/unblock.ts';
import { noActiveSupervisor } from './createUser.ts';
import { requireUnmerged } from './requireUnmerged.ts';

/** A user just changed. */
export interface Updated {
  readonly user: User;
  /** Whether the conversations the user holds are to follow: `finishHandingOver` moves them. */
  readonly handsOver: boolean;
  /** Whether the user was available, and is away because of the change. */
  readonly isAway: boolean;
  /** Whether an agent is under another supervisor than before. */
  readonly isMoved: boolean;
  /** Whether the user is shown by another name or address than before. */
  readonly isRenamed: boolean;
}

/**
 * Changes a user. Making a user inactive ends their sessions and sockets with the same commit. Making a user active, who
 * may be so already, lifts what keeps them from signing in. Throws `NOT_FOUND`,
 * `VALIDATION_FAILED`, `EMAIL_TAKEN`, `LAST_ADMIN`, `HAS_TEAM`, `CONFLICT` for a visitor who was merged, `RATE_LIMITED`.
 */
export async function updateUser(caller: Caller, userId: string, change: UserChange): Promise<Updated> {
  await limitStaffWrites(caller.userId);
  const { sockets, ...updated } = await transaction(async (session) => {
    const before = await touchUser(userId, session);
    if (!before) throw new AppError('NOT_FOUND');
    if (before.role === 'candidate') await requireUnmerged(userId, session);
    if (before.role !== 'agent' && change.supervisorId !== undefined) throw agentsOnly();
    const { joins, leaves, deactivates, endsSessions, endsResets, handsOver } = effectsOf(before, change);
    const team = joins === null ? undefined : await touchActiveSupervisor(joins, session);
    if (team === null) throw notActive(change);
    await audit(caller, 'user_updated', userId, described(change), session);
    const ended = endsSessions ? await endSessions({ userId }, session) : [];
    if (endsResets) {
      await endResets(userId, session);
      // Asked for by who had the address before.
      await deleteMailsTo(userId, session);
    }
    if (deactivates) await requireDispensable(before, session);
    if (leaves !== null) await touchUser(leaves, session);
    const user = await changeUser(userId, change, { handsOver, automatic: team?.automatic }, session);
    if (user.name !== before.name || user.supervisorId !== before.supervisorId) await changeSpeaker(user, session);
    return {
      user,
      handsOver,
      isAway: deactivates && before.availability === 'available',
      isMoved: user.supervisorId !== before.supervisorId,
      isRenamed: user.name !== before.name || user.email !== before.email,
      sockets: ended,
    };
  });
  await cutAll(sockets);
  // Said to be active, again or still.
  if (change.active === true) await unblock(userId);
  return updated;
}

/** Throws `LAST_ADMIN` or `HAS_TEAM` where the user can't be made inactive. */
async function requireDispensable({ id, role }: User, session: Transaction): Promise<void> {
  if (role === 'admin') {
    await touchAdmins(session);
    if (!(await hasActiveAdmin(session, id))) throw new AppError('LAST_ADMIN');
  }
  if (role === 'supervisor' && (await hasTeam(id, session))) throw new AppError('HAS_TEAM');
}

const agentsOnly = () => invalid('/body/supervisorId', 'is for agents only');

const notActive = ({ supervisorId }: UserChange) =>
  supervisorId === undefined
    ? invalid('/body/supervisorId', 'is required: the supervisor they had is not active')
    : noActiveSupervisor();

/** Describes the change for the audit trail. A name or an address is personal; that it changed is not. */
function described({ name, email, supervisorId, active }: UserChange): Record<string, string> {
  return {
    ...(name !== undefined && { name: 'changed' }),
    ...(email !== undefined && { email: 'changed' }),
    ...(supervisorId !== undefined && { supervisorId }),
    ...(active !== undefined && { active: String(active) }),
  };
}

import type { Role } from './roles.ts';

/** A change of a user. A field that is absent stays as it is. */
export interface UserChange {
  readonly name?: string | undefined;
  readonly email?: string | undefined;
  readonly supervisorId?: string | undefined;
  readonly active?: boolean | undefined;
}

/** The part of a user that the effects of a change depend on. */
export interface Member {
  readonly role: Role;
  readonly supervisorId: string | null;
  readonly active: boolean;
}

/** What a change of a user brings about beside the change itself. */
export interface ChangeEffects {
  /** The user, active until now, is inactive after the change. */
  readonly deactivates: boolean;
  /** The user's sessions end. Repeating a deactivation ends what an interrupted one left. */
  readonly endsSessions: boolean;
  /** Links to set a new password end: they went to the address before, or to somebody who shall not come back. */
  readonly endsResets: boolean;
  /** The supervisor who must be active, because the change gives them the user as an agent. */
  readonly joins: string | null;
  /** The supervisor who loses the user as an agent. */
  readonly leaves: string | null;
  /** The conversations the user holds follow: back to the queue, or to the new supervisor. True for a repeated change too. */
  readonly handsOver: boolean;
}

/** Says what a change of a user brings about. */
export function effectsOf(before: Member, change: UserChange): ChangeEffects {
  const isAgent = before.role === 'agent';
  const isReactivation = change.active === true && !before.active;
  const isMove = change.supervisorId !== undefined && change.supervisorId !== before.supervisorId;
  return {
    deactivates: change.active === false && before.active,
    endsSessions: change.active === false,
    endsResets: change.active === false || change.email !== undefined,
    joins: isAgent ? (change.supervisorId ?? (isReactivation ? before.supervisorId : null)) : null,
    leaves: isMove ? before.supervisorId : null,
    handsOver: isAgent && (change.active === false || change.supervisorId !== undefined),
  };
}

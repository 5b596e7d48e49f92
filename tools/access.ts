import { type Access, type Operation, PERMISSIONS } from '../lib/domain/permissions.ts';
import { ROLES, type Role } from '../lib/domain/roles.ts';

/** Returns the roles that may attempt an operation, or `null` where no token is needed. */
export function rolesFor(operation: Operation): readonly Role[] | null {
  const access: Access = PERMISSIONS[operation];
  if (access === 'anyone') return null;
  return access === 'signedIn' ? ROLES : access;
}

/** Says in words who may attempt an operation. */
export function whoMay(operation: Operation): string {
  const access: Access = PERMISSIONS[operation];
  if (access === 'anyone') return 'Anyone; no token needed.';
  if (access === 'signedIn') return 'Anyone signed in.';
  return `Roles: ${access.join(', ')}.`;
}

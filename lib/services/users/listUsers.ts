import type { Caller } from '../../domain/permissions.ts';
import type { User } from '../../protocol/objects/users.ts';
import type { Page, PageRequest } from '../../store/pages.ts';
import * as users from '../../store/users.ts';

/** Lists people: an admin sees everybody, a supervisor their own agents. */
export function listUsers(
  caller: Caller,
  { limit, cursor, ...filter }: users.UserFilter & PageRequest,
): Promise<Page<User>> {
  const within: users.UserFilter = caller.role === 'admin' ? {} : { role: 'agent', supervisorId: caller.userId };
  return users.listUsers(within, filter, { limit, cursor });
}

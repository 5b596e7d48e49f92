import { type Caller, maySeeUser } from '../../domain/permissions.ts';
import { AppError } from '../../protocol/errors.ts';
import type { User } from '../../protocol/objects.ts';
import type { Page, PageRequest } from '../../store/pages.ts';
import * as users from '../../store/users.ts';

/** Lists people: for an admin everybody, for a supervisor their own agents. */
export function listUsers(
  caller: Caller,
  { limit, cursor, ...filter }: users.UserFilter & PageRequest,
): Promise<Page<User>> {
  const within: users.UserFilter = caller.role === 'admin' ? {} : { role: 'agent', supervisorId: caller.userId };
  return users.listUsers(within, filter, { limit, cursor });
}

/** Reads one person the caller may see. Throws `NOT_FOUND`. */
export async function getUser(caller: Caller, userId: string): Promise<User> {
  const user = await users.findUser(userId);
  if (!user || !maySeeUser(caller, user)) throw new AppError('NOT_FOUND');
  return user;
}

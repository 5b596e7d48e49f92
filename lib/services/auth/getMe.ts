import type { Caller } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import type { User } from '../../protocol/objects/users.ts';
import { findUser } from '../../store/users.ts';

/** Reads the caller as a user. */
export async function getMe(caller: Caller): Promise<User> {
  const user = await findUser(caller.userId);
  if (!user) throw new AppError('INVALID_TOKEN');
  return user;
}

import { type Caller, maySeeUser } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import type { User } from '../../protocol/objects/users.ts';
import { findUser } from '../../store/users.ts';

/** Reads one person that the caller may see. Throws `NOT_FOUND`. */
export async function getUser(caller: Caller, userId: string): Promise<User> {
  const user = await findUser(userId);
  if (!user || !maySeeUser(caller, user)) throw new AppError('NOT_FOUND');
  return user;
}

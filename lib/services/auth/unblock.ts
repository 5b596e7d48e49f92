import { liftBlocks } from '../../limits/signInAttempts.ts';
import { findCredentials } from '../../store/users.ts';

/** Lifts what keeps a user from signing in with the right password, whoever guesses at their account. */
export async function unblock(userId: string): Promise<void> {
  const found = await findCredentials(userId);
  if (found && found.passwordHash !== null) await liftBlocks({ id: userId, salt: found.salt }, found.user.email);
}

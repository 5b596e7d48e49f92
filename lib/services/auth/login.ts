import { nobodysHash, verifyPassword } from '../../auth/passwords.ts';
import { AppError } from '../../errors/appError.ts';
import { beginAttempt } from '../../limits/signInAttempts.ts';
import type { Session } from '../../protocol/objects/users.ts';
import { findCredentialsByEmail } from '../../store/users.ts';
import { openSession } from './openSession.ts';

// Hash while the function loads: the first unknown address must not take longer than a known one.
nobodysHash().catch(() => undefined);

/**
 * Signs in. Throws `INVALID_CREDENTIALS`, after the same time for an unknown address, a wrong password and an inactive
 * user. Throws `RATE_LIMITED` after too many failures, for the right password too.
 */
export async function login(
  { email, password }: { readonly email: string; readonly password: string },
  sourceIp: string,
): Promise<Session> {
  const found = await findCredentialsByEmail(email);
  const attempt = await beginAttempt({
    account: found && { id: found.user.id, salt: found.salt },
    email,
    actor: { userId: null, role: null, sourceIp },
    sourceIp,
    failure: 'sign_in_failed',
  });
  const right = await verifyPassword(password, found?.passwordHash ?? (await nobodysHash()));
  if (!found?.user.active || !right) {
    await attempt.failed();
    throw new AppError('INVALID_CREDENTIALS');
  }
  await attempt.succeeded();
  return openSession(found, 'signed_in', sourceIp);
}

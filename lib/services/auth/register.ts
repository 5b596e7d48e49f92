import { hashPassword } from '../../auth/passwords.ts';
import { requireSigningKey } from '../../auth/tokens.ts';
import { limitRegistrations } from '../../limits/rateLimits.ts';
import { rememberRegistration } from '../../limits/signInAttempts.ts';
import type { Session } from '../../protocol/objects/users.ts';
import { transaction } from '../../store/database.ts';
import { newId } from '../../store/ids.ts';
import { insertUser, newSalt } from '../../store/users.ts';
import { openSession } from './openSession.ts';

/** Registers a candidate and signs them in. Throws `EMAIL_TAKEN`, `RATE_LIMITED`. */
export async function register(
  { name, email, password }: { readonly name: string; readonly email: string; readonly password: string },
  sourceIp: string,
): Promise<Session> {
  await limitRegistrations(sourceIp);
  await requireSigningKey();
  const passwordHash = await hashPassword(password);
  const salt = newSalt();
  const candidate = { id: newId(), name, email, role: 'candidate', supervisorId: null, passwordHash, salt } as const;
  const user = await transaction((session) => insertUser(candidate, session));
  await rememberRegistration({ id: user.id, salt }, sourceIp);
  return openSession({ user, passwordHash }, 'registered', sourceIp);
}

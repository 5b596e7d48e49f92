import { newRefreshToken, signAccessToken } from '../../auth/tokens.ts';
import { config } from '../../config.ts';
import { AppError } from '../../protocol/errors.ts';
import type { Session, User } from '../../protocol/objects.ts';
import { jwtKeysAhead } from '../../secrets.ts';
import { audit } from '../../store/audit.ts';
import { insertSession } from '../../store/sessions.ts';
import { type Credentials, noteAdmission } from '../../store/users.ts';

jwtKeysAhead();

/** When a session that is used now ends. */
export const sessionEnd = (): Date => new Date(Date.now() + config().SESSION_TTL_SECONDS * 1000);

/**
 * Opens a session for a user who has proven to be it, unless they were deactivated, or the password they proved was
 * changed, meanwhile. Throws `INVALID_CREDENTIALS`.
 */
export async function openSession(
  { user, passwordHash }: Credentials,
  action: 'registered' | 'signed_in',
  sourceIp: string,
): Promise<Session> {
  const refresh = newRefreshToken();
  const actor = { userId: user.id, role: user.role, sourceIp };
  const sessionId = await insertSession(user.id, refresh.hash, sessionEnd(), async (session) => {
    if (!(await noteAdmission(user.id, session, passwordHash))) throw new AppError('INVALID_CREDENTIALS');
    await audit(actor, action, user.id, {}, session);
  });
  return presentSession(user, sessionId, refresh.token);
}

export async function presentSession(user: User, sessionId: string, refreshToken: string): Promise<Session> {
  return {
    user,
    accessToken: await signAccessToken({ userId: user.id, sessionId, role: user.role }),
    refreshToken,
    tokenType: 'Bearer',
    expiresIn: config().ACCESS_TOKEN_TTL_SECONDS,
  };
}

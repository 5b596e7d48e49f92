import { firstRefreshToken } from '../../auth/refreshTokens.ts';
import { requireSigningKey, signAccessToken } from '../../auth/tokens.ts';
import { AppError } from '../../errors/appError.ts';
import type { Session, User } from '../../protocol/objects/users.ts';
import { config } from '../../runtime/config.ts';
import { type Actor, audit } from '../../store/audit.ts';
import { type Transaction, transaction } from '../../store/database.ts';
import { newId } from '../../store/ids.ts';
import { insertSession, longestUnused } from '../../store/sessions.ts';
import { type Credentials, countAdmission } from '../../store/users.ts';
import { endSessions } from './endSessions.ts';

/** Returns when a session that is used now ends. */
export const sessionEnd = (): Date => new Date(Date.now() + config().SESSION_TTL_SECONDS * 1000);

/**
 * Opens a session for a user who has proven their password. If the user has one session too many, the one longest
 * unused ends. Throws `INVALID_CREDENTIALS` if the user was made inactive meanwhile, or the proven password was
 * changed.
 */
export async function openSession(
  { user, passwordHash }: Credentials,
  action: 'registered' | 'signed_in',
  sourceIp: string,
): Promise<Session> {
  return openSessionOf(async (session) => {
    if (!(await countAdmission(user.id, session, passwordHash))) throw new AppError('INVALID_CREDENTIALS');
    await audit({ userId: user.id, role: user.role, sourceIp }, action, user.id, {}, session);
    return { user, ended: [] };
  }, sourceIp);
}

/** Somebody who is let in, and the sockets of sessions that end with it. */
export interface LetIn {
  readonly user: User;
  readonly ended: readonly string[];
}

/** Opens a session for whoever `letIn` lets in, with one commit. If the user has one session too many, as above. */
export async function openSessionOf(
  letIn: (session: Transaction) => Promise<LetIn>,
  sourceIp: string,
): Promise<Session> {
  await requireSigningKey();
  const sessionId = newId();
  const token = firstRefreshToken(sessionId);
  const { user, sockets } = await transaction(async (session) => {
    const { user, ended } = await letIn(session);
    const displaced = await displaceSessions({ userId: user.id, role: user.role, sourceIp }, user.id, session);
    await insertSession(
      {
        id: sessionId,
        userId: user.id,
        tokenHash: token.hash,
        familyHash: token.family.hash,
        expiresAt: sessionEnd(),
      },
      session,
    );
    return { user, sockets: [...ended, ...displaced] };
  });
  if (sockets.length > 0) {
    // Loaded only when needed: signing in hardly ever cuts a socket.
    const { cutAll } = await import('../../realtime/cut.ts');
    await cutAll(sockets);
  }
  return presentSession(user, sessionId, token.text);
}

/**
 * Ends those of a user's sessions that are longest unused, so that there is room for one more. Returns the sockets that
 * are to be cut.
 */
async function displaceSessions(actor: Actor, userId: string, session: Transaction): Promise<string[]> {
  const sessionIds = await longestUnused(userId, config().MAX_SESSIONS_PER_USER - 1, session);
  if (sessionIds.length === 0) return [];
  await audit(actor, 'sessions_displaced', userId, { sessions: String(sessionIds.length) }, session);
  return endSessions({ sessionIds }, session);
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

import { hashRefreshToken, newRefreshToken } from '../../auth/tokens.ts';
import { logger } from '../../logger.ts';
import { AppError } from '../../protocol/errors.ts';
import type { Session } from '../../protocol/objects.ts';
import { cutAll } from '../../realtime/broadcast.ts';
import { audit } from '../../store/audit.ts';
import { transaction } from '../../store/database.ts';
import { rotateRefreshToken } from '../../store/sessions.ts';
import { findUser } from '../../store/users.ts';
import { endSessions } from './endSessions.ts';
import { presentSession, sessionEnd } from './openSession.ts';

/**
 * Trades a refresh token for two new tokens. A token that was spent before ends its session (RFC 9700 §4.14.2): either
 * its owner or a thief holds the successor, and there is no telling which. Throws `INVALID_TOKEN`.
 */
export async function refresh(refreshToken: string, sourceIp: string): Promise<Session> {
  const successor = newRefreshToken();
  const rotation = await rotateRefreshToken(hashRefreshToken(refreshToken), successor.hash, sessionEnd());
  if (rotation.outcome === 'reused') {
    const { sessionId } = rotation;
    logger.warn('spent refresh token used again: session ended', { sessionId });
    const sockets = await transaction(async (session) => {
      await audit(
        { userId: null, role: null, sourceIp },
        'refresh_token_reused',
        rotation.userId,
        { sessionId },
        session,
      );
      return endSessions({ sessionId }, session);
    });
    await cutAll(sockets);
  }
  if (rotation.outcome !== 'rotated') throw new AppError('INVALID_TOKEN');
  const user = await findUser(rotation.userId);
  if (!user?.active) throw new AppError('INVALID_TOKEN');
  return presentSession(user, rotation.sessionId, successor.token);
}

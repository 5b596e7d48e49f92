import { type RefreshToken, readRefreshToken, seal, successorOf, unseal } from '../../auth/refreshTokens.ts';
import { requireSigningKey } from '../../auth/tokens.ts';
import { AppError } from '../../errors/appError.ts';
import { limitRefreshes } from '../../limits/rateLimits.ts';
import { renewKnownOrigin } from '../../limits/signInAttempts.ts';
import type { Session } from '../../protocol/objects/users.ts';
import { logger } from '../../runtime/logger.ts';
import { audit } from '../../store/audit.ts';
import { removeVisitor } from '../../store/customers.ts';
import { transaction } from '../../store/database.ts';
import { markRepeated, readTokenState, spendToken, type TokenState } from '../../store/sessions.ts';
import { findCredentials } from '../../store/users.ts';
import { endSession } from './endSessions.ts';
import { presentSession, sessionEnd } from './openSession.ts';

/**
 * Trades a refresh token for two new tokens. A token spent less than 30 seconds ago gets the same successor again,
 * while the successor isn't spent. Any other spent token ends its session (RFC 9700 §4.14.2): the owner or a thief
 * holds the successor, and nobody can tell which. Throws `INVALID_TOKEN`, `RATE_LIMITED`.
 */
export async function refreshSession(refreshToken: string, sourceIp: string): Promise<Session> {
  const token = readRefreshToken(refreshToken);
  let state = await unlessReused(token, sourceIp);
  const { sessionId, userId } = state;
  // The limit comes after the search for reuse, which no limit may hide.
  await limitRefreshes(sessionId);
  await requireSigningKey();
  let successor = await trade(token, state, sourceIp);
  while (successor === null) {
    // Another request has spent the token meanwhile: this one is a repeat now.
    state = await unlessReused(token, sourceIp);
    successor = await trade(token, state, sourceIp);
  }
  const found = await findCredentials(userId);
  if (!found?.user.active) throw new AppError('INVALID_TOKEN');
  // A repeat extends nothing.
  if (state.is === 'current') await renewKnownOrigin({ id: userId, salt: found.salt }, sourceIp);
  return presentSession(found.user, sessionId, successor);
}

type Usable = Exclude<TokenState, { readonly is: 'reused' }>;

/** Finds what the token is to its session. Ends the session of a reused token, and throws `INVALID_TOKEN`. */
async function unlessReused(token: RefreshToken, sourceIp: string): Promise<Usable> {
  const state = await readTokenState(token);
  if (state?.is === 'reused') await endReused(state, sourceIp);
  if (!state || state.is === 'reused') throw new AppError('INVALID_TOKEN');
  return state;
}

/** Returns the token's successor; `null` when another request came first. */
async function trade(token: RefreshToken, state: Usable, sourceIp: string): Promise<string | null> {
  const { sessionId } = state;
  if (state.is === 'repeated') {
    if (!state.repeatMarked) await auditRepeat(token, state, sourceIp);
    return unseal(state.sealedSuccessor, token);
  }
  const successor = successorOf(token, sessionId);
  const sealed = seal(successor, token);
  const expiresAt = sessionEnd();
  const spent = await transaction((session) =>
    spendToken(sessionId, token, { ...successor, sealed }, expiresAt, session),
  );
  return spent ? successor.text : null;
}

/** Puts the first repeat of a token on record, and no other: a flood of them stores nothing. */
async function auditRepeat(token: RefreshToken, { sessionId, userId }: TokenState, sourceIp: string): Promise<void> {
  await transaction(async (session) => {
    if (!(await markRepeated(sessionId, token.hash, session))) return;
    await audit({ userId: null, role: null, sourceIp }, 'refresh_token_repeated', userId, { sessionId }, session);
  });
}

async function endReused({ sessionId, userId }: TokenState, sourceIp: string): Promise<void> {
  logger.warn('spent refresh token used again: session ended', { sessionId });
  const sockets = await transaction(async (session) => {
    const nobody = { userId: null, role: null, sourceIp };
    const putOnRecord = () => audit(nobody, 'refresh_token_reused', userId, { sessionId }, session);
    const ended = await endSession(sessionId, putOnRecord, session);
    // If they are one.
    await removeVisitor(userId, session);
    return ended;
  });
  if (sockets.length === 0) return;
  // Loaded only when needed: a refresh hardly ever cuts a socket.
  const { cutAll } = await import('../../realtime/cut.ts');
  await cutAll(sockets);
}

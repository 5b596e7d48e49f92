import type { Caller } from '../domain/permissions.ts';
import { AppError } from '../errors/appError.ts';
import { findCaller } from '../store/sessions.ts';
import { verifyAccessToken } from './tokens.ts';

/** A token of the service has a few hundred characters. Longer ones are not worth decoding. */
const LONGEST_TOKEN = 4096;

/**
 * Returns the caller that an access token stands for, as they are now. Role and supervisor come from the database, and
 * the tokens of an ended session are refused. Throws `INVALID_TOKEN`.
 */
export async function authenticate(token: string | undefined, sourceIp: string | null): Promise<Caller> {
  const { userId, sessionId } = await claimsOf(token);
  const caller = await findCaller(sessionId);
  if (caller?.userId !== userId) throw new AppError('INVALID_TOKEN');
  return { ...caller, sourceIp };
}

/**
 * Returns whose an access token is, and of which session. Whether the session is live, and the user active, is not asked
 * here. Throws `INVALID_TOKEN`.
 */
export async function claimsOf(
  token: string | undefined,
): Promise<{ readonly userId: string; readonly sessionId: string }> {
  const claims = token === undefined || token.length > LONGEST_TOKEN ? null : await verifyAccessToken(token);
  if (!claims) throw new AppError('INVALID_TOKEN');
  return claims;
}

/** Takes the token out of `Authorization: Bearer …` (RFC 6750 §2.1). `undefined` where there is none. */
export function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(header ?? '')?.[1];
}

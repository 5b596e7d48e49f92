import type { Caller } from '../domain/permissions.ts';
import { AppError } from '../errors/appError.ts';
import { findCaller } from '../store/sessions.ts';
import { verifyAccessToken } from './tokens.ts';

/** Ours have a few hundred characters; nothing longer is worth decoding. */
const LONGEST_TOKEN = 4096;

/**
 * The caller an access token stands for, as they are now: role and supervisor come from the database, and a session
 * that has ended takes its tokens with it. Throws `INVALID_TOKEN`.
 */
export async function authenticate(token: string | undefined, sourceIp: string | null): Promise<Caller> {
  const claims = token === undefined || token.length > LONGEST_TOKEN ? null : await verifyAccessToken(token);
  const caller = claims && (await findCaller(claims.sessionId));
  if (!caller || caller.userId !== claims.userId) throw new AppError('INVALID_TOKEN');
  return { ...caller, sourceIp };
}

/** The token of `Authorization: Bearer …` (RFC 6750 §2.1), or `undefined`. */
export function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(header ?? '')?.[1];
}

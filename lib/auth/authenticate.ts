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
  const claims = token === undefined || token.length > LONGEST_TOKEN ? null : await verifyAccessToken(token);
  const caller = claims && (await findCaller(claims.sessionId));
  if (!caller || caller.userId !== claims.userId) throw new AppError('INVALID_TOKEN');
  return { ...caller, sourceIp };
}

/** Takes the token out of `Authorization: Bearer …` (RFC 6750 §2.1). `undefined` where there is none. */
export function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(header ?? '')?.[1];
}

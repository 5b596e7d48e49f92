import jwt from 'jsonwebtoken';
import * as z from 'zod/mini';
import type { Role } from '../domain/roles.ts';
import { roleSchema } from '../protocol/objects/users.ts';
import { config } from '../runtime/config.ts';
import { identityKeys, type JwtKey, jwtKeys } from '../runtime/secrets.ts';

/**
 * An explicit type, so that no other token of the service passes for an access token (RFC 8725 §3.11). RFC 9068 names
 * it.
 */
const TYPE = 'at+jwt';
const ALGORITHM = 'HS256';

const claimsSchema = z.object({
  sub: z.string().check(z.minLength(1)),
  sid: z.string().check(z.minLength(1)),
  role: roleSchema,
  iat: z.number(),
  exp: z.number(),
});

export interface AccessTokenClaims {
  readonly userId: string;
  readonly sessionId: string;
  readonly role: Role;
}

/** Reads the key that signs. Throws `ConfigError` also where the company has a key of the service's: then nobody is let in. */
async function signingKey(): Promise<JwtKey> {
  const [[key]] = await Promise.all([jwtKeys(), identityKeys()]);
  return key;
}

/**
 * Makes sure that an access token can be signed. Call it before a commit that a token is to follow: with keys that somebody has
 * mistyped, the commit would leave a session that nobody is told of, or a refresh token that is spent for nothing. Throws `ConfigError`.
 */
export async function requireSigningKey(): Promise<void> {
  await signingKey();
}

/**
 * Signs an access token with the first key. The token is valid for `ACCESS_TOKEN_TTL_SECONDS`, or until its session
 * ends.
 */
export async function signAccessToken({ userId, sessionId, role }: AccessTokenClaims): Promise<string> {
  const { kid, secret } = await signingKey();
  const { JWT_ISSUER, JWT_AUDIENCE, ACCESS_TOKEN_TTL_SECONDS } = config();
  return jwt.sign({ role, sid: sessionId }, secret, {
    algorithm: ALGORITHM,
    keyid: kid,
    issuer: JWT_ISSUER,
    audience: JWT_AUDIENCE,
    subject: userId,
    expiresIn: ACCESS_TOKEN_TTL_SECONDS,
    header: { alg: ALGORITHM, typ: TYPE },
  });
}

/**
 * Returns the claims of a valid access token, or `null`, whatever is wrong with the token. The role in it is the one at
 * signing: ask the session for the user's role of now.
 */
export async function verifyAccessToken(token: string): Promise<AccessTokenClaims | null> {
  const keys = await jwtKeys();
  try {
    const header = jwt.decode(token, { complete: true })?.header;
    if (header?.typ !== TYPE) return null;
    const key = keys.find(({ kid }) => kid === header.kid);
    if (!key) return null;
    const { JWT_ISSUER, JWT_AUDIENCE } = config();
    const payload = jwt.verify(token, key.secret, {
      algorithms: [ALGORITHM],
      issuer: JWT_ISSUER,
      audience: JWT_AUDIENCE,
    });
    const { sub, sid, role } = claimsSchema.parse(payload);
    return { userId: sub, sessionId: sid, role };
  } catch {
    return null;
  }
}

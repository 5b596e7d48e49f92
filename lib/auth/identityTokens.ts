import jwt from 'jsonwebtoken';
import * as z from 'zod/mini';
import { text } from '../protocol/schema.ts';
import { identityKeys, type JwtKey } from '../runtime/secrets.ts';

/** The audience of the company's tokens. Access tokens have another one, and other keys. */
export const IDENTITY_AUDIENCE = 'live-support-identity';
const ALGORITHM = 'HS256';

/**
 * A token of the company's has a few hundred characters: some 4,300 with the longest claims, where the backend writes JSON in
 * ASCII. The rest is for claims of its own. Longer ones are not worth decoding.
 */
const LONGEST_TOKEN = 8192;
/** How far the clock of the company's backend may be ahead, and how long its tokens may live after they were made. */
const AHEAD_SECONDS = 60;
const LONGEST_SECONDS = 3600;

const subjectSchema = /* @__PURE__ */ text(1, 128);
const registeredSchema = /* @__PURE__ */ z.object({
  iat: z.number(),
  exp: z.number(),
  nbf: z.optional(z.number()),
});

/** What a valid token says. `name` and `email` are as the company wrote them, and may be no name and no address. */
export interface IdentityClaims {
  readonly sub: string;
  readonly name?: unknown;
  readonly email?: unknown;
}

/** Whether this deployment takes the company's tokens. */
export const takesIdentities = async (): Promise<boolean> => (await identityKeys()) !== null;

/**
 * Returns what the company says of a customer, or `null`, whatever is wrong with the token. Claims that the service doesn't
 * know are ignored (RFC 7519 §4).
 */
export async function verifyIdentityToken(token: string): Promise<IdentityClaims | null> {
  const keys = await identityKeys();
  if (keys === null || token.length > LONGEST_TOKEN) return null;
  try {
    return verified(token, keys);
  } catch {
    return null;
  }
}

function verified(token: string, keys: readonly JwtKey[]): IdentityClaims | null {
  const header = jwt.decode(token, { complete: true })?.header;
  const key = keys.find(({ kid }) => kid === header?.kid);
  // `crit` names what must be understood (RFC 7515 §4.1.11), and nothing is.
  if (!header || !key || 'crit' in header) return null;
  const payload = jwt.verify(token, key.secret, {
    algorithms: [ALGORITHM],
    audience: IDENTITY_AUDIENCE,
    // Below: the clock that wrote it may be ahead.
    ignoreNotBefore: true,
  });
  const { iat, exp, nbf = iat } = registeredSchema.parse(payload);
  const { sub, name, email } = payload as Record<string, unknown>;
  const soon = Date.now() / 1000 + AHEAD_SECONDS;
  if (iat > soon || nbf > soon || exp <= iat || exp - iat > LONGEST_SECONDS) return null;
  return { sub: subjectSchema.parse(sub), name, email };
}

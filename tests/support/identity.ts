import { forge } from '../security/attack.ts';

/** The company's key, and the tokens that its backend makes with it. */

export const SITE_SECRET = Buffer.alloc(32, 's');
const KID = 'site';

/** `IDENTITY_KEYS` of a system under test. */
export const SITE_KEYS = `${KID}:${SITE_SECRET.toString('base64url')}`;

export const siteHeader = { alg: 'HS256', typ: 'JWT', kid: KID } as const;

/** What the company says of a customer, in a token that is valid for five minutes from now. */
export const siteClaims = (claims: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  const iat = Math.floor(Date.now() / 1000);
  return { aud: 'live-support-identity', iat, exp: iat + 300, ...claims };
};

/** A token of the company's, with these claims beside what every token has. */
export const siteToken = (claims: Readonly<Record<string, unknown>>): string =>
  forge(siteHeader, siteClaims(claims), SITE_SECRET);

import { createHash, timingSafeEqual } from 'node:crypto';
import { config } from '../config.ts';
import { logger } from '../logger.ts';
import { AppError } from '../protocol/errors.ts';
import { trustedProxySecrets } from '../secrets.ts';
import { addressBeforePort } from './address.ts';

/** What the proxy proves itself with, and where it says who it speaks for: docs/deploying.md, "A firewall in front". */
const PROOF = 'x-origin-verify';
const VIEWER = 'cloudfront-viewer-address';

/**
 * The address of the client: as the gateway saw it or, of a request that a trusted proxy proves to have handed on, as the
 * proxy did. Throws `FORBIDDEN` for what went round a proxy that is required. `header` looks one up by its name in small
 * letters.
 */
export async function clientAddress<T extends string | null>(
  header: (name: string) => string | undefined,
  seenByGateway: T,
): Promise<string | T> {
  const { TRUSTED_PROXY } = config();
  if (TRUSTED_PROXY === 'off') return seenByGateway;
  if (!isProven(header(PROOF), await trustedProxySecrets())) {
    if (TRUSTED_PROXY === 'required') throw new AppError('FORBIDDEN', 'This address is not for clients.');
    return seenByGateway;
  }
  const address = addressBeforePort(header(VIEWER) ?? '');
  if (address === null) logger.warn('the trusted proxy does not say whom it speaks for');
  return address ?? seenByGateway;
}

/** Begins to read the secrets, where there is a proxy, while the function's code is being loaded. */
export function trustedProxyAhead(): void {
  const read = async () => {
    if (config().TRUSTED_PROXY !== 'off') await trustedProxySecrets();
  };
  read().catch(() => undefined);
}

/** By digests: they are of one length, and comparing them tells nothing of the secret. */
function isProven(given: string | undefined, secrets: readonly string[]): boolean {
  if (given === undefined) return false;
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const wanted = digest(given);
  return secrets.map((secret) => timingSafeEqual(digest(secret), wanted)).includes(true);
}

import { createHash, timingSafeEqual } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { AppError } from '../errors/appError.ts';
import { config } from '../runtime/config.ts';
import { logger } from '../runtime/logger.ts';
import { trustedProxySecrets } from '../runtime/secrets.ts';

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

/**
 * The address of an address with a port, as CloudFront writes it: `203.0.113.7:46532`, and for IPv6 `2001:db8::1:46532`,
 * without brackets. `null` where it is none.
 */
export function addressBeforePort(given: string): string | null {
  const [, host = '', port = ''] = /^(.+):(\d{1,5})$/.exec(given.trim()) ?? [];
  const address = host.replace(/^\[(.*)\]$/, '$1');
  return Number(port) <= 65_535 && (isIPv4(address) || isIPv6(address)) ? address : null;
}

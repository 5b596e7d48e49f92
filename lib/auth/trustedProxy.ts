import { createHash, timingSafeEqual } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { AppError } from '../errors/appError.ts';
import { config } from '../runtime/config.ts';
import { logger } from '../runtime/logger.ts';
import { trustedProxySecrets } from '../runtime/secrets.ts';

/**
 * The header that proves the proxy, and the one that has the client's address: docs/deploying.md, "A firewall in
 * front".
 */
const PROOF = 'x-origin-verify';
const VIEWER = 'cloudfront-viewer-address';

/**
 * Returns the client's address: as the gateway saw it or, for a request that a trusted proxy proves to have forwarded,
 * as the proxy saw it. Throws `FORBIDDEN` for a request that went round a required proxy. `header` finds a header by
 * its name in small letters.
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

/** Begins to read the proxy's secrets, if there is a proxy, while the function's code is loading. */
export function trustedProxyAhead(): void {
  const read = async () => {
    if (config().TRUSTED_PROXY !== 'off') await trustedProxySecrets();
  };
  read().catch(() => undefined);
}

/** Compares digests: they have one length, and comparing them tells nothing of the secret. */
function isProven(given: string | undefined, secrets: readonly string[]): boolean {
  if (given === undefined) return false;
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const wanted = digest(given);
  return secrets.map((secret) => timingSafeEqual(digest(secret), wanted)).includes(true);
}

/**
 * Takes the address out of an address with a port, as CloudFront writes it: `203.0.113.7:46532`, and for IPv6
 * `2001:db8::1:46532`, without brackets. `null` where there is none.
 */
export function addressBeforePort(given: string): string | null {
  const [, host = '', port = ''] = /^(.+):(\d{1,5})$/.exec(given.trim()) ?? [];
  const address = host.replace(/^\[(.*)\]$/, '$1');
  return Number(port) <= 65_535 && (isIPv4(address) || isIPv6(address)) ? address : null;
}

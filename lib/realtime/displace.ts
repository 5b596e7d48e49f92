import { AppError } from '../errors/appError.ts';
import type { ServerFrame } from '../protocol/events.ts';
import { waitToRetry } from '../runtime/retry.ts';
import type { Displaced } from '../store/endedConnections.ts';
import { cutAll } from './cut.ts';
import { post } from './gateway.ts';
import { inParallel } from './parallel.ts';

const CONNECTING_ATTEMPTS = 6;
/** No attempt begins later. The last one may take two seconds more. */
const CONNECTING_MS = 2_000;

/**
 * Tells connections that a newer one took their place, and closes them. Their records are gone already. Never throws,
 * and takes some seconds at most.
 */
export async function displace(displaced: readonly Displaced[]): Promise<void> {
  const { code, message } = new AppError('TOO_MANY_CONNECTIONS');
  const frame: ServerFrame = { event: 'ERROR', data: { code, message, event: null } };
  await inParallel(displaced, async ({ id, isConnecting }) => {
    const retries = { attempts: CONNECTING_ATTEMPTS, end: Date.now() + CONNECTING_MS };
    // The gateway says of a connection whose upgrade isn't through yet that it is gone. Left like this, it would be open
    // and never hear a word.
    for (let attempt = 1; (await post(id, frame)) === 'gone'; attempt += 1) {
      if (!isConnecting || !(await waitToRetry(attempt, retries))) break;
    }
  });
  await cutAll(displaced.map(({ id }) => id));
}

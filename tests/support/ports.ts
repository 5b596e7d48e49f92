import { randomInt } from 'node:crypto';
import { isFree } from '../../local/ports.ts';

/** Below the ports that a system gives to whoever asks for any, and above those that are somebody's. */
const [FIRST, LAST] = [20_000, 32_000];

/**
 * Returns a port that nobody listens on, and that the system gives to nobody meanwhile: for a server that starts later, or
 * that is to come back where it was.
 */
export async function portToKeep(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, LAST);
    if (await isFree(port, host)) return port;
  }
}

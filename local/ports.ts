import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { LocalError } from './localError.ts';

/** Whether a server could listen on the port now. */
export function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return listen(port, host).then(
    () => true,
    () => false,
  );
}

/** Returns a port that nobody listens on at the moment. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  return listen(0, host);
}

/** How long a server that was told to stop may take to be gone. */
export const GRACE_MS = 3000;

/** Waits a little for a port to become free. Throws a `LocalError` that says how to use another port. */
export async function claimPort(port: number, host: string, what: string, howToMove: string): Promise<void> {
  const deadline = Date.now() + GRACE_MS;
  for (;;) {
    const code = await listen(port, host).then(
      () => null,
      (error: NodeJS.ErrnoException) => error.code,
    );
    if (code === null) return;
    if (code === 'EADDRINUSE' && Date.now() < deadline) {
      await sleep(100);
      continue;
    }
    if (code === 'EADDRINUSE') {
      throw new LocalError(`${what} port ${port} is in use: stop what is using it, or take another one: ${howToMove}`);
    }
    throw new LocalError(
      `${what} port ${port} on ${host} can't be used (${String(code)}); take another one: ${howToMove}`,
    );
  }
}

/** Reads a port from a variable or flag. Throws a `LocalError` where it is none. */
export function portNumber(given: string | number, what: string): number {
  const port = typeof given === 'number' ? given : /^\d{1,5}$/.test(given.trim()) ? Number(given) : Number.NaN;
  if (!(port >= 0 && port <= 65_535)) throw new LocalError(`${what}: ${given} is no port number`);
  return port;
}

function listen(port: number, host: string): Promise<number> {
  return new Promise((fulfil, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, host, () => {
      const address = server.address();
      server.close(() => fulfil(typeof address === 'object' && address ? address.port : port));
    });
  });
}

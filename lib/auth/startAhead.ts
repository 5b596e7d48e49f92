import { jwtKeysAhead } from '../runtime/secrets.ts';
import { connectAhead } from '../store/database.ts';
import { trustedProxyAhead } from './trustedProxy.ts';

/**
 * Begins to read the secrets and to connect to the database. A function's entry calls it while its code is being loaded,
 * which AWS runs at full speed: the first request then finds the connection made, or on its way. A failure shows when a
 * request needs what failed. Importing any other file begins nothing.
 */
export function startAhead(): void {
  connectAhead();
  jwtKeysAhead();
  trustedProxyAhead();
}

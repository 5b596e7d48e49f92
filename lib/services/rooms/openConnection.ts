import { authenticate } from '../../auth/authenticate.ts';
import { AppError } from '../../errors/appError.ts';
import { limitConnects } from '../../limits/rateLimits.ts';
import { config } from '../../runtime/config.ts';
import { insertConnection, type NewConnection } from '../../store/connections.ts';
import { transaction } from '../../store/database.ts';
import { type Displaced, displaceOldest } from '../../store/endedConnections.ts';
import { touchSession } from '../../store/sessions.ts';
import { countAdmission } from '../../store/users.ts';

/**
 * Opens a socket for the holder of a token; from a browser, only for an allowed origin. One socket too many takes the place
 * of the user's oldest, which gets an `ERROR` frame and is cut. Throws `FORBIDDEN` for a foreign origin, `INVALID_TOKEN`,
 * `RATE_LIMITED`.
 */
export async function openConnection({
  connectionId,
  token,
  origin,
  sourceIp,
}: {
  readonly connectionId: string;
  readonly token: string | undefined;
  readonly origin: string | undefined;
  readonly sourceIp: string | null;
}): Promise<void> {
  const { ALLOWED_ORIGINS } = config();
  if (origin !== undefined && !ALLOWED_ORIGINS.includes(origin) && !ALLOWED_ORIGINS.includes('*')) {
    throw new AppError('FORBIDDEN', 'This origin may not connect.');
  }
  const { userId, sessionId } = await authenticate(token, sourceIp);
  // Before the transaction: who is refused must not wait there for their turn.
  await limitConnects(userId);
  const displaced = await record({ id: connectionId, userId, sessionId, sourceIp });
  if (displaced.length > 0) {
    // Loaded only when needed: an upgrade hardly ever posts.
    const { displace } = await import('../../realtime/displace.ts');
    await displace(displaced);
  }
}

/**
 * Records the socket, and forgets the user's oldest ones where there are too many, with one commit. Returns the sockets that
 * are to be cut. Throws `INVALID_TOKEN` when the session has ended, or the user was made inactive, meanwhile.
 */
async function record(connection: Omit<NewConnection, 'admitted' | 'sessionEnds'>): Promise<Displaced[]> {
  const { userId, sessionId } = connection;
  const most = config().MAX_CONNECTIONS_PER_USER;
  return transaction(async (session) => {
    const sessionEnds = await touchSession({ sessionId, userId }, session);
    if (!sessionEnds) throw new AppError('INVALID_TOKEN');
    // Write the user too: sockets of their other sessions count against the same limit.
    const admitted = await countAdmission(userId, session);
    if (!admitted) throw new AppError('INVALID_TOKEN');
    const displaced = await displaceOldest(userId, most - 1, session);
    await insertConnection({ ...connection, admitted, sessionEnds }, session);
    return displaced;
  });
}

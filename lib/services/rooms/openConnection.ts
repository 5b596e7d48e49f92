import { authenticate } from '../../auth/authenticate.ts';
import { AppError } from '../../errors/appError.ts';
import { config } from '../../runtime/config.ts';
import { insertConnection } from '../../store/connections.ts';

/**
 * Admits a socket by its token and, from a browser, its origin. One too many takes the place of the user's oldest, which
 * is told so and cut. Throws `FORBIDDEN` for a foreign origin, `INVALID_TOKEN`.
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
  const { ALLOWED_ORIGINS, MAX_CONNECTIONS_PER_USER } = config();
  if (origin !== undefined && !ALLOWED_ORIGINS.includes(origin) && !ALLOWED_ORIGINS.includes('*')) {
    throw new AppError('FORBIDDEN', 'This origin may not connect.');
  }
  const { userId, sessionId } = await authenticate(token, sourceIp);
  const connection = { id: connectionId, userId, sessionId, sourceIp };
  const displaced = await insertConnection(connection, MAX_CONNECTIONS_PER_USER);
  if (displaced.length > 0) {
    // Loaded when it comes to that: an upgrade hardly ever posts.
    const { displace } = await import('../../realtime/displace.ts');
    await displace(displaced);
  }
}

import type { SocketCaller } from '../../store/connections.ts';
import { endWatching } from '../../store/watchers.ts';

/** Has the connection told of the queue no more. What is under way may still arrive. */
export async function unwatchQueue({ connectionId }: SocketCaller): Promise<void> {
  await endWatching(connectionId);
}

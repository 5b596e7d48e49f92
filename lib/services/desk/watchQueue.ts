import { AppError } from '../../errors/appError.ts';
import { limitWatches } from '../../limits/rateLimits.ts';
import type { ServerData } from '../../protocol/events.ts';
import { asManyAsFit } from '../../realtime/gateway.ts';
import type { SocketCaller } from '../../store/connections.ts';
import { toStaffConversation } from '../../store/conversations.ts';
import { fromCursor, placeOf, readQueue, toCursor } from '../../store/queue.ts';
import { beginWatching } from '../../store/watchers.ts';
import { peopleIn } from '../conversations/present.ts';

/** No frame has room for more conversations than this, however short they are. */
const MOST = 64;

/**
 * Has the connection told of the queue from now on, then reads the open conversations after the cursor. In this order, a change
 * meanwhile is in the answer, or told, or both, but never neither. Throws `VALIDATION_FAILED`, `RATE_LIMITED`, `INVALID_TOKEN`.
 */
export async function watchQueue(
  { connectionId, userId }: SocketCaller,
  cursor: string | undefined,
): Promise<ServerData<'QUEUE_WATCHED'>> {
  const after = cursor === undefined ? undefined : fromCursor(cursor);
  await limitWatches(userId);
  if (!(await beginWatching(connectionId))) throw new AppError('INVALID_TOKEN');
  const records = await readQueue(after, MOST + 1);
  const people = await peopleIn(records);
  const conversations = asManyAsFit(records.slice(0, MOST).map((record) => toStaffConversation(record, people)));
  const last = records[conversations.length - 1];
  return { conversations, nextCursor: last && conversations.length < records.length ? toCursor(placeOf(last)) : null };
}

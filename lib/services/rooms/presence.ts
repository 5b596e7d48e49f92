import { broadcast } from '../../realtime/broadcast.ts';
import { errorFields, logger } from '../../runtime/logger.ts';
import { type Room, roomWithout } from '../../store/room.ts';

/** Tells the others in a room that somebody's first connection is in it. A hint: it may be missing. Never throws. */
export const tellArrived = (room: Room, userId: string): Promise<void> => tell('PARTICIPANT_JOINED', room, userId);

/** Tells the others in a room that somebody's last connection is out of it. A hint: it may be missing. Never throws. */
export async function tellLeft(room: Room, userId: string): Promise<void> {
  if (!room.userIds.includes(userId)) await tell('PARTICIPANT_LEFT', room, userId);
}

async function tell(event: 'PARTICIPANT_JOINED' | 'PARTICIPANT_LEFT', room: Room, userId: string): Promise<void> {
  const others = roomWithout(room, userId);
  if (others.connectionIds.length === 0) return;
  try {
    await broadcast({ room: others }, { event, data: { conversationId: room.conversationId, userId } });
  } catch (error) {
    logger.warn('could not tell who is there', { conversationId: room.conversationId, ...errorFields(error) });
  }
}

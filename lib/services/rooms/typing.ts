import { AppError } from '../../errors/appError.ts';
import { broadcast } from '../../realtime/broadcast.ts';
import { config } from '../../runtime/config.ts';
import type { SocketCaller } from '../../store/connections.ts';
import { isFresh, roomOf, roomWithout } from '../../store/room.ts';
import { isMember } from '../../store/rooms.ts';
import { ownConversation } from './ownConversation.ts';

/**
 * Tells the others in a room that somebody is typing, or not any more. Writes nothing. Throws `NOT_FOUND`, `NOT_JOINED`,
 * `CONVERSATION_CLOSED`.
 */
export async function typing(
  { userId, connectionId }: SocketCaller,
  { conversationId, typing: isTyping }: { readonly conversationId: string; readonly typing: boolean },
): Promise<void> {
  const readAt = Date.now();
  const conversation = await ownConversation(userId, conversationId);
  if (conversation.status === 'closed') throw new AppError('CONVERSATION_CLOSED');
  if (!isMember(conversation, connectionId)) throw new AppError('NOT_JOINED');
  if (config().TYPING === 'off') return;
  const others = roomWithout(roomOf(conversation), userId);
  // What was read long ago tells nothing: who was in the room then may not be any more, and who was typing may have stopped.
  if (others.connectionIds.length === 0 || !isFresh(readAt)) return;
  await broadcast({ room: others }, { event: 'TYPING', data: { conversationId, userId, typing: isTyping } });
}

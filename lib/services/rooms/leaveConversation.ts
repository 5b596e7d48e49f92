import { isParticipant } from '../../domain/permissions.ts';
import { AppError } from '../../protocol/errors.ts';
import { removeFromRoom, type SocketCaller } from '../../store/connections.ts';
import { findConversation } from '../../store/conversations.ts';

/** Leaves the room with this connection; others of the user stay in. Throws `NOT_FOUND`, `NOT_JOINED`. */
export async function leaveConversation(caller: SocketCaller, conversationId: string): Promise<void> {
  const conversation = await findConversation(conversationId);
  if (!conversation || !isParticipant(caller.userId, conversation)) throw new AppError('NOT_FOUND');
  if (!(await removeFromRoom(caller.connectionId, conversationId))) throw new AppError('NOT_JOINED');
}

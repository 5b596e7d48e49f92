import { isParticipant } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { mayAnswer, takeInTurn } from '../../realtime/turns.ts';
import type { SocketCaller } from '../../store/connections.ts';
import { findConversation } from '../../store/conversations.ts';
import { leaveRoom, type Turn } from '../../store/turns.ts';

/**
 * Leaves the room with this connection; others of the user stay in. It takes effect once a join of this connection that
 * is under way has been answered, and is to be answered in the turn that comes back. Throws `NOT_FOUND`, `NOT_JOINED`.
 */
export async function leaveConversation(caller: SocketCaller, conversationId: string): Promise<Turn> {
  const conversation = await findConversation(conversationId);
  if (!conversation || !isParticipant(caller.userId, conversation)) throw new AppError('NOT_FOUND');
  const outcome = await takeInTurn(() => leaveRoom(caller.connectionId, conversationId));
  if (outcome === 'not in') throw new AppError('NOT_JOINED');
  // A join may have gone first with its answer by now: who is out can't be said any more.
  if (!mayAnswer(outcome)) throw new AppError('UNAVAILABLE');
  return outcome;
}

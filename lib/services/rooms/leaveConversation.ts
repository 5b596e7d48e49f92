import { AppError } from '../../errors/appError.ts';
import { mayAnswer, takeInTurn } from '../../realtime/turns.ts';
import type { SocketCaller } from '../../store/connections.ts';
import { type Room, roomOf } from '../../store/room.ts';
import { type Left, leaveRoom, type Turn } from '../../store/rooms.ts';
import { ownConversation } from './ownConversation.ts';

/** A leave that has taken effect, the turn in which to answer it, and the room as it has left it. */
export interface Gone {
  readonly turn: Turn;
  readonly room: Room;
}

/**
 * Takes this connection out of the room; other connections of the user stay. Takes effect once a join of this
 * connection that is under way has been answered. Throws `NOT_FOUND`,
 * `NOT_JOINED`.
 */
export async function leaveConversation(caller: SocketCaller, conversationId: string): Promise<Gone> {
  const outcome = await takeInTurn(() => leave(caller, conversationId));
  if (outcome.is === 'not in') throw new AppError('NOT_JOINED');
  // A join may have been answered by now, so an answer to the leave could be untrue.
  if (!mayAnswer(outcome.turn)) throw new AppError('UNAVAILABLE');
  return { turn: outcome.turn, room: roomOf(outcome.conversation) };
}

/** Leaves the room. Throws where the conversation is not the caller's. */
async function leave(caller: SocketCaller, conversationId: string): Promise<Exclude<Left, { readonly is: 'refused' }>> {
  const outcome = await leaveRoom(caller, conversationId);
  if (outcome.is !== 'refused') return outcome;
  const { status } = await ownConversation(caller.userId, conversationId);
  // Closed, it has no room any more. Else it has one by now: try again.
  return { is: status === 'closed' ? 'not in' : 'busy' };
}

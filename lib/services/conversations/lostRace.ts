import { decide, type LifecycleCommand } from '../../domain/conversation.ts';
import { AppError } from '../../errors/appError.ts';
import { findConversation } from '../../store/conversations.ts';

/**
 * What to tell the loser of a race: the refusal that the state the winner left calls for, where it says more than
 * that there was a race.
 */
export async function refusalOfLost(conversationId: string, command: LifecycleCommand): Promise<AppError> {
  const now = await findConversation(conversationId);
  const decision = now && decide(now, command);
  const plain = decision && !decision.allowed ? decision.refusal : 'CONFLICT';
  // They could see it a moment ago: "not found" would be a riddle.
  return new AppError(plain === 'NOT_FOUND' ? 'CONFLICT' : plain);
}

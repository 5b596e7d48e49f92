import { decide, type LifecycleCommand } from '../../domain/conversation.ts';
import { AppError } from '../../errors/appError.ts';
import { findConversation } from '../../store/conversations.ts';

/**
 * Makes the refusal for the loser of a race: the one that the new state calls for, where that says more than
 * `CONFLICT`.
 */
export async function refusalOfLost(conversationId: string, command: LifecycleCommand): Promise<AppError> {
  const now = await findConversation(conversationId);
  const decision = now && decide(now, command);
  const plain = decision && !decision.allowed ? decision.refusal : 'CONFLICT';
  // The caller saw the conversation a moment ago: "not found" would puzzle them.
  return new AppError(plain === 'NOT_FOUND' ? 'CONFLICT' : plain);
}

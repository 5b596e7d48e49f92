import { commandEnds, DeadlineExceeded } from '../runtime/deadline.ts';
import { errorFields, logger } from '../runtime/logger.ts';
import { poll } from '../runtime/poll.ts';
import { endTurn, inTurn, TURN_MS, type Turn } from '../store/rooms.ts';

/**
 * Takes a turn as soon as no other turn is in its way. Throws `DeadlineExceeded` when that takes longer than the
 * command has.
 */
export async function takeInTurn<T extends { readonly is: string }>(take: () => Promise<T | Busy>): Promise<T> {
  const left = commandEnds() - Date.now();
  const attempt = async () => {
    const outcome = await take();
    return isBusy(outcome) ? null : { outcome };
  };
  const taken = left > 0 && (await poll(left, attempt));
  if (!taken) throw new DeadlineExceeded();
  return taken.outcome;
}

interface Busy {
  readonly is: 'busy';
}

const isBusy = <T extends { readonly is: string }>(outcome: T | Busy): outcome is Busy => outcome.is === 'busy';

/** Whether an answer that is posted now reaches the client before the turn is over. */
export const mayAnswer = ({ answerBy }: Turn): boolean => Date.now() < answerBy;

/** Ends a turn whose answer the client has. Never throws: a turn also ends by itself. */
export async function finishTurn(turn: Turn): Promise<void> {
  await endTurn(turn).catch((error: unknown) => logger.warn('could not end a turn', errorFields(error)));
}

/**
 * Waits until these connections have the answers to their joins and leaves of a conversation, for at most the length of
 * a turn. Call it before a frame that must not come before such an answer. Never throws.
 */
export async function answersGiven(connectionIds: readonly string[], conversationId: string): Promise<void> {
  if (connectionIds.length === 0) return;
  await poll(TURN_MS, async () => (await inTurn(connectionIds, conversationId)).length === 0).catch((error: unknown) =>
    logger.warn('could not wait for answers', errorFields(error)),
  );
}

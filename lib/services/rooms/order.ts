import { AppError } from '../../errors/appError.ts';
import { limitMessages } from '../../limits/rateLimits.ts';
import { poll } from '../../runtime/poll.ts';
import { type ConversationRecord, findConversation } from '../../store/conversations.ts';

/** How long a command waits for the message it names by `after`. */
const ORDER_MS = 3_000;
/** A wait in vain holds a function for as long, so it counts as this many messages. */
const IN_VAIN = 10;

/** A command that takes effect after a message of the same sender. */
export interface Ordered<T> {
  readonly userId: string;
  readonly conversationId: string;
  /** The number of messages that the command was counted as. */
  readonly counted: number;
  /** Looks for the message that the command waits for; `null` while it isn't there. One indexed read. */
  look(): Promise<T | null>;
  /**
   * Decides what a change of the conversation means for the command: an answer, a refusal, or nothing, and then the
   * wait goes on.
   */
  review(now: ConversationRecord | null): Promise<T | null>;
  /** Throws unless the caller may still have what came, `null` for nothing: their session may have ended during the wait. */
  recheck(came: T | null): Promise<void>;
}

/**
 * Waits until the message named by `after` is stored. Sees only messages that a majority has, so that a failover can't
 * take back the named message and keep this one. Throws `OUT_OF_ORDER` when the message doesn't come, `RATE_LIMITED`,
 * and what `review` and `recheck` throw.
 */
export async function inOrder<T>({ userId, conversationId, counted, look, review, recheck }: Ordered<T>): Promise<T> {
  const there = await look();
  if (there !== null) return there;
  // A user who has waited in vain too often may not hold another function.
  if (counted === 0) await limitMessages(userId, 0);
  let lookedAt = -1;
  const came = await poll(ORDER_MS, async () => {
    const now = await findConversation(conversationId);
    const reviewed = await review(now);
    if (reviewed !== null || now?.lastSeq === lookedAt) return reviewed;
    // A message was stored since the last look.
    lookedAt = now?.lastSeq ?? -1;
    return look();
  });
  await recheck(came);
  if (came !== null) return came;
  // If that is too many, the next command is refused, not this one.
  await limitMessages(userId, IN_VAIN - counted).catch((error: unknown) => {
    if (!(error instanceof AppError)) throw error;
  });
  throw new AppError('OUT_OF_ORDER');
}

import { AppError } from '../../errors/appError.ts';
import { limitMessages } from '../../limits/rateLimits.ts';
import { poll } from '../../runtime/poll.ts';
import { type ConversationRecord, findConversation } from '../../store/conversations.ts';

/** How long a command waits for the message it names by `after`. */
const ORDER_MS = 3_000;
/** A wait in vain holds a function for as long: it counts as so many messages. */
const IN_VAIN = 10;

/** A command that is to take effect after a message of the same sender. */
export interface Ordered<T> {
  readonly userId: string;
  readonly conversationId: string;
  /** How many messages the command has been counted as. */
  readonly counted: number;
  /** Whether what it waits for is there; `null` while not. One indexed read. */
  look(): Promise<T | null>;
  /** What a change of the conversation makes of the command: an answer, a refusal, or nothing, for the wait to go on. */
  review(now: ConversationRecord | null): Promise<T | null>;
  /** Throws unless the caller may still do this: their session may have ended during the wait. */
  readmit(): Promise<void>;
}

/**
 * Waits until the message named by `after` is stored. Only what a majority has is seen here, so that a failover can't
 * take back the one and keep the other. Throws `OUT_OF_ORDER` when it doesn't come, `RATE_LIMITED`, and what `review` and
 * `readmit` throw.
 */
export async function inOrder<T>({ userId, conversationId, counted, look, review, readmit }: Ordered<T>): Promise<T> {
  const there = await look();
  if (there !== null) return there;
  // Who has waited in vain too often holds no function.
  if (counted === 0) await limitMessages(userId, 0);
  let lookedAt = -1;
  const came = await poll(ORDER_MS, async () => {
    const now = await findConversation(conversationId);
    const reviewed = await review(now);
    if (reviewed !== null || now?.lastSeq === lookedAt) return reviewed;
    // Something was stored since the last look.
    lookedAt = now?.lastSeq ?? -1;
    return look();
  });
  await readmit();
  if (came !== null) return came;
  // Whether that was too much is for the next one to be told.
  await limitMessages(userId, IN_VAIN - counted).catch((error: unknown) => {
    if (!(error instanceof AppError)) throw error;
  });
  throw new AppError('OUT_OF_ORDER');
}

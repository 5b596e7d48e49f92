import type { Caller } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { limitReads } from '../../limits/rateLimits.ts';
import type { Rating } from '../../protocol/objects/conversations.ts';
import { type ConversationRecord, ratingOf, toRating } from '../../store/conversations.ts';
import { areTextsGone } from '../../store/erasing.ts';
import { rate } from '../../store/ratings.ts';
import { ownConversation } from '../rooms/ownConversation.ts';

/** A rating that exists, and the conversation as it was before, where this has rated it. */
export interface Rated {
  readonly rating: Rating;
  readonly before: ConversationRecord | null;
}

/**
 * Says how a conversation went: its candidate, within 14 days of the close, once. Throws `NOT_FOUND`, `ALREADY_RATED`, `CONFLICT`
 * outside of its time, `RATE_LIMITED`.
 */
export async function rateConversation(
  caller: Caller,
  conversationId: string,
  { score, comment = null }: { readonly score: number; readonly comment?: string | null | undefined },
): Promise<Rated> {
  await limitReads(caller.userId);
  const before = await ownConversation(caller.userId, conversationId);
  const rated = await rate(conversationId, { score, comment });
  if (rated) return { rating: toRating(rated), before };
  const now = await ownConversation(caller.userId, conversationId);
  const shown = ratingOf(now);
  if (!shown) throw new AppError('CONFLICT', 'A conversation is rated within 14 days of its close.');
  // Once the comment has gone with the other texts nobody knows any more what it was.
  const isEqual = shown.score === score && (shown.comment === comment || (shown.comment === null && areTextsGone(now)));
  if (!isEqual) throw new AppError('ALREADY_RATED');
  return { rating: shown, before: null };
}

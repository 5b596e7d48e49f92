import { conversationModel, HAS_EXPIRED, NEXT_REVISION, NOW, type RatingRecord } from './conversations.ts';
import { native } from './model.ts';

/** How long after the close its candidate may rate a conversation. */
const RATED_WITHIN_MS = 14 * 24 * 3600 * 1000;

/**
 * Rates a conversation that is closed, not rated, and within its time. The comment is a text: where those of the conversation are past
 * their time, it is not kept. Returns the rating; `null` where it isn't so.
 */
export async function rate(
  id: string,
  { score, comment }: { readonly score: number; readonly comment: string | null },
): Promise<RatingRecord | null> {
  const rated = await native(conversationModel()).findOneAndUpdate(
    {
      _id: id,
      status: 'closed',
      rating: { $exists: false },
      erasedAt: { $exists: false },
      $expr: { $gt: ['$closedAt', { $subtract: [NOW, RATED_WITHIN_MS] }] },
    },
    [
      {
        $set: {
          rating: {
            score: { $literal: score },
            comment: { $cond: [HAS_EXPIRED, null, { $literal: comment }] },
            ratedAt: NOW,
          },
          revision: NEXT_REVISION,
        },
      },
    ],
    { returnDocument: 'after', projection: { rating: 1 } },
  );
  return rated?.rating ?? null;
}

import { type ConversationRecord, conversationModel, ERASED } from './conversations.ts';
import { dropIndex, trusted } from './database.ts';
import { messageModel } from './messages.ts';

// Until when the texts of a closed conversation are kept is one date on it, `messagesExpireAt`, beside `retentionDays`, the
// setting it was reckoned with. Once it has passed nothing brings it back: from then on nobody is shown a text, and the sweep
// deletes them. `retentionDays` is there as long as they are, and so is the entry in its index.

const DAY_MS = 24 * 3600 * 1000;

/** Fields of a pipeline that give a conversation its end, reckoned from its close; 0 days are for ever. */
export const retainFor = (days: number) => ({
  retentionDays: { $literal: days },
  messagesExpireAt: days === 0 ? '$$REMOVE' : { $add: ['$closedAt', days * DAY_MS] },
});

/** Reckons anew for at most `most` conversations whose end was reckoned with another setting. Answers for how many. */
export async function reckonRetention(days: number, most: number): Promise<number> {
  const stale = trusted({ $or: [{ retentionDays: { $lt: days } }, { retentionDays: { $gt: days } }] });
  const page = await conversationModel().find(stale, { _id: 1 }).limit(most).lean();
  const ids = page.map(({ _id }) => _id);
  const { retentionDays, messagesExpireAt } = retainFor(days);
  const hasPassed = {
    $and: [{ $eq: [{ $type: '$messagesExpireAt' }, 'date'] }, { $lte: ['$messagesExpireAt', '$$NOW'] }],
  };
  if (ids.length > 0) {
    await conversationModel().updateMany(
      // As long as the texts are there: another run may have deleted them meanwhile.
      trusted({ _id: { $in: ids }, retentionDays: { $exists: true } }),
      [
        {
          $set: { retentionDays, messagesExpireAt: { $cond: [hasPassed, '$messagesExpireAt', messagesExpireAt] } },
        },
      ],
      { updatePipeline: true },
    );
  }
  return ids.length;
}

/** Conversations whose end has passed, by the database's clock, and whose texts are still there; but for these. */
export async function findExpired(
  most: number,
  except: readonly string[],
): Promise<Pick<ConversationRecord, '_id' | 'lastSeq'>[]> {
  return conversationModel()
    .find(
      trusted({
        ...(except.length > 0 && { _id: { $nin: [...except] } }),
        retentionDays: { $exists: true },
        messagesExpireAt: { $lte: new Date() },
        // What a clock ahead of the database's takes for passed may still be put off.
        $expr: { $lte: ['$messagesExpireAt', '$$NOW'] },
      }),
      { lastSeq: 1 },
    )
    .limit(most)
    .lean();
}

/** Erases the subject, and notes that with it every text is gone. */
export async function noteExpired(id: string): Promise<void> {
  await conversationModel().updateOne({ _id: id }, { $set: { subject: ERASED }, $unset: { retentionDays: 1 } });
}

/** For migrations: until now each message had its own end, and conversations archived before knew of none given later. */
export async function migrateRetention(): Promise<void> {
  // First: a message must not go by an end of its own while the conversation's is put off.
  await dropIndex(messageModel().collection, 'expiresAt_1');
  // Those whose texts are gone by now are found to be, and left alone from then on.
  const days = { $round: { $divide: [{ $subtract: ['$messagesExpireAt', '$closedAt'] }, DAY_MS] } };
  await conversationModel().updateMany(
    trusted({ status: 'closed', archivedAt: { $type: 'date' }, retentionDays: { $exists: false } }),
    [{ $set: { retentionDays: { $ifNull: [days, 0] } } }],
    { updatePipeline: true },
  );
}

import { DAY_MS } from '../domain/spans.ts';
import { type ConversationRecord, conversationModel, HAS_EXPIRED } from './conversations.ts';
import { dropIndex, trusted } from './database.ts';
import { eraseOwnTexts } from './erasing.ts';
import { messageModel } from './messages.ts';

// A closed conversation has the date until which its texts are kept, `messagesExpireAt`, and the setting by which that date was
// computed, `retentionDays`. A date that has passed stays: from then on nobody is shown a text, and the sweep deletes the texts.
// `retentionDays`, and its entry in the index, exist as long as the texts do.

/** Pipeline fields that give a conversation its date, counted from its close; 0 days mean for ever. */
export const retainFor = (days: number) => ({
  retentionDays: { $literal: days },
  messagesExpireAt: days === 0 ? '$$REMOVE' : { $add: ['$closedAt', days * DAY_MS] },
});

/**
 * Computes the date again for at most `most` conversations whose date was computed with another setting. Returns how
 * many.
 */
export async function reckonRetention(days: number, most: number): Promise<number> {
  const stale = trusted({ $or: [{ retentionDays: { $lt: days } }, { retentionDays: { $gt: days } }] });
  const page = await conversationModel().find(stale, { _id: 1 }).limit(most).lean();
  const ids = page.map(({ _id }) => _id);
  const { retentionDays, messagesExpireAt } = retainFor(days);
  if (ids.length > 0) {
    await conversationModel().updateMany(
      // Only while the texts exist: another run may have deleted them meanwhile.
      trusted({ _id: { $in: ids }, retentionDays: { $exists: true } }),
      [
        {
          $set: { retentionDays, messagesExpireAt: { $cond: [HAS_EXPIRED, '$messagesExpireAt', messagesExpireAt] } },
        },
      ],
      { updatePipeline: true },
    );
  }
  return ids.length;
}

/** Finds conversations whose date has passed, by the database's clock, and whose texts still exist; except these. */
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
        // By the database's clock too: a date that only this machine's clock takes for passed may still be put off.
        $expr: { $lte: ['$messagesExpireAt', '$$NOW'] },
      }),
      { lastSeq: 1 },
    )
    .limit(most)
    .lean();
}

/** Erases the subject and the candidate's own name for the conversation, and marks that every text is gone. */
export async function eraseExpiredSubject(id: string): Promise<void> {
  await eraseOwnTexts(id, {}, ['retentionDays']);
}

/** For migrations: until now each message had a date of its own, and conversations archived before had none. */
export async function migrateRetention(): Promise<void> {
  // First, so that no message expires by its own date while the conversation's is put off.
  await dropIndex(messageModel().collection, 'expiresAt_1');
  // Conversations whose texts are gone by now are found once more, and then left alone.
  const days = { $round: { $divide: [{ $subtract: ['$messagesExpireAt', '$closedAt'] }, DAY_MS] } };
  await conversationModel().updateMany(
    trusted({ status: 'closed', archivedAt: { $type: 'date' }, retentionDays: { $exists: false } }),
    [{ $set: { retentionDays: { $ifNull: [days, 0] } } }],
    { updatePipeline: true },
  );
}

import { logger } from '../../runtime/logger.ts';
import { conversationModel } from '../conversations.ts';
import { transaction, trusted } from '../database.ts';
import { countCandidates, messageModel } from '../messages.ts';
import { native } from '../model.ts';

const PAGE = 1_000;

/**
 * Counts the candidate's messages of every conversation that has no such number, so that what is unread is a difference. Use works
 * without, by counting each time.
 */
export async function countSides(): Promise<void> {
  let counted = 0;
  for (let last = ''; ; ) {
    const rows = await conversationModel()
      .find(trusted({ _id: { $gt: last }, fromCandidate: { $exists: false } }), { archivedAt: 1 })
      .sort({ _id: 1 })
      .limit(PAGE)
      .lean();
    const isDone = rows.filter(({ archivedAt }) => archivedAt);
    await countArchived(isDone.map(({ _id }) => _id));
    for (const { _id, archivedAt } of rows) if (!archivedAt) await countRunning(_id);
    counted += rows.length;
    const end = rows.at(-1);
    if (!end) return;
    last = end._id;
    logger.info('counting sides', { counted });
  }
}

/** Counts many at once: nobody says anything in them any more. */
async function countArchived(ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const found = await native(messageModel())
    .aggregate<{ _id: string; count: number }>(
      [
        { $match: { conversationId: { $in: [...ids] } } },
        { $match: { senderRole: 'candidate' } },
        { $group: { _id: '$conversationId', count: { $sum: 1 } } },
      ],
      { batchSize: PAGE },
    )
    .toArray();
  const counts = new Map(found.map(({ _id, count }) => [_id, count]));
  await native(conversationModel()).bulkWrite(
    ids.map((_id) => ({
      updateOne: {
        filter: { _id, fromCandidate: { $exists: false } },
        update: { $set: { fromCandidate: counts.get(_id) ?? 0 } },
      },
    })),
    { ordered: false },
  );
}

/** Counts one that may still grow. */
async function countRunning(_id: string): Promise<void> {
  await transaction(async (session) => {
    // Writes it first: a message at the same time waits, or has this begin again.
    const conversation = await conversationModel()
      .findOneAndUpdate(
        trusted({ _id, fromCandidate: { $exists: false } }),
        { $set: { fromCandidate: 0 } },
        { returnDocument: 'after', session },
      )
      .lean();
    if (!conversation) return;
    const fromCandidate = await countCandidates(conversation, conversation.lastSeq, session);
    await conversationModel().updateOne({ _id }, { $set: { fromCandidate } }, { session });
  });
}

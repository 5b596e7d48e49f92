import { DEFAULT_PRIORITY, PRIORITIES } from '../../domain/desk.ts';
import { logger } from '../../runtime/logger.ts';
import { conversationModel } from '../conversations.ts';
import { trusted } from '../database.ts';
import { activeMessageModel } from '../messages.ts';

const PAGE = 1_000;

/**
 * Gives running conversations what the queue is sorted by, and what the clock looks at: their revision, priority and requeues, and
 * when their agent first said something. Closed ones need none of it.
 */
export async function fillQueue(): Promise<void> {
  const urgency = PRIORITIES.indexOf(DEFAULT_PRIORITY);
  for (const status of ['open', 'assigned'] as const) {
    await conversationModel().updateMany(
      trusted({ status, urgency: { $exists: false } }),
      [
        {
          $set: {
            urgency: { $literal: urgency },
            revision: { $ifNull: ['$revision', 0] },
            requeues: { $ifNull: ['$requeues', 0] },
          },
        },
      ],
      { updatePipeline: true },
    );
  }
  await fillAnswers();
}

/** An agent who has said something since they were given the conversation has answered. */
async function fillAnswers(): Promise<void> {
  let filled = 0;
  for (let last = ''; ; ) {
    const rows = await conversationModel()
      .find(trusted({ status: 'assigned', _id: { $gt: last }, answeredAt: null }), { agentId: 1, assignedAt: 1 })
      .sort({ _id: 1 })
      .limit(PAGE)
      .lean();
    for (const { _id, agentId, assignedAt } of rows) {
      const first = await activeMessageModel()
        .findOne(
          trusted({ conversationId: _id, senderId: agentId ?? '', sentAt: { $gte: assignedAt ?? new Date() } }),
          {
            sentAt: 1,
          },
        )
        .sort({ seq: 1 })
        .lean();
      if (!first) continue;
      // Unless it was given to somebody meanwhile, or its agent has just said something.
      await conversationModel().updateOne(trusted({ _id, agentId, assignedAt, answeredAt: null }), {
        $set: { answeredAt: first.sentAt },
      });
      filled += 1;
    }
    const end = rows.at(-1);
    if (!end) break;
    last = end._id;
    logger.info('filling answers', { filled });
  }
}

import { type ClosingStep, type ConversationRecord, conversationModel, NOW } from './conversations.ts';
import { trusted } from './database.ts';
import { type Due, dueFor, retryAt, waitsSince } from './setBack.ts';

// What follows a close. Each is conditional on the step it ends, so that two who work at it don't set it back.

export async function noteAnnounced(id: string): Promise<void> {
  await conversationModel().updateOne(
    { _id: id, 'closing.step': 'announce' },
    { $set: { 'closing.step': 'archive', 'closing.through': 0 } },
  );
}

/** Remembers how far a step has come, for whoever goes on with it. */
export async function noteThrough(id: string, step: ClosingStep, through: number): Promise<void> {
  await conversationModel().updateOne({ _id: id, 'closing.step': step }, { $max: { 'closing.through': through } });
}

/** From here on the permanent collection is what is read. Its completeness must have been checked. */
export async function noteArchived(id: string, retained: Readonly<Record<string, unknown>>): Promise<void> {
  await conversationModel().updateOne(
    { _id: id, 'closing.step': 'archive' },
    [
      {
        $set: {
          archivedAt: NOW,
          'closing.step': 'release',
          'closing.through': { $literal: 0 },
          ...retained,
        },
      },
    ],
    { updatePipeline: true },
  );
}

export async function noteReleased(id: string): Promise<void> {
  await conversationModel().updateOne({ _id: id, 'closing.step': 'release' }, { $unset: { closing: 1 } });
}

/** Closed conversations with something left to do, the longest waiting first. */
export async function findUnfinished(due: Due): Promise<ConversationRecord[]> {
  return conversationModel()
    .find(trusted({ 'closing.since': waitsSince(due), 'closing.retryAt': dueFor(due.attempt) }))
    .sort({ 'closing.since': 1 })
    .limit(due.most)
    .lean();
}

/** Finishing it failed. */
export async function setBackClosing({ _id, closing }: ConversationRecord): Promise<void> {
  await conversationModel().updateOne(trusted({ _id, closing: { $exists: true } }), {
    $set: { 'closing.retryAt': retryAt(closing?.failures) },
    $inc: { 'closing.failures': 1 },
  });
}

/** The check after copying failed: the next attempt starts over. */
export async function restartArchive(id: string): Promise<void> {
  await conversationModel().updateOne({ _id: id, 'closing.step': 'archive' }, { $set: { 'closing.through': 0 } });
}

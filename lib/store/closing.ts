import { type ClosingStep, type ConversationRecord, conversationModel, NOW } from './conversations.ts';
import { trusted } from './database.ts';
import { type Due, dueFor, retryAt, waitsSince } from './setBack.ts';

// The steps after a close. Each note is conditional on the step it ends, so that two processes at once don't set it back.

/** The room has been told: the archive is next. */
export async function markAnnounced(id: string): Promise<void> {
  await conversationModel().updateOne(
    { _id: id, 'closing.step': 'announce' },
    { $set: { 'closing.step': 'archive', 'closing.through': 0 }, $unset: { 'closing.room': 1, room: 1, turns: 1 } },
  );
}

/**
 * Saves how far a step has come, for the process that goes on with it. A note that is lost in a failover only has a slice done
 * again, so one node's word is enough.
 */
export async function saveProgress(id: string, step: ClosingStep, through: number): Promise<void> {
  await conversationModel().updateOne(
    { _id: id, 'closing.step': step },
    { $max: { 'closing.through': through } },
    { writeConcern: { w: 1 } },
  );
}

/**
 * Marks the archive as complete: from here on readers read the permanent collection. Check completeness first. Returns since
 * when it is complete, by the database's clock; another process may have marked it.
 */
export async function markArchived(id: string, retained: Readonly<Record<string, unknown>>): Promise<Date> {
  const marked = await conversationModel()
    .findOneAndUpdate(
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
      { returnDocument: 'after', updatePipeline: true },
    )
    .lean();
  const { archivedAt = null } = marked ?? (await conversationModel().findById(id, { archivedAt: 1 }).lean()) ?? {};
  if (!archivedAt) throw new Error(`conversation ${id} is not archived`);
  return archivedAt;
}

/** The active copies expire from now on: nothing is left to do. */
export async function markReleased(id: string): Promise<void> {
  await conversationModel().updateOne({ _id: id, 'closing.step': 'release' }, { $unset: { closing: 1 } });
}

/** Finds closed conversations with steps left to do, the longest waiting first. */
export async function findUnfinished(due: Due): Promise<ConversationRecord[]> {
  return conversationModel()
    .find(trusted({ 'closing.since': waitsSince(due), 'closing.retryAt': dueFor(due.pass) }))
    .sort({ 'closing.since': 1 })
    .limit(due.most)
    .lean();
}

/** Notes that finishing a close failed, and when to try again. */
export async function setBackClosing({ _id, closing }: ConversationRecord): Promise<void> {
  await conversationModel().updateOne(trusted({ _id, closing: { $exists: true } }), {
    $set: { 'closing.retryAt': retryAt(closing?.failures) },
    $inc: { 'closing.failures': 1 },
  });
}

/** Notes that the copies are incomplete: the next attempt copies from the start. */
export async function restartArchive(id: string): Promise<void> {
  await conversationModel().updateOne({ _id: id, 'closing.step': 'archive' }, { $set: { 'closing.through': 0 } });
}

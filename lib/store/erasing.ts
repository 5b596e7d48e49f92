import { type ConversationRecord, conversationModel, ERASED, isExpired, NEXT_REVISION, NOW } from './conversations.ts';
import { trusted } from './database.ts';
import { native } from './model.ts';

// The texts of a conversation go: because its candidate is erased, or because they are past their time.

/** The rating without its comment. The score stays: the analytics have it. */
const WITHOUT_COMMENT = {
  $cond: [{ $gt: ['$rating', null] }, { $mergeObjects: ['$rating', { comment: null }] }, '$$REMOVE'],
};

/**
 * Erases what a conversation's own record has of texts, in one write: a comment that comes at the same time is not left behind.
 * `noting` is what is noted with it, `without` what is dropped besides.
 */
export async function eraseOwnTexts(
  id: string,
  noting: Readonly<Record<string, unknown>>,
  without: readonly string[],
): Promise<void> {
  await native(conversationModel()).updateOne({ _id: id }, [
    { $set: { subject: { $literal: ERASED }, rating: WITHOUT_COMMENT, ...noting, revision: NEXT_REVISION } },
    { $unset: ['clientConversationId', 'context', ...without] },
  ]);
}

/** Finds a candidate's conversations that still have texts, in the order of their ids, after this id. */
export async function findUnerased(candidateId: string, after: string, most: number): Promise<ConversationRecord[]> {
  return conversationModel()
    .find(trusted({ candidateId, erasedAt: { $exists: false }, _id: { $gt: after } }))
    .sort({ _id: 1 })
    .limit(most)
    .lean();
}

/** Reads the ids of all conversations of a candidate, from an index alone. */
export async function idsOfCandidate(candidateId: string): Promise<string[]> {
  // With one command, which says how long it may take: a second one of the same cursor could not.
  const rows = await conversationModel().find({ candidateId }, { _id: 1 }).batchSize(100_000).lean();
  return rows.map(({ _id }) => _id);
}

/** Notes that the messages up to this one are erased: a repeated erasure goes on after it. */
export async function saveErasedThrough(id: string, seq: number): Promise<void> {
  await conversationModel().updateOne({ _id: id }, { $set: { erasedThrough: seq } });
}

/** Erases the subject, the candidate's own name for the conversation and what is noted of it, and notes that every text is gone. */
export async function eraseSubject(id: string): Promise<void> {
  await eraseOwnTexts(id, { erasedAt: NOW }, ['erasedThrough', 'tags']);
}

/**
 * Whether every text of a conversation is gone, or about to go: it was erased, or is past its time. The sweep goes by the database's
 * clock, which may be ahead of this machine's: what it has done to the record counts too.
 */
export const areTextsGone = (
  record: Pick<ConversationRecord, 'erasedAt' | 'messagesExpireAt' | 'retentionDays'>,
): boolean =>
  record.erasedAt !== undefined ||
  isExpired(record) ||
  (record.messagesExpireAt !== undefined && record.retentionDays === undefined);

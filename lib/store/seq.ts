import { conversationModel, NOW } from './conversations.ts';
import type { Transaction } from './database.ts';
import { native } from './model.ts';
import { type Room, roomOf } from './room.ts';

// The order of a conversation: a message takes the next `seq` with the write that also says who hears of it.

/** The next place in a conversation's order, taken within the transaction that stores the message. */
export interface TakenSeq {
  readonly seq: number;
  readonly sentAt: Date;
  readonly candidateId: string;
  readonly agentId: string | null;
  /** How many messages of the candidate's there are, with this one; absent where nobody has counted them. */
  readonly fromCandidate: number | undefined;
  /** See `ConversationRecord`. */
  readonly merged: boolean;
  /** Who is in the room at this place in the order. Whoever joins later reads the message. */
  readonly room: Room;
}

/** Who takes a place in the order: a connection in the room, or the candidate who opens the conversation with a message. */
export type Placed = { readonly connectionId: string } | { readonly candidateId: string };

/**
 * Takes the next `seq` for a message. Call it inside the transaction that stores the message. Returns `null` when the
 * conversation is closed or gone, or the connection is not in the room. Because this writes the conversation, a send excludes
 * a close, a reassignment, a join and a leave at the same time.
 *
 * Only who takes part gets into the room, so being there is enough to begin with. Who speaks through the connection need not
 * be known yet, but must be before the commit.
 */
export async function takeSeq(id: string, placed: Placed, session: Transaction): Promise<TakenSeq | null> {
  const record = await native(conversationModel()).findOneAndUpdate(
    {
      _id: id,
      status: { $ne: 'closed' },
      ...('connectionId' in placed
        ? { room: { $elemMatch: { connectionId: placed.connectionId, ended: { $ne: true } } } }
        : placed),
    },
    [
      {
        $set: {
          lastSeq: { $add: ['$lastSeq', 1] },
          lastMessageAt: { $max: [NOW, '$lastMessageAt'] },
          fromCandidate: countedIf('connectionId' in placed ? speaks(placed.connectionId, '$candidateId') : true),
        },
      },
      ...('connectionId' in placed ? [{ $set: firstWords(placed.connectionId) }] : []),
    ],
    {
      returnDocument: 'after',
      session,
      projection: { lastSeq: 1, lastMessageAt: 1, candidateId: 1, agentId: 1, fromCandidate: 1, merged: 1, room: 1 },
    },
  );
  if (!record?.lastMessageAt) return null;
  const { lastSeq: seq, lastMessageAt: sentAt, candidateId, agentId, fromCandidate, merged = false } = record;
  return { seq, sentAt, candidateId, agentId, fromCandidate, merged, room: roomOf(record) };
}

/** Whether the connection in the room is this participant's. */
const speaks = (connectionId: string, participant: '$agentId' | '$candidateId') => {
  const theirs = { $filter: { input: '$room', cond: { $eq: ['$$this.userId', participant] } } };
  return { $in: [{ $literal: connectionId }, { $map: { input: theirs, in: '$$this.connectionId' } }] };
};

/** Adds 1 to the count of the candidate's messages if the message is theirs. A conversation without a count gets none. */
const countedIf = (isCandidates: object | true) => {
  const isMissing = { $eq: [{ $type: '$fromCandidate' }, 'missing'] };
  return { $cond: [isMissing, '$$REMOVE', { $add: ['$fromCandidate', { $cond: [isCandidates, 1, 0] }] }] };
};

/**
 * When any agent first answered, and when the present one did: with this message, where it is the first one that comes through
 * a connection of theirs.
 */
const firstWords = (connectionId: string) => {
  const now = { $cond: [speaks(connectionId, '$agentId'), '$lastMessageAt', null] };
  return {
    firstResponseAt: { $ifNull: ['$firstResponseAt', now] },
    answeredAt: { $ifNull: ['$answeredAt', now] },
  };
};

import type { ConversationRecord } from './conversations.ts';

/** The connections that may hear of a conversation. */
export interface Room {
  readonly conversationId: string;
  readonly connectionIds: readonly string[];
  /** Whose connections these are, one for one. */
  readonly userIds: readonly string[];
  /** Connections that may have an answer to a join or a leave under way. */
  readonly inTurn: readonly string[];
}

/** How long after a commit the people who were in the room at the commit are told without another look. */
const FRESH_MS = 1_000;

/**
 * Whether a room is still as a commit left it at `since`, in epoch milliseconds. A handler that froze goes on much later: who was
 * in the room then may not be any more.
 */
export const isFresh = (since: number): boolean => Date.now() - since < FRESH_MS;

/**
 * Returns the room as a write has left it: those in it who take part in the conversation. A conversation that is closed has
 * the room that is to be told of it.
 */
export function roomOf({
  _id: conversationId,
  candidateId,
  agentId,
  room,
  closing,
  turns = [],
}: Pick<ConversationRecord, '_id' | 'candidateId' | 'agentId' | 'room' | 'closing' | 'turns'>): Room {
  const now = Date.now();
  const members = (room ?? closing?.room ?? []).filter(
    ({ userId, until, ended }) => !ended && until.getTime() > now && (userId === candidateId || userId === agentId),
  );
  return {
    conversationId,
    connectionIds: members.map(({ connectionId }) => connectionId),
    userIds: members.map(({ userId }) => userId),
    inTurn: turns.map(({ connectionId }) => connectionId),
  };
}

/** The room without one person's connections: who is told what that person does. */
export const roomWithout = ({ connectionIds, userIds, ...room }: Room, userId: string): Room => ({
  ...room,
  connectionIds: connectionIds.filter((_, index) => userIds[index] !== userId),
  userIds: userIds.filter((id) => id !== userId),
});

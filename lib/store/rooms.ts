import type { Message } from '../protocol/objects/conversations.ts';
import type { ConnectionRecord, SocketCaller } from './connections.ts';
import { type ConversationRecord, conversationModel, type RoomMember } from './conversations.ts';
import { type Transaction, trusted } from './database.ts';
import { newId } from './ids.ts';
import { activeMessageModel, type MessageRecord, readMessages, toMessage } from './messages.ts';
import { native } from './model.ts';
import { type People, type Person, USERS } from './people.ts';
import { READS, readId } from './reads.ts';

// A conversation's own record says who is in its room. So the write that gives a message its place says who hears it, and
// an assignment, a requeue and a close change the room with the conversation.

/**
 * A turn: a command has changed the room, and the client doesn't have the answer yet. The gateway runs the frames of one
 * connection at once. Without turns, a leave could take effect and be answered between a join's effect and its answer; the
 * client would then believe the join. Joins of one connection share their turns, because none makes the other's answer
 * untrue; a leave has a turn alone. A turn of a handler that died ends by itself.
 */
export interface Turn {
  readonly conversationId: string;
  readonly token: string;
  /** Epoch milliseconds. An answer that is posted later could arrive after the turn. */
  readonly answerBy: number;
}

/** How long a turn may take, by the database's clock: nobody waits longer for a handler that died. */
export const TURN_MS = 4_000;
/** The part of a turn that is for the answer: a post takes two seconds at most, with its retries. */
const ANSWER_MS = 2_000;

type Expression = Readonly<Record<string, unknown>>;

/** The turns that are not over. */
const LIVE_TURNS: Expression = {
  $filter: { input: { $ifNull: ['$turns', []] }, cond: { $gt: ['$$this.until', '$$NOW'] } },
};

const of = (connectionId: string): Expression => ({ $eq: ['$$this.connectionId', { $literal: connectionId }] });

const turnsOf = (connectionId: string, only: readonly Expression[] = []): Expression => ({
  $filter: { input: LIVE_TURNS, cond: { $and: [of(connectionId), ...only] } },
});

/** The room as others have it: without this connection, and without those whose time is over. */
const others = (connectionId: string): Expression => ({
  $filter: { input: '$room', cond: { $and: [{ $not: [of(connectionId)] }, { $gt: ['$$this.until', '$$NOW'] }] } },
});

type Speaker = Pick<SocketCaller, 'connectionId' | 'userId' | 'until'>;

interface Change {
  readonly entering: boolean;
  /** What must be so, beside the turns. */
  readonly allowed: Expression;
  readonly room: Expression;
}

/**
 * Makes the change and begins its turn, with one write, unless another turn is in the way. Returns `null` when the speaker
 * doesn't take part in such a conversation.
 */
async function takeTurn(
  { connectionId, userId }: Speaker,
  conversationId: string,
  filter: Readonly<Record<string, unknown>>,
  { entering, allowed, room }: Change,
) {
  const turn: Turn = { conversationId, token: newId(), answerBy: Date.now() + TURN_MS - ANSWER_MS };
  const inTheWay = turnsOf(connectionId, entering ? [{ $eq: ['$$this.entering', false] }] : []);
  const may = { $and: [{ $eq: [{ $size: inTheWay }, 0] }, allowed] };
  const begun = {
    token: turn.token,
    connectionId: { $literal: connectionId },
    entering,
    until: { $add: ['$$NOW', TURN_MS] },
  };
  const conversation = (await native(conversationModel()).findOneAndUpdate(
    { _id: conversationId, $or: [{ candidateId: userId }, { agentId: userId }], ...filter },
    [
      {
        $set: {
          room: { $cond: [may, room, '$room'] },
          turns: { $cond: [may, { $concatArrays: [LIVE_TURNS, [begun]] }, '$turns'] },
        },
      },
    ],
    { returnDocument: 'after' },
  )) as ConversationRecord | null;
  if (!conversation) return null;
  return { conversation, turn: conversation.turns?.some(({ token }) => token === turn.token) ? turn : null };
}

/** `busy`: a leave of this room is not answered yet. `refused`: the conversation is closed, or not the speaker's. */
export type Entered =
  | { readonly is: 'entered'; readonly turn: Turn; readonly conversation: ConversationRecord }
  | { readonly is: 'busy' }
  | { readonly is: 'refused' };

/** Puts a connection in the room of a conversation that isn't closed and that its user takes part in. */
export async function enterRoom(speaker: Speaker, conversationId: string): Promise<Entered> {
  const { connectionId, userId, until } = speaker;
  const member = { connectionId: { $literal: connectionId }, userId: { $literal: userId }, until };
  const isNotEnded = { $not: { $elemMatch: { connectionId, ended: true } } };
  const taken = await takeTurn(
    speaker,
    conversationId,
    { status: { $ne: 'closed' }, room: { $exists: true, ...isNotEnded } },
    { entering: true, allowed: { $literal: true }, room: { $concatArrays: [others(connectionId), [member]] } },
  );
  if (!taken) return { is: 'refused' };
  const { turn, conversation } = taken;
  return turn ? { is: 'entered', turn, conversation } : { is: 'busy' };
}

/** What a join answers beside the conversation, and whether the connection is still in the room. */
export interface ReadForJoin {
  readonly isIn: boolean;
  readonly messages: readonly Message[];
  readonly people: People;
  /** Up to where candidate and present agent have read. */
  readonly readSeqs: Readonly<Record<string, number>>;
}

/**
 * Reads, with one command, whether a connection that has entered a room is still in it, the messages with
 * `afterSeq < seq ≤ lastSeq`, at most `limit`, and the names of the participants. An agent who lost the conversation on the
 * way in, and was given it again, is out of the room.
 */
export async function readForJoin(
  conversation: ConversationRecord,
  { connectionId, userId, name }: Pick<SocketCaller, 'connectionId' | 'userId' | 'name'>,
  afterSeq: number,
  limit: number,
): Promise<ReadForJoin> {
  const { _id: conversationId, candidateId, agentId, lastSeq } = conversation;
  const expected = Math.max(0, Math.min(limit, lastSeq - afterSeq));
  const range = { $gt: afterSeq, $lte: afterSeq + expected };
  const participants = [candidateId, agentId].filter((id) => id !== null);
  const others = participants.filter((id) => id !== userId);
  type Row = {
    readonly room?: RoomMember[];
    readonly message?: MessageRecord;
    readonly person?: Person & { readonly id: string };
    readonly read?: { readonly userId: string; readonly seq: number };
  };
  const rows = await native(conversationModel())
    .aggregate<Row>([
      { $match: { _id: conversationId } },
      { $project: { _id: 0, room: 1 } },
      {
        $unionWith: {
          coll: activeMessageModel().collection.name,
          pipeline: [
            { $match: { conversationId, seq: range } },
            { $sort: { seq: 1 } },
            { $project: { _id: 0, message: '$$ROOT' } },
          ],
        },
      },
      {
        $unionWith: {
          coll: USERS,
          pipeline: [
            { $match: { _id: { $in: others } } },
            { $project: { _id: 0, person: { id: '$_id', name: '$name', email: '$email' } } },
          ],
        },
      },
      {
        $unionWith: {
          coll: READS,
          pipeline: [
            { $match: { _id: { $in: participants.map((id) => readId(conversationId, id)) } } },
            { $project: { _id: 0, read: { userId: '$userId', seq: '$seq' } } },
          ],
        },
      },
    ])
    .toArray();
  const found = rows.flatMap(({ message }) => (message ? [toMessage(message)] : []));
  return {
    isIn: rows.some(({ room }) => room && isMember({ room }, connectionId)),
    readSeqs: Object.fromEntries([
      ...participants.map((id) => [id, 0]),
      ...rows.flatMap(({ read }) => (read ? [[read.userId, read.seq]] : [])),
    ]),
    // It may have been closed and archived meanwhile.
    messages: found.length === expected ? found : await readMessages(conversation, afterSeq, limit),
    people: new Map([
      [userId, { name, email: null }],
      ...rows.flatMap(({ person }) =>
        person ? [[person.id, { name: person.name, email: person.email }] as const] : [],
      ),
    ]),
  };
}

/** `busy`: another command on this room is not answered yet. `refused`: the conversation is not the speaker's, or has no room. */
export type Left =
  | { readonly is: 'left'; readonly turn: Turn; readonly conversation: ConversationRecord }
  | { readonly is: 'busy' }
  | { readonly is: 'not in' }
  | { readonly is: 'refused' };

/** Takes a connection out of a room. */
export async function leaveRoom(speaker: Speaker, conversationId: string): Promise<Left> {
  const { connectionId } = speaker;
  const own = { $filter: { input: '$room', cond: { $and: [of(connectionId), { $ne: ['$$this.ended', true] }] } } };
  const taken = await takeTurn(
    speaker,
    conversationId,
    { room: { $exists: true } },
    {
      entering: false,
      allowed: { $gt: [{ $size: own }, 0] },
      room: others(connectionId),
    },
  );
  if (!taken) return { is: 'refused' };
  if (taken.turn) return { is: 'left', turn: taken.turn, conversation: taken.conversation };
  return { is: isMember(taken.conversation, connectionId) ? 'busy' : 'not in' };
}

/** Whether a connection is in the room. */
export const isMember = ({ room = [] }: Pick<ConversationRecord, 'room'>, connectionId: string): boolean =>
  room.some((member) => member.connectionId === connectionId && !member.ended);

/**
 * Ends a turn whose answer the client has. A lost write does no harm, because the turn ends by itself; so one node's
 * word is enough.
 */
export async function endTurn({ conversationId, token }: Turn): Promise<void> {
  await native(conversationModel()).updateOne(
    { _id: conversationId },
    { $pull: { turns: { token } } },
    { writeConcern: { w: 1 } },
  );
}

/** Finds those of the connections that have a turn of this room. */
export async function inTurn(connectionIds: readonly string[], conversationId: string): Promise<string[]> {
  const [found] = await conversationModel().aggregate<{ turns: { connectionId: string }[] }>([
    { $match: { _id: conversationId } },
    { $project: { _id: 0, turns: LIVE_TURNS } },
  ]);
  const busy = new Set(found?.turns.map(({ connectionId }) => connectionId));
  return connectionIds.filter((id) => busy.has(id));
}

/** A connection that ends, and the rooms it may be in. */
export type Ending = Pick<ConnectionRecord, '_id' | 'userId' | 'notedRooms' | 'rooms' | 'expiresAt'>;

/** So many connections that have ended are noted in a room at most: no more joins are under way there. */
const MOST_ENDED = 100;

/**
 * Takes connections that end out of all their rooms, for good: until `expiresAt` no join that is under way puts one back.
 * Within the transaction that ends them, or once they are closed.
 */
export async function expel(connections: readonly Ending[], session?: Transaction): Promise<void> {
  const ended = connections.flatMap(({ _id: connectionId, userId, notedRooms = [], rooms = [], expiresAt: until }) =>
    notedRooms.length + rooms.length === 0 ? [] : [{ connectionId, userId, until, ended: true as const }],
  );
  if (ended.length === 0) return;
  const noted = new Set(
    connections.flatMap(({ notedRooms = [], rooms = [] }) => [...notedRooms.map(({ id }) => id), ...rooms]),
  );
  const ids = ended.map(({ connectionId }) => connectionId);
  const users = [...new Set(ended.map(({ userId }) => userId))];
  const stay = {
    $and: [{ $not: [{ $in: ['$$this.connectionId', { $literal: ids }] }] }, { $gt: ['$$this.until', '$$NOW'] }],
  };
  const rest = { $filter: { input: '$room', cond: stay } };
  const only = (input: unknown, isEnded: boolean) => ({
    $filter: { input, cond: { [isEnded ? '$eq' : '$ne']: ['$$this.ended', true] } },
  });
  await native(conversationModel()).updateMany(
    {
      _id: { $in: [...noted] },
      room: { $exists: true },
      // Nobody enters a room who doesn't take part in the conversation, though they may have tried.
      $or: [{ candidateId: { $in: users } }, { agentId: { $in: users } }, { 'room.connectionId': { $in: ids } }],
    },
    [
      {
        $set: {
          room: {
            $concatArrays: [
              only(rest, false),
              { $slice: [{ $concatArrays: [only(rest, true), { $literal: ended }] }, -MOST_ENDED] },
            ],
          },
        },
      },
    ],
    { ...(session && { session }) },
  );
}

/** Finds those of the conversations whose room has the connection. */
export async function roomsWith(
  connectionId: string,
  conversationIds: readonly string[],
): Promise<ConversationRecord[]> {
  return conversationModel()
    .find(trusted({ _id: { $in: [...conversationIds] }, 'room.connectionId': connectionId }))
    .lean();
}

import { connectionModel } from './connections.ts';
import { newId } from './ids.ts';

/**
 * A turn: a command has changed the rooms of a connection, and the client doesn't have the answer yet. The gateway runs
 * the frames of one connection at once. Without turns, a leave could take effect and be answered between a join's
 * effect and its answer; the client would then believe the join. Joins of one room share their turns, because none
 * makes the other's answer untrue; a leave has a turn alone. A turn of a handler that died ends by itself.
 */
export interface Turn {
  readonly connectionId: string;
  readonly token: string;
  /** Epoch milliseconds. An answer that is posted later could arrive after the turn. */
  readonly answerBy: number;
}

/** How long a turn may take, by the database's clock: nobody waits longer for a handler that died. */
export const TURN_MS = 4_000;
/** The part of a turn that is for the answer: a post takes two seconds at most, with its retries. */
const ANSWER_MS = 2_000;

type Expression = Readonly<Record<string, unknown>>;

/** The turns that are not over. A record of an earlier release has none. */
const LIVE: Expression = {
  $filter: { input: { $ifNull: ['$turns', []] }, cond: { $gt: ['$$this.until', '$$NOW'] } },
};

const liveTurns = (of: string, only: readonly Expression[] = []): Expression => ({
  $filter: { input: LIVE, cond: { $and: [{ $eq: ['$$this.of', { $literal: of }] }, ...only] } },
});

interface Change {
  readonly of: string;
  readonly entering: boolean;
  /** Whether the record allows the change, and what it makes of the rooms. */
  readonly allowed: Expression;
  readonly rooms: Expression;
}

/**
 * Makes the change and begins its turn, with one write, unless another turn is in the way or the record doesn't allow
 * the change.
 */
async function takeTurn(connectionId: string, { of, entering, allowed, rooms }: Change) {
  const turn: Turn = { connectionId, token: newId(), answerBy: Date.now() + TURN_MS - ANSWER_MS };
  const inTheWay = liveTurns(of, entering ? [{ $eq: ['$$this.entering', false] }] : []);
  const may = { $and: [{ $eq: [{ $size: inTheWay }, 0] }, allowed] };
  const begun = { token: turn.token, of: { $literal: of }, entering, until: { $add: ['$$NOW', TURN_MS] } };
  const after = await connectionModel()
    .findOneAndUpdate(
      { _id: connectionId },
      [
        {
          $set: {
            rooms: { $cond: [may, rooms, '$rooms'] },
            turns: { $concatArrays: [LIVE, { $cond: [may, [begun], []] }] },
          },
        },
      ],
      { returnDocument: 'after', updatePipeline: true, projection: { rooms: 1, turns: 1 } },
    )
    .lean();
  return { after, turn: after?.turns?.some(({ token }) => token === turn.token) ? turn : null };
}

/** `busy`: another command on this room is not answered yet. `full`: the connection is in as many rooms as it may be. */
export type Entered =
  | { readonly is: 'entered'; readonly turn: Turn }
  | { readonly is: 'busy' }
  | { readonly is: 'full' | 'gone' };

/** Puts a connection in a room, unless it is in `most` rooms already. */
export async function enterRoom(connectionId: string, room: string, most: number): Promise<Entered> {
  const isIn = { $in: [{ $literal: room }, '$rooms'] };
  const { after, turn } = await takeTurn(connectionId, {
    of: room,
    entering: true,
    allowed: { $or: [isIn, { $lt: [{ $size: '$rooms' }, most] }] },
    rooms: { $cond: [isIn, '$rooms', { $concatArrays: ['$rooms', [{ $literal: room }]] }] },
  });
  if (turn) return { is: 'entered', turn };
  if (!after) return { is: 'gone' };
  return { is: !after.rooms.includes(room) && after.rooms.length >= most ? 'full' : 'busy' };
}

/** `busy`: another command on this room is not answered yet. */
export type Left = { readonly is: 'left'; readonly turn: Turn } | { readonly is: 'busy' } | { readonly is: 'not in' };

/** Takes a connection out of a room. */
export async function leaveRoom(connectionId: string, room: string): Promise<Left> {
  const { after, turn } = await takeTurn(connectionId, {
    of: room,
    entering: false,
    allowed: { $in: [{ $literal: room }, '$rooms'] },
    rooms: { $filter: { input: '$rooms', cond: { $ne: ['$$this', { $literal: room }] } } },
  });
  if (turn) return { is: 'left', turn };
  return { is: after?.rooms.includes(room) ? 'busy' : 'not in' };
}

/**
 * Ends a turn whose answer the client has. A lost write does no harm, because the turn ends by itself; so one node's
 * word is enough.
 */
export async function endTurn({ connectionId, token }: Turn): Promise<void> {
  await connectionModel().updateOne({ _id: connectionId }, { $pull: { turns: { token } } }, { writeConcern: { w: 1 } });
}

/** Finds those of the connections that have a turn of this room. */
export async function inTurn(connectionIds: readonly string[], of: string): Promise<string[]> {
  if (connectionIds.length === 0) return [];
  const rows = await connectionModel().aggregate<{ _id: string }>([
    { $match: { _id: { $in: connectionIds } } },
    { $match: { $expr: { $gt: [{ $size: liveTurns(of) }, 0] } } },
    { $project: { _id: 1 } },
  ]);
  return rows.map(({ _id }) => _id);
}

import { connectionModel } from './connections.ts';
import { newId } from './ids.ts';

/**
 * A turn: a command has changed what a connection takes part in, and its answer is not with the client yet. The gateway
 * runs the frames of one connection at once, so without turns a leave could take effect, and be answered, between a join's
 * effect and its answer, and the client would believe the join. Commands that enter the same thing share their turns, for
 * none makes the other's answer untrue; one that leaves it has a turn alone. A handler that died leaves a turn behind that
 * ends by itself.
 */
export interface Turn {
  readonly connectionId: string;
  readonly token: string;
  /** Epoch milliseconds: an answer that is begun later could come after the turn. */
  readonly answerBy: number;
}

/** How long a turn may take, by the database's clock: nobody waits longer for a handler that died. */
export const TURN_MS = 4_000;
/** What of it is for the answer: a post takes two seconds at most, its retries included. */
const ANSWER_MS = 2_000;

type Expression = Readonly<Record<string, unknown>>;

/** The turns that are not over. An older record has none. */
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

/** Makes the change and begins its turn, with one write, unless another turn is in the way or the record doesn't allow it. */
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

/**
 * Puts a connection in a room, unless it is in `most` rooms already. `busy`: it is just leaving, and that is not
 * answered yet.
 */
export async function enterRoom(
  connectionId: string,
  room: string,
  most: number,
): Promise<Turn | 'busy' | 'full' | 'gone'> {
  const isIn = { $in: [{ $literal: room }, '$rooms'] };
  const { after, turn } = await takeTurn(connectionId, {
    of: room,
    entering: true,
    allowed: { $or: [isIn, { $lt: [{ $size: '$rooms' }, most] }] },
    rooms: { $cond: [isIn, '$rooms', { $concatArrays: ['$rooms', [{ $literal: room }]] }] },
  });
  if (turn) return turn;
  if (!after) return 'gone';
  return !after.rooms.includes(room) && after.rooms.length >= most ? 'full' : 'busy';
}

/** Takes a connection out of a room. `busy`: a command on this room is not answered yet. */
export async function leaveRoom(connectionId: string, room: string): Promise<Turn | 'busy' | 'not in'> {
  const { after, turn } = await takeTurn(connectionId, {
    of: room,
    entering: false,
    allowed: { $in: [{ $literal: room }, '$rooms'] },
    rooms: { $filter: { input: '$rooms', cond: { $ne: ['$$this', { $literal: room }] } } },
  });
  if (turn) return turn;
  return after?.rooms.includes(room) ? 'busy' : 'not in';
}

/** The answer is with the client. A turn whose end is lost ends by itself, so one node's word is enough. */
export async function endTurn({ connectionId, token }: Turn): Promise<void> {
  await connectionModel().updateOne({ _id: connectionId }, { $pull: { turns: { token } } }, { writeConcern: { w: 1 } });
}

/** Those of these connections that have a turn of this. */
export async function inTurn(connectionIds: readonly string[], of: string): Promise<string[]> {
  if (connectionIds.length === 0) return [];
  const rows = await connectionModel().aggregate<{ _id: string }>([
    { $match: { _id: { $in: connectionIds } } },
    { $match: { $expr: { $gt: [{ $size: liveTurns(of) }, 0] } } },
    { $project: { _id: 1 } },
  ]);
  return rows.map(({ _id }) => _id);
}

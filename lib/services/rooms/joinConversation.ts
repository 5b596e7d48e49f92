import { AppError } from '../../errors/appError.ts';
import type { ServerData } from '../../protocol/events.ts';
import type { Conversation, Message, StaffConversation } from '../../protocol/objects/conversations.ts';
import { asManyAsFit } from '../../realtime/gateway.ts';
import { finishTurn, mayAnswer, takeInTurn } from '../../realtime/turns.ts';
import { config } from '../../runtime/config.ts';
import { forgetRooms, noteRoom, type SocketCaller, stillConnected } from '../../store/connections.ts';
import { type Room, roomOf } from '../../store/room.ts';
import { type Entered, enterRoom, readForJoin, roomsWith, type Turn } from '../../store/rooms.ts';
import { presentTo } from '../conversations/present.ts';
import { ownConversation } from './ownConversation.ts';

/** No frame has room for more messages than this, however short they are. */
const MOST_MESSAGES = 128;

/** A join that has taken effect, and the turn in which to answer it. */
export interface Joined {
  readonly answer: ServerData<'CONVERSATION_JOINED'>;
  readonly turn: Turn;
  /** The room, where this is the person's first connection in it. */
  readonly arrivedIn: Room | null;
}

/**
 * Enters the room, then reads the messages after `afterSeq`. In this order, a message stored meanwhile is in the
 * answer, or broadcast to this connection, or both, but never neither. The connection stays in the room until the
 * answer is posted and `finishTurn` is called. Throws `NOT_FOUND`, `CONVERSATION_CLOSED`, `RATE_LIMITED`, `INVALID_TOKEN`.
 */
export async function joinConversation(
  caller: SocketCaller,
  { conversationId, afterSeq = 0 }: { readonly conversationId: string; readonly afterSeq?: number | undefined },
): Promise<Joined> {
  if (!caller.rooms.includes(conversationId)) await makeRoom(caller, conversationId);
  for (;;) {
    const { turn, conversation } = await takeInTurn(() => enter(caller, conversationId));
    try {
      const { isIn, messages, people, readSeqs } = await readForJoin(conversation, caller, afterSeq, MOST_MESSAGES);
      if (isIn && mayAnswer(turn)) {
        const room = roomOf(conversation);
        const beside = { readSeqs, present: [...new Set(room.userIds)] };
        const isFirst = room.userIds.filter((id) => id === caller.userId).length === 1;
        return {
          answer: fitFrame(presentTo(caller.role, conversation, people), beside, messages),
          turn,
          arrivedIn: isFirst ? room : null,
        };
      }
    } catch (error) {
      await finishTurn(turn);
      throw error;
    }
    // The connection is out again, or it took so long that it may be. Begin again, while the command has time.
    await finishTurn(turn);
  }
}

/** Enters the room. Throws where the caller may not. */
async function enter(
  caller: SocketCaller,
  conversationId: string,
): Promise<Exclude<Entered, { readonly is: 'refused' }>> {
  const outcome = await enterRoom(caller, conversationId);
  if (outcome.is !== 'refused') return outcome;
  await requireJoinable(caller, conversationId);
  if ((await stillConnected([caller.connectionId])).length === 0) throw new AppError('INVALID_TOKEN');
  // The conversation has changed since: try again.
  return { is: 'busy' };
}

async function requireJoinable({ userId }: SocketCaller, conversationId: string): Promise<void> {
  const { status } = await ownConversation(userId, conversationId);
  if (status === 'closed') throw new AppError('CONVERSATION_CLOSED');
}

/**
 * Makes room for one more room of a connection that has noted as many as it may be in. It may have left some, or they may be
 * closed. Throws `RATE_LIMITED`.
 */
async function makeRoom(caller: SocketCaller, conversationId: string): Promise<void> {
  const { connectionId, rooms } = caller;
  const most = config().MAX_ROOMS_PER_CONNECTION;
  const still = await roomsWith(connectionId, rooms);
  await forgetRooms(
    connectionId,
    still.map(({ _id }) => _id),
  );
  const noted = await noteRoom(connectionId, conversationId, most);
  if (noted === 'gone') throw new AppError('INVALID_TOKEN');
  if (noted === 'noted') return;
  await requireJoinable(caller, conversationId);
  throw new AppError('RATE_LIMITED', `A connection may be in ${most} rooms.`);
}

/** Takes as many messages as fit one frame, at least one. `nextAfterSeq` says that there are more. */
function fitFrame(
  conversation: Conversation | StaffConversation,
  beside: Pick<ServerData<'CONVERSATION_JOINED'>, 'readSeqs' | 'present'>,
  messages: readonly Message[],
): ServerData<'CONVERSATION_JOINED'> {
  const fitting = asManyAsFit(messages, Buffer.byteLength(JSON.stringify({ conversation, ...beside })));
  const last = fitting.at(-1)?.seq;
  return {
    conversation,
    ...beside,
    messages: fitting,
    nextAfterSeq: last !== undefined && last < conversation.lastSeq ? last : null,
  };
}

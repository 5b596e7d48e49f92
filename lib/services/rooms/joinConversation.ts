import { isParticipant } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import type { ServerData } from '../../protocol/events.ts';
import type { Conversation, Message } from '../../protocol/objects/conversations.ts';
import { finishTurn, mayAnswer, takeInTurn } from '../../realtime/turns.ts';
import { config } from '../../runtime/config.ts';
import type { SocketCaller } from '../../store/connections.ts';
import { type ConversationRecord, findConversation } from '../../store/conversations.ts';
import { readMessages } from '../../store/messages.ts';
import { enterRoom, type Turn } from '../../store/turns.ts';
import { present } from '../conversations/present.ts';
import { showOut } from './showOut.ts';

/** The bytes that API Gateway carries in one frame, less room for the envelope and a `requestId`. */
const FRAME_BYTES = 32 * 1024 - 512;
/** No frame has room for more messages than this, however short they are. */
const MOST_MESSAGES = 128;

/** A join that has taken effect, and the turn in which to answer it. */
export interface Joined {
  readonly answer: ServerData<'CONVERSATION_JOINED'>;
  readonly turn: Turn;
}

/**
 * Enters the room, then reads the messages after `afterSeq`. In this order, a message stored meanwhile is in the
 * answer, or broadcast to this connection, or both, but never neither. The connection stays in the room until the
 * answer is posted and `finishTurn` is called. Throws `NOT_FOUND`, `CONVERSATION_CLOSED`, `RATE_LIMITED`.
 */
export async function joinConversation(
  caller: SocketCaller,
  { conversationId, afterSeq = 0 }: { readonly conversationId: string; readonly afterSeq?: number | undefined },
): Promise<Joined> {
  for (;;) {
    const before = requireJoinable(caller, await findConversation(conversationId));
    const turn = await enter(caller, conversationId);
    try {
      const conversation = await requireStillJoinable(caller, conversationId);
      if (!isSameStay(caller, before, conversation)) {
        await finishTurn(turn);
        continue;
      }
      const [messages, presented] = await Promise.all([
        readMessages(conversation, afterSeq, MOST_MESSAGES),
        present(conversation, caller),
      ]);
      const answer = fitFrame(presented, messages);
      if (mayAnswer(turn)) return { answer, turn };
    } catch (error) {
      await finishTurn(turn);
      throw error;
    }
    // It took so long that the connection may have been taken out again. Begin again, while the command has time.
  }
}

function requireJoinable(caller: SocketCaller, conversation: ConversationRecord | null): ConversationRecord {
  if (!conversation || !isParticipant(caller.userId, conversation)) throw new AppError('NOT_FOUND');
  if (conversation.status === 'closed') throw new AppError('CONVERSATION_CLOSED');
  return conversation;
}

async function enter(caller: SocketCaller, conversationId: string): Promise<Turn> {
  const most = config().MAX_ROOMS_PER_CONNECTION;
  const outcome = await takeInTurn(() => enterRoom(caller.connectionId, conversationId, most));
  switch (outcome.is) {
    case 'entered':
      return outcome.turn;
    case 'gone':
      throw new AppError('INVALID_TOKEN');
    case 'full':
      throw new AppError('RATE_LIMITED', `A connection may be in ${most} rooms.`);
  }
}

/**
 * Looks again once inside: the conversation may have been closed, or given to another agent, on the way in. Takes a
 * connection that may not be in out of the room again.
 */
async function requireStillJoinable(caller: SocketCaller, conversationId: string): Promise<ConversationRecord> {
  const conversation = await findConversation(conversationId);
  try {
    return requireJoinable(caller, conversation);
  } catch (refusal) {
    await showOut(conversationId, caller.userId);
    throw refusal;
  }
}

/**
 * Whether the agent didn't lose the conversation on the way in. One who lost it and got it again may have been taken
 * out of the room in between.
 */
const isSameStay = ({ userId }: SocketCaller, before: ConversationRecord, now: ConversationRecord): boolean =>
  userId !== now.agentId || before.assignedAt?.getTime() === now.assignedAt?.getTime();

/** Takes as many messages as fit one frame, at least one. `nextAfterSeq` says that there are more. */
function fitFrame(conversation: Conversation, messages: readonly Message[]): ServerData<'CONVERSATION_JOINED'> {
  let bytes = Buffer.byteLength(JSON.stringify({ conversation }));
  const fitting: Message[] = [];
  for (const message of messages) {
    bytes += Buffer.byteLength(JSON.stringify(message)) + 1;
    if (bytes > FRAME_BYTES) break;
    fitting.push(message);
  }
  const last = fitting.at(-1)?.seq;
  return {
    conversation,
    messages: fitting,
    nextAfterSeq: last !== undefined && last < conversation.lastSeq ? last : null,
  };
}

import { config } from '../../config.ts';
import { isParticipant } from '../../domain/permissions.ts';
import { AppError } from '../../protocol/errors.ts';
import type { ServerData } from '../../protocol/events.ts';
import type { Message } from '../../protocol/objects.ts';
import { addToRoom, removeFromRoom, type SocketCaller } from '../../store/connections.ts';
import { type ConversationRecord, findConversation, toConversation } from '../../store/conversations.ts';
import { readMessages } from '../../store/messages.ts';

/** What API Gateway carries in one frame, less room for the envelope and an echoed `requestId`. */
const FRAME_BYTES = 32 * 1024 - 512;
/** More of even the shortest messages don't fit a frame. */
const MOST_MESSAGES = 128;

/**
 * Enters the room, then reads what was said after `afterSeq`: in this order, so that a message stored meanwhile is in
 * the answer, or broadcast to this connection, or both, but never neither. Throws `NOT_FOUND`, `CONVERSATION_CLOSED`,
 * `RATE_LIMITED`.
 */
export async function joinConversation(
  caller: SocketCaller,
  { conversationId, afterSeq = 0 }: { readonly conversationId: string; readonly afterSeq?: number | undefined },
): Promise<ServerData<'CONVERSATION_JOINED'>> {
  await requireJoinable(caller, conversationId);
  await enter(caller, conversationId);
  // Again, now inside: it may have been closed or given to another agent on the way in.
  const conversation = await requireJoinable(caller, conversationId).catch(async (error: unknown) => {
    await removeFromRoom(caller.connectionId, conversationId);
    throw error;
  });
  const messages = await readMessages(conversation, afterSeq, MOST_MESSAGES);
  return fitFrame(conversation, messages);
}

async function requireJoinable(caller: SocketCaller, conversationId: string): Promise<ConversationRecord> {
  const conversation = await findConversation(conversationId);
  if (!conversation || !isParticipant(caller.userId, conversation)) throw new AppError('NOT_FOUND');
  if (conversation.status === 'closed') throw new AppError('CONVERSATION_CLOSED');
  return conversation;
}

async function enter(caller: SocketCaller, conversationId: string): Promise<void> {
  const most = config().MAX_ROOMS_PER_CONNECTION;
  const outcome = await addToRoom(caller.connectionId, conversationId, most);
  if (outcome === 'gone') throw new AppError('INVALID_TOKEN');
  if (outcome === 'full') throw new AppError('RATE_LIMITED', `A connection may be in ${most} rooms.`);
}

/** As many of the messages as fit one frame; `nextAfterSeq` where there are more. At least one always fits. */
function fitFrame(record: ConversationRecord, messages: readonly Message[]): ServerData<'CONVERSATION_JOINED'> {
  const conversation = toConversation(record);
  let bytes = Buffer.byteLength(JSON.stringify({ conversation }));
  const fitting: Message[] = [];
  for (const message of messages) {
    bytes += Buffer.byteLength(JSON.stringify(message)) + 1;
    if (bytes > FRAME_BYTES) break;
    fitting.push(message);
  }
  const last = fitting.at(-1)?.seq;
  return { conversation, messages: fitting, nextAfterSeq: last !== undefined && last < record.lastSeq ? last : null };
}

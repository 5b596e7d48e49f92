import type { Caller } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { limitConversations } from '../../limits/rateLimits.ts';
import type { Conversation } from '../../protocol/objects/conversations.ts';
import { poll } from '../../runtime/poll.ts';
import {
  type ConversationRecord,
  findConversation,
  findOpened,
  insertConversation,
} from '../../store/conversations.ts';
import { DURABLE_MS, isDuplicateKey, transaction } from '../../store/database.ts';
import { newId } from '../../store/ids.ts';
import { storeMessage } from '../rooms/storeMessage.ts';
import { present } from './present.ts';

/** The wishes of a candidate who opens a conversation. */
export interface Opening {
  readonly subject: string;
  readonly message?: string | undefined;
  readonly clientConversationId?: string | undefined;
}

/** A conversation that exists. `repeated`: an earlier request with its `clientConversationId` opened it. */
export interface Opened {
  readonly conversation: Conversation;
  readonly repeated: boolean;
}

/**
 * Opens a conversation, with its first message where there is one: both or neither, and once per
 * `clientConversationId`. A majority has it when this returns. Throws `RATE_LIMITED`, `UNAVAILABLE`.
 */
export async function createConversation(caller: Caller, opening: Opening): Promise<Opened> {
  const earlier = await withinLimit(caller, opening);
  const opened = earlier ?? (await openOnce(caller, opening));
  if (opened === 'opened before')
    return { conversation: await present(await durable(caller, opening), caller), repeated: true };
  return { conversation: await present(opened, caller), repeated: earlier !== null };
}

/** Counts the opening. A repeated one gets its answer even at the limit, because its conversation exists already. */
async function withinLimit(caller: Caller, opening: Opening): Promise<ConversationRecord | null> {
  try {
    await limitConversations(caller.userId);
    return null;
  } catch (refusal) {
    const earlier = await openedBefore(caller, opening);
    if (earlier) return earlier;
    throw refusal;
  }
}

async function openOnce(caller: Caller, opening: Opening): Promise<ConversationRecord | 'opened before'> {
  const { subject, message, clientConversationId } = opening;
  const id = newId();
  try {
    const created = await transaction(async (session) => {
      const candidateId = caller.userId;
      const empty = await insertConversation({ id, candidateId, subject, clientConversationId }, session);
      if (message === undefined) return empty;
      await storeMessage(caller, { conversationId: id, content: message }, session);
      return findConversation(id, session);
    });
    if (!created) throw new Error(`conversation ${id} vanished within its own transaction`);
    return created;
  } catch (error) {
    if (isDuplicateKey(error, 'clientConversationId')) return 'opened before';
    throw error;
  }
}

/**
 * Returns the conversation that this request repeats, once a majority has it. Throws `UNAVAILABLE` when that takes too
 * long.
 */
async function durable(caller: Caller, opening: Opening): Promise<ConversationRecord> {
  const earlier = await poll(DURABLE_MS, () => openedBefore(caller, opening));
  if (!earlier) throw new AppError('UNAVAILABLE');
  return earlier;
}

const openedBefore = async (
  { userId }: Caller,
  { clientConversationId }: Opening,
): Promise<ConversationRecord | null> =>
  clientConversationId === undefined ? null : findOpened(userId, clientConversationId);

import type { Caller } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { limitConversations } from '../../limits/rateLimits.ts';
import type { OwnConversation } from '../../protocol/objects/conversations.ts';
import { poll } from '../../runtime/poll.ts';
import {
  type ConversationRecord,
  findConversation,
  findOpened,
  insertConversation,
  ratingOf,
  toConversation,
} from '../../store/conversations.ts';
import { keepVisitor } from '../../store/customers.ts';
import { DURABLE_MS, isDuplicateKey, transaction } from '../../store/database.ts';
import { newId } from '../../store/ids.ts';
import { storeMessage } from '../rooms/storeMessage.ts';
import { presenterFor } from './present.ts';

/** The wishes of a candidate who opens a conversation. */
export interface Opening {
  readonly subject: string;
  readonly message?: string | undefined;
  readonly context?: Readonly<Record<string, string>> | undefined;
  readonly clientConversationId?: string | undefined;
}

/** A conversation that exists. `repeated`: an earlier request with its `clientConversationId` opened it. */
export interface Opened {
  readonly conversation: OwnConversation;
  readonly repeated: boolean;
}

/**
 * Opens a conversation, with its first message where there is one: both or neither, and once per
 * `clientConversationId`. A majority has it when this returns. Throws `RATE_LIMITED`, `UNAVAILABLE`, and `INVALID_TOKEN` for a
 * visitor who turned out to be somebody meanwhile.
 */
export async function createConversation(caller: Caller, opening: Opening): Promise<Opened> {
  const { record, repeated } = (await repeatBeyondLimit(caller, opening)) ?? (await openOnce(caller, opening));
  const { people, unreadOf } = await presenterFor(caller, [record]);
  return {
    conversation: { ...toConversation(record, people), unread: await unreadOf(record), rating: ratingOf(record) },
    repeated,
  };
}

interface Outcome {
  readonly record: ConversationRecord;
  readonly repeated: boolean;
}

/**
 * Counts the request against the limit. Beyond it a repeat still gets its answer, for what it asks for is there already.
 * `null` within the limit. Throws `RATE_LIMITED`.
 */
async function repeatBeyondLimit(caller: Caller, opening: Opening): Promise<Outcome | null> {
  try {
    await limitConversations(caller);
    return null;
  } catch (refusal) {
    const record = await openedBefore(caller, opening);
    if (record) return { record, repeated: true };
    throw refusal;
  }
}

/** Opens the conversation, or finds the one it repeats. Throws `UNAVAILABLE`. */
async function openOnce(caller: Caller, opening: Opening): Promise<Outcome> {
  const { subject, message, context, clientConversationId } = opening;
  const id = newId();
  try {
    const created = await transaction(async (session) => {
      const candidateId = caller.userId;
      if (caller.isVisitor && !(await keepVisitor(candidateId, session))) throw new AppError('INVALID_TOKEN');
      const empty = await insertConversation({ id, candidateId, subject, context, clientConversationId }, session);
      if (message === undefined) return empty;
      await storeMessage({ candidateId }, caller, { conversationId: id, content: message }, session);
      return findConversation(id, session);
    });
    if (!created) throw new Error(`conversation ${id} vanished within its own transaction`);
    return { record: created, repeated: false };
  } catch (error) {
    if (!isDuplicateKey(error, 'clientConversationId')) throw error;
    return { record: await durable(caller, opening), repeated: true };
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

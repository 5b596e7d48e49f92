import { decide, type LifecycleCommand } from '../../domain/conversation.ts';
import type { Caller } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import { limitStaffWrites } from '../../limits/rateLimits.ts';
import type { HeldConversation } from '../../protocol/objects/conversations.ts';
import { poll } from '../../runtime/poll.ts';
import { releaseSlot } from '../../store/agents.ts';
import { type Actor, audit } from '../../store/audit.ts';
import type { ConversationRecord } from '../../store/conversations.ts';
import { DURABLE_MS, transaction } from '../../store/database.ts';
import { close, type Expected } from '../../store/lifecycle.ts';
import { findByClientIds } from '../../store/messages.ts';
import { type Room, roomOf } from '../../store/room.ts';
import { findCaller } from '../../store/sessions.ts';
import { inOrder } from '../rooms/order.ts';
import { presenterFor } from './present.ts';
import { requireVisible } from './requireVisible.ts';

/** A conversation just closed, for `finishClosing`, and those who were in the room. */
export interface Closed {
  readonly record: ConversationRecord;
  readonly room: Room;
}

/**
 * Closes a conversation; with `after`, once that message of the caller is stored. From the commit on no message is
 * accepted. `finishClosing` then tells the room and archives, here or, if this process dies, in the sweep. Throws
 * `NOT_FOUND`, `CONVERSATION_CLOSED`, `CONVERSATION_ASSIGNED`, `CONFLICT`, `OUT_OF_ORDER`, `RATE_LIMITED`,
 * `INVALID_TOKEN`.
 */
export async function closeConversation(caller: Caller, conversationId: string, after?: string): Promise<Closed> {
  const command = { type: 'close', userId: caller.userId, role: caller.role } as const;
  if (after !== undefined) {
    requireAllowed(await requireVisible(caller, conversationId), command);
    await awaitMessage(caller, command, conversationId, after);
  }
  const { userId, role } = caller;
  // The state in which the caller may close a conversation. Nearly every close finds this state, so nothing is read before.
  const expected =
    role === 'agent'
      ? ({ status: 'assigned', agentId: userId } as const)
      : ({ status: 'open', agentId: null } as const);
  // A majority may not have yet what the close has met: what is read of it then is no reason to refuse it.
  const record = await poll(DURABLE_MS, async () => {
    const closed = await closeAs(caller, { _id: conversationId, ...expected });
    if (!closed) requireAllowed(await requireVisible(caller, conversationId), command);
    return closed;
  });
  if (!record) throw new AppError('CONFLICT');
  return { record, room: roomOf(record) };
}

/**
 * As `closeConversation`, and makes the conversation that the staff are shown: nobody else closes. Counts as a write of theirs, as
 * a frame counts as a frame.
 */
export async function closeAndPresent(
  caller: Caller,
  conversationId: string,
): Promise<Closed & { readonly conversation: HeldConversation }> {
  await limitStaffWrites(caller.userId);
  // Read what is beside it first: nothing may fail any more once the conversation is closed.
  const { staffAnswer } = await presenterFor(caller, [await requireVisible(caller, conversationId)]);
  const closed = await closeConversation(caller, conversationId);
  return { ...closed, conversation: await staffAnswer(closed.record) };
}

function requireAllowed(now: ConversationRecord, command: LifecycleCommand): void {
  const decision = decide(now, command);
  if (!decision.allowed) throw new AppError(decision.refusal);
}

async function awaitMessage(
  { userId, role, sessionId }: Caller,
  command: LifecycleCommand,
  conversationId: string,
  after: string,
): Promise<void> {
  await inOrder({
    userId,
    conversationId,
    counted: 0,
    look: async () =>
      (await findByClientIds(conversationId, { senderId: userId, senderRole: role }, [after])).get(after) ?? null,
    review: async (now) => {
      if (!now) throw new AppError('NOT_FOUND');
      requireAllowed(now, command);
      return null;
    },
    recheck: async () => {
      if (!(await findCaller(sessionId))) throw new AppError('INVALID_TOKEN');
    },
  });
}

/** Closes a conversation if it is still as expected, with an entry in the audit trail. Returns `null` when it isn't. */
export async function closeAs(
  actor: Actor & { readonly userId: string },
  expected: Expected & { readonly _id: string },
): Promise<ConversationRecord | null> {
  return transaction(async (session) => {
    const { agentId } = expected;
    // First, because nothing was read before: where it isn't as expected, nothing of the agent's is touched.
    const closed = await close(expected._id, expected, actor.userId, session);
    if (!closed) return null;
    if (agentId !== null) await releaseSlot(agentId, session);
    await audit(actor, 'conversation_closed', expected._id, {}, session);
    return closed;
  });
}

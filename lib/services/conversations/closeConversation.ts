import { decide, type LifecycleCommand } from '../../domain/conversation.ts';
import type { Caller } from '../../domain/permissions.ts';
import { AppError } from '../../errors/appError.ts';
import type { Conversation } from '../../protocol/objects/conversations.ts';
import { type Actor, audit } from '../../store/audit.ts';
import { type ConversationRecord, close, toConversation } from '../../store/conversations.ts';
import { transaction } from '../../store/database.ts';
import { findByClientIds } from '../../store/messages.ts';
import { findCaller } from '../../store/sessions.ts';
import { releaseSlot, restoreSlot } from '../../store/users.ts';
import { inOrder } from '../rooms/order.ts';
import { requireVisible } from './getConversation.ts';
import { refusalOfLost } from './lostRace.ts';
import { namesIn } from './present.ts';

/** A conversation just closed: as shown to people, and as stored, for `finishClosing`. */
export interface Closed {
  readonly conversation: Conversation;
  readonly record: ConversationRecord;
}

/**
 * Closes a conversation; with `after`, once that message of the caller is stored. From the commit on no message is
 * accepted. `finishClosing` then tells the room and archives, here or, if this process dies, in the sweep. Throws
 * `NOT_FOUND`, `CONVERSATION_CLOSED`, `CONVERSATION_ASSIGNED`, `CONFLICT`, `OUT_OF_ORDER`, `RATE_LIMITED`,
 * `INVALID_TOKEN`.
 */
export async function closeConversation(caller: Caller, conversationId: string, after?: string): Promise<Closed> {
  const before = await requireVisible(caller, conversationId);
  const command = { type: 'close', userId: caller.userId, role: caller.role } as const;
  requireAllowed(before, command);
  if (after !== undefined) await awaitMessage(caller, command, conversationId, after);
  const names = await namesIn([before], caller);
  const closed = await closeAs(caller, before);
  if (!closed) throw await refusalOfLost(conversationId, command);
  return { conversation: toConversation(closed, names), record: closed };
}

function requireAllowed(now: ConversationRecord, command: LifecycleCommand): void {
  const decision = decide(now, command);
  if (!decision.allowed) throw new AppError(decision.refusal);
}

async function awaitMessage(
  { userId, sessionId }: Caller,
  command: LifecycleCommand,
  conversationId: string,
  after: string,
): Promise<void> {
  await inOrder({
    userId,
    conversationId,
    counted: 0,
    look: async () => (await findByClientIds(conversationId, userId, [after])).get(after) ?? null,
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
  expected: ConversationRecord,
): Promise<ConversationRecord | null> {
  return transaction(async (session) => {
    const { agentId } = expected;
    if (agentId !== null) await releaseSlot(agentId, session);
    const closed = await close(expected._id, expected, actor.userId, session);
    if (!closed) {
      if (agentId !== null) await restoreSlot(agentId, session);
      return null;
    }
    await audit(actor, 'conversation_closed', expected._id, {}, session);
    return closed;
  });
}

import * as z from 'zod/mini';
import { CHANGE_REASONS } from '../../domain/desk.ts';
import { idSchema } from '../../protocol/objects/common.ts';
import { statusSchema } from '../../protocol/objects/conversations.ts';
import { config } from '../../runtime/config.ts';
import { invokeLater } from '../../runtime/invoke.ts';
import { errorFields, logger } from '../../runtime/logger.ts';
import type { ConversationRecord } from '../../store/conversations.ts';

const changeSchema = z.strictObject({
  conversationId: idSchema,
  reason: z.enum(CHANGE_REASONS),
  /** Who could see it before; `null` for a new one. */
  formerly: z.nullable(
    z.strictObject({ status: statusSchema, supervisorId: z.nullable(idSchema), closedBy: z.nullable(idSchema) }),
  ),
});

/** A change of a conversation that those who watch the queue are told of. */
export type Change = z.infer<typeof changeSchema>;

/** The dispatcher's event: what has changed. The dispatcher tells others, and a change may have made room for what waits. */
export const deskEventSchema = z.strictObject({
  changes: z.array(changeSchema),
  agents: z.array(idSchema),
  /** Absent from a function of the release before. */
  notes: z._default(z.array(idSchema), []),
});
export type DeskEvent = z.infer<typeof deskEventSchema>;

/** The change of a conversation from what it was before. */
export const changed = (
  before: Pick<ConversationRecord, '_id' | 'status' | 'supervisorId' | 'closedBy'>,
  reason: Change['reason'],
): Change => ({
  conversationId: before._id,
  reason,
  formerly: { status: before.status, supervisorId: before.supervisorId, closedBy: before.closedBy },
});

/**
 * Hands changes on to the dispatcher, a function of its own: whoever has made them is answered without waiting for those who are
 * told. Without any change, something may still be given to agents now. Never throws: the dispatcher's clock gives what was missed to agents, and who watches again has the truth.
 */
export async function handOn({ changes = [], agents = [], notes = [] }: Partial<DeskEvent>): Promise<void> {
  const { DISPATCH_FUNCTION } = config();
  if (DISPATCH_FUNCTION === '') return;
  try {
    await invokeLater(DISPATCH_FUNCTION, { changes, agents, notes } satisfies DeskEvent);
  } catch (error) {
    logger.warn('could not reach the dispatcher', { changes: changes.length, ...errorFields(error) });
  }
}

/** Hands on that a conversation is closed: see `handOn`. */
export const handOnClosed = (closed: ConversationRecord): Promise<void> =>
  handOn({
    // As it was before, as far as that decides who could see it.
    changes: [changed({ ...closed, status: closed.agentId === null ? 'open' : 'assigned', closedBy: null }, 'closed')],
  });

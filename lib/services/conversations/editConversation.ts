import type { Edit } from '../../domain/desk.ts';
import { type Caller, mayEditConversation } from '../../domain/permissions.ts';
import { AppError, invalid } from '../../errors/appError.ts';
import { limitStaffWrites } from '../../limits/rateLimits.ts';
import type { HeldConversation } from '../../protocol/objects/conversations.ts';
import { poll } from '../../runtime/poll.ts';
import { audit } from '../../store/audit.ts';
import type { ConversationRecord } from '../../store/conversations.ts';
import { DURABLE_MS, transaction } from '../../store/database.ts';
import { edit } from '../../store/lifecycle.ts';
import { presenterFor } from './present.ts';
import { requireVisible } from './requireVisible.ts';
import { textsGone } from './textsGone.ts';

/** A conversation as it is now. `before` is set where the edit has changed it. */
export interface Edited {
  readonly conversation: HeldConversation;
  readonly before: ConversationRecord | null;
}

/**
 * Gives a conversation another priority or other tags: removes tags, then adds. Throws `NOT_FOUND`, `VALIDATION_FAILED` where it
 * would have too many tags, `CONFLICT` also for tags where the candidate was erased, `RATE_LIMITED`.
 */
export async function editConversation(caller: Caller, conversationId: string, change: Edit): Promise<Edited> {
  await limitStaffWrites(caller.userId);
  // Others may change it at the same moment: an edit is about the conversation as it is then.
  const edited = await poll(DURABLE_MS, async () => {
    const before = await requireVisible(caller, conversationId);
    if (!mayEditConversation(caller, before)) throw new AppError('NOT_FOUND');
    if (change.addTags && before.erasedAt) throw textsGone('tags');
    const after = await transaction(async (session) => {
      const outcome = await edit(before, change, session);
      if (typeof outcome === 'object' && outcome) {
        await audit(caller, 'conversation_edited', conversationId, described(change), session);
      }
      return outcome;
    });
    if (after === 'full') throw invalid('/body/addTags', 'would be too many tags: 10 at most');
    if (after === 'unchanged') return { record: before, before: null };
    return after && { record: after, before };
  });
  if (!edited) throw new AppError('CONFLICT');
  const { record, before } = edited;
  return { conversation: await (await presenterFor(caller, [record])).staffAnswer(record), before };
}

function described({ priority, addTags = [], removeTags = [] }: Edit): Record<string, string> {
  return {
    ...(priority && { priority }),
    ...(addTags.length > 0 && { addTags: addTags.join(' ') }),
    ...(removeTags.length > 0 && { removeTags: removeTags.join(' ') }),
  };
}

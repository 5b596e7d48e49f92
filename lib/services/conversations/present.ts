import type { Caller } from '../../domain/permissions.ts';
import type { Conversation } from '../../protocol/objects/conversations.ts';
import { type ConversationRecord, toConversation } from '../../store/conversations.ts';
import { type Names, namesOf } from '../../store/names.ts';

/** The caller, whose name is known without a read. */
type Known = Pick<Caller, 'userId' | 'name'>;

/** Makes the conversation that people are shown. */
export async function present(record: ConversationRecord, caller?: Known): Promise<Conversation> {
  return toConversation(record, await namesIn([record], caller));
}

/** Reads the names of everybody in these conversations, in one read at most. The caller's own name needs none. */
export async function namesIn(
  records: readonly Pick<ConversationRecord, 'candidateId' | 'agentId'>[],
  caller?: Known,
): Promise<Names> {
  const ids = new Set(records.flatMap(({ candidateId, agentId }) => [candidateId, ...(agentId ? [agentId] : [])]));
  if (caller) ids.delete(caller.userId);
  const names = new Map(await namesOf([...ids]));
  if (caller) names.set(caller.userId, caller.name);
  return names;
}

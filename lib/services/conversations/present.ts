import type { Caller } from '../../domain/permissions.ts';
import type { Conversation } from '../../protocol/objects/conversations.ts';
import { type ConversationRecord, toConversation } from '../../store/conversations.ts';
import { type Names, namesOf } from '../../store/names.ts';

/** Those who are asking: their name came with who they are. */
type Known = Pick<Caller, 'userId' | 'name'>;

/** A conversation as people are shown it. */
export async function present(record: ConversationRecord, caller?: Known): Promise<Conversation> {
  return toConversation(record, await namesIn([record], caller));
}

/** The names of everybody in these conversations, in one read at most: none for who is asking. */
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

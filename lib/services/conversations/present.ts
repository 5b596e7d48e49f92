import type { Caller } from '../../domain/permissions.ts';
import type { Role } from '../../domain/roles.ts';
import type { Conversation, StaffConversation } from '../../protocol/objects/conversations.ts';
import { type ConversationRecord, toConversation, toStaffConversation } from '../../store/conversations.ts';
import { type People, peopleOf } from '../../store/names.ts';

/** The caller, whose name is known without a read. */
type Known = Pick<Caller, 'userId' | 'name'>;

/** Makes the conversation that somebody of this role is shown. */
export const presentTo = (role: Role, record: ConversationRecord, people: People): Conversation | StaffConversation =>
  role === 'candidate' ? toConversation(record, people) : toStaffConversation(record, people);

/** Reads everybody in these conversations, in one read at most. The caller's own name needs none. */
export async function peopleIn(
  records: readonly Pick<ConversationRecord, 'candidateId' | 'agentId'>[],
  caller?: Known,
): Promise<People> {
  const ids = new Set(records.flatMap(({ candidateId, agentId }) => [candidateId, ...(agentId ? [agentId] : [])]));
  if (caller) ids.delete(caller.userId);
  const people = new Map(await peopleOf([...ids]));
  // A caller's address is shown to nobody here: the staff are shown the candidate's, and no candidate is on the staff.
  if (caller) people.set(caller.userId, { name: caller.name, email: null });
  return people;
}

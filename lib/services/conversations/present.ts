import type { Caller } from '../../domain/permissions.ts';
import type { Role } from '../../domain/roles.ts';
import type {
  Conversation,
  HeldConversation,
  OwnConversation,
  StaffConversation,
} from '../../protocol/objects/conversations.ts';
import {
  type ConversationRecord,
  isExpired,
  ratingOf,
  toConversation,
  toStaffConversation,
} from '../../store/conversations.ts';
import { othersUpTo } from '../../store/messages.ts';
import { type People, type PeopleAndReads, peopleAndReads, peopleOf } from '../../store/people.ts';

/** The caller, whose name is known without a read. */
type Known = Pick<Caller, 'userId' | 'name'>;

/** Makes the conversation that somebody of this role is shown in a frame. */
export const presentTo = (role: Role, record: ConversationRecord, people: People): Conversation | StaffConversation =>
  role === 'candidate' ? toConversation(record, people) : toStaffConversation(record, people);

const idsIn = (records: readonly Pick<ConversationRecord, 'candidateId' | 'agentId'>[], caller?: Known): string[] => {
  const ids = new Set(records.flatMap(({ candidateId, agentId }) => [candidateId, ...(agentId ? [agentId] : [])]));
  if (caller) ids.delete(caller.userId);
  return [...ids];
};

// A caller's address is shown to nobody here: the staff are shown the candidate's, and no candidate is on the staff.
const withCaller = (people: People, caller?: Known): People =>
  caller ? new Map([...people, [caller.userId, { name: caller.name, email: null }]]) : people;

/** Reads everybody in these conversations, in one read at most. The caller's own name needs none. */
export async function peopleIn(
  records: readonly Pick<ConversationRecord, 'candidateId' | 'agentId'>[],
  caller?: Known,
): Promise<People> {
  return withCaller(await peopleOf(idsIn(records, caller)), caller);
}

/** Makes answers over HTTP of conversations, once everything that is beside them has been read. */
export interface Presenter {
  readonly people: People;
  /** How many messages the caller has not read; `null` where they don't take part. */
  unreadOf(record: ConversationRecord): Promise<number | null>;
  /** For whoever may see it. */
  answer(record: ConversationRecord): Promise<OwnConversation | HeldConversation>;
  /** For one of the staff. */
  staffAnswer(record: ConversationRecord): Promise<HeldConversation>;
}

/** Reads what is beside these conversations, in one read at most: they may then change, and nothing is left to fail. */
export async function presenterFor(
  caller: Caller,
  records: readonly Pick<ConversationRecord, '_id' | 'candidateId' | 'agentId'>[],
): Promise<Presenter> {
  const isParticipant = ({ candidateId, agentId }: Pick<ConversationRecord, 'candidateId' | 'agentId'>) =>
    caller.userId === candidateId || caller.userId === agentId;
  const beside = await peopleAndReads(
    idsIn(records, caller),
    records.filter(isParticipant).map(({ _id }) => _id),
    caller.userId,
  );
  const people = withCaller(beside.people, caller);
  const unreadOf = async (record: ConversationRecord) =>
    isParticipant(record) ? difference(record, caller, beside) : null;
  const staffAnswer = async (record: ConversationRecord) => ({
    ...toStaffConversation(record, people),
    unread: await unreadOf(record),
  });
  return {
    people,
    unreadOf,
    staffAnswer,
    answer: async (record) =>
      caller.role === 'candidate'
        ? { ...toConversation(record, people), unread: await unreadOf(record), rating: ratingOf(record) }
        : staffAnswer(record),
  };
}

/**
 * How many messages of the other side have a `seq` beyond what the caller has read. A difference, and no count. Of messages that are
 * past their time nobody can read any.
 */
async function difference(
  record: ConversationRecord,
  { role }: Caller,
  { readOthers }: PeopleAndReads,
): Promise<number> {
  if (isExpired(record)) return 0;
  const all = await othersUpTo(record, role === 'candidate' ? 'candidate' : 'agent', record.lastSeq);
  return Math.max(0, all - (readOthers.get(record._id) ?? 0));
}

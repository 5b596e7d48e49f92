import type { Lifecycle } from '../domain/conversation.ts';
import { DEFAULT_PRIORITY, type Edit, editTags, MOST_TAGS } from '../domain/desk.ts';
import {
  type ConversationRecord,
  conversationModel,
  type Loss,
  NEXT_REVISION,
  NOW,
  priorityOf,
  urgencyOf,
} from './conversations.ts';
import { type Transaction, trusted } from './database.ts';
import { native } from './model.ts';

// What a command does to a conversation: conditional writes, each from the state that it expects.

/** The state that a conditional write expects. Without `supervisorId`, any supervisor's conversation will do. */
export type Expected = Pick<Lifecycle, 'status' | 'agentId'> & Partial<Lifecycle>;

/** The filter of a conditional write: the write happens only while the conversation is still exactly so. */
const still = (id: string, { status, agentId, supervisorId }: Expected): Record<string, unknown> =>
  trusted({
    _id: id,
    status,
    agentId,
    ...(supervisorId !== undefined && { supervisorId }),
    // One of an earlier release is given its room first: see `findConversation`.
    room: { $exists: true },
  });

/**
 * The room without the connections of the agent who has the conversation. Those that have ended stay noted: a join of
 * theirs may be under way.
 */
const ROOM_WITHOUT_AGENT = {
  $filter: {
    input: '$room',
    cond: { $or: [{ $ne: ['$$this.userId', '$agentId'] }, { $eq: ['$$this.ended', true] }] },
  },
} as const;

/** To whom a conversation is given. `lost`: who had it until now. */
export interface Assignment {
  readonly agentId: string;
  readonly supervisorId: string;
  readonly lost?: Loss | null;
}

const assigning = ({ lost = null, ...to }: Assignment) => [
  {
    $set: {
      ...(lost && { lostBy: withLoss(lost) }),
      status: 'assigned',
      agentId: to.agentId,
      supervisorId: to.supervisorId,
      assignedAt: NOW,
      answeredAt: null,
      room: ROOM_WITHOUT_AGENT,
      revision: NEXT_REVISION,
    },
  },
];

/**
 * Assigns or reassigns; a former agent is out of the room, and isn't given it automatically before they become available anew.
 * Returns `null` when the conversation isn't as expected any more.
 */
export async function assign(
  id: string,
  expected: Lifecycle,
  to: Assignment,
  session?: Transaction,
): Promise<ConversationRecord | null> {
  return conversationModel()
    .findOneAndUpdate(still(id, expected), assigning(to), {
      returnDocument: 'after',
      updatePipeline: true,
      ...(session && { session }),
    })
    .lean();
}

/**
 * Assigns an open conversation, if its revision is still the expected one: so nobody has lost it since it was read. Returns `null`
 * when it isn't.
 */
export async function assignOpen(
  id: string,
  revision: number | undefined,
  to: Assignment,
  session: Transaction,
): Promise<ConversationRecord | null> {
  return native(conversationModel()).findOneAndUpdate(
    {
      _id: id,
      status: 'open',
      room: { $exists: true },
      ...(revision === undefined ? { revision: { $exists: false } } : { revision }),
    },
    assigning(to),
    { returnDocument: 'after', session },
  );
}

/** The most losses that are kept: an agent whose loss was forgotten may be given the conversation again. */
const MOST_LOSSES = 100;

/**
 * Gives a conversation back; its agent is out of the room, and isn't given it again until they become available anew. Returns
 * `null` when the conversation isn't as expected any more.
 */
export async function requeue(
  id: string,
  expected: Lifecycle,
  lost: Loss,
  session: Transaction,
): Promise<ConversationRecord | null> {
  return conversationModel()
    .findOneAndUpdate(still(id, expected), requeueing(lost), { returnDocument: 'after', updatePipeline: true, session })
    .lean();
}

/** As `requeue`, if the agent has held it for so long, by the database's clock, and with `silent` said nothing in it. */
export async function requeueOverdue(
  { _id, agentId, assignedAt }: ConversationRecord,
  lost: Loss,
  { reason, seconds }: { readonly reason: 'absent' | 'silent'; readonly seconds: number },
  session: Transaction,
): Promise<ConversationRecord | null> {
  return native(conversationModel()).findOneAndUpdate(
    {
      _id,
      status: 'assigned',
      agentId,
      assignedAt,
      room: { $exists: true },
      $expr: { $lte: ['$assignedAt', { $subtract: [NOW, seconds * 1000] }] },
      ...(reason === 'silent' && { answeredAt: null }),
    },
    requeueing(lost),
    { returnDocument: 'after', session },
  );
}

/** The losses of a conversation with this one, which is the only one of its agent's. */
function withLoss(lost: Loss) {
  const losses = { $ifNull: ['$lostBy', []] };
  const others = { $filter: { input: losses, cond: { $ne: ['$$this.agentId', { $literal: lost.agentId }] } } };
  return { $slice: [{ $concatArrays: [others, [{ $literal: lost }]] }, -MOST_LOSSES] };
}

function requeueing(lost: Loss) {
  return [
    {
      $set: {
        status: 'open',
        agentId: null,
        supervisorId: null,
        assignedAt: null,
        answeredAt: null,
        room: ROOM_WITHOUT_AGENT,
        revision: NEXT_REVISION,
        urgency: { $ifNull: ['$urgency', urgencyOf(DEFAULT_PRIORITY)] },
        requeues: { $add: [{ $ifNull: ['$requeues', 0] }, 1] },
        lostBy: withLoss(lost),
      },
    },
  ];
}

/** Puts a conversation under its agent's new supervisor. Returns `false` when it isn't as expected any more. */
export async function move(
  id: string,
  expected: Lifecycle,
  supervisorId: string,
  session: Transaction,
): Promise<boolean> {
  const { modifiedCount } = await conversationModel().updateOne(
    still(id, expected),
    { $set: { supervisorId }, $inc: { revision: 1 } },
    { session },
  );
  return modifiedCount === 1;
}

/**
 * Changes a conversation's priority and tags, if its revision is still the expected one. Returns `null` when it isn't, and
 * `full` where it would have too many tags.
 */
export async function edit(
  expected: ConversationRecord,
  change: Edit,
  session: Transaction,
): Promise<ConversationRecord | 'full' | 'unchanged' | null> {
  const before = { urgency: urgencyOf(priorityOf(expected)), tags: expected.tags ?? [] };
  const after = {
    urgency: change.priority === undefined ? before.urgency : urgencyOf(change.priority),
    tags: editTags(before.tags, change),
  };
  if (after.tags.length > MOST_TAGS) return 'full';
  const isSame = after.tags.length === before.tags.length && after.tags.every((tag) => before.tags.includes(tag));
  if (after.urgency === before.urgency && isSame) return 'unchanged';
  return conversationModel()
    .findOneAndUpdate(
      trusted({ _id: expected._id, revision: expected.revision ?? { $exists: false } }),
      { $set: after, $inc: { revision: 1 } },
      { returnDocument: 'after', session },
    )
    .lean();
}

/** Closes a conversation, empties the room, and notes the steps left to do and whom to tell. Returns `null` when it isn't as expected any more. */
export async function close(
  id: string,
  expected: Expected,
  closedBy: string,
  session: Transaction,
): Promise<ConversationRecord | null> {
  return conversationModel()
    .findOneAndUpdate(
      still(id, expected),
      [
        {
          $set: {
            status: 'closed',
            closedBy,
            closedAt: NOW,
            closing: { step: 'announce', through: { $literal: 0 }, since: NOW, room: '$room' },
            revision: NEXT_REVISION,
          },
        },
        { $unset: ['room', 'lostBy'] },
      ],
      { returnDocument: 'after', updatePipeline: true, session },
    )
    .lean();
}

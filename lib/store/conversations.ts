import { CONVERSATION_STATUSES, type ConversationStatus, type Lifecycle } from '../domain/conversation.ts';
import { DEFAULT_PRIORITY, type Edit, editTags, MOST_TAGS, PRIORITIES, type Priority } from '../domain/desk.ts';
import type { Caller } from '../domain/permissions.ts';
import type { Conversation, Rating, StaffConversation } from '../protocol/objects/conversations.ts';
import { connectionModel, live } from './connections.ts';
import { type Transaction, trusted } from './database.ts';
import { defineModel, native } from './model.ts';
import { ERASED_NAME, type People } from './names.ts';
import {
  both,
  defined,
  type Equalities,
  forEvery,
  NEWEST_FIRST,
  type Page,
  type PageRequest,
  readPage,
} from './pages.ts';

/**
 * The steps after a close, in this order: tell the room, copy the messages to the permanent collection, let the active
 * copies expire. Absent when nothing is left.
 */
export type ClosingStep = 'announce' | 'archive' | 'release';

export interface ConversationRecord {
  _id: string;
  subject: string;
  status: ConversationStatus;
  candidateId: string;
  agentId: string | null;
  supervisorId: string | null;
  lastSeq: number;
  createdAt: Date;
  assignedAt: Date | null;
  firstResponseAt: Date | null;
  closedAt: Date | null;
  closedBy: string | null;
  /** The `sentAt` of the last message; never runs backwards. */
  lastMessageAt: Date | null;
  /** Since when the permanent collection has every message, checked by count. */
  archivedAt: Date | null;
  /** From this time on nobody is shown a text of the conversation: see `retention.ts`. */
  messagesExpireAt?: Date;
  /** The setting by which `messagesExpireAt` was computed, as long as the texts exist. */
  retentionDays?: number;
  /** The last seq that an erasure under way is known to have reached. */
  erasedThrough?: number;
  /** Since when every text is gone, because the candidate was erased. */
  erasedAt?: Date;
  /** The analytics' sums have the conversation: see closedSums.ts. */
  counted?: true;
  /** The analytics' sums have the rating. */
  ratingCounted?: true;
  /** It was a visitor's, whom its candidate turned out to be: messages of the candidate's side may have the visitor's id. */
  merged?: true;
  /** The candidate's own name for the conversation, which makes opening it repeatable. */
  clientConversationId?: string;
  /** How many messages of the candidate's it has; the rest are agents'. Absent in one of an earlier release, until `migrate`. */
  fromCandidate?: number;
  /** How it went, as its candidate says. The comment goes with the texts, the score stays. */
  rating?: RatingRecord;
  /** How often anything but the messages has changed. Absent in one of an earlier release: 0. */
  revision?: number;
  /** The place of its priority in `PRIORITIES`; the queue is sorted by it. Absent in one of an earlier release, until `migrate`. */
  urgency?: number;
  tags?: string[];
  /** How often it went back to the queue. */
  requeues?: number;
  /** When its present agent first said something in it; `null` until then, and while it has none. */
  answeredAt?: Date | null;
  /** Who has lost it: see `Loss`. */
  lostBy?: Loss[];
  /** What the customer's client said of itself, as pairs: its names may have dots. */
  context?: { name: string; value: string }[];
  /** The connections in the room: see rooms.ts. Absent once it is closed, and in one of an earlier release. */
  room?: RoomMember[];
  /** Joins and leaves that are not answered yet: see rooms.ts. */
  turns?: TurnRecord[];
  /**
   * `through`: the last seq that the step is known to have reached. `room`: who is to be told. `retryAt`: it failed, and
   * isn't tried again before.
   */
  closing?: {
    step: ClosingStep;
    through: number;
    since: Date;
    room?: RoomMember[];
    retryAt?: Date;
    failures?: number;
  };
}

export interface RatingRecord {
  score: number;
  comment: string | null;
  ratedAt: Date;
}

/** An agent who had a conversation that was requeued, and the `availabilities` they had then: see agents.ts. */
export interface Loss {
  agentId: string;
  availability: number;
}

/** A connection in a room, until its record expires. */
export interface RoomMember {
  connectionId: string;
  userId: string;
  until: Date;
  /** The connection has ended: it hears nothing, and no join that is still under way brings it back. */
  ended?: true;
}

/** A `Turn` of rooms.ts, as the record has it. */
export interface TurnRecord {
  token: string;
  connectionId: string;
  entering: boolean;
  until: Date;
}

/** Indexes by agent and supervisor have only conversations with one: opening a conversation costs no entry in them. */
const HAS_AGENT = { partialFilterExpression: { agentId: { $gt: '' } } } as const;
const HAS_SUPERVISOR = { partialFilterExpression: { supervisorId: { $gt: '' } } } as const;
/** Only conversations with a tag cost an entry. */
const HAS_TAG = { partialFilterExpression: { tags: { $gt: '' } } } as const;
/** Conversations closed while they were open: few, and no other conversation costs an entry. */
const NEVER_ASSIGNED = { partialFilterExpression: { status: 'closed', agentId: null } } as const;
const NEVER_ASSIGNED_WITH_TAG = {
  partialFilterExpression: { ...NEVER_ASSIGNED.partialFilterExpression, ...HAS_TAG.partialFilterExpression },
} as const;

export const conversationModel = /* @__PURE__ */ defineModel<ConversationRecord>(
  'Conversation',
  'conversations',
  {
    _id: { type: String, required: true },
    subject: { type: String, required: true },
    status: { type: String, required: true },
    candidateId: { type: String, required: true },
    agentId: { type: String, default: null },
    supervisorId: { type: String, default: null },
    lastSeq: { type: Number, required: true },
    createdAt: { type: Date, required: true },
    assignedAt: { type: Date, default: null },
    firstResponseAt: { type: Date, default: null },
    closedAt: { type: Date, default: null },
    closedBy: { type: String, default: null },
    lastMessageAt: { type: Date, default: null },
    archivedAt: { type: Date, default: null },
    messagesExpireAt: { type: Date, required: false },
    retentionDays: { type: Number, required: false },
    erasedThrough: { type: Number, required: false },
    erasedAt: { type: Date, required: false },
    counted: { type: Boolean, required: false },
    merged: { type: Boolean, required: false },
    clientConversationId: { type: String, required: false },
    fromCandidate: { type: Number, required: false },
    rating: { type: Object, required: false },
    ratingCounted: { type: Boolean, required: false },
    revision: { type: Number, required: false },
    urgency: { type: Number, required: false },
    tags: { type: [String], default: undefined },
    requeues: { type: Number, required: false },
    answeredAt: { type: Date, required: false },
    lostBy: { type: Array, default: undefined },
    context: { type: Array, default: undefined },
    room: { type: Array, default: undefined },
    turns: { type: Array, default: undefined },
    // Separate paths instead of a nested schema, which takes as long to make as a model. All are absent together, so none is required.
    closing: {
      step: { type: String, required: false },
      through: { type: Number, required: false },
      since: { type: Date, required: false },
      room: { type: Array, default: undefined },
      retryAt: { type: Date, required: false },
      failures: { type: Number, required: false },
    },
  },
  [
    // The lists': one for each set of people they are narrowed to, each with the status, which a list without one goes
    // through value by value.
    [{ status: 1, ...NEWEST_FIRST }],
    [{ candidateId: 1, status: 1, ...NEWEST_FIRST }],
    [{ agentId: 1, status: 1, ...NEWEST_FIRST }, HAS_AGENT],
    [{ supervisorId: 1, status: 1, ...NEWEST_FIRST }, HAS_SUPERVISOR],
    [{ agentId: 1, supervisorId: 1, status: 1, ...NEWEST_FIRST }, HAS_AGENT],
    [{ candidateId: 1, agentId: 1, status: 1, ...NEWEST_FIRST }, HAS_AGENT],
    [{ candidateId: 1, supervisorId: 1, status: 1, ...NEWEST_FIRST }, HAS_SUPERVISOR],
    [{ candidateId: 1, agentId: 1, supervisorId: 1, status: 1, ...NEWEST_FIRST }, HAS_AGENT],
    [{ tags: 1, status: 1, ...NEWEST_FIRST }, HAS_TAG],
    [{ tags: 1, agentId: 1, status: 1, ...NEWEST_FIRST }, HAS_TAG],
    [{ tags: 1, supervisorId: 1, status: 1, ...NEWEST_FIRST }, HAS_TAG],
    [{ tags: 1, candidateId: 1, status: 1, ...NEWEST_FIRST }, HAS_TAG],
    [{ tags: 1, closedBy: 1, status: 1, ...NEWEST_FIRST }, NEVER_ASSIGNED_WITH_TAG],
    // The queue's.
    [
      { urgency: -1, createdAt: 1, _id: 1 },
      { name: 'queue', partialFilterExpression: { status: 'open' } },
    ],
    // For the clock: conversations whose agent has said nothing yet, and all that an agent holds, the longest held first.
    [
      { supervisorId: 1, assignedAt: 1 },
      { name: 'unanswered', partialFilterExpression: { status: 'assigned', answeredAt: null } },
    ],
    [
      { agentId: 1, assignedAt: 1 },
      { name: 'held', partialFilterExpression: { status: 'assigned' } },
    ],
    // For a supervisor's own closes of open conversations.
    [{ closedBy: 1, status: 1, ...NEWEST_FIRST }, NEVER_ASSIGNED],
    [{ candidateId: 1, closedBy: 1, status: 1, ...NEWEST_FIRST }, NEVER_ASSIGNED],
    [
      { candidateId: 1, clientConversationId: 1 },
      { unique: true, partialFilterExpression: { clientConversationId: { $type: 'string' } } },
    ],
    // For the sweep: sparse, so that it has only unfinished closes.
    [{ 'closing.since': 1 }, { sparse: true }],
    // For the sweep: texts past their time, and those computed with another setting.
    [{ retentionDays: 1, messagesExpireAt: 1 }, { partialFilterExpression: { retentionDays: { $exists: true } } }],
    // For erasures.
    [{ candidateId: 1, erasedAt: 1, _id: 1 }],
    // For the analytics, which read every figure from the index alone.
    [
      { closedAt: 1, supervisorId: 1, agentId: 1, createdAt: 1, firstResponseAt: 1 },
      { name: 'handled', partialFilterExpression: { status: 'closed', agentId: { $gt: '' } } },
    ],
    // Ratings, which the analytics read from the index alone; and those that the sums don't have yet.
    [
      { closedAt: 1, supervisorId: 1, agentId: 1, 'rating.score': 1 },
      {
        name: 'rated',
        partialFilterExpression: { status: 'closed', agentId: { $gt: '' }, 'rating.score': { $gt: 0 } },
      },
    ],
    [
      { closedAt: 1, 'rating.score': 1 },
      {
        name: 'ratings_uncounted',
        partialFilterExpression: {
          status: 'closed',
          agentId: { $gt: '' },
          'rating.score': { $gt: 0 },
          ratingCounted: null,
        },
      },
    ],
    // Only conversations that the sums don't have yet.
    [
      { closedAt: 1 },
      { name: 'uncounted', partialFilterExpression: { status: 'closed', agentId: { $gt: '' }, counted: null } },
    ],
  ],
);

/** The text that replaces an erased one. */
export const ERASED = '(erased)';

/** Whether the conversation's texts are past their time, even if the sweep hasn't deleted them yet. */
export const isExpired = ({ messagesExpireAt }: Pick<ConversationRecord, 'messagesExpireAt'>): boolean =>
  !!messagesExpireAt && messagesExpireAt.getTime() <= Date.now();

const iso = (date: Date | null): string | null => date?.toISOString() ?? null;

/** Makes the conversation that anybody in it is shown. `people` has its candidate and its agent. */
export function toConversation(record: ConversationRecord, people: People): Conversation {
  const person = (id: string) => ({ id, name: people.get(id)?.name ?? ERASED_NAME });
  return {
    id: record._id,
    subject: isExpired(record) ? ERASED : record.subject,
    status: record.status,
    candidateId: record.candidateId,
    agentId: record.agentId,
    supervisorId: record.supervisorId,
    lastSeq: record.lastSeq,
    createdAt: record.createdAt.toISOString(),
    assignedAt: iso(record.assignedAt),
    firstResponseAt: iso(record.firstResponseAt),
    closedAt: iso(record.closedAt),
    closedBy: record.closedBy,
    candidate: person(record.candidateId),
    agent: record.agentId === null ? null : person(record.agentId),
    lastMessageAt: iso(record.lastMessageAt),
    revision: record.revision ?? 0,
  };
}

/** Makes the conversation that the staff are shown. Nothing of it is for a candidate. */
export function toStaffConversation(record: ConversationRecord, people: People): StaffConversation {
  const conversation = toConversation(record, people);
  const { tags = [], requeues = 0, context } = record;
  return {
    ...conversation,
    candidate: { ...conversation.candidate, email: people.get(record.candidateId)?.email ?? null },
    priority: priorityOf(record),
    tags,
    requeues,
    context: context && !isExpired(record) ? Object.fromEntries(context.map(({ name, value }) => [name, value])) : null,
    rating: ratingOf(record),
  };
}

/** Makes the rating that is shown: without its comment once the conversation's texts are past their time. */
export const toRating = ({ score, comment, ratedAt }: RatingRecord): Rating => ({
  score,
  comment,
  ratedAt: ratedAt.toISOString(),
});

/** The rating of a conversation as it is shown. */
export function ratingOf(record: Pick<ConversationRecord, 'rating' | 'messagesExpireAt'>): Rating | null {
  if (!record.rating) return null;
  const rating = toRating(record.rating);
  return isExpired(record) ? { ...rating, comment: null } : rating;
}

const priorityOf = ({ urgency = urgencyOf(DEFAULT_PRIORITY) }: Pick<ConversationRecord, 'urgency'>): Priority =>
  PRIORITIES[urgency] ?? DEFAULT_PRIORITY;

const urgencyOf = (priority: Priority): number => PRIORITIES.indexOf(priority);

/** One change more. */
const NEXT_REVISION = { $add: [{ $ifNull: ['$revision', 0] }, 1] } as const;

// Every time of a conversation comes from the database's clock (`$$NOW`). The clocks of the handlers' machines may differ
// by minutes, and `createdAt ≤ assignedAt ≤ sentAt ≤ closedAt` must hold all the same.
export const NOW = '$$NOW';

/** Pipeline expression: `isExpired`, by the database's clock. */
export const HAS_EXPIRED = {
  $and: [{ $eq: [{ $type: '$messagesExpireAt' }, 'date'] }, { $lte: ['$messagesExpireAt', NOW] }],
} as const;

/** Stores a new, open conversation without messages. A repeated `clientConversationId` throws a duplicate key. */
export async function insertConversation(
  conversation: {
    readonly id: string;
    readonly candidateId: string;
    readonly subject: string;
    readonly clientConversationId?: string | undefined;
    readonly context?: Readonly<Record<string, string>> | undefined;
  },
  session?: Transaction,
): Promise<ConversationRecord> {
  const record = await conversationModel()
    .findOneAndUpdate(
      { _id: conversation.id },
      [
        {
          $set: {
            // `$literal`: a subject such as "$5 charged twice" is text, not an expression.
            subject: { $literal: conversation.subject },
            status: 'open',
            candidateId: conversation.candidateId,
            agentId: null,
            supervisorId: null,
            lastSeq: { $literal: 0 },
            fromCandidate: { $literal: 0 },
            createdAt: NOW,
            assignedAt: null,
            firstResponseAt: null,
            closedAt: null,
            closedBy: null,
            lastMessageAt: null,
            archivedAt: null,
            room: { $literal: [] },
            revision: { $literal: 0 },
            urgency: { $literal: urgencyOf(DEFAULT_PRIORITY) },
            requeues: { $literal: 0 },
            ...(conversation.context && {
              context: {
                $literal: Object.entries(conversation.context).map(([name, value]) => ({ name, value })),
              },
            }),
            ...(conversation.clientConversationId !== undefined && {
              clientConversationId: { $literal: conversation.clientConversationId },
            }),
          },
        },
      ],
      { upsert: true, returnDocument: 'after', updatePipeline: true, ...(session && { session }) },
    )
    .lean();
  return record;
}

/** Finds a conversation. One of an earlier release, which is not closed, is given its room. */
export async function findConversation(id: string, session?: Transaction): Promise<ConversationRecord | null> {
  const find = () =>
    conversationModel()
      .findById(id)
      .session(session ?? null)
      .lean();
  const found = await find();
  if (!found || found.room || found.status === 'closed' || session) return found;
  await importRoom(id);
  return find();
}

/** Finds conversations, by their ids. */
export async function findConversations(ids: readonly string[]): Promise<ReadonlyMap<string, ConversationRecord>> {
  if (ids.length === 0) return new Map();
  const rows = await conversationModel()
    .find(trusted({ _id: { $in: [...ids] } }))
    .lean();
  return new Map(rows.map((row) => [row._id, row]));
}

/**
 * Gives a conversation of an earlier release its room: there, every connection had the ids of its rooms. Both releases may
 * run while this does.
 */
export async function importRoom(id: string): Promise<void> {
  const connections = await connectionModel()
    .find(trusted({ rooms: id, ...live() }), { userId: 1, expiresAt: 1 })
    .lean();
  const room = connections.map(({ _id, userId, expiresAt }) => ({ connectionId: _id, userId, until: expiresAt }));
  await conversationModel().updateOne(
    trusted({ _id: id, status: { $ne: 'closed' }, room: { $exists: false } }),
    [{ $set: { room: { $literal: room } } }, { $set: { room: ROOM_OF_PARTICIPANTS } }],
    { updatePipeline: true },
  );
}

/** The room without those who don't take part. */
const ROOM_OF_PARTICIPANTS = {
  $filter: { input: '$room', cond: { $in: ['$$this.userId', ['$candidateId', '$agentId']] } },
} as const;

/** For migrations: takes out of every room who doesn't take part, as an earlier release may have left them. */
export async function pruneRooms(): Promise<void> {
  for (const status of ['open', 'assigned'] as const) {
    await conversationModel().updateMany(
      trusted({ status, 'room.0': { $exists: true } }),
      [{ $set: { room: ROOM_OF_PARTICIPANTS } }],
      { updatePipeline: true },
    );
  }
}

/** Finds the conversation that a candidate opened under a `clientConversationId`, once a majority has it. */
export async function findOpened(
  candidateId: string,
  clientConversationId: string,
): Promise<ConversationRecord | null> {
  // `$type` as the index has it: else the server doesn't know that the index will do.
  const named: Record<string, unknown> = trusted({
    candidateId,
    clientConversationId: { $eq: clientConversationId, $type: 'string' },
  });
  return conversationModel().findOne(named).lean();
}

/** The rule of `maySeeConversation` as cases, of which one must hold. */
export function visibleConversations(caller: Pick<Caller, 'userId' | 'role'>): Equalities[] {
  switch (caller.role) {
    case 'admin':
      return [{}];
    case 'supervisor':
      return [
        { status: 'open' },
        // An open conversation has no supervisor.
        { supervisorId: caller.userId, status: 'assigned' },
        { supervisorId: caller.userId, status: 'closed' },
        // A supervisor closes open conversations, and these have no agent.
        { closedBy: caller.userId, status: 'closed', agentId: null },
      ];
    case 'agent':
      return [{ agentId: caller.userId }];
    case 'candidate':
      return [{ candidateId: caller.userId }];
  }
}

export interface ConversationFilter {
  readonly status?: ConversationStatus | undefined;
  readonly agentId?: string | undefined;
  readonly supervisorId?: string | undefined;
  readonly candidateId?: string | undefined;
  /** `tag`: one of its tags. */
  readonly tags?: string | undefined;
}

/** Lists the conversations that a caller may see, narrowed by the filter, newest first. */
export async function listConversations(
  caller: Pick<Caller, 'userId' | 'role'>,
  filter: ConversationFilter,
  page: PageRequest,
): Promise<Page<ConversationRecord>> {
  const visible = visibleConversations(caller)
    .map((seen) => both(seen, defined(filter)))
    .filter((narrowed) => narrowed !== null);
  const cases = forEvery(visible, 'status', CONVERSATION_STATUSES).filter(isPossible);
  return readPage(conversationModel(), cases, page, (record) => record);
}

/** Whether a conversation can be so: an open one has no agent, and one without an agent has no supervisor. */
const isPossible = ({ status, agentId, supervisorId }: Equalities): boolean =>
  status === 'open' || agentId === null ? !agentId && !supervisorId : true;

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

/** Reads a page of an agent's conversations, newest first. */
export async function findHeld(agentId: string, page: PageRequest): Promise<Page<ConversationRecord>> {
  return readPage(conversationModel(), [{ agentId, status: 'assigned' }], page, (record) => record);
}

/** Counts an agent's conversations one by one: the number that the agent's `assignedCount` must have. */
export async function countAssigned(agentId: string, session?: Transaction): Promise<number> {
  return conversationModel()
    .countDocuments({ agentId, status: 'assigned' })
    .session(session ?? null);
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

/** The next place in a conversation's order, taken within the transaction that stores the message. */
export interface TakenSeq {
  readonly seq: number;
  readonly sentAt: Date;
  readonly candidateId: string;
  readonly agentId: string | null;
  /** How many messages of the candidate's there are, with this one; absent where nobody has counted them. */
  readonly fromCandidate: number | undefined;
  /** See `ConversationRecord`. */
  readonly merged: boolean;
  /** Who is in the room at this place in the order. Whoever joins later reads the message. */
  readonly room: Room;
}

/** Who takes a place in the order: a connection in the room, or the candidate who opens the conversation with a message. */
export type Placed = { readonly connectionId: string } | { readonly candidateId: string };

/**
 * Takes the next `seq` for a message. Call it inside the transaction that stores the message. Returns `null` when the
 * conversation is closed or gone, or the connection is not in the room. Because this writes the conversation, a send excludes
 * a close, a reassignment, a join and a leave at the same time.
 *
 * Only who takes part gets into the room, so being there is enough to begin with. Who speaks through the connection need not
 * be known yet, but must be before the commit.
 */
export async function takeSeq(id: string, placed: Placed, session: Transaction): Promise<TakenSeq | null> {
  const record = await native(conversationModel()).findOneAndUpdate(
    {
      _id: id,
      status: { $ne: 'closed' },
      ...('connectionId' in placed
        ? { room: { $elemMatch: { connectionId: placed.connectionId, ended: { $ne: true } } } }
        : placed),
    },
    [
      {
        $set: {
          lastSeq: { $add: ['$lastSeq', 1] },
          lastMessageAt: { $max: [NOW, '$lastMessageAt'] },
          fromCandidate: countedIf('connectionId' in placed ? speaks(placed.connectionId, '$candidateId') : true),
        },
      },
      ...('connectionId' in placed ? [{ $set: firstWords(placed.connectionId) }] : []),
    ],
    {
      returnDocument: 'after',
      session,
      projection: { lastSeq: 1, lastMessageAt: 1, candidateId: 1, agentId: 1, fromCandidate: 1, merged: 1, room: 1 },
    },
  );
  if (!record?.lastMessageAt) return null;
  const { lastSeq: seq, lastMessageAt: sentAt, candidateId, agentId, fromCandidate, merged = false } = record;
  return { seq, sentAt, candidateId, agentId, fromCandidate, merged, room: roomOf(record) };
}

/** Whether the connection in the room is this participant's. */
const speaks = (connectionId: string, participant: '$agentId' | '$candidateId') => {
  const theirs = { $filter: { input: '$room', cond: { $eq: ['$$this.userId', participant] } } };
  return { $in: [{ $literal: connectionId }, { $map: { input: theirs, in: '$$this.connectionId' } }] };
};

/** Adds 1 to the count of the candidate's messages if the message is theirs. A conversation without a count gets none. */
const countedIf = (isCandidates: object | true) => {
  const isMissing = { $eq: [{ $type: '$fromCandidate' }, 'missing'] };
  return { $cond: [isMissing, '$$REMOVE', { $add: ['$fromCandidate', { $cond: [isCandidates, 1, 0] }] }] };
};

/**
 * When any agent first answered, and when the present one did: with this message, where it is the first one that comes through
 * a connection of theirs.
 */
const firstWords = (connectionId: string) => {
  const now = { $cond: [speaks(connectionId, '$agentId'), '$lastMessageAt', null] };
  return {
    firstResponseAt: { $ifNull: ['$firstResponseAt', now] },
    answeredAt: { $ifNull: ['$answeredAt', now] },
  };
};

/** The connections that may hear of a conversation. */
export interface Room {
  readonly conversationId: string;
  readonly connectionIds: readonly string[];
  /** Whose connections these are, one for one. */
  readonly userIds: readonly string[];
  /** Connections that may have an answer to a join or a leave under way. */
  readonly inTurn: readonly string[];
}

/** How long after a commit the people who were in the room at the commit are told without another look. */
const FRESH_MS = 1_000;

/**
 * Whether a room is still as a commit left it at `since`, in epoch milliseconds. A handler that froze goes on much later: who was
 * in the room then may not be any more.
 */
export const isFresh = (since: number): boolean => Date.now() - since < FRESH_MS;

/**
 * Returns the room as a write has left it: those in it who take part in the conversation. A conversation that is closed has
 * the room that is to be told of it.
 */
export function roomOf({
  _id: conversationId,
  candidateId,
  agentId,
  room,
  closing,
  turns = [],
}: Pick<ConversationRecord, '_id' | 'candidateId' | 'agentId' | 'room' | 'closing' | 'turns'>): Room {
  const now = Date.now();
  const members = (room ?? closing?.room ?? []).filter(
    ({ userId, until, ended }) => !ended && until.getTime() > now && (userId === candidateId || userId === agentId),
  );
  return {
    conversationId,
    connectionIds: members.map(({ connectionId }) => connectionId),
    userIds: members.map(({ userId }) => userId),
    inTurn: turns.map(({ connectionId }) => connectionId),
  };
}

/** The room without one person's connections: who is told what that person does. */
export const roomWithout = ({ connectionIds, userIds, ...room }: Room, userId: string): Room => ({
  ...room,
  connectionIds: connectionIds.filter((_, index) => userIds[index] !== userId),
  userIds: userIds.filter((id) => id !== userId),
});

/** How long after the close its candidate may rate a conversation. */
const RATED_WITHIN_MS = 14 * 24 * 3600 * 1000;

/**
 * Rates a conversation that is closed, not rated, and within its time. The comment is a text: where those of the conversation are past
 * their time, it is not kept. Returns the rating; `null` where it isn't so.
 */
export async function rate(
  id: string,
  { score, comment }: { readonly score: number; readonly comment: string | null },
): Promise<RatingRecord | null> {
  const rated = await native(conversationModel()).findOneAndUpdate(
    {
      _id: id,
      status: 'closed',
      rating: { $exists: false },
      erasedAt: { $exists: false },
      $expr: { $gt: ['$closedAt', { $subtract: [NOW, RATED_WITHIN_MS] }] },
    },
    [
      {
        $set: {
          rating: {
            score: { $literal: score },
            comment: { $cond: [HAS_EXPIRED, null, { $literal: comment }] },
            ratedAt: NOW,
          },
          revision: NEXT_REVISION,
        },
      },
    ],
    { returnDocument: 'after', projection: { rating: 1 } },
  );
  return rated?.rating ?? null;
}

/** The rating without its comment. The score stays: the analytics have it. */
const WITHOUT_COMMENT = {
  $cond: [{ $gt: ['$rating', null] }, { $mergeObjects: ['$rating', { comment: null }] }, '$$REMOVE'],
};

/**
 * Erases what a conversation's own record has of texts, in one write: a comment that comes at the same time is not left behind.
 * `noting` is what is noted with it, `without` what is dropped besides.
 */
export async function eraseOwnTexts(
  id: string,
  noting: Readonly<Record<string, unknown>>,
  without: readonly string[],
): Promise<void> {
  await native(conversationModel()).updateOne({ _id: id }, [
    { $set: { subject: { $literal: ERASED }, rating: WITHOUT_COMMENT, ...noting, revision: NEXT_REVISION } },
    { $unset: ['clientConversationId', 'context', ...without] },
  ]);
}

// Merging a visitor.

/** A conversation that follows its visitor, as far as it decides who could see it before. */
export type Following = Pick<ConversationRecord, '_id' | 'status' | 'supervisorId' | 'closedBy'>;

/**
 * Gives at most `most` of a visitor's conversations to the customer whom the visitor turned out to be. The visitor's own names for
 * them are forgotten: the customer may have used the same. Returns the conversations as they were.
 */
export async function giveConversations(
  visitorId: string,
  customerId: string,
  most: number,
  session: Transaction,
): Promise<Following[]> {
  const found = await conversationModel()
    .find({ candidateId: visitorId }, { status: 1, supervisorId: 1, closedBy: 1 })
    .limit(most)
    .session(session)
    .lean();
  if (found.length === 0) return [];
  await conversationModel().updateMany(
    trusted({ _id: { $in: found.map(({ _id }) => _id) } }),
    { $set: { candidateId: customerId, merged: true }, $unset: { clientConversationId: 1 }, $inc: { revision: 1 } },
    { session },
  );
  return found;
}

/** Finds a candidate's conversations that are not closed. */
export async function findRunning(candidateId: string, most: number): Promise<Following[]> {
  return conversationModel()
    .find(trusted({ candidateId, status: { $in: ['open', 'assigned'] } }), { status: 1, supervisorId: 1, closedBy: 1 })
    .limit(most)
    .lean();
}

// Erasing a candidate.

/** Finds a candidate's conversations that still have texts, in the order of their ids, after this id. */
export async function findUnerased(candidateId: string, after: string, most: number): Promise<ConversationRecord[]> {
  return conversationModel()
    .find(trusted({ candidateId, erasedAt: { $exists: false }, _id: { $gt: after } }))
    .sort({ _id: 1 })
    .limit(most)
    .lean();
}

/** Reads the ids of all conversations of a candidate, from an index alone. */
export async function idsOfCandidate(candidateId: string): Promise<string[]> {
  // With one command, which says how long it may take: a second one of the same cursor could not.
  const rows = await conversationModel().find({ candidateId }, { _id: 1 }).batchSize(100_000).lean();
  return rows.map(({ _id }) => _id);
}

/** Notes that the messages up to this one are erased: a repeated erasure goes on after it. */
export async function saveErasedThrough(id: string, seq: number): Promise<void> {
  await conversationModel().updateOne({ _id: id }, { $set: { erasedThrough: seq } });
}

/** Erases the subject, the candidate's own name for the conversation and what is noted of it, and notes that every text is gone. */
export async function eraseSubject(id: string): Promise<void> {
  await eraseOwnTexts(id, { erasedAt: NOW }, ['erasedThrough', 'tags']);
}

/**
 * Whether every text of a conversation is gone, or about to go: it was erased, or is past its time. The sweep goes by the database's
 * clock, which may be ahead of this machine's: what it has done to the record counts too.
 */
export const areTextsGone = (
  record: Pick<ConversationRecord, 'erasedAt' | 'messagesExpireAt' | 'retentionDays'>,
): boolean =>
  record.erasedAt !== undefined ||
  isExpired(record) ||
  (record.messagesExpireAt !== undefined && record.retentionDays === undefined);

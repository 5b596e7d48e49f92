import { CONVERSATION_STATUSES, type ConversationStatus } from '../domain/conversation.ts';
import { DEFAULT_PRIORITY, PRIORITIES, type Priority } from '../domain/desk.ts';
import type { Caller } from '../domain/permissions.ts';
import type { Conversation, Rating, StaffConversation } from '../protocol/objects/conversations.ts';
import { connectionModel, live } from './connections.ts';
import { type Transaction, trusted } from './database.ts';
import { defineModel } from './model.ts';
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
import { ERASED_NAME, type People } from './people.ts';

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

export const priorityOf = ({ urgency = urgencyOf(DEFAULT_PRIORITY) }: Pick<ConversationRecord, 'urgency'>): Priority =>
  PRIORITIES[urgency] ?? DEFAULT_PRIORITY;

export const urgencyOf = (priority: Priority): number => PRIORITIES.indexOf(priority);

/** One change more. */
export const NEXT_REVISION = { $add: [{ $ifNull: ['$revision', 0] }, 1] } as const;

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

/** A conversation that follows its visitor, as far as it decides who could see it before. */
export type Following = Pick<ConversationRecord, '_id' | 'status' | 'supervisorId' | 'closedBy'>;

/** Finds a candidate's conversations that are not closed. */
export async function findRunning(candidateId: string, most: number): Promise<Following[]> {
  return conversationModel()
    .find(trusted({ candidateId, status: { $in: ['open', 'assigned'] } }), { status: 1, supervisorId: 1, closedBy: 1 })
    .limit(most)
    .lean();
}

import { DEFAULT_CAPACITY, DEFAULT_ROUTING, LEASE_SECONDS, type Routing } from '../domain/desk.ts';
import type { User } from '../protocol/objects/users.ts';
import { type Loss, NOW } from './conversations.ts';
import { type Transaction, trusted } from './database.ts';
import { native } from './model.ts';
import { IS_AVAILABLE, SHOWN, type Shown, toUser, userModel } from './users.ts';

// An agent's own record decides what they may be given: whether they are active, in an automatic team, available, and have room.
// Every write that changes one of these, and every assignment, writes that record. So no two decisions about an agent miss each
// other, however many machines decide at once.

type Filter = Readonly<Record<string, unknown>>;

const HAS_ROOM: Filter = { $lt: ['$assignedCount', { $ifNull: ['$maxConversations', DEFAULT_CAPACITY] }] };

/** The agents who may be given a conversation automatically. */
const MAY_BE_GIVEN: Filter = {
  role: 'agent',
  active: true,
  automatic: true,
  leased: true,
  $expr: { $and: [IS_AVAILABLE, HAS_ROOM] },
};

const FEWEST_FIRST = { assignedCount: 1, lastGivenAt: 1, _id: 1 } as const;

/** An agent who may be given conversations, and how often they have become available. */
export interface FreeAgent {
  readonly id: string;
  readonly availability: number;
}

/** Finds the agents who may be given a conversation automatically, in the order in which they are chosen. */
export async function freeAgents(): Promise<FreeAgent[]> {
  const rows = await native(userModel())
    .find(MAY_BE_GIVEN, { projection: { availabilities: 1 }, sort: FEWEST_FIRST })
    .toArray();
  return rows.map(({ _id: id, availabilities = 0 }) => ({ id, availability: availabilities }));
}

/** Whether an agent may be given a conversation with these losses: not if they have lost it since they became available. */
export const mayTake = ({ id, availability }: FreeAgent, losses: readonly Loss[]): boolean =>
  !losses.some((loss) => loss.agentId === id && loss.availability === availability);

/** An agent for whom a slot was reserved. */
export interface Reserved {
  readonly id: string;
  readonly supervisorId: string;
}

/**
 * Chooses the agent who is given a conversation automatically, and reserves a slot for it: fewest assigned first, then longest
 * without a new one, and none of `held`. Call it inside the transaction that assigns the conversation. Returns `null` when nobody
 * may take it.
 */
export async function reserveBest(
  losses: readonly Loss[],
  held: ReadonlySet<string>,
  session: Transaction,
): Promise<Reserved | null> {
  const chosen = await native(userModel()).findOneAndUpdate(
    {
      ...MAY_BE_GIVEN,
      ...(held.size > 0 && { _id: { $nin: [...held] } }),
      ...(losses.length > 0 && {
        $nor: losses.map(({ agentId, availability }) => ({ _id: agentId, availabilities: availability })),
      }),
    },
    { $inc: { assignedCount: 1 }, $currentDate: { lastGivenAt: true } },
    { sort: FEWEST_FIRST, session, projection: { supervisorId: 1 } },
  );
  return chosen?.supervisorId ? { id: chosen._id, supervisorId: chosen.supervisorId } : null;
}

/**
 * Reserves a slot for one more conversation of an agent: counts it, provided that the agent is active, is this
 * supervisor's, and has fewer than `most`. Call it inside the transaction that assigns the conversation.
 */
export async function reserveSlot(
  agentId: string,
  supervisorId: string,
  most: number,
  session: Transaction,
): Promise<'reserved' | 'full' | 'unavailable'> {
  const theirs = { _id: agentId, role: 'agent' as const, active: true, supervisorId };
  const { matchedCount } = await userModel().updateOne(
    // So put, one that isn't counted yet, before `migrate` has run, has room.
    trusted({ ...theirs, assignedCount: { $not: { $gte: most } } }),
    { $inc: { assignedCount: 1 }, $currentDate: { lastGivenAt: true } },
    { session },
  );
  if (matchedCount === 1) return 'reserved';
  return (await userModel().exists(theirs).session(session)) ? 'full' : 'unavailable';
}

/**
 * Releases an agent's slot. Call it inside the transaction that takes a conversation from the agent. Returns how often the
 * agent has become available.
 */
export async function releaseSlot(agentId: string, session: Transaction): Promise<number> {
  const released = await userModel()
    .findOneAndUpdate({ _id: agentId }, { $inc: { assignedCount: -1 } }, { session, projection: { availabilities: 1 } })
    .lean();
  return released?.availabilities ?? 0;
}

/** Undoes a `releaseSlot` of the same transaction, because the agent keeps the conversation. */
export async function restoreSlot(agentId: string, session: Transaction): Promise<void> {
  await userModel().updateOne({ _id: agentId }, { $inc: { assignedCount: 1 } }, { session });
}

// Availability is a lease by the database's clock: an agent whose client vanishes is away when it ends.

/** What became of an agent's wish to be available or away. */
export interface AvailabilitySet {
  /** When the lease ends; `null` when away. */
  readonly until: Date | null;
  /** The agent, where their availability has changed. */
  readonly changed: User | null;
}

const LEASE_END = { $add: [NOW, LEASE_SECONDS * 1000] } as const;

/** Makes an active agent available, or extends their lease. Returns `null` when there is no such agent. */
export async function makeAvailable(agentId: string): Promise<AvailabilitySet | null> {
  const record = await native(userModel()).findOneAndUpdate(
    { _id: agentId, role: 'agent', active: true },
    [
      {
        $set: {
          availableSince: { $cond: [IS_AVAILABLE, '$availableSince', NOW] },
          availabilities: { $add: [{ $ifNull: ['$availabilities', 0] }, { $cond: [IS_AVAILABLE, 0, 1] }] },
          availableUntil: LEASE_END,
          leased: true,
        },
      },
    ],
    { returnDocument: 'after' },
  );
  if (!record?.availableUntil || !record.availableSince) return null;
  const isNew = record.availableUntil.getTime() - record.availableSince.getTime() === LEASE_SECONDS * 1000;
  return { until: record.availableUntil, changed: isNew ? toUser({ ...record, isAvailable: true }) : null };
}

/** Extends a lease that runs. Returns when it ends then; `null` when none runs. */
export async function renewLease(agentId: string): Promise<Date | null> {
  const record = await native(userModel()).findOneAndUpdate(
    { _id: agentId, leased: true, $expr: IS_AVAILABLE },
    [{ $set: { availableUntil: LEASE_END } }],
    { returnDocument: 'after', projection: { availableUntil: 1 } },
  );
  return record?.availableUntil ?? null;
}

/** When the lease ends: now, or when it ran out. Without a lease the last one's end stays, because absences count from there. */
const LEASE_ENDED = {
  $cond: [{ $eq: ['$leased', true] }, { $min: ['$availableUntil', NOW] }, '$availableUntil'],
} as const;
const ENDED: Filter[] = [{ $set: { availableUntil: LEASE_ENDED } }, { $unset: 'leased' }];

/** Ends an agent's lease. Returns the agent; `null` when there was no lease, or its end was noted before. */
export async function makeAway(agentId: string, session?: Transaction): Promise<User | null> {
  const record = await native(userModel()).findOneAndUpdate({ _id: agentId, role: 'agent', leased: true }, ENDED, {
    returnDocument: 'after',
    ...(session && { session }),
  });
  return record && toUser(record);
}

/** Notes the end of leases that have run out, at most `most`. Returns the agents. */
export async function endLapsed(most: number): Promise<User[]> {
  const lapsed = { leased: true, $expr: { $not: [IS_AVAILABLE] } } as const;
  const rows = await native(userModel())
    .find({ ...lapsed, availableUntil: { $lte: new Date(Date.now() + CLOCKS_MS) } }, { projection: { _id: 1 } })
    .limit(most)
    .toArray();
  const ended: User[] = [];
  for (const { _id } of rows) {
    // Unless they have come back meanwhile.
    const record = await native(userModel()).findOneAndUpdate({ _id, ...lapsed }, ENDED, { returnDocument: 'after' });
    if (record) ended.push(toUser(record));
  }
  return ended;
}

/** This machine's clock narrows what is read, the database's decides: they may be so far apart. */
const CLOCKS_MS = 10 * 60 * 1000;

/** Whether any agent is available. */
export async function anyoneAvailable(): Promise<boolean> {
  return (
    (await native(userModel()).findOne({ leased: true, $expr: IS_AVAILABLE }, { projection: { _id: 1 } })) !== null
  );
}

/** Whether the clock has anything to do: somebody has a lease, or a team is automatic. One command, from two small indexes. */
export async function isDeskRouted(): Promise<boolean> {
  const any = { $or: [{ leased: true }, { 'routing.mode': 'automatic' }] };
  return (await native(userModel()).findOne(any as object, { projection: { _id: 1 } })) !== null;
}

/** Sets an agent's capacity. Returns the agent; `null` when there is no such agent. */
export async function setCapacity(
  agentId: string,
  maxConversations: number,
  session: Transaction,
): Promise<User | null> {
  const record = await userModel()
    .findOneAndUpdate(
      { _id: agentId, role: 'agent' },
      { $set: { maxConversations } },
      { returnDocument: 'after', session, projection: SHOWN },
    )
    .lean<Shown>();
  return record && toUser(record);
}

// Routing.

/** Reads how a supervisor's team gets its conversations. */
export async function findRouting(supervisorId: string): Promise<Routing> {
  const record = await userModel().findById(supervisorId, { routing: 1 }).lean();
  return record?.routing ?? DEFAULT_ROUTING;
}

/** Sets how an active supervisor's team gets its conversations, for every agent of theirs. Call it inside a transaction. */
export async function setRouting(supervisorId: string, routing: Routing, session: Transaction): Promise<void> {
  await userModel().updateOne(
    { _id: supervisorId, role: 'supervisor', active: true },
    { $set: { routing } },
    { session },
  );
  const automatic = routing.mode === 'automatic';
  await userModel().updateMany(
    trusted({ supervisorId, role: 'agent', automatic: { $ne: automatic } }),
    { $set: { automatic } },
    { session },
  );
}

/** An automatic team, and when it takes conversations back. */
export interface AutomaticTeam extends Pick<Routing, 'requeueAfterSeconds' | 'answerWithinSeconds'> {
  readonly supervisorId: string;
}

/** Finds the teams that get their conversations automatically. */
export async function automaticTeams(): Promise<AutomaticTeam[]> {
  const rows = await native(userModel())
    .find({ 'routing.mode': 'automatic' } as object, { projection: { routing: 1 } })
    .toArray();
  return rows.flatMap(({ _id: supervisorId, routing }) => (routing ? [{ supervisorId, ...routing }] : []));
}

/** The agents who have been absent for so long, by the database's clock: no lease of theirs has run since. */
const absentFor = (seconds: number): Filter => ({
  $lte: [
    { $cond: [IS_AVAILABLE, NOW, { $ifNull: ['$availableUntil', new Date(0)] }] },
    { $subtract: [NOW, seconds * 1000] },
  ],
});

/** Finds the agents of an automatic team who hold conversations and have been absent for so long. */
export async function absentAgents({ supervisorId }: AutomaticTeam, seconds: number): Promise<string[]> {
  const rows = await native(userModel())
    .find(
      {
        supervisorId,
        active: true,
        role: 'agent',
        automatic: true,
        assignedCount: { $gt: 0 },
        $expr: absentFor(seconds),
      },
      { projection: { _id: 1 } },
    )
    .toArray();
  return rows.map(({ _id }) => _id);
}

/** Why the clock takes a conversation from an agent, and after how long. */
export interface Overdue {
  readonly reason: 'absent' | 'silent';
  readonly seconds: number;
}

/**
 * Releases the slot of an agent from whom the clock takes a conversation. An absent one must still be absent, and their team
 * automatic; who was silent is away from now on. Call it inside the transaction that requeues the conversation. Returns the
 * agent, `null` when it isn't so any more.
 */
export async function releaseOverdue(
  agentId: string,
  { reason, seconds }: Overdue,
  session: Transaction,
): Promise<{ readonly availability: number; readonly sentAway: User | null } | null> {
  const released = { $set: { assignedCount: { $subtract: ['$assignedCount', 1] } } };
  const before = await native(userModel()).findOneAndUpdate(
    {
      _id: agentId,
      automatic: true,
      ...(reason === 'absent' && { $expr: absentFor(seconds) }),
    },
    reason === 'silent' ? [released, ...ENDED] : [released],
    { session, returnDocument: 'before' },
  );
  if (!before) return null;
  return {
    availability: before.availabilities ?? 0,
    sentAway: reason === 'silent' && before.leased ? toUser(before) : null,
  };
}

import type { QueryFilter } from 'mongoose';
import { addCounts, bucketOf, type Histogram } from '../domain/histogram.ts';
import {
  type Cover,
  cover,
  DAY_MS,
  type Days,
  LEVELS,
  QUARTER_MS,
  quarterOf,
  type Range,
  spanStart,
} from '../domain/spans.ts';
import { type ConversationRecord, conversationModel } from './conversations.ts';
import { type Transaction, trusted } from './database.ts';
import { defineModel } from './model.ts';

/** How many ratings there are, and the sum of their scores. */
export interface Ratings {
  count: number;
  sum: number;
}

/** The figures of one supervisor's closed conversations in one span of time. Later figures get fields of their own. */
export interface Sum {
  closed: number;
  /** By agent. */
  agents: Record<string, { closed: number; ratings?: Ratings }>;
  /** Of whoever had it at the close. */
  ratings?: Ratings;
  /** Milliseconds from `createdAt`, of those conversations that have the time. */
  firstResponse: Histogram;
  resolution: Histogram;
}

/**
 * Sums are kept per supervisor and span; those of a day also by quarters of an hour. One transaction adds a closed
 * conversation to the sums and marks it `counted`. Readers add conversations without the mark themselves, so at every
 * moment the two together are all there are. The close itself only closes, so that closes of one team don't wait for
 * each other.
 */
export interface SumRecord extends Sum {
  /** `idOf`. */
  _id: string;
  supervisorId: string;
  days: Days;
  start: Date;
  /** By their number, from 0. */
  quarters?: Record<string, Sum>;
}

const sumFields = {
  closed: { type: Number, required: true },
  agents: { type: Object, default: {} },
  ratings: { type: Object, required: false },
  firstResponse: { type: Object, default: {} },
  resolution: { type: Object, default: {} },
} as const;

export const closedSumModel = /* @__PURE__ */ defineModel<SumRecord>(
  'ClosedSum',
  'closed_sums',
  {
    _id: { type: String, required: true },
    supervisorId: { type: String, required: true },
    days: { type: Number, required: true },
    start: { type: Date, required: true },
    ...sumFields,
    quarters: { type: Object, required: false },
  },
  [[{ days: 1, start: 1 }], [{ supervisorId: 1, days: 1, start: 1 }]],
);

/** The same of all teams together, by day, for what is asked about everybody. */
export interface DaySumRecord extends Sum {
  /** The day, as `dayId` writes it. */
  _id: string;
  quarters?: Record<string, Sum>;
}

export const closedDayModel = /* @__PURE__ */ defineModel<DaySumRecord>('ClosedDay', 'closed_days', {
  _id: { type: String, required: true },
  ...sumFields,
  quarters: { type: Object, required: false },
});

/** Writes a day of UTC, by its start. */
export const dayId = (start: number): string => new Date(start).toISOString().slice(0, 10);

/** Whether the sums have every closed conversation, and how far a recount has come. */
export const sumsStateModel = /* @__PURE__ */ defineModel<{
  _id: string;
  complete: boolean;
  /** The sums of all teams together, by day, have every closed conversation too. */
  byDay?: boolean;
  /** The first count marks what was closed before this, and nothing else: so all who make it at once mark the same. */
  cutoff?: Date | null;
  /** While a recount is under way: every day before it is counted. */
  through?: Date | null;
  /** When `through` was noted. */
  throughAt?: Date | null;
}>('SumsState', 'closed_sums_state', {
  _id: { type: String, required: true },
  complete: { type: Boolean, required: true },
  byDay: { type: Boolean, required: false },
  cutoff: { type: Date, default: null },
  through: { type: Date, default: null },
  throughAt: { type: Date, default: null },
});

export const STATE = 'closed_sums';

const idOf = (supervisorId: string, days: Days, start: number): string => `${days}/${dayId(start)}/${supervisorId}`;

/** A closed conversation that an agent handled. One that was closed while open counts for nobody. */
export interface Handled {
  readonly supervisorId: string;
  readonly agentId: string;
  readonly createdAt: Date;
  readonly firstResponseAt: Date | null;
  readonly closedAt: Date;
}

const handledOnly = <R extends Pick<ConversationRecord, keyof Handled>>(record: R): record is R & Handled =>
  record.closedAt !== null && record.agentId !== null && record.supervisorId !== null;

const emptySum = (): Sum => ({ closed: 0, agents: {}, firstResponse: {}, resolution: {} });

const took = (from: Date, until: Date): number => until.getTime() - from.getTime();

/** Makes the sum of one conversation. */
function sumOf({ agentId, createdAt, firstResponseAt, closedAt }: Handled): Sum {
  return {
    closed: 1,
    agents: { [agentId]: { closed: 1 } },
    firstResponse: firstResponseAt ? { [bucketOf(took(createdAt, firstResponseAt))]: 1 } : {},
    resolution: { [bucketOf(took(createdAt, closedAt))]: 1 },
  };
}

/** The figures of a sum, without whose they are. */
export type Figures = Omit<Sum, 'agents'>;

/** Adds figures, or with -1 takes them away. */
export function addFigures(to: Figures, figures: Figures, times: 1 | -1 = 1): void {
  to.closed += times * figures.closed;
  addRatings(to, figures.ratings, times);
  addCounts(to.firstResponse, figures.firstResponse, times);
  addCounts(to.resolution, figures.resolution, times);
}

export function addSum(to: Sum, sum: Sum): void {
  addFigures(to, sum);
  for (const [id, { closed = 0, ratings }] of Object.entries(sum.agents)) {
    const agent = to.agents[id] ?? { closed: 0 };
    to.agents[id] = agent;
    agent.closed += closed;
    addRatings(agent, ratings);
  }
}

function addRatings(to: { ratings?: Ratings }, ratings: Ratings | undefined, times: 1 | -1 = 1): void {
  if (!ratings) return;
  const { count, sum } = to.ratings ?? { count: 0, sum: 0 };
  to.ratings = { count: count + times * ratings.count, sum: sum + times * ratings.sum };
}

/**
 * Adds at most `most` closed conversations to the sums and marks them as counted. Call it inside a transaction of its
 * own: a conversation is in the sums if and only if it is marked. Returns how many were added.
 */
export async function addToSums(most: number, session: Transaction): Promise<number> {
  const rows = await conversationModel()
    .find(uncounted(ALL_TIME), HANDLED_FIELDS)
    .sort({ closedAt: 1 })
    .limit(most)
    .session(session)
    .lean();
  if (rows.length === 0) return 0;
  await increment(rows.filter(handledOnly), session);
  await conversationModel().updateMany(
    trusted({ _id: { $in: rows.map(({ _id }) => _id) } }),
    { $set: { counted: true } },
    { session },
  );
  return rows.length;
}

/** Adds to the stored sums: of each team, and of all together. */
async function increment(added: readonly (Handled | RatedClose)[], session: Transaction): Promise<void> {
  await closedSumModel().bulkWrite(
    sumUp(added, LEVELS).map(({ _id, supervisorId, days, start, ...sum }) => ({
      updateOne: {
        filter: { _id },
        update: { $setOnInsert: { supervisorId, days, start }, $inc: increments(sum) },
        upsert: true,
      },
    })),
    { session },
  );
  await closedDayModel().bulkWrite(
    sumUpDays(added).map(({ _id, ...sum }) => ({
      updateOne: { filter: { _id }, update: { $inc: increments(sum) }, upsert: true },
    })),
    { session },
  );
}

/** Sums up all teams together, by day. Agents are nobody's question there. */
export const sumUpDays = (added: readonly (Handled | RatedClose)[]): DaySumRecord[] =>
  sumUp(
    added.map((one) => ({ ...one, supervisorId: 'all' })),
    [1],
  ).map(({ supervisorId: _, days: _days, start, quarters = {}, ...sum }) => ({
    ...sum,
    _id: dayId(start.getTime()),
    agents: {},
    quarters: Object.fromEntries(Object.entries(quarters).map(([at, part]) => [at, { ...part, agents: {} }])),
  }));

/** A rating of a closed conversation that an agent handled. It counts at the time of the close. */
export interface RatedClose extends Pick<Handled, 'supervisorId' | 'agentId' | 'closedAt'> {
  readonly score: number;
}

const sumOfRating = ({ agentId, score }: RatedClose): Sum => ({
  ...emptySum(),
  agents: { [agentId]: { closed: 0, ratings: { count: 1, sum: score } } },
  ratings: { count: 1, sum: score },
});

/**
 * Adds at most `most` ratings to the sums and marks them as counted: they come after the close, and are counted by themselves. Call
 * it inside a transaction of its own. Returns how many were added.
 */
export async function addRatingsToSums(most: number, session: Transaction): Promise<number> {
  const rows = await conversationModel()
    .find({ ...ratedIn(ALL_TIME), ratingCounted: null }, RATED_FIELDS)
    .limit(most)
    .session(session)
    .lean();
  if (rows.length === 0) return 0;
  await increment(rows.flatMap(toRated), session);
  await conversationModel().updateMany(
    trusted({ _id: { $in: rows.map(({ _id }) => _id) } }),
    { $set: { ratingCounted: true } },
    { session },
  );
  return rows.length;
}

const RATED_FIELDS = { supervisorId: 1, agentId: 1, closedAt: 1, 'rating.score': 1 } as const;

const toRated = ({
  supervisorId,
  agentId,
  closedAt,
  rating,
}: Pick<ConversationRecord, 'supervisorId' | 'agentId' | 'closedAt' | 'rating'>): RatedClose[] =>
  supervisorId && agentId && closedAt && rating ? [{ supervisorId, agentId, closedAt, score: rating.score }] : [];

/** The filter for rated conversations that agents handled and that were closed in a time. */
const ratedIn = (range: Range): QueryFilter<ConversationRecord> => ({
  ...handledIn(range),
  ...trusted({ 'rating.score': { $gt: 0 } }),
});

/** Reads what the sums don't have yet of a time, and of one team where it is named. */
export async function readLate(
  range: Range,
  supervisorId: string | null,
  session: Transaction,
): Promise<(Handled | RatedClose)[]> {
  const all = [
    ...(await readRows(uncounted(range), session)),
    ...(await readRated([{ ...ratedIn(range), ratingCounted: null }], session)),
  ];
  return supervisorId === null ? all : all.filter((one) => one.supervisorId === supervisorId);
}

/** Reads the ratings that the sums have, of what was closed in a time. */
export const readCountedRatings = (range: Range, session: Transaction): Promise<RatedClose[]> =>
  readRated([{ ...ratedIn(range), ratingCounted: true }], session);

async function readRated(
  filters: readonly QueryFilter<ConversationRecord>[],
  session: Transaction,
): Promise<RatedClose[]> {
  const found: RatedClose[][] = [];
  for (const filter of filters) {
    const rows = await conversationModel().find(filter, RATED_FIELDS).session(session).lean();
    found.push(rows.flatMap(toRated));
  }
  return found.flat();
}

/** Makes the sum of one conversation, or of one rating. */
export const sumOfOne = (one: Handled | RatedClose): Sum => ('score' in one ? sumOfRating(one) : sumOf(one));

/** Sums these up, by supervisor and span of these lengths. */
export function sumUp(handled: readonly (Handled | RatedClose)[], levels: readonly Days[]): SumRecord[] {
  const sums = new Map<string, SumRecord>();
  for (const one of handled) {
    const at = one.closedAt.getTime();
    for (const days of levels) {
      const start = spanStart(at, days * DAY_MS);
      const id = idOf(one.supervisorId, days, start);
      const record = sums.get(id) ?? recordOf(one.supervisorId, days, start);
      sums.set(id, record);
      addSum(record, sumOfOne(one));
      if (days !== 1) continue;
      record.quarters ??= {};
      const quarter = record.quarters[quarterOf(at)] ?? emptySum();
      record.quarters[quarterOf(at)] = quarter;
      addSum(quarter, sumOfOne(one));
    }
  }
  return [...sums.values()];
}

export const recordOf = (supervisorId: string, days: Days, start: number): SumRecord => ({
  _id: idOf(supervisorId, days, start),
  supervisorId,
  days,
  start: new Date(start),
  ...emptySum(),
});

/** Every number in a sum, by its path. */
function increments(sum: object, prefix = ''): Record<string, number> {
  return Object.assign(
    {},
    ...Object.entries(sum).map(([key, value]: [string, object | number]) =>
      typeof value === 'number' ? { [prefix + key]: value } : increments(value, `${prefix}${key}.`),
    ),
  );
}

/** Whether the sums have every closed conversation. They don't before the first `migrate` is through. */
export async function sumsAreComplete(session?: Transaction, also: { readonly byDay?: true } = {}): Promise<boolean> {
  return (
    (await sumsStateModel()
      .exists({ _id: STATE, complete: true, ...also })
      .session(session ?? null)) !== null
  );
}

export interface ClosedTotals {
  /** By supervisor. */
  readonly sums: ReadonlyMap<string, Sum>;
  /** Those that were summed up, where they are `most` at most. */
  readonly handled: readonly Handled[] | null;
}

/**
 * Sums up the conversations closed in a time. Whole spans are read from the sums. Conversations that the sums don't
 * have yet, and those of the two quarters of an hour that the time may cut, are added one by one. Call it inside a
 * transaction, so that everything is read as of one moment. Returns `null` before everything was counted once.
 */
export async function sumClosed(range: Range, most: number, session: Transaction): Promise<ClosedTotals | null> {
  const { spans, quarters, rest } = cover(range);
  if (!(await sumsAreComplete(session))) return null;
  const sums = new Map<string, Sum>();
  for (const { supervisorId, ...sum } of await readSpans(spans, session)) addSum(sumIn(sums, supervisorId), sum);
  for (const { supervisorId, start, quarters: told = {} } of await readDaysOf(quarters, session)) {
    for (const [quarter, sum] of Object.entries(told)) {
      if (isIn(quarters, start.getTime() + Number(quarter) * QUARTER_MS)) {
        addSum(sumIn(sums, supervisorId), complete(sum));
      }
    }
  }
  const late = (await readLate(range, null, session)).filter(({ closedAt }) => !isIn(rest, closedAt.getTime()));
  const cut = [...(await readHandled(rest, session)), ...(await readRated(rest.map(ratedIn), session))];
  for (const one of [...late, ...cut]) addSum(sumIn(sums, one.supervisorId), sumOfOne(one));
  const count = [...sums.values()].reduce((total, { closed }) => total + closed, 0);
  return { sums, handled: count <= most ? await readHandled(count === 0 ? [] : [range], session) : null };
}

const isIn = (ranges: readonly Range[], at: number): boolean => ranges.some(({ from, to }) => from <= at && at < to);

function sumIn(sums: Map<string, Sum>, key: string): Sum {
  const sum = sums.get(key) ?? emptySum();
  sums.set(key, sum);
  return sum;
}

/** Fills in missing histograms: a sum made by `$inc` has none in which nothing was ever counted. */
export const complete = (sum: Partial<Sum>): Sum => ({ ...emptySum(), ...sum });

async function readSpans(spans: Cover['spans'], session: Transaction) {
  if (spans.length === 0) return [];
  const rows = await closedSumModel()
    .find(trusted({ $or: spans.map(({ days, from, to }) => ({ days, ...within('start', { from, to }) })) }), {
      quarters: 0,
    })
    .session(session)
    .lean();
  return rows.map(({ supervisorId, ...sum }) => ({ supervisorId, ...complete(sum) }));
}

async function readDaysOf(quarters: Cover['quarters'], session: Transaction) {
  if (quarters.length === 0) return [];
  return closedSumModel()
    .find(
      trusted({
        $or: quarters.map(({ from, to }) => ({ days: 1, ...within('start', { from: spanStart(from, DAY_MS), to }) })),
      }),
      { supervisorId: 1, start: 1, quarters: 1 },
    )
    .session(session)
    .lean();
}

export function within(field: string, { from, to }: Range): Record<string, object> {
  const bounds = {
    ...(Number.isFinite(from) && { $gte: new Date(from) }),
    ...(Number.isFinite(to) && { $lt: new Date(to) }),
  };
  return Object.keys(bounds).length === 0 ? {} : { [field]: bounds };
}

const HANDLED_FIELDS = { supervisorId: 1, agentId: 1, createdAt: 1, firstResponseAt: 1, closedAt: 1 } as const;

/** Reads the conversations that agents handled and that were closed in these times, from the index alone. */
export async function readHandled(ranges: readonly Range[], session: Transaction): Promise<Handled[]> {
  const found: Handled[][] = [];
  for (const range of ranges) found.push(await readRows(handledIn(range), session));
  return found.flat();
}

export async function readRows(filter: QueryFilter<ConversationRecord>, session: Transaction): Promise<Handled[]> {
  const rows = await conversationModel()
    .find(filter, { _id: 0, ...HANDLED_FIELDS })
    .session(session)
    .lean();
  return rows.filter(handledOnly);
}

const ALL_TIME: Range = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

export const handledIn = ({ from, to }: Range): QueryFilter<ConversationRecord> =>
  trusted({
    status: 'closed',
    agentId: { $gt: '' },
    // Always a range, so that the index can be used.
    closedAt: { $gte: new Date(Math.max(0, from)), ...(Number.isFinite(to) && { $lt: new Date(to) }) },
  });

/** The filter for conversations that the sums don't have yet. */
export const uncounted = (range: Range): QueryFilter<ConversationRecord> => ({ ...handledIn(range), counted: null });

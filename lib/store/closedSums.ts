import type { QueryFilter } from 'mongoose';
import { addCounts, bucketOf, type Histogram } from '../domain/histogram.ts';
import { type Cover, cover, DAY_MS, type Days, LEVELS, QUARTER_MS, type Range, spanStart } from '../domain/spans.ts';
import { type ConversationRecord, conversationModel } from './conversations.ts';
import { type Transaction, trusted } from './database.ts';
import { defineModel } from './model.ts';

/** The figures of one supervisor's closed conversations in one span of time. Later figures get fields of their own. */
export interface Sum {
  closed: number;
  /** By agent. */
  agents: Record<string, { closed: number }>;
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
  [[{ days: 1, start: 1 }]],
);

/** Whether the sums have every closed conversation, and how far a recount has come. */
export const sumsStateModel = /* @__PURE__ */ defineModel<{
  _id: string;
  complete: boolean;
  /** The first count marks what was closed before this, and nothing else: so all who make it at once mark the same. */
  cutoff?: Date | null;
  /** While a recount is under way: every day before it is counted. */
  through?: Date | null;
  /** When `through` was noted. */
  throughAt?: Date | null;
}>('SumsState', 'closed_sums_state', {
  _id: { type: String, required: true },
  complete: { type: Boolean, required: true },
  cutoff: { type: Date, default: null },
  through: { type: Date, default: null },
  throughAt: { type: Date, default: null },
});

export const STATE = 'closed_sums';

const idOf = (supervisorId: string, days: Days, start: number): string =>
  `${days}/${new Date(start).toISOString().slice(0, 10)}/${supervisorId}`;

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

export function addSum(to: Sum, sum: Sum): void {
  to.closed += sum.closed;
  for (const [id, { closed }] of Object.entries(sum.agents)) {
    to.agents[id] = { closed: (to.agents[id]?.closed ?? 0) + closed };
  }
  addCounts(to.firstResponse, sum.firstResponse);
  addCounts(to.resolution, sum.resolution);
}

const quarterOf = (at: number): string => String(Math.floor((at % DAY_MS) / QUARTER_MS));

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
  const sums = sumUp(rows.filter(handledOnly), LEVELS);
  await closedSumModel().bulkWrite(
    sums.map(({ _id, supervisorId, days, start, ...sum }) => ({
      updateOne: {
        filter: { _id },
        update: { $setOnInsert: { supervisorId, days, start }, $inc: increments(sum) },
        upsert: true,
      },
    })),
    { session },
  );
  await conversationModel().updateMany(
    trusted({ _id: { $in: rows.map(({ _id }) => _id) } }),
    { $set: { counted: true } },
    { session },
  );
  return rows.length;
}

/** Sums these conversations up, by supervisor and span of these lengths. */
export function sumUp(handled: readonly Handled[], levels: readonly Days[]): SumRecord[] {
  const sums = new Map<string, SumRecord>();
  for (const one of handled) {
    const at = one.closedAt.getTime();
    for (const days of levels) {
      const start = spanStart(at, days * DAY_MS);
      const id = idOf(one.supervisorId, days, start);
      const record = sums.get(id) ?? recordOf(one.supervisorId, days, start);
      sums.set(id, record);
      addSum(record, sumOf(one));
      if (days !== 1) continue;
      record.quarters ??= {};
      const quarter = record.quarters[quarterOf(at)] ?? emptySum();
      record.quarters[quarterOf(at)] = quarter;
      addSum(quarter, sumOf(one));
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
export async function sumsAreComplete(session?: Transaction): Promise<boolean> {
  return (
    (await sumsStateModel()
      .exists({ _id: STATE, complete: true })
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
  const late = await readRows(uncounted(range), session);
  const whole = late.filter(({ closedAt }) => !isIn(rest, closedAt.getTime()));
  for (const one of [...whole, ...(await readHandled(rest, session))]) {
    addSum(sumIn(sums, one.supervisorId), sumOf(one));
  }
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

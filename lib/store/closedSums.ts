import type { mongo, QueryFilter } from 'mongoose';
import { addCounts, bucketOf, type Histogram } from '../domain/histogram.ts';
import { type Cover, cover, DAY_MS, type Days, LEVELS, QUARTER_MS, type Range, spanStart } from '../domain/spans.ts';
import { logger } from '../runtime/logger.ts';
import { type ConversationRecord, conversationModel } from './conversations.ts';
import { type Transaction, transaction, trusted } from './database.ts';
import { defineModel } from './model.ts';

/** What closed conversations come to, of one supervisor, in one span of time. Later figures get a field of their own. */
export interface Sum {
  closed: number;
  /** By agent. */
  agents: Record<string, { closed: number }>;
  /** Milliseconds from `createdAt`, of those conversations that have the time. */
  firstResponse: Histogram;
  resolution: Histogram;
}

/**
 * Sums are kept per supervisor and span; those of a day are told by quarters of an hour too. A closed conversation is
 * either in the sums and marked `counted`, by one transaction, or neither, and then whoever reads adds it: at every moment
 * the two together are all there are. The close itself only closes, so that closes of one team don't wait for each other.
 */
interface SumRecord extends Sum {
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

/** Whether the sums hold everything that was closed, and how far a recount has come. */
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

const STATE = 'closed_sums';

const idOf = (supervisorId: string, days: Days, start: number): string =>
  `${days}/${new Date(start).toISOString().slice(0, 10)}/${supervisorId}`;

/** A closed conversation that an agent handled: one closed while it was open counts for nobody. */
interface Handled {
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

/** What one conversation adds to every sum it is in. */
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

/** Conversations taken into the sums by one transaction. */
const ADDED_AT_ONCE = 500;

/** Takes what has been closed into the sums, until nothing is left or it is `until`. Answers how many. Any number may run. */
export async function countClosed(until: number): Promise<number> {
  // Before everything was counted once, the index may not be there to find what isn't.
  if (!(await sumsAreComplete())) return 0;
  for (let counted = 0; ; ) {
    if (Date.now() > until) return counted;
    const added = await transaction(addSome);
    counted += added;
    if (added < ADDED_AT_ONCE) return counted;
  }
}

async function addSome(session: Transaction): Promise<number> {
  const rows = await conversationModel()
    .find(uncounted(ALL_TIME), HANDLED_FIELDS)
    .sort({ closedAt: 1 })
    .limit(ADDED_AT_ONCE)
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

/** The sums that these conversations come to, of each supervisor and span of these lengths. */
function sumUp(handled: readonly Handled[], levels: readonly Days[]): SumRecord[] {
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

const recordOf = (supervisorId: string, days: Days, start: number): SumRecord => ({
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

/** Whether the sums hold everything: they don't before the first `migrate` is through. */
async function sumsAreComplete(session?: Transaction): Promise<boolean> {
  return (
    (await sumsStateModel()
      .exists({ _id: STATE, complete: true })
      .session(session ?? null)) !== null
  );
}

export interface Closed {
  /** By supervisor. */
  readonly sums: ReadonlyMap<string, Sum>;
  /** Those that were summed up, where they are `most` at most. */
  readonly handled: readonly Handled[] | null;
}

/**
 * What was closed in a time. Whole spans are read from the sums; what these don't have yet, and the conversations of the
 * two quarters of an hour that the time may cut, are added one by one. Everything is read as of one moment. `null` before
 * everything was counted once.
 */
export async function sumClosed(range: Range, most: number): Promise<Closed | null> {
  const { spans, quarters, rest } = cover(range);
  return transaction(async (session) => {
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
  });
}

const isIn = (ranges: readonly Range[], at: number): boolean => ranges.some(({ from, to }) => from <= at && at < to);

function sumIn(sums: Map<string, Sum>, key: string): Sum {
  const sum = sums.get(key) ?? emptySum();
  sums.set(key, sum);
  return sum;
}

/** Made by `$inc`, a sum has no histogram in which nothing was ever counted. */
const complete = (sum: Partial<Sum>): Sum => ({ ...emptySum(), ...sum });

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

function within(field: string, { from, to }: Range): Record<string, object> {
  const bounds = {
    ...(Number.isFinite(from) && { $gte: new Date(from) }),
    ...(Number.isFinite(to) && { $lt: new Date(to) }),
  };
  return Object.keys(bounds).length === 0 ? {} : { [field]: bounds };
}

const HANDLED_FIELDS = { supervisorId: 1, agentId: 1, createdAt: 1, firstResponseAt: 1, closedAt: 1 } as const;

/** The conversations that agents handled and that were closed in these times, read from the index alone. */
async function readHandled(ranges: readonly Range[], session: Transaction): Promise<Handled[]> {
  const found: Handled[][] = [];
  for (const range of ranges) found.push(await readRows(handledIn(range), session));
  return found.flat();
}

async function readRows(filter: QueryFilter<ConversationRecord>, session: Transaction): Promise<Handled[]> {
  const rows = await conversationModel()
    .find(filter, { _id: 0, ...HANDLED_FIELDS })
    .session(session)
    .lean();
  return rows.filter(handledOnly);
}

const ALL_TIME: Range = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

const handledIn = ({ from, to }: Range): QueryFilter<ConversationRecord> =>
  trusted({
    status: 'closed',
    agentId: { $gt: '' },
    // Always a range, so that the index serves.
    closedAt: { $gte: new Date(Math.max(0, from)), ...(Number.isFinite(to) && { $lt: new Date(to) }) },
  });

/** What the sums don't have yet. */
const uncounted = (range: Range): QueryFilter<ConversationRecord> => ({ ...handledIn(range), counted: null });

/** At most what one transaction counts: it is to be over within seconds. */
const COUNTED_AT_ONCE = 5_000;
const DAYS_AT_ONCE = 32;

/** Whatever was closed longer ago is committed, and bears a time before the cut-off: no clocks differ by as much. */
const SETTLED_MS = 60_000;
/** A recount goes on where one stopped that has been at work within this time. One that stopped earlier tells nothing. */
const RESUMABLE_MS = 3_600_000;

/**
 * Counts everything anew from the conversations, from the first day to the last, and goes on where one that was
 * interrupted just now stopped. It may run at any time, and beside others of its kind: the sums of some days are replaced by those of
 * what is marked, in one transaction. The first time it marks first. A longer span is then the sum of the shorter ones in it.
 */
export async function recountClosed(): Promise<{ readonly days: number; readonly conversations: number }> {
  const { through, cutoff } = await beginRecount();
  const documents = await conversationModel().estimatedDocumentCount();
  const today = spanStart(Date.now(), DAY_MS);
  let [days, conversations] = [0, 0];
  for (let from = await nextDay(through); from !== null; ) {
    // Today by itself: it is still being added to, and the sooner it is counted the less is counted twice.
    const to = Math.min(await endOfSome(from), from < today ? today : Number.POSITIVE_INFINITY);
    const counted = await recountDays({ from, to }, cutoff);
    days += counted.days;
    conversations += counted.conversations;
    await noteState({ through: new Date(to), throughAt: new Date() });
    logger.info('recounting', { through: new Date(to).toISOString(), days, conversations, documents });
    from = await nextDay(to);
  }
  for (const [longer, shorter] of [
    [32, 1],
    [1024, 32],
  ] as const) {
    for (const start of await startsOf(longer, shorter)) await recountLonger(longer, shorter, start);
  }
  await noteState({ complete: true, through: null, throughAt: null });
  logger.info('recounted', { days, conversations });
  return { days, conversations };
}

/** Where to go on from, and the cut-off, which is the same for all who make the first count. Epoch milliseconds. */
async function beginRecount(): Promise<{ through: number; cutoff: number }> {
  const state = await sumsStateModel()
    .findOneAndUpdate(
      { _id: STATE },
      [
        {
          $set: {
            complete: { $ifNull: ['$complete', false] },
            cutoff: { $ifNull: ['$cutoff', { $subtract: ['$$NOW', SETTLED_MS] }] },
          },
        },
      ],
      { upsert: true, returnDocument: 'after', updatePipeline: true },
    )
    .lean();
  const { through, throughAt, cutoff } = state;
  const isResumable = throughAt && Date.now() - throughAt.getTime() < RESUMABLE_MS;
  return { through: isResumable ? (through?.getTime() ?? 0) : 0, cutoff: cutoff?.getTime() ?? 0 };
}

async function noteState(state: { complete?: true; through: Date | null; throughAt: Date | null }): Promise<void> {
  await sumsStateModel().updateOne({ _id: STATE }, { $set: state });
}

const since = (from: number) => handledIn({ from, to: Number.POSITIVE_INFINITY });

/** The first day, not before `at`, on which something was closed or is counted. */
async function nextDay(at: number): Promise<number | null> {
  const [closed, counted] = await Promise.all([
    conversationModel().findOne(since(at), { _id: 0, closedAt: 1 }).sort({ closedAt: 1 }).lean(),
    closedSumModel()
      .findOne(trusted({ days: 1, start: { $gte: new Date(at) } }), { start: 1 })
      .sort({ start: 1 })
      .lean(),
  ]);
  const found = [closed?.closedAt, counted?.start].flatMap((date) => (date ? [spanStart(date.getTime(), DAY_MS)] : []));
  return found.length === 0 ? null : Math.min(...found);
}

/** The end of as many days from a day on as one transaction counts: at least one. */
async function endOfSome(from: number): Promise<number> {
  const beyond = await conversationModel()
    .findOne(since(from), { _id: 0, closedAt: 1 })
    .sort({ closedAt: 1 })
    .skip(COUNTED_AT_ONCE)
    .lean();
  const end = beyond?.closedAt ? spanStart(beyond.closedAt.getTime(), DAY_MS) : Number.POSITIVE_INFINITY;
  return Math.max(from + DAY_MS, Math.min(end, from + DAYS_AT_ONCE * DAY_MS));
}

async function recountDays(range: Range, cutoff: number): Promise<{ days: number; conversations: number }> {
  // What is closed after the cut-off is `countClosed`'s, which adds it to the sums of every length at once.
  const first = { from: range.from, to: Math.min(range.to, cutoff) };
  if (first.from < first.to && !(await sumsAreComplete())) {
    await conversationModel().updateMany(uncounted(first), { $set: { counted: true } });
  }
  return transaction(async (session) => {
    const handled = without(await readHandled([range], session), await readRows(uncounted(range), session));
    const sums = sumUp(handled, [1]);
    await replace(1, range, sums, session);
    return { days: new Set(sums.map(({ start }) => start.getTime())).size, conversations: handled.length };
  });
}

/** All but some of them. They have no ids here, but those that are the same count the same. */
function without(all: readonly Handled[], some: readonly Handled[]): Handled[] {
  const left = new Map<string, number>();
  for (const one of some) left.set(JSON.stringify(one), (left.get(JSON.stringify(one)) ?? 0) + 1);
  return all.filter((one) => {
    const key = left.size === 0 ? '' : JSON.stringify(one);
    const count = left.get(key) ?? 0;
    if (count > 0) left.set(key, count - 1);
    return count === 0;
  });
}

async function recountLonger(days: Days, shorter: Days, from: number): Promise<void> {
  const range = { from, to: from + days * DAY_MS };
  await transaction(async (session) => {
    const parts = await closedSumModel()
      .find(trusted({ days: shorter, ...within('start', range) }), { quarters: 0 })
      .session(session)
      .lean();
    const sums = new Map<string, SumRecord>();
    for (const { supervisorId, ...part } of parts) {
      const sum = sums.get(supervisorId) ?? recordOf(supervisorId, days, from);
      sums.set(supervisorId, sum);
      addSum(sum, complete(part));
    }
    await replace(days, range, [...sums.values()], session);
  });
}

/** Puts these sums in the place of all there are of this length that begin in a time. */
async function replace(days: Days, range: Range, sums: readonly SumRecord[], session: Transaction): Promise<void> {
  const stale = await closedSumModel()
    .find(trusted({ days, ...within('start', range), _id: { $nin: sums.map(({ _id }) => _id) } }), { _id: 1 })
    .session(session)
    .lean();
  const writes = [
    ...sums.map((sum) => ({ replaceOne: { filter: { _id: sum._id }, replacement: sum, upsert: true } })),
    ...stale.map(({ _id }) => ({ deleteOne: { filter: { _id } } })),
  ];
  // Not by the model, which would cast every number of every histogram.
  if (writes.length > 0)
    await closedSumModel().collection.bulkWrite(writes as unknown as mongo.AnyBulkWriteOperation[], { session });
}

/** When the spans begin that hold something: a shorter one, or a sum of their own that may be stale. */
async function startsOf(days: Days, shorter: Days): Promise<number[]> {
  const parts = await Promise.all([days, shorter].map((level) => closedSumModel().distinct('start', { days: level })));
  return [...new Set(parts.flat().map((start) => spanStart(start.getTime(), days * DAY_MS)))].sort((a, b) => a - b);
}

import { ERROR } from '../../lib/domain/histogram.ts';
import { DAY_MS, QUARTER_MS } from '../../lib/domain/spans.ts';
import type { SupervisorAnalytics } from '../../lib/protocol/objects/analytics.ts';
import { countClosed } from '../../lib/services/analytics/countClosed.ts';
import { EXACT_MOST } from '../../lib/services/analytics/supervisorAnalytics.ts';
import { closedSumModel, sumsStateModel } from '../../lib/store/closedSums.ts';
import { type ConversationRecord, conversationModel } from '../../lib/store/conversations.ts';
import { recountClosed } from '../../lib/store/migrations/recountClosed.ts';
import { eventually } from '../support/deadline.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { insertPast, type Population, pastConversations, type Random, seeded } from '../support/seeding.ts';
import type { Desk, Person } from '../support/system.ts';

/** The sums kept of what was closed say what the conversations say, whoever made them and whatever time is asked for. */

const SEEDS = Number(process.env['SUMS_SEEDS'] ?? (process.env['SOAK'] === '1' ? 30 : 3));
/** How long ago the oldest was closed: each day of each team has sums of its own. */
const YEARS = process.env['SOAK'] === '1' ? 4 : 1;

let system: InProcess;
let desk: Desk;
let supervisors: readonly [Person, Person];
let population: Population;
beforeAll(async () => {
  ({ system, desk } = await startDesk());
  supervisors = [await desk.supervisor('One'), await desk.supervisor('Two')];
  const ids = supervisors.map(({ user }) => user.id);
  const agents = await Promise.all([0, 1, 1].map(async (team) => desk.agent(supervisors[team] as Person)));
  population = {
    candidates: ['somebody'],
    supervisors: ids,
    agents: agents.map(({ user }) => ({ id: user.id, supervisors: ids })),
  };
});
afterAll(() => system.stop());
beforeEach(async () => {
  await conversationModel().deleteMany({});
  await recountClosed();
});

/** How what was closed before comes into the sums. Whoever does it has all the time there is. */
const WAYS = {
  'counted by sweeps': () => countClosed(EVER),
  'counted by the first migration': async () => {
    await sumsStateModel().deleteMany({});
    await closedSumModel().deleteMany({});
    await recountClosed();
  },
  'in part not counted yet': () => countClosed(0),
} as const;
const EVER = Number.POSITIVE_INFINITY;

async function seedPast(
  count: number,
  random: Random,
  years = YEARS,
  way: keyof typeof WAYS = 'counted by sweeps',
): Promise<ConversationRecord[]> {
  const to = Date.now() - DAY_MS;
  const past = [...pastConversations(population, { from: to - years * 365 * DAY_MS, to, count }, random)];
  const later = Math.floor(count / 2);
  await insertPast(past.slice(0, later));
  await countClosed(EVER);
  await insertPast(past.slice(later));
  await WAYS[way]();
  return past;
}

const read = (from?: Date, to?: Date): Promise<SupervisorAnalytics> => {
  const query = new URLSearchParams({ ...(from && { from: from.toISOString() }), ...(to && { to: to.toISOString() }) });
  return desk.ok('GET', `/analytics/supervisors?${query}`, desk.admin.token);
};

/** What there is to say of each supervisor, reckoned one by one. */
function reckon(past: readonly ConversationRecord[], from?: Date, to?: Date) {
  const within = past.filter(
    ({ closedAt, agentId }) => closedAt && agentId && (!from || closedAt >= from) && (!to || closedAt < to),
  );
  return new Map(
    supervisors.map(({ user }) => {
      const theirs = within.filter(({ supervisorId }) => supervisorId === user.id);
      const seconds = (until: 'firstResponseAt' | 'closedAt') =>
        theirs.flatMap((one) => (one[until] ? [(one[until].getTime() - one.createdAt.getTime()) / 1000] : []));
      const agents = Object.entries(Object.groupBy(theirs, ({ agentId }) => agentId ?? ''));
      return [
        user.id,
        {
          closed: theirs.length,
          agents: Object.fromEntries(agents.map(([id, closed]) => [id, closed?.length])),
          medians: [median(seconds('firstResponseAt')), median(seconds('closedAt'))] as const,
        },
      ];
    }),
  );
}

function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (place: number) => sorted[place] ?? Number.NaN;
  return sorted.length === 0 ? null : (at(Math.floor((sorted.length - 1) / 2)) + at(Math.floor(sorted.length / 2))) / 2;
}

function told({ supervisors: rows }: SupervisorAnalytics) {
  return new Map(
    rows.map((row) => [
      row.supervisor.id,
      {
        closed: row.closedConversations,
        agents: Object.fromEntries(
          row.agents.flatMap(({ id, closedConversations: closed }) => (closed ? [[id, closed] as const] : [])),
        ),
        medians: [row.medianFirstResponseSeconds, row.medianResolutionSeconds] as const,
      },
    ]),
  );
}

/** Times to ask for: anywhere, at the edges of spans, a millisecond beside them, and at the very instant of a close. */
function instants(past: readonly ConversationRecord[], random: Random): Date[] {
  const anywhere = () => Date.now() - Math.floor(random() * YEARS * 366 * DAY_MS);
  const closes = past.flatMap(({ closedAt }) => (closedAt ? [closedAt.getTime()] : []));
  return [QUARTER_MS, DAY_MS, 32 * DAY_MS, 1024 * DAY_MS].flatMap((length) => {
    const edge = Math.floor(anywhere() / length) * length;
    const close = closes[Math.floor(random() * closes.length)] ?? 0;
    return [anywhere(), edge, edge + 1, edge - 1, close, close + 1].map((at) => new Date(at));
  });
}

/** How many times are asked for, of each history. */
const ASKED = process.env['SOAK'] === '1' ? 24 : 5;

const CASES = Array.from({ length: SEEDS }, (_, seed) => ({
  seed,
  way: Object.keys(WAYS)[seed % 3] as keyof typeof WAYS,
}));

it.each(CASES)(
  'counts exactly between any two instants, with exact medians of a few ($way, seed $seed)',
  async ({ seed, way }) => {
    const random = seeded(seed);
    const past = await seedPast(process.env['SOAK'] === '1' ? 600 : 150, random, YEARS, way);
    const times = instants(past, random);
    for (let index = 0; index < ASKED; index += 1) {
      const pick = () => (random() < 0.1 ? undefined : times[Math.floor(random() * times.length)]);
      const [from, to] = [pick(), pick()];
      const expected = reckon(past, from, to);
      for (const [id, one] of told(await read(from, to))) {
        const { medians, ...counts } = expected.get(id) ?? { medians: [null, null] };
        expect({ from, to, ...one }).toMatchObject({ from, to, ...counts });
        for (const place of [0, 1] as const) {
          if (medians[place] === null) expect(one.medians[place]).toBeNull();
          else expect(one.medians[place]).toBeCloseTo(medians[place], 2);
        }
      }
    }
  },
);

it('tells the medians of many within the documented bound', async () => {
  const random = seeded(7);
  const past = await seedPast((process.env['SOAK'] === '1' ? 3 : 2) * EXACT_MOST, random);
  const periods = [[], [new Date(Date.now() - YEARS * 250 * DAY_MS)], [undefined, new Date(Date.now() - 100 * DAY_MS)]];
  for (const [from, to] of periods) {
    const expected = reckon(past, from, to);
    const answer = told(await read(from, to));
    expect([...answer.values()].reduce((sum, { closed }) => sum + closed, 0)).toBeGreaterThan(EXACT_MOST);
    for (const [id, { medians }] of answer) {
      for (const place of [0, 1] as const) {
        const truth = expected.get(id)?.medians[place] ?? Number.NaN;
        expect(Math.abs((medians[place] ?? Number.NaN) - truth)).toBeLessThanOrEqual(truth * ERROR + 0.0005);
      }
    }
  }
});

/** All sums there are, without what `$inc` doesn't make and a recount does: fields in which nothing is counted. */
async function allSums(): Promise<unknown> {
  const plain = (value: unknown): unknown =>
    typeof value !== 'object' || value === null || value instanceof Date
      ? value
      : Object.fromEntries(
          Object.entries(value)
            .map(([key, within]) => [key, plain(within)] as const)
            .filter(([, within]) => !isEmpty(within)),
        );
  return plain(await closedSumModel().find().sort({ _id: 1 }).lean());
}

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !(value instanceof Date) && Object.keys(value).length === 0;

/** Conversations assigned to agents of a new team. */
async function assignMany(count: number): Promise<{ conversationId: string; agent: Person }[]> {
  const supervisor = await desk.supervisor();
  const [candidate, agents] = [await desk.candidate(), await Promise.all([0, 1, 2].map(() => desk.agent(supervisor)))];
  const assigned: { conversationId: string; agent: Person }[] = [];
  // One after the other: what is given to one agent at once waits for each other.
  while (assigned.length < count) {
    const agent = agents[assigned.length % agents.length] as Person;
    const { id } = await desk.conversation(candidate, 'hello');
    await desk.assign(supervisor, id, agent);
    assigned.push({ conversationId: id, agent });
  }
  return assigned;
}

/** As a client does: on a busy machine one that races many others can be told to try again. */
const close = ({ conversationId, agent }: { conversationId: string; agent: Person }) =>
  eventually('a close to be answered', async () => {
    const answer = await desk.call('POST', `/conversations/${conversationId}/close`, agent.token);
    return answer.status === 503 ? undefined : answer;
  });

it('says after many closes at once, and several sweeps at once, what a recount says', async () => {
  const assigned = await assignMany(12);
  const answers = await Promise.all([...assigned, ...assigned].map(close));
  // A conversation is closed once. Who was told to try again may find their own close.
  const closed = answers.filter(({ status }) => status === 200).map(({ body }) => body.id);
  expect(new Set(closed).size).toBe(closed.length);
  expect((await read()).totals.closedConversations).toBe(12);
  const counted = await Promise.all([countClosed(EVER), countClosed(EVER), countClosed(EVER)]);
  expect(counted.reduce((sum, count) => sum + count)).toBe(12);
  expect((await read()).totals.closedConversations).toBe(12);
  const kept = await allSums();
  await recountClosed();
  expect(await allSums()).toEqual(kept);
});

it('says at every moment what is closed, while desks close, sweeps count and somebody recounts', async () => {
  const before = (await seedPast(150, seeded(11), 1)).filter(({ closedAt, agentId }) => closedAt && agentId).length;
  const assigned = await assignMany(18);
  let [begun, closed, closing] = [0, 0, true];
  const forever = async (work: () => Promise<unknown>) => {
    while (closing) await work();
  };
  const others = [
    forever(recountClosed),
    forever(() => countClosed(EVER)),
    forever(async () => {
      const atLeast = before + closed;
      const told = (await read()).totals.closedConversations;
      expect(told).toBeGreaterThanOrEqual(atLeast);
      expect(told).toBeLessThanOrEqual(before + begun);
    }),
  ];
  for (let from = 0; from < assigned.length; from += 3) {
    const wave = assigned.slice(from, from + 3);
    begun += wave.length;
    expect((await Promise.all(wave.map(close))).map(({ status }) => status)).toEqual(wave.map(() => 200));
    closed += wave.length;
  }
  closing = false;
  await Promise.all(others);
  await countClosed(EVER);
  expect((await read()).totals.closedConversations).toBe(before + assigned.length);
  const kept = await allSums();
  await recountClosed();
  expect(await allSums()).toEqual(kept);
});

it('counts, when migrated, what code before this release closed too', async () => {
  const past = await seedPast(100, seeded(19), 1, 'counted by the first migration');
  const [late] = past.filter(({ closedAt, agentId }) => closedAt && agentId);
  // Closed after it was counted, by code that knows nothing of counting.
  await insertPast([{ ...(late as ConversationRecord), _id: 'late', closedAt: new Date() }]);
  const handled = past.filter(({ closedAt, agentId }) => closedAt && agentId).length;
  for (const count of [() => Promise.resolve(0), () => countClosed(EVER), recountClosed]) {
    await count();
    expect((await read()).totals.closedConversations).toBe(handled + 1);
  }
});

it('puts right what is wrong, and takes away what is nobody’s', async () => {
  await seedPast(100, seeded(13), YEARS);
  const right = await allSums();
  const [some] = await closedSumModel().find().lean();
  await closedSumModel().updateMany({}, { $inc: { closed: 1 } });
  await closedSumModel().collection.insertMany([
    { ...some, _id: '1/2001-01-01/nobody', supervisorId: 'nobody', start: new Date('2001-01-01') } as never,
  ]);
  await closedSumModel().deleteOne({ _id: some?._id ?? '' });
  await system.operate('migrate', { recount: true });
  expect(await allSums()).toEqual(right);
});

it('goes on where a recount was interrupted', async () => {
  await seedPast(200, seeded(17), YEARS);
  const right = await allSums();
  const days = (await closedSumModel().find({ days: 1 }).sort({ start: 1 }).lean()).map(({ start }) => start);
  const half = days[Math.floor(days.length / 2)] as Date;
  const interrupted = { through: half, throughAt: new Date() };
  await sumsStateModel().updateOne({ _id: 'closed_sums' }, { $set: interrupted });
  const { days: recounted } = await recountClosed();
  expect(recounted).toBe(new Set(days.filter((day) => day >= half).map(Number)).size);
  expect(await allSums()).toEqual(right);
});

it('begins anew where the one that was interrupted is long ago', async () => {
  await seedPast(100, seeded(23), YEARS);
  const right = await allSums();
  await closedSumModel().updateMany({}, { $inc: { closed: 1 } });
  const longAgo = { through: new Date(Date.now() + 32 * DAY_MS), throughAt: new Date(Date.now() - 2 * 3_600_000) };
  await sumsStateModel().updateOne({ _id: 'closed_sums' }, { $set: longAgo });
  await recountClosed();
  expect(await allSums()).toEqual(right);
});

it('the first time marks what was closed before it began, however many make it at once, and leaves the rest to the sweep', async () => {
  const past = await seedPast(100, seeded(29), 1, 'counted by the first migration');
  const handled = past.filter(({ closedAt, agentId }) => closedAt && agentId);
  // Another one has begun before this was closed, and has counted the day already.
  await sumsStateModel().updateOne(
    { _id: 'closed_sums' },
    { $set: { complete: false, cutoff: new Date(Date.now() - 600_000) } },
  );
  await insertPast([{ ...(handled[0] as ConversationRecord), _id: 'meanwhile', closedAt: new Date() }]);
  await recountClosed();
  expect((await conversationModel().findById('meanwhile').lean())?.counted).toBeUndefined();
  expect((await read()).totals.closedConversations).toBe(handled.length + 1);
  await countClosed(EVER);
  expect((await read()).totals.closedConversations).toBe(handled.length + 1);
});

it('is not told before everything is counted', async () => {
  await sumsStateModel().deleteMany({});
  expect(await desk.call('GET', '/analytics/supervisors', desk.admin.token)).toMatchObject({
    status: 503,
    body: { code: 'UNAVAILABLE' },
  });
  await recountClosed();
  expect((await read()).totals.closedConversations).toBe(0);
});

import { daysOf } from '../../lib/domain/calendar.ts';
import { medianOf } from '../../lib/domain/histogram.ts';
import { conversationModel } from '../../lib/store/conversations.ts';
import { openedDayModel } from '../../lib/store/openedDays.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Desk, Person } from '../support/system.ts';

/** Analytics over time, held to a count one by one. */

let system: InProcess;
let desk: Desk;
let team: Person;
beforeAll(async () => {
  ({ system, desk } = await startDesk());
  team = await desk.supervisor();
  await insert();
  await system.operate('sweep');
});
afterAll(() => system.stop());

interface Made {
  createdAt: Date;
  firstResponseAt: Date | null;
  closedAt: Date | null;
  supervisorId: string | null;
  score?: number;
}

const made: Made[] = [];
const HOUR_MS = 3_600_000;

/** Conversations around both changes of the clocks of 2026, in two teams. */
async function insert(): Promise<void> {
  let seed = 7;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed / 2 ** 31;
  };
  for (const around of ['2026-03-29T00:00:00Z', '2026-10-25T00:00:00Z']) {
    for (let index = 0; index < 150; index += 1) {
      const createdAt = new Date(Date.parse(around) + (random() * 6 - 3) * 24 * HOUR_MS);
      const isClosed = random() < 0.8;
      const closedAt = isClosed ? new Date(createdAt.getTime() + random() * 30 * HOUR_MS) : null;
      const supervisorId = isClosed ? (random() < 0.5 ? team.user.id : 'another') : null;
      made.push({
        createdAt,
        firstResponseAt: closedAt && random() < 0.9 ? new Date((createdAt.getTime() + closedAt.getTime()) / 2) : null,
        closedAt,
        supervisorId,
        ...(isClosed && random() < 0.5 && { score: 1 + Math.floor(random() * 5) }),
      });
    }
  }
  await conversationModel().collection.insertMany(
    made.map(({ score, ...one }, index) => ({
      _id: `made-${index}`,
      subject: 'Made',
      status: one.closedAt ? 'closed' : 'open',
      candidateId: 'nobody',
      agentId: one.supervisorId && `agent of ${one.supervisorId}`,
      lastSeq: 0,
      ...one,
      ...(score && { rating: { score, comment: null, ratedAt: one.closedAt } }),
    })) as never,
  );
}

const get = (person: Person, from: string, to: string, timeZone: string) =>
  desk.ok('GET', `/analytics/timeline?${new URLSearchParams({ from, to, timeZone })}`, person.token);

/** Counts them one by one, by the date that people there wrote. */
function expected(from: string, to: string, timeZone: string, supervisorId?: string) {
  const days = daysOf({ from: Date.parse(from), to: Date.parse(to) }, timeZone, 400);
  return days.map(({ date, from: begin, to: end }) => {
    const isIn = (at: Date | null) => at !== null && at.getTime() >= begin && at.getTime() < end;
    const closed = made.filter((one) => isIn(one.closedAt) && (!supervisorId || one.supervisorId === supervisorId));
    const scores = closed.flatMap(({ score }) => (score ? [score] : []));
    const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
    return {
      date,
      opened: supervisorId ? null : made.filter((one) => isIn(one.createdAt)).length,
      closed: closed.length,
      ratings: { count: scores.length, mean: scores.length === 0 ? null : Math.round(mean * 100) / 100 },
    };
  });
}

const withoutMedians = (days: Record<string, unknown>[]) =>
  days.map(({ medianFirstResponseSeconds: _, medianResolutionSeconds: __, ...rest }) => rest);

describe.each(['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe'])(
  'in %s',
  (timeZone) => {
    it.each([
      ['2026-03-25T12:00:00Z', '2026-04-03T12:00:00Z'],
      ['2026-10-20T12:00:00Z', '2026-11-01T12:00:00Z'],
      ['2026-01-01T00:00:00Z', '2026-12-31T00:00:00Z'],
    ])('from %s to %s is what a count one by one says', async (from, to) => {
      const { days } = await get(desk.admin, from, to, timeZone);
      expect(withoutMedians(days)).toEqual(expected(from, to, timeZone));
      const own = await get(team, from, to, timeZone);
      expect(withoutMedians(own.days)).toEqual(expected(from, to, timeZone, team.user.id));
    });
  },
);

it('has the medians of each day, within 1 %', async () => {
  const [from, to] = ['2026-03-25T12:00:00Z', '2026-04-03T12:00:00Z'];
  const { days } = await get(desk.admin, from, to, 'Europe/Berlin');
  const bounds = daysOf({ from: Date.parse(from), to: Date.parse(to) }, 'Europe/Berlin', 400);
  for (const [index, { from: begin, to: end }] of bounds.entries()) {
    const took = made
      .filter(({ closedAt }) => closedAt && closedAt.getTime() >= begin && closedAt.getTime() < end)
      .map(({ createdAt, closedAt }) => (closedAt?.getTime() ?? 0) - createdAt.getTime())
      .toSorted((a, b) => a - b);
    const middle = took.length === 0 ? null : ((took[(took.length - 1) >> 1] ?? 0) + (took[took.length >> 1] ?? 0)) / 2;
    if (middle === null) expect(days[index].medianResolutionSeconds).toBeNull();
    else expect(Math.abs(days[index].medianResolutionSeconds * 1000 - middle)).toBeLessThan(middle * 0.011);
  }
  expect(medianOf({})).toBeNull();
});

it('is the same before the sweep has counted, and after everything is counted again', async () => {
  const [from, to] = ['2026-03-25T12:00:00Z', '2026-04-03T12:00:00Z'];
  const before = await get(desk.admin, from, to, 'Europe/Berlin');
  await openedDayModel().deleteMany({});
  await system.operate('migrate', { recount: true });
  expect(await get(desk.admin, from, to, 'Europe/Berlin')).toEqual(before);
  await system.operate('sweep');
  expect(await get(desk.admin, from, to, 'Europe/Berlin')).toEqual(before);
  // What is closed now counts at once, and today is counted as it goes.
  const { agent, conversation } = await desk.assigned();
  await desk.ok('POST', `/conversations/${conversation.id}/close`, agent.token);
  const now = new Date();
  const today = await get(desk.admin, now.toISOString(), new Date(now.getTime() + 1).toISOString(), 'UTC');
  expect(today.days).toMatchObject([{ date: now.toISOString().slice(0, 10), opened: 1, closed: 1 }]);
});

it.each([
  ['2026-01-01T00:00:00Z', '2027-01-03T00:00:00Z', 'UTC', '/query/to'],
  ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z', 'Europe/Nowhere', '/query/timeZone'],
  ['2026-01-01', '2026-01-02T00:00:00Z', 'UTC', '/query/from'],
  ['2028-01-01T00:00:00Z', '2029-01-01T01:00:00.001Z', 'Europe/Berlin', '/query/to'],
  ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z', '+01:07', '/query/timeZone'],
  ['0050-01-01T00:00:00Z', '0050-01-02T00:00:00Z', 'UTC', '/query/from'],
  ['9999-12-31T00:00:00Z', '9999-12-31T12:00:00Z', 'UTC', '/query/to'],
])('refuses from %s to %s in %s', async (from, to, timeZone, pointer) => {
  const query = new URLSearchParams({ from, to, timeZone });
  const { body } = await desk.call('GET', `/analytics/timeline?${query}`, desk.admin.token);
  expect(body).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ pointer }] });
});

it('of a time without days is empty, and a year is', async () => {
  expect((await get(desk.admin, '2026-01-02T00:00:00Z', '2026-01-01T00:00:00Z', 'UTC')).days).toEqual([]);
  expect((await get(desk.admin, '2026-01-01T12:00:00Z', '2026-01-01T06:00:00Z', 'UTC')).days).toEqual([]);
  expect((await get(desk.admin, '2028-01-01T00:00:00Z', '2029-01-01T00:00:00Z', 'UTC')).days).toHaveLength(366);
});

it('has no row for a day that was left out, where people moved across the date line', async () => {
  const { days } = await get(desk.admin, '2011-12-29T12:00:00Z', '2012-01-01T00:00:00Z', 'Pacific/Apia');
  expect(days.map(({ date }: { readonly date: string }) => date)).toEqual(['2011-12-29', '2011-12-31', '2012-01-01']);
});

it('has 366 days at most, and as many where the clocks are put back by two hours', async () => {
  const troll = await get(desk.admin, '2025-10-24T22:00:00Z', '2026-10-26T00:00:00Z', 'Antarctica/Troll');
  expect(troll.days).toHaveLength(366);
  const query = new URLSearchParams({ from: '2026-01-01T00:00:00Z', to: '2027-01-02T00:30:00Z' });
  const { status, body } = await desk.call('GET', `/analytics/timeline?${query}`, desk.admin.token);
  expect([status, body.errors?.[0]?.pointer]).toEqual([400, '/query/to']);
});

it.each([
  // Not from midnight to midnight there.
  ['2028-01-01T00:00:00Z', '2029-01-01T00:00:00Z', 'Europe/Berlin', 367],
  // From midnight to midnight, with two autumns in between.
  ['2025-10-25T22:00:00Z', '2026-10-26T23:00:00Z', 'Europe/Berlin', 366],
  // From half an hour before midnight to half an hour after it: in between the clocks were put forward.
  ['2025-11-30T22:30:00Z', '2026-12-01T22:30:00Z', 'Europe/Berlin', 367],
  ['2025-07-01T13:30:00Z', '2026-07-02T13:30:00Z', 'Australia/Sydney', 367],
])('has every day of 366 times 24 hours, from %s to %s in %s', async (from, to, timeZone, count) => {
  const { days } = await get(desk.admin, from, to, timeZone);
  const dates = days.map(({ date }: { readonly date: string }) => date);
  expect(dates).toHaveLength(count);
  expect(dates).toEqual(expected(from, to, timeZone).map(({ date }) => date));
});

import { readFileSync } from 'node:fs';
import {
  report as alwaysOnReport,
  type Bills,
  crossing,
  hoursOf,
  PAIR,
  pairDollars,
  serviceDollars,
} from '../../tools/alwaysOn.ts';
import {
  clockUsage,
  conversationUsage,
  report as costReport,
  type Deployed,
  deployed,
  deskUsage,
  dollars,
  idleUsage,
  type Prices,
  plus,
} from '../../tools/cost.ts';
import { deskLoadOf, loadOf, TYPICAL } from '../../tools/load.ts';
import { BASE, peakOf, report as scaleReport } from '../../tools/scale.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const prices = (JSON.parse(read('tools/prices.json')) as { items: Prices }).items;

const on: Deployed = {
  memoryGb: 1,
  sweepMinutes: 5,
  tickMinutes: 1,
  logRetentionDays: 30,
  alarms: 12,
  dashboards: 1,
  customMetrics: 10,
  httpRate: 1000,
  websocketRate: 2000,
};

describe('a conversation', () => {
  it('is counted from the contract', () => {
    // Two people, three messages, no time to ping. In: 2 joins, 3 sends, 1 close. Out: 2 joined, 3 acknowledgements,
    // 3 × 2 messages, 2 assigned, 2 closed; and each of 3 changes to 5 watchers, by a run of the dispatcher.
    const silent = { typing: 0, reads: 0 };
    expect(loadOf({ ...TYPICAL, ...silent, messages: 3, participants: 2, minutes: 3, watchers: 5 })).toMatchObject({
      httpRequests: 6,
      connects: 2,
      framesIn: 6,
      pings: 0,
      posts: 15 + 3 * 5,
      dispatches: 3,
      invocations: 6 + 2 + 6 + 2 + 3,
    });
  });

  it.each([
    // Itself; four times that it is being typed, which the other one is told; and its mark, which both are.
    ['message', { messages: 1 }, { framesIn: 1 + 4 + 1, posts: 3 + 4 + 2, invocations: 1 + 4 + 1 }],
    ['"is typing" per message', { typing: 1 }, { framesIn: 20, posts: 20, invocations: 20 }],
    ['read mark per message', { reads: 1 }, { framesIn: 20, posts: 40, invocations: 20 }],
    // A ping of each, and the room joined again.
    ['four minutes', { minutes: 4 }, { framesIn: 4, posts: 4, invocations: 4 }],
    ['watcher', { watchers: 1 }, { framesIn: 0, posts: 3, invocations: 0, dispatches: 0 }],
    ['agent', { agents: 1 }, { framesIn: 0, posts: 0, invocations: 0 }],
  ])('costs so much more with one more %s', (_, more, expected) => {
    const before = loadOf(TYPICAL);
    const [name, by] = Object.entries(more)[0] as [keyof typeof TYPICAL, number];
    const after = loadOf({ ...TYPICAL, [name]: TYPICAL[name] + by });
    for (const [field, difference] of Object.entries(expected)) {
      expect([field, after[field as keyof typeof after] - before[field as keyof typeof before]]).toEqual([
        field,
        difference,
      ]);
    }
  });
});

describe('the desk', () => {
  const shape = { ...TYPICAL, hours: 8, days: 20, agents: 0, watchers: 0 };

  it('is nothing when nobody is there', () => {
    expect(new Set(Object.values(deskLoadOf(shape)))).toEqual(new Set([0]));
  });

  it('renews each lease each minute of the working day, and connects again every two hours', () => {
    const [connects, renewals] = [4 * 20, 60 * 8 * 20];
    expect(deskLoadOf({ ...shape, agents: 1 })).toMatchObject({
      httpRequests: connects,
      connects,
      // Each is answered; each connection begins with one more.
      framesIn: renewals + connects,
      posts: renewals + connects,
      pings: 0,
      invocations: renewals + 4 * connects,
    });
  });

  it('pings for who watches and says nothing', () => {
    const pings = (8 * 60 * 20) / 4;
    expect(deskLoadOf({ ...shape, watchers: 2 })).toMatchObject({ pings: 2 * pings, connects: 160 });
  });

  it('has everybody connected all day', () => {
    expect(deskUsage(on, { ...shape, agents: 2, watchers: 1 }).socketMinutes).toBe(3 * 8 * 60 * 20);
  });
});

describe('the bill', () => {
  const shape = { ...TYPICAL, messages: 3, typing: 0, reads: 0, minutes: 3, milliseconds: 100, watchers: 0 };
  const one = conversationUsage(on, shape);
  const idle = idleUsage(on, shape);

  it('counts frames both ways, minutes of each connection and GB-seconds', () => {
    expect(one).toMatchObject({ socketMessages: 6 + 15, socketMinutes: 6, lambdaRequests: 19, alarms: 0 });
    expect(one.lambdaGbSeconds).toBeCloseTo(1.9);
  });

  it('has a sweep every five minutes when nobody comes, and the clock each minute', () => {
    const runs = 8640 + 43_200;
    expect(idle).toMatchObject({ lambdaRequests: runs, traces: runs, alarms: 12, socketMessages: 0 });
    expect(clockUsage(on, shape)).toMatchObject({ lambdaRequests: 43_200, alarms: 0 });
  });

  it('of an idle desk is cents', async () => {
    const asDeployed = await deployed();
    expect(dollars(clockUsage(asDeployed, TYPICAL), prices)).toBeLessThan(0.5);
  });

  it('multiplies, and takes off what is free item by item', () => {
    const nothing = plus(idle, idle, -1);
    const usage = { ...nothing, alarms: 12, dashboards: 1, socketMessages: 2_000_000 };
    expect(dollars(usage, prices)).toBeCloseTo(12 * 0.1 + 3 + 2);
    expect(dollars(usage, prices, true)).toBeCloseTo(2 * 0.1 + 0 + 2);
  });
});

it('reads what is deployed', async () => {
  const { alarms, customMetrics, ...rest } = await deployed();
  expect(rest).toMatchObject({ memoryGb: 1, sweepMinutes: 5, tickMinutes: 1, dashboards: 1, logRetentionDays: 90 });
  // All alarms are on a metric each but one, which is on a sum of two.
  const sections = [...read('docs/runbook.md').matchAll(/^## [A-Z][A-Za-z]+$/gm)].length;
  expect(alarms).toBe(sections + (2 - 1));
  expect(customMetrics).toBe(read('lib/runtime/metrics.ts').match(/'(Count|Seconds)',/g)?.length);
});

it('grows in proportion, and by the pool', () => {
  const [once, tenfold] = [peakOf(BASE, 1), peakOf(BASE, 10)];
  for (const what of ['apiRequests', 'socketRequests', 'httpRequests', 'newConnections', 'openSockets'] as const)
    expect(tenfold[what]).toBeCloseTo(10 * once[what]);
  expect(peakOf({ ...BASE, poolSize: 9 }, 1).databaseConnections).toBeCloseTo(2 * once.databaseConnections);
});

it('refuses what is no number', async () => {
  await expect(costReport(['--messages', 'many'])).rejects.toThrow('--messages');
  await expect(costReport(['--mesages', '1'])).rejects.toThrow('mesages');
});

describe('a pair that is always on', () => {
  const hourly = JSON.parse(read('tools/prices.json')).alwaysOn as Bills['hourly'];
  const bills: Bills = { on, shape: TYPICAL, prices, hourly, pair: PAIR };
  const kind = { name: 'some', messageMs: 2, cacheNodes: 2 };

  it('pays by the hour when nobody comes, and for the same watching', () => {
    const hours = hoursOf(kind, TYPICAL, 0);
    expect(hours).toEqual({
      vcpuHours: 720,
      gbHours: 1440,
      balancerHours: 720,
      balancerUnitHours: 0,
      addressHours: 4 * 720,
      cacheNodeHours: 1440,
    });
    const { alarms, dashboards, customMetrics } = prices;
    const watching =
      on.alarms * alarms.price + on.dashboards * dashboards.price + on.customMetrics * customMetrics.price;
    const machines = 720 * 0.03238 + 1440 * 0.00356 + 720 * 0.0225 + 2880 * 0.005 + 1440 * 0.0128;
    expect(pairDollars(bills, kind, 0)).toBeCloseTo(machines + watching);
  });

  it('gets a third container when the busiest second needs one', () => {
    // Two of half a processor, half used: 250 messages of 2 ms a second.
    const most = (250 * 720 * 3600) / PAIR.peak / TYPICAL.messages;
    expect(hoursOf(kind, TYPICAL, most).vcpuHours).toBe(720);
    expect(hoursOf(kind, TYPICAL, most * 1.01).vcpuHours).toBe(1080);
  });

  it('costs less from where the lines cross', () => {
    const from = crossing(bills, kind) ?? Number.NaN;
    expect(serviceDollars(bills, from - 1)).toBeLessThanOrEqual(pairDollars(bills, kind, from - 1));
    expect(serviceDollars(bills, from)).toBeGreaterThan(pairDollars(bills, kind, from));
  });

  it('never does where machines cost the world', () => {
    const dear = { ...hourly, vcpuHours: { ...hourly.vcpuHours, price: 1e9 } };
    expect(crossing({ ...bills, hourly: dear }, kind)).toBeNull();
  });

  it('names the page of each price', () => {
    for (const { page } of Object.values(hourly)) expect(page).toMatch(/^https:\/\/aws\.amazon\.com\/[\w/]+pricing\/$/);
  });
});

/** What a document says a command prints. */
const commands = ['docs/cost.md', 'docs/scale.md'].flatMap((document) =>
  [...read(document).matchAll(/^```\n\$ npx node tools\/(\w+)\.ts(.*)\n([\s\S]*?)\n```$/gm)].map(
    ([, name, args = '', output]) => ({ document, name, args: args.trim(), output }),
  ),
);

it.each(commands)('$document shows what tools/$name.ts $args prints', async ({ name, args, output }) => {
  const report = { cost: costReport, scale: scaleReport, alwaysOn: alwaysOnReport }[name ?? ''];
  expect(await report?.(args === '' ? [] : args.split(' '))).toBe(output);
});

it('finds the commands in both documents', () => {
  expect(new Set(commands.map(({ document }) => document)).size).toBe(2);
});

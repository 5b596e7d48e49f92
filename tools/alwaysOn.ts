import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { lines } from '../bench/report/svg.ts';
import {
  conversationInWords,
  conversationUsage,
  type Deployed,
  deployed,
  deskUsage,
  dollars,
  idleUsage,
  MONTH_DAYS,
  money,
  type Prices,
  plus,
  quantity,
  type Usage,
} from './cost.ts';
import { deskLoadOf, loadOf, type Shape, TYPICAL, workingMinutes } from './load.ts';
import { defaultsAsOptions, numbersFrom, table } from './print.ts';

/**
 * Computes where the service costs less than a server that is always on, and where more: `npx node tools/alwaysOn.ts
 * --messages 40`. The server is a pair of containers behind a load balancer, so that one may fail. Both sides leave out MongoDB.
 * The desk grows with the conversations: the agents and watchers are those of so many conversations.
 */
const A_DESK = 1000;

const HOURLY = [
  'vcpuHours',
  'gbHours',
  'balancerHours',
  'balancerUnitHours',
  'addressHours',
  'cacheNodeHours',
] as const;

type Hourly = Readonly<Record<(typeof HOURLY)[number], number>>;
type HourlyPrices = Readonly<
  Record<(typeof HOURLY)[number], { readonly what: string; readonly price: number; readonly page: string }>
>;

/** The pair. The times per message are more than a benchmark's: TLS and requests are in them. */
export const PAIR = {
  vcpu: 0.5,
  gb: 1,
  /** Messages in the busiest second of a month, as a multiple of its average second. */
  peak: 20,
  /** The share of a processor that may be in use in that second. */
  utilization: 0.5,
  /** Processor time of the classic for one message. */
  classicMs: 0.3,
  /** Processor time of Socket.IO with MongoDB for one message. */
  socketIoMs: 2,
};

/** Zones in which the load balancer has an address. */
const ZONES = 2;
/** What one capacity unit of the load balancer carries, at once or an hour. */
const UNIT = { newConnectionsPerSecond: 25, connections: 3_000, gbPerHour: 1 };
const HOURS = MONTH_DAYS * 24;
const GB = 1e9;

export interface Kind {
  readonly name: string;
  readonly messageMs: number;
  /** Nodes of a cache that carries messages from one container to the other. */
  readonly cacheNodes: number;
}

/** Returns the hours that a month with so many conversations takes. */
export function hoursOf(
  { messageMs, cacheNodes }: Kind,
  shape: Shape,
  conversations: number,
  pair: typeof PAIR = PAIR,
): Hourly {
  const load = loadOf(shape);
  const desk = deskLoadOf(shape);
  const desks = conversations / A_DESK;
  const seconds = HOURS * 3600;
  const busiest = (pair.peak * conversations * shape.messages) / seconds;
  const containers = Math.max(2, Math.ceil((busiest * messageMs) / 1000 / (pair.vcpu * pair.utilization)));
  const units = Math.max(
    (conversations * (load.connects + load.httpRequests) + desks * (desk.connects + desk.httpRequests)) /
      seconds /
      UNIT.newConnectionsPerSecond,
    (conversations * shape.participants * shape.minutes +
      desks * (shape.agents + shape.watchers) * workingMinutes(shape)) /
      (HOURS * 60) /
      UNIT.connections,
    (conversations * load.bytesOut + desks * desk.bytesOut) / GB / HOURS / UNIT.gbPerHour,
  );
  return {
    vcpuHours: containers * pair.vcpu * HOURS,
    gbHours: containers * pair.gb * HOURS,
    balancerHours: HOURS,
    balancerUnitHours: units * HOURS,
    addressHours: (containers + ZONES) * HOURS,
    cacheNodeHours: cacheNodes * HOURS,
  };
}

export interface Bills {
  readonly on: Deployed;
  readonly shape: Shape;
  readonly prices: Prices;
  readonly hourly: HourlyPrices;
  readonly pair: typeof PAIR;
}

/** Dollars of a month of the service. */
export function serviceDollars({ on, shape, prices }: Bills, conversations: number): number {
  const withDesk = plus(idleUsage(on, shape), deskUsage(on, shape), conversations / A_DESK);
  return dollars(plus(withDesk, conversationUsage(on, shape), conversations), prices);
}

/** Dollars of a month of the pair: what it takes by the hour, the same watching, the same bytes, a log of its requests. */
export function pairDollars({ on, shape, prices, hourly, pair }: Bills, kind: Kind, conversations: number): number {
  const load = loadOf(shape);
  const desk = deskLoadOf(shape);
  const desks = conversations / A_DESK;
  const idle = idleUsage(on, shape);
  const nothing = plus(idle, idle, -1);
  const requests = conversations * (load.httpRequests + load.connects) + desks * (desk.httpRequests + desk.connects);
  const logGb = (requests * shape.logBytes) / GB;
  const usage: Usage = {
    ...nothing,
    alarms: idle.alarms,
    dashboards: idle.dashboards,
    customMetrics: idle.customMetrics,
    transferGb: (conversations * load.bytesOut + desks * desk.bytesOut) / GB,
    logGb,
    logGbMonths: (logGb * on.logRetentionDays) / MONTH_DAYS,
  };
  const hours = hoursOf(kind, shape, conversations, pair);
  return dollars(usage, prices) + HOURLY.reduce((sum, item) => sum + hours[item] * hourly[item].price, 0);
}

const MOST_CONVERSATIONS = 100_000_000;

/** Finds the conversations a month from which the service costs more, or `null` where it never does. */
export function crossing(bills: Bills, kind: Kind): number | null {
  const costsMore = (conversations: number) =>
    serviceDollars(bills, conversations) > pairDollars(bills, kind, conversations);
  let [low, high] = [0, 1];
  // More containers come in steps, so that the lines may cross more than once: this is the first time.
  for (; !costsMore(high); high = Math.ceil(high * 1.05)) {
    low = high;
    if (high > MOST_CONVERSATIONS) return null;
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (costsMore(middle)) high = middle;
    else low = middle;
  }
  return high;
}

const text = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

const kindsOf = ({ classicMs, socketIoMs }: typeof PAIR): readonly Kind[] => [
  { name: 'Classic, two containers', messageMs: classicMs, cacheNodes: 0 },
  { name: 'Socket.IO + Mongo, two containers', messageMs: socketIoMs, cacheNodes: 2 },
];

async function billsFrom(given: Readonly<Record<string, unknown>>, file = ''): Promise<Bills> {
  const own = JSON.parse(text('prices.json')) as { items: Prices; alwaysOn: HourlyPrices };
  const theirs = (file ? JSON.parse(readFileSync(file, 'utf8')) : {}) as Partial<typeof own>;
  const numbers = numbersFrom({ ...TYPICAL, ...PAIR }, given);
  const { items: prices, alwaysOn: hourly } = { ...own, ...theirs };
  return { on: await deployed(), shape: numbers, pair: numbers, prices, hourly };
}

/** Returns the output of the command. */
export async function report(args: readonly string[]): Promise<string> {
  const { values } = parseArgs({
    args: [...args],
    options: { prices: { type: 'string', default: '' }, ...defaultsAsOptions({ ...TYPICAL, ...PAIR }) },
  });
  const { prices: file, ...given } = values;
  const bills = await billsFrom(given, String(file));
  const { shape, pair, hourly } = bills;
  const kinds = kindsOf(pair);
  const million = 1_000_000 / shape.messages;
  const totals = [
    { name: 'Live Support', of: (conversations: number) => serviceDollars(bills, conversations) },
    ...kinds.map((kind) => ({
      name: kind.name,
      of: (conversations: number) => pairDollars(bills, kind, conversations),
    })),
  ];
  const months = [0, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
  return [
    conversationInWords(shape),
    `For ${quantity(A_DESK)} conversations a month: ${shape.agents} agents and ${shape.watchers} watching the queue, ${shape.hours} hours a day, ${shape.days} days a month.`,
    `A container: ${pair.vcpu} vCPU, ${pair.gb} GB. The busiest second of a month: ${pair.peak} times its average one.`,
    '',
    table(
      ['Dollars an hour', ''],
      HOURLY.map((item) => [hourly[item].what, String(hourly[item].price)]),
    ),
    '',
    'Dollars a month, by messages a month:',
    '',
    table(
      ['', ...months.map((messages) => (messages === 0 ? 'none' : quantity(messages)))],
      totals.map(({ name, of }) => [name, ...months.map((messages) => money(of(messages / shape.messages)))]),
    ),
    '',
    table(
      ['Dollars for', 'an idle month', 'one more million messages'],
      totals.map(({ name, of }) => [name, money(of(0)), money(of(million) - of(0))]),
    ),
    '',
    ...kinds.map((kind) => {
      const conversations = crossing(bills, kind);
      return conversations === null
        ? `${kind.name}: never costs less.`
        : `${kind.name}: costs less from ${quantity(conversations * shape.messages)} messages a month on, which are ${quantity(conversations)} conversations and ${money(serviceDollars(bills, conversations))} dollars.`;
    }),
  ].join('\n');
}

/** Draws the bills over the messages of a month, as SVG. */
export async function plot(): Promise<string> {
  const bills = await billsFrom({ ...TYPICAL, ...PAIR });
  const { messages } = bills.shape;
  const months = Array.from({ length: 25 }, (_, index) => Math.round(10 ** (4 + index / 6)));
  const curve = (name: string, of: (conversations: number) => number) => ({
    name,
    points: months.map((sent) => [sent, of(sent / messages)] as const),
  });
  return lines({
    title: 'Dollars a month, without MongoDB',
    xName: 'messages a month',
    yName: 'dollars',
    series: [
      curve('Live Support', (conversations) => serviceDollars(bills, conversations)),
      ...kindsOf(bills.pair).map((kind) =>
        curve(kind.name, (conversations) => pairDollars(bills, kind, conversations)),
      ),
    ],
  });
}

if (import.meta.main) console.log(await report(process.argv.slice(2)));

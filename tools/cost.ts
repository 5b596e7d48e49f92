import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { deskLoadOf, type Load, loadOf, type Shape, TYPICAL, workingMinutes } from './load.ts';
import { defaultsAsOptions, numbersFrom, table } from './print.ts';

/**
 * Computes what the service costs on AWS, idle and per conversation: `npx node tools/cost.ts --messages 40`. The counts come
 * from the contract and from serverless.yml, the prices from tools/prices.json or the file that `--prices` names.
 */

interface Price {
  readonly what: string;
  readonly price: number;
  readonly per: number;
  /** Free for every account, per month. */
  readonly free: number;
}

const ITEMS = [
  'lambdaRequests',
  'lambdaGbSeconds',
  'httpRequests',
  'socketMessages',
  'socketMinutes',
  'logGb',
  'logGbMonths',
  'traces',
  'kmsRequests',
  'transferGb',
  'alarms',
  'dashboards',
  'customMetrics',
] as const;

export type Item = (typeof ITEMS)[number];
export type Usage = Readonly<Record<Item, number>>;
export type Prices = Readonly<Record<Item, Price>>;

const GB = 1e9;
export const MONTH_DAYS = 30;
/** The largest frame is 32 KB, which is one metered message. */
const MESSAGES_A_FRAME = 1;

/** The deployed parts that cost money even without any use. */
export interface Deployed {
  readonly memoryGb: number;
  readonly sweepMinutes: number;
  /** The clock of the desk. */
  readonly tickMinutes: number;
  readonly logRetentionDays: number;
  readonly alarms: number;
  readonly dashboards: number;
  readonly customMetrics: number;
  /** Requests a second that the stage lets through. */
  readonly httpRate: number;
  readonly websocketRate: number;
}

const at = (path: string) => new URL(path, import.meta.url);
const text = (path: string) => readFileSync(at(path), 'utf8');

/** Reads the deployed parts from serverless.yml, the template of alarms and the list of metrics. */
export async function deployed(stage = 'prod'): Promise<Deployed> {
  const { provider, functions, params } = parse(text('../serverless.yml'), { logLevel: 'error' }) as {
    provider: { memorySize: number };
    functions: Record<'sweep' | 'dispatch', { events: readonly { schedule: string | { rate: string } }[] }>;
    params: Record<string, Pick<Deployed, 'httpRate' | 'websocketRate'> & { logRetentionInDays: number }>;
  };
  const settings = params[stage];
  if (!settings) throw new Error(`serverless.yml has no parameters for stage ${stage}`);
  const load = createRequire(import.meta.url);
  const monitoring = load('../cloud/monitoring.cjs') as (serverless: {
    resolveVariable(name: string): Promise<unknown>;
  }) => Promise<{ Resources: Record<string, { Type: string; Properties: { Metrics?: readonly object[] } }> }>;
  const { Resources } = await monitoring({
    resolveVariable: async (name) => (name === 'self:functions' ? functions : stage),
  });
  const all = (type: string) => Object.values(Resources).filter(({ Type }) => Type === type);
  // An alarm on a sum costs as much as an alarm on each of its parts.
  const parts = ({ Metrics }: { Metrics?: readonly object[] }) =>
    Metrics?.filter((part) => 'MetricStat' in part).length ?? 1;
  const every = (name: keyof typeof functions) => {
    const schedule = functions[name].events[0]?.schedule;
    const rate = typeof schedule === 'object' ? schedule.rate : schedule;
    return Number(/^rate\((\d+) minutes?\)$/.exec(rate ?? '')?.[1]);
  };
  return {
    memoryGb: provider.memorySize / 1024,
    sweepMinutes: every('sweep'),
    tickMinutes: every('dispatch'),
    logRetentionDays: settings.logRetentionInDays,
    httpRate: settings.httpRate,
    websocketRate: settings.websocketRate,
    alarms: all('AWS::CloudWatch::Alarm').reduce((sum, { Properties }) => sum + parts(Properties), 0),
    dashboards: all('AWS::CloudWatch::Dashboard').length,
    customMetrics: text('../lib/runtime/metrics.ts').match(/^ {2}\w+: '(?:Count|Seconds)',$/gm)?.length ?? Number.NaN,
  };
}

const NOTHING = Object.fromEntries(ITEMS.map((item) => [item, 0])) as Record<Item, number>;

const MONTH_MINUTES = MONTH_DAYS * 24 * 60;

/** The bill of a month without any use. */
export function idleUsage(on: Deployed, shape: Shape): Usage {
  const sweeps = MONTH_MINUTES / on.sweepMinutes;
  return {
    ...plus(invoked(sweeps, on, shape), clockUsage(on, shape)),
    // At worst each run of the sweep is a new instance. The clock's runs are too close together for that.
    kmsRequests: sweeps + clockUsage(on, shape).kmsRequests,
    alarms: on.alarms,
    dashboards: on.dashboards,
    customMetrics: on.customMetrics,
  };
}

/** The part of it that is the desk's clock. */
export const clockUsage = (on: Deployed, shape: Shape): Usage => invoked(MONTH_MINUTES / on.tickMinutes, on, shape);

/** The bill of one more conversation. */
export const conversationUsage = (on: Deployed, shape: Shape): Usage =>
  usageOf(loadOf(shape), shape.participants * shape.minutes, on, shape);

/** The bill of a month of people at the desk: those who watch, and agents who are available. */
export const deskUsage = (on: Deployed, shape: Shape): Usage =>
  usageOf(deskLoadOf(shape), (shape.agents + shape.watchers) * workingMinutes(shape), on, shape);

const usageOf = (load: Load, socketMinutes: number, on: Deployed, shape: Shape): Usage => ({
  ...invoked(load.invocations, on, shape),
  httpRequests: load.httpRequests,
  socketMessages: (load.framesIn + load.posts) * MESSAGES_A_FRAME,
  socketMinutes,
  transferGb: load.bytesOut / GB,
});

/** The costs of every run of a function. With so few a second, all of them are traced. */
function invoked(invocations: number, on: Deployed, shape: Shape): Usage {
  const logGb = (invocations * shape.logBytes) / GB;
  return {
    ...NOTHING,
    lambdaRequests: invocations,
    lambdaGbSeconds: (invocations * on.memoryGb * shape.milliseconds) / 1000,
    logGb,
    logGbMonths: (logGb * on.logRetentionDays) / MONTH_DAYS,
    traces: invocations,
    kmsRequests: invocations * shape.parameterReads,
  };
}

export const plus = (a: Usage, b: Usage, times = 1): Usage =>
  Object.fromEntries(ITEMS.map((item) => [item, a[item] + b[item] * times])) as Record<Item, number>;

export const dollarsFor = (item: Item, usage: Usage, prices: Prices, free = false): number => {
  const { price, per, free: allowance } = prices[item];
  return (Math.max(0, usage[item] - (free ? allowance : 0)) / per) * price;
};

/** `free`: after the free allowances of every account. */
export const dollars = (usage: Usage, prices: Prices, free = false): number =>
  ITEMS.reduce((sum, item) => sum + dollarsFor(item, usage, prices, free), 0);

export const money = (amount: number) => amount.toFixed(2);
export const quantity = (amount: number) =>
  amount.toLocaleString('en-US', { maximumFractionDigits: amount >= 100 ? 0 : 2 });

export const conversationInWords = ({ messages, participants, minutes, bytes, typing, reads }: Shape): string =>
  `A conversation: ${messages} messages, ${participants} connections of ${minutes} minutes, ${bytes} bytes a message. Per message ${typing} times "is typing" and ${reads} "read".`;

/** Returns the output of the command. */
export async function report(args: readonly string[]): Promise<string> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      prices: { type: 'string', default: '' },
      conversations: { type: 'string', default: '1000' },
      ...defaultsAsOptions(TYPICAL),
    },
  });
  const { prices: file, ...numbers } = values;
  const { conversations, ...shape } = numbersFrom({ conversations: 1000, ...TYPICAL }, numbers);
  const prices = (JSON.parse(file ? readFileSync(file, 'utf8') : text('prices.json')) as { items: Prices }).items;
  const on = await deployed();
  const idle = idleUsage(on, shape);
  const clock = clockUsage(on, shape);
  const desk = deskUsage(on, shape);
  const one = conversationUsage(on, shape);
  const thousand = plus(one, one, 999);
  const month = plus(plus(idle, desk), one, conversations);

  const more = (usage: typeof deskUsage, who: 'agents' | 'watchers', times = 1) =>
    money(times * dollars(plus(usage(on, { ...shape, [who]: shape[who] + 1 }), usage(on, shape), -1), prices));

  const saved = (what: 'typing' | 'reads') =>
    money(1000 * dollars(plus(one, conversationUsage(on, { ...shape, [what]: 0 }), -1), prices));

  const columns = [idle, desk, thousand];
  const lines = ITEMS.map((item) => [
    prices[item].what,
    ...columns.flatMap((usage) => [quantity(usage[item]), money(dollarsFor(item, usage, prices))]),
  ]);
  const totals = ['together', ...columns.flatMap((usage) => ['', money(dollars(usage, prices))])];
  const sensitivity = [10, 20, 40, 80].map((messages) => [
    `${messages} messages`,
    ...[2, 3, 4].map((participants) =>
      money(1000 * dollars(conversationUsage(on, { ...shape, messages, participants }), prices)),
    ),
  ]);
  return [
    conversationInWords(shape),
    `The desk: ${shape.agents} agents available and ${shape.watchers} watching the queue, ${shape.hours} hours a day, ${shape.days} days a month.`,
    '',
    table(['', 'idle month', '$', 'desk, a month', '$', '1,000 conversations', '$'], [...lines, totals]),
    '',
    'Dollars per 1,000 conversations:',
    '',
    table(['', '2 connections', '3', '4'], sensitivity),
    '',
    `Idle month: $${money(dollars(idle, prices))}, after the free allowances $${money(dollars(idle, prices, true))}.`,
    `Of that the clock of the desk, ${quantity(clock.lambdaRequests)} runs: $${money(dollars(clock, prices))}, after the free allowances $${money(dollars(idle, prices, true) - dollars(plus(idle, clock, -1), prices, true))}.`,
    `Of 1,000 conversations typing costs $${saved('typing')}, and reading $${saved('reads')}.`,
    `One more agent: $${more(deskUsage, 'agents')} a month. One more who watches: $${more(deskUsage, 'watchers')} a month, and $${more(conversationUsage, 'watchers', 100_000)} per 100,000 conversations.`,
    `Month with the desk and ${quantity(conversations)} conversations: $${money(dollars(month, prices))}, after the free allowances $${money(dollars(month, prices, true))}.`,
  ].join('\n');
}

if (import.meta.main) console.log(await report(process.argv.slice(2)));

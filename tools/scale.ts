import { parseArgs } from 'node:util';
import { deployed } from './cost.ts';
import { deskLoadOf, type Load, loadOf, STORED, TYPICAL } from './load.ts';
import { defaultsAsOptions, numbersFrom, table } from './print.ts';

/**
 * Compares the busiest moments of a base load, and of ten, a hundred and a thousand times that load, with the quotas of a
 * new account: `npx node tools/scale.ts --conversationsPerDay 5000`.
 */

export const BASE = {
  ...TYPICAL,
  conversationsPerDay: 1000,
  /** Those of the base load. More load has more of them. */
  agents: 40,
  watchers: 4,
  /** The hours in which a day's conversations fall, and how much busier the busiest moment is than the average. */
  hours: 10,
  peak: 3,
  /** `MONGODB_POOL_SIZE`. */
  poolSize: 4,
  /**
   * Instances for each one at work: idle ones are kept for a while, a burst starts new ones, and a deploy replaces all.
   */
  instancesPerBusy: 2,
};

/** The quotas of an account until it asks for more. */
const QUOTAS = {
  apiRequests: 10_000,
  /** In 13 regions: docs/scale.md names them. */
  apiRequestsInSmallRegions: 2_500,
  newConnections: 500,
  lambdaConcurrency: 1000,
  parameterReads: 40,
};

/** The functions that a conversation uses, each with one instance at least: sign-in, conversations, sockets, dispatcher. */
const FUNCTIONS_IN_USE = 4;
/** Beside its pool, a client has one connection to watch each member of the replica set. */
const MONITORS = 1;
/** How often an instance reads the signing keys again. A new instance reads all its secrets at once. */
const KEYS_FRESH_SECONDS = 300;
/** How quickly a deploy replaces the instances of a busy service. */
const REPLACED_WITHIN_SECONDS = 10;

export interface Peak {
  readonly conversationsPerDay: number;
  readonly openSockets: number;
  readonly newConnections: number;
  readonly httpRequests: number;
  /** Frames in, connects and disconnects, which the WebSocket API's own limit counts. */
  readonly socketRequests: number;
  /** Requests of both APIs and posts to connections, which share one quota. */
  readonly apiRequests: number;
  readonly messages: number;
  readonly gigabytesADay: number;
  readonly lambdaConcurrency: number;
  /** Connections on the primary, at most. */
  readonly databaseConnections: number;
  readonly parameterReads: number;
  readonly parameterReadsAtDeploy: number;
}

/** Computes a second of the busiest time, at `times` the base load. */
export function peakOf(base: typeof BASE, times: number): Peak {
  const load = loadOf(base);
  const desk = deskLoadOf(base);
  const conversationsPerDay = base.conversationsPerDay * times;
  const starts = (conversationsPerDay / (base.hours * 3600)) * base.peak;
  /** For so many a month of what the desk does, a second of it. */
  const ofDesk = (aMonth: number) => (times * aMonth) / (base.days * base.hours * 3600);
  const lambdaConcurrency = ((starts * load.invocations + ofDesk(desk.invocations)) * base.milliseconds) / 1000;
  const instances = FUNCTIONS_IN_USE + lambdaConcurrency * base.instancesPerBusy;
  return {
    conversationsPerDay,
    openSockets: starts * base.participants * base.minutes * 60 + times * (base.agents + base.watchers),
    newConnections: starts * load.connects + ofDesk(desk.connects),
    httpRequests: starts * load.httpRequests + ofDesk(desk.httpRequests),
    socketRequests: starts * (load.framesIn + 2 * load.connects) + ofDesk(desk.framesIn + 2 * desk.connects),
    apiRequests: starts * requestsOf(load) + ofDesk(requestsOf(desk)),
    messages: starts * base.messages,
    gigabytesADay: (conversationsPerDay * (base.messages * STORED.message + STORED.conversation)) / 1e9,
    lambdaConcurrency,
    databaseConnections: instances * (base.poolSize + MONITORS),
    parameterReads: instances / KEYS_FRESH_SECONDS,
    parameterReadsAtDeploy: instances / REPLACED_WITHIN_SECONDS,
  };
}

const requestsOf = ({ httpRequests, connects, framesIn, posts }: Load): number =>
  httpRequests + connects + framesIn + posts;

/** Returns how many conversations a day make so many requests in the busiest second. */
const conversationsUntil = (base: typeof BASE, apiRequests: number): number =>
  Math.floor((base.conversationsPerDay * apiRequests) / peakOf(base, 1).apiRequests);

/** Rounds up, except for the error of floating-point arithmetic. */
const whole = (amount: number) => Math.ceil(amount - 1e-6).toLocaleString('en-US');

/** Returns the output of the command. */
export async function report(args: readonly string[]): Promise<string> {
  const { values } = parseArgs({ args: [...args], options: defaultsAsOptions(BASE) });
  const base = numbersFrom(BASE, values);
  const { httpRate, websocketRate } = await deployed();
  const rows: readonly (readonly [string, keyof Peak, number?])[] = [
    ['conversations a day', 'conversationsPerDay'],
    ['open sockets', 'openSockets'],
    ['messages stored /s', 'messages'],
    ['stored for good a day, GB', 'gigabytesADay'],
    ['HTTP requests /s', 'httpRequests', httpRate],
    ['frames and connects /s', 'socketRequests', websocketRate],
    ['these and posts /s', 'apiRequests', QUOTAS.apiRequests],
    ['new connections /s', 'newConnections', QUOTAS.newConnections],
    ['functions at work', 'lambdaConcurrency', QUOTAS.lambdaConcurrency],
    ['connections to the primary', 'databaseConnections'],
    ['parameter reads /s', 'parameterReads', QUOTAS.parameterReads],
    ['parameter reads /s at a deploy', 'parameterReadsAtDeploy', QUOTAS.parameterReads],
  ];
  const peaks = [1, 10, 100, 1000].map((times) => peakOf(base, times));
  const cell = (amount: number, quota = Number.POSITIVE_INFINITY) => whole(amount) + (amount > quota ? ' !' : '  ');
  return [
    table(
      ['', '1×  ', '10×  ', '100×  ', '1,000×  ', 'limit'],
      rows.map(([what, key, quota]) => [
        what,
        ...peaks.map((peak) => cell(peak[key], quota)),
        quota === undefined ? '' : whole(quota),
      ]),
    ),
    '',
    `In a region with ${whole(QUOTAS.apiRequestsInSmallRegions)} requests /s: ${whole(conversationsUntil(base, QUOTAS.apiRequestsInSmallRegions))} conversations a day.`,
    `At the quota of ${whole(QUOTAS.lambdaConcurrency)} functions at work: ${whole(QUOTAS.lambdaConcurrency * base.instancesPerBusy * (base.poolSize + MONITORS))} connections to the primary.`,
  ].join('\n');
}

if (import.meta.main) console.log(await report(process.argv.slice(2)));

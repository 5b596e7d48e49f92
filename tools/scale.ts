import { parseArgs } from 'node:util';
import { deployed } from './cost.ts';
import { loadOf, STORED, TYPICAL } from './load.ts';
import { defaultsAsOptions, numbersFrom, table } from './print.ts';

/**
 * The busiest moments of a base load and of ten, a hundred and a thousand times it, against the quotas an account begins
 * with: `npx node tools/scale.ts --conversationsPerDay 5000`.
 */

export const BASE = {
  ...TYPICAL,
  conversationsPerDay: 1000,
  /** The hours a day's conversations fall in, and how much busier the busiest moment is than their average. */
  hours: 10,
  peak: 3,
  /** `MONGODB_POOL_SIZE`. */
  poolSize: 4,
  /**
   * Instances there are for each one at work: they are kept for a while, a burst is served by new ones, and a deploy
   * makes new ones of all.
   */
  instancesPerBusy: 2,
};

/** What an account has until it asks for more. */
const QUOTAS = {
  apiRequests: 10_000,
  /** In 13 regions: docs/scale.md names them. */
  apiRequestsInSmallRegions: 2_500,
  newConnections: 500,
  lambdaConcurrency: 1000,
  parameterReads: 40,
};

/** Functions a conversation passes through, each with an instance at least: sign-in, conversations, sockets. */
const FUNCTIONS_IN_USE = 3;
/** Beside its pool, a client watches each member of the replica set over a connection of its own. */
const MONITORS = 1;
/** How often an instance reads the signing keys again. A new one reads all it needs at once. */
const KEYS_FRESH_SECONDS = 300;
/** How quickly a deploy replaces the instances of a busy service. */
const REPLACED_WITHIN_SECONDS = 10;

export interface Peak {
  readonly conversationsPerDay: number;
  readonly openSockets: number;
  readonly newConnections: number;
  readonly httpRequests: number;
  /** Frames in, connects and disconnects: what the WebSocket API's own limit counts. */
  readonly socketRequests: number;
  /** Of both APIs, posts to connections included: they share one quota. */
  readonly apiRequests: number;
  readonly messages: number;
  readonly gigabytesADay: number;
  readonly lambdaConcurrency: number;
  /** On the primary, at most. */
  readonly databaseConnections: number;
  readonly parameterReads: number;
  readonly parameterReadsAtDeploy: number;
}

/** A second of the busiest time, at `times` the base load. */
export function peakOf(base: typeof BASE, times: number): Peak {
  const load = loadOf(base);
  const conversationsPerDay = base.conversationsPerDay * times;
  const starts = (conversationsPerDay / (base.hours * 3600)) * base.peak;
  const lambdaConcurrency = (starts * load.invocations * base.milliseconds) / 1000;
  const instances = FUNCTIONS_IN_USE + lambdaConcurrency * base.instancesPerBusy;
  return {
    conversationsPerDay,
    openSockets: starts * base.participants * base.minutes * 60,
    newConnections: starts * load.connects,
    httpRequests: starts * load.httpRequests,
    socketRequests: starts * (load.framesIn + 2 * load.connects),
    apiRequests: starts * (load.httpRequests + load.connects + load.framesIn + load.posts),
    messages: starts * base.messages,
    gigabytesADay: (conversationsPerDay * (base.messages * STORED.message + STORED.conversation)) / 1e9,
    lambdaConcurrency,
    databaseConnections: instances * (base.poolSize + MONITORS),
    parameterReads: instances / KEYS_FRESH_SECONDS,
    parameterReadsAtDeploy: instances / REPLACED_WITHIN_SECONDS,
  };
}

/** How many conversations a day there are in the busiest second's requests. */
const conversationsUntil = (base: typeof BASE, apiRequests: number): number =>
  Math.floor((base.conversationsPerDay * apiRequests) / peakOf(base, 1).apiRequests);

/** Up, but for what the machine's arithmetic adds. */
const whole = (amount: number) => Math.ceil(amount - 1e-6).toLocaleString('en-US');

/** Everything the command prints. */
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

import { AsyncLocalStorage } from 'node:async_hooks';
import { ApiGatewayManagementApiClient } from '@aws-sdk/client-apigatewaymanagementapi';
import mongoose from 'mongoose';

/**
 * What goes wrong in one invocation. The faults are injected where the driver writes to its socket and not by the
 * server's `failCommand`: of that there is one per server, so tests that run beside each other would disarm it for each
 * other; and it can't lose the answer to a command that was carried out, which is the nastiest case.
 */
export interface Disturbance {
  readonly kind: 'crash' | 'writeConcern';
  /** Which of the invocation's effects, database commands and posts counted together from 1. */
  readonly at: number;
  /** Before: the effect doesn't happen. After: it does, and nobody learns of it. */
  readonly when: 'before' | 'after';
  /** How many effects in a row; a crash needs one. */
  readonly times: number;
}

let now = 0;
/** A clock that only ever counts: what ended before something else began has the smaller number. */
export const tick = (): number => {
  now += 1;
  return now;
};

/** A Lambda killed half way; its own code is told so only to unwind, and can't do anything any more. */
class Killed extends Error {
  override readonly name = 'Killed';
}

const { MongoWriteConcernError } = mongoose.mongo;

export interface Post {
  readonly connectionId: string;
  readonly frame: { readonly event: string; readonly data: Readonly<Record<string, unknown>> };
  readonly at: number;
  outcome: 'delivered' | 'gone' | 'failed' | 'under way';
}

type Command = Readonly<Record<string, unknown>>;

/** One run of a handler: what it did, and what is to go wrong in it. */
export class Invocation {
  readonly key: string;
  readonly disturbance: Disturbance | undefined;
  readonly posts: Post[] = [];
  readonly ended: Promise<void>;
  startedAt = tick();
  endedAt = Number.POSITIVE_INFINITY;
  /** The disturbance has struck. */
  struck = false;
  dead = false;
  #effects = 0;
  #end: () => void = () => undefined;
  #kill: () => void = () => undefined;
  readonly #killed: Promise<void>;

  constructor(key: string, disturbance?: Disturbance) {
    this.key = key;
    this.disturbance = disturbance;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#killed = new Promise((resolve) => {
      this.#kill = resolve;
    });
  }

  /** Whether everything went as if there were no faults. */
  get clean(): boolean {
    return !this.struck && this.posts.every((post) => post.outcome === 'delivered' || post.outcome === 'gone');
  }

  /** Runs a handler under this invocation; `lost` is what its caller hears when it is killed. */
  async run<T>(work: () => Promise<T>, lost: () => T): Promise<T> {
    this.startedAt = tick();
    try {
      return await Promise.race([current.run(this, work), this.#killed.then(lost)]);
    } finally {
      this.endedAt = tick();
      this.#end();
    }
  }

  /** A database command on its way out; `abort` ends its transaction instead. */
  async command<T>(
    name: string,
    command: Command,
    { go, abort }: { readonly go: () => Promise<T>; readonly abort: () => Promise<unknown> },
  ): Promise<T> {
    // The server ends the transactions of clients it hears no more of; here, at once. The driver aborts none that it commits.
    if (name === 'abortTransaction') return go();
    const isCommit = name === 'commitTransaction';
    if (this.dead && isCommit) await abort();
    if (this.dead) throw new Killed();
    const fault = this.#next();
    if (fault && (fault.kind !== 'writeConcern' || waitsForMajority(name, command))) {
      this.struck = true;
      if (fault.when === 'after' || fault.kind === 'writeConcern') await go();
      else if (isCommit) await abort();
      if (fault.kind === 'crash') this.#die();
      else throw unconfirmed(command);
    }
    const result = this.dead ? undefined : await go();
    if (this.dead) throw new Killed();
    return result as T;
  }

  /** A post to a connection on its way out. */
  async post<T>(input: { ConnectionId: string; Data: Uint8Array }, go: () => Promise<T>): Promise<T> {
    if (this.dead) throw new Killed();
    const crash = this.#next('crash');
    if (crash) this.struck = true;
    if (crash?.when === 'before') {
      this.#die();
      throw new Killed();
    }
    const post: Post = {
      connectionId: input.ConnectionId,
      frame: JSON.parse(Buffer.from(input.Data).toString()) as Post['frame'],
      at: tick(),
      outcome: 'under way',
    };
    this.posts.push(post);
    try {
      const result = await go();
      post.outcome = 'delivered';
      return result;
    } catch (error) {
      post.outcome = error instanceof Error && error.name === 'GoneException' ? 'gone' : 'failed';
      throw error;
    } finally {
      if (crash) this.#die();
      // Whoever waits in vain unwinds; what it tries on the way it can't.
      if (this.dead) post.outcome = 'failed';
    }
  }

  #next(only?: Disturbance['kind']): Disturbance | undefined {
    this.#effects += 1;
    const { disturbance: it } = this;
    if (!it || (only && it.kind !== only)) return undefined;
    return this.#effects >= it.at && this.#effects < it.at + it.times ? it : undefined;
  }

  #die(): void {
    this.dead = true;
    this.#kill();
  }
}

const waitsForMajority = (name: string, command: Command): boolean =>
  name === 'commitTransaction' || (command['autocommit'] === undefined && command['writeConcern'] !== undefined);

/**
 * As the server words it when no majority confirms in time, though the command was carried out. (What makes the driver
 * think its server lost would strike the histories beside this one too: `failPoints.test.ts` has those faults, on a
 * driver of its own.)
 */
function unconfirmed(command: Command): Error {
  return new MongoWriteConcernError({
    ok: 1,
    errorLabels: command['commitTransaction'] === undefined ? [] : ['UnknownTransactionCommitResult'],
    writeConcernError: { code: 64, codeName: 'WriteConcernTimeout', errmsg: 'waiting for replication timed out' },
  });
}

const current = new AsyncLocalStorage<Invocation>();

/** The commands of the application; the driver's own (hello, ping, endSessions …) are left alone. */
const DISTURBED = new Set([
  'find',
  'getMore',
  'aggregate',
  'count',
  'insert',
  'update',
  'delete',
  'findAndModify',
  'commitTransaction',
  'abortTransaction',
]);

interface DriverConnection {
  command(ns: unknown, command: Command, ...rest: unknown[]): Promise<unknown>;
}

/** Commands that came through the gates: none would mean that they stand in the wrong driver. */
export let commandsSeen = 0;

/** Puts the gates in place, once per process. */
export function installGates(): void {
  // The one place every command passes: see tests/support/mongooseBundle.ts.
  const { prototype } = (mongoose as unknown as { DriverConnection: { prototype: DriverConnection } }).DriverConnection;
  const { command: original } = prototype;
  prototype.command = function (ns, command, ...rest) {
    const go = () => original.call(this, ns, command, ...rest);
    const invocation = current.getStore();
    const [name = ''] = Object.keys(command);
    if (!invocation || !DISTURBED.has(name)) return go();
    commandsSeen += 1;
    const abort = () => original.call(this, ns, { abortTransaction: 1 }, ...rest);
    return invocation.command(name, command, { go, abort });
  };
  const client = ApiGatewayManagementApiClient.prototype as unknown as {
    send(command: { input: { ConnectionId: string; Data?: Uint8Array } }, options?: unknown): Promise<unknown>;
  };
  const { send } = client;
  client.send = function (command, options) {
    const go = () => send.call(this, command, options);
    const invocation = current.getStore();
    const { ConnectionId, Data } = command.input;
    return invocation && Data ? invocation.post({ ConnectionId, Data }, go) : go();
  };
}

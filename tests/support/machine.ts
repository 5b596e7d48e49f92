import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { within } from './deadline.ts';
import { BLOCKED_FD, type Fault, type FromMachine, type ToMachine } from './machineProtocol.ts';

/** The machine was gone before its handler had returned. */
export class MachineDied extends Error {
  override readonly name = 'MachineDied';
}

const OF_THE_DEAD = { statusCode: 502 };

/** Whether this is what the gateway makes of a machine that died: see `carry`. */
export const isOfTheDead = (result: unknown): boolean => result === OF_THE_DEAD;

export interface Invocation {
  readonly result: unknown;
  /** The database commands it issued, in order. */
  readonly commands: readonly string[];
}

const WORKER = fileURLToPath(new URL('machineWorker.ts', import.meta.url));

/** Another machine: real handlers in a process of their own, which can die or freeze at any of its database commands. */
export class Machine {
  static readonly #running = new Set<Machine>();
  /** What one has compiled the next ones needn't: they start in half the time. */
  static #compileCache: Promise<string> | undefined;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (value: Invocation) => void; reject: (error: Error) => void }>();
  #serial = 0;
  /** What befalls the next invocation. */
  fault: Fault | undefined;
  /** Fulfils when it has stopped at the fault's command. */
  readonly frozen: Promise<unknown>;
  readonly exited: Promise<unknown>;
  /** What the last invocation that returned did. */
  commands: readonly string[] = [];

  private constructor(compileCache: string, environment: Readonly<Record<string, string>>) {
    this.#child = fork(WORKER, {
      env: { ...process.env, NODE_OPTIONS: '', NODE_COMPILE_CACHE: compileCache, ...environment },
      execArgv: ['--no-warnings'],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc', 'pipe'],
    });
    this.frozen = once(this.#child.stdio[BLOCKED_FD] as Readable, 'data').catch(() => undefined);
    Machine.#running.add(this);
    this.exited = once(this.#child, 'exit').then(() => {
      Machine.#running.delete(this);
      for (const { reject } of this.#waiting.values()) reject(new MachineDied());
      this.#waiting.clear();
    });
    this.#child.on('message', (message: FromMachine) => {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      this.commands = message.commands;
      if ('error' in message) waiting?.reject(new Error(message.error));
      else waiting?.resolve(message);
    });
  }

  /** Starts one with the handlers of these files loaded, which begin to connect as they do on Lambda. */
  static async start(files: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Machine> {
    Machine.#compileCache ??= mkdtemp(join(tmpdir(), 'live-support-machine-'));
    const machine = new Machine(await Machine.#compileCache, environment);
    await within('a machine to start', Promise.all(files.map((file) => machine.#ask({ file }))));
    return machine;
  }

  /** Runs a handler. Rejects with `MachineDied` when it doesn't come to its end. */
  async invoke(file: string, event: unknown): Promise<unknown> {
    const { fault } = this;
    this.fault = undefined;
    return (await this.#ask({ file, event, fault })).result;
  }

  /** As `invoke`, for a gateway to carry: of a machine that dies nobody hears any more. */
  readonly carry = (file: string, event: unknown): Promise<unknown> =>
    this.invoke(file, event).catch((error: unknown) => {
      if (error instanceof MachineDied) return OF_THE_DEAD;
      throw error;
    });

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** Ends it, frozen or not. Safe to repeat. */
  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  /** Leaves nothing behind, neither machines that a failed test left running nor files. */
  static async stopAll(): Promise<void> {
    await Promise.all([...Machine.#running].map((machine) => machine.stop()));
    const cache = await Machine.#compileCache;
    Machine.#compileCache = undefined;
    if (cache !== undefined) await rm(cache, { recursive: true, force: true });
  }

  #ask(message: Omit<ToMachine, 'id'>): Promise<Invocation> {
    this.#serial += 1;
    const id = this.#serial;
    return new Promise((resolve, reject) => {
      if (!this.#child.connected) return reject(new MachineDied());
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ ...message, id });
    });
  }
}

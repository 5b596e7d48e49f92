import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { within } from '../../tests/support/deadline.ts';
import type { Answer, Usage } from './serve.ts';

export type Environment = Readonly<Record<string, string>>;

/** A server in a process of its own, for which `serve.ts` answers. It ends when the benchmark does. */
export class Server {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>();
  readonly #exited: Promise<unknown>;
  #serial = 0;
  #isStopping = false;
  /** What the server said of itself when it was ready. */
  ready: unknown;

  private constructor(file: string, environment: Environment) {
    this.#child = fork(fileURLToPath(new URL(`../${file}`, import.meta.url)), {
      env: { ...process.env, NODE_OPTIONS: '', ...environment },
      execArgv: ['--no-warnings', '--expose-gc'],
      serialization: 'advanced',
      // A log has to be written, and nobody reads it.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#exited = once(this.#child, 'exit').then(() => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${file} has ended`));
      this.#waiting.clear();
      if (!this.#isStopping) console.error(`${file} has ended`);
    });
  }

  /** Starts a file of this folder, and waits until it is ready. */
  static async start(file: string, environment: Environment = {}): Promise<Server> {
    const server = new Server(file, environment);
    const child = server.#child;
    const ready = new Promise<unknown>((fulfil, reject) => {
      child.once('message', (message: { ready: unknown }) => fulfil(message.ready));
      child.once('exit', () => reject(new Error(`${file} ended before it was ready`)));
    });
    server.ready = await within(`${file} to be ready`, ready);
    child.on('message', (answer: Answer) => {
      const waiting = server.#waiting.get(answer.id);
      server.#waiting.delete(answer.id);
      if ('error' in answer) waiting?.reject(new Error(answer.error));
      else waiting?.resolve(answer.result as never);
    });
    return server;
  }

  ask<T>(name: string, argument?: unknown): Promise<T> {
    this.#serial += 1;
    const id = this.#serial;
    return new Promise<T>((resolve, reject) => {
      if (!this.#child.connected) return reject(new Error('the server has ended'));
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, name, argument });
    });
  }

  usage(): Promise<Usage> {
    return this.ask('usage');
  }

  /** Ends the process, and waits until it is gone. Safe to repeat. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}

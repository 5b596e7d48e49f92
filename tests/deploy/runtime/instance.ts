import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { HANG_MS, within } from '../../support/deadline.ts';
import type { DeployedFunction } from '../deployed.ts';

/** The function threw, timed out or ended: what the gateway makes a 5xx of. */
export class FunctionError extends Error {
  override readonly name = 'FunctionError';
}

interface Invocation {
  readonly id: string;
  readonly event: string;
  readonly deadline: number;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

const BOOTSTRAP = fileURLToPath(new URL('bootstrap.cjs', import.meta.url));

/**
 * One execution environment: a process with the function's package and nothing else, which takes invocations from a
 * runtime API. It is stopped the moment it hands in its answer and goes on, in the middle of whatever it had begun
 * besides, when the next invocation comes: Lambda allows a little more, never less.
 */
export class Instance {
  readonly #child: ChildProcess;
  readonly #name: string;
  #invocation: Invocation | undefined;
  /** The runtime's `GET next`, waiting for an invocation; or its answer, handed in and not yet acknowledged. */
  #waiting: ServerResponse | undefined;
  #acknowledge: (() => void) | undefined;
  readonly #exited: Promise<void>;
  /** The code is loaded: the runtime asks for its first invocation. */
  readonly initialised: Promise<void>;
  #onInitialised: () => void = () => undefined;
  isGone = false;

  static async start(
    one: DeployedFunction,
    environment: Readonly<Record<string, string>>,
    log: (line: string) => void,
  ): Promise<Instance> {
    const api = createServer();
    await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
    return new Instance(one, environment, log, api);
  }

  private constructor(
    one: DeployedFunction,
    environment: Readonly<Record<string, string>>,
    log: (line: string) => void,
    api: Server,
  ) {
    this.#name = one.name;
    this.initialised = new Promise((resolve) => {
      this.#onInitialised = resolve;
    });
    api.on('request', (request, response) => void this.#serve(request, response));
    this.#child = spawn(process.execPath, [BOOTSTRAP], {
      cwd: one.folder,
      // Nothing of ours.
      env: {
        ...environment,
        TZ: ':UTC',
        LAMBDA_TASK_ROOT: one.folder,
        _HANDLER: one.handler,
        AWS_LAMBDA_FUNCTION_NAME: one.functionName,
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(one.memorySize),
        AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${(api.address() as AddressInfo).port}`,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      let rest = '';
      stream?.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) log(line);
      });
    }
    this.#exited = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        this.isGone = true;
        this.#finish((invocation) => invocation.reject(new FunctionError(`${this.#name} ended: ${code ?? signal}`)));
        api.closeAllConnections();
        api.close(() => resolve());
      });
    });
  }

  async invoke(event: unknown, timeoutMs: number): Promise<unknown> {
    const id = randomUUID();
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#invocation = { id, event: JSON.stringify(event), deadline: Date.now() + timeoutMs, resolve, reject };
    });
    answer.catch(() => undefined);
    this.#child.kill('SIGCONT');
    this.#acknowledge?.();
    this.#acknowledge = undefined;
    this.#hand();
    try {
      // Initialisation comes on top.
      return await within(`${this.#name} (Task timed out)`, answer, timeoutMs + HANG_MS);
    } catch (error) {
      if (!(error instanceof FunctionError)) await this.stop();
      throw error;
    }
  }

  /** Until an invocation comes. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const path = (request.url ?? '').replace('/2018-06-01/runtime/', '');
    if (path === 'invocation/next') {
      this.#waiting = response;
      this.#onInitialised();
      this.#hand();
      return;
    }
    const [, id, outcome] = /^(?:invocation\/([^/]+)\/)?(response|error|init\/error)$/.exec(path) ?? [];
    if (outcome === 'init/error') {
      response.writeHead(202).end();
      return this.#finish((invocation) => invocation.reject(new FunctionError(`${this.#name}: ${body}`)));
    }
    if (id !== this.#invocation?.id) return void response.writeHead(400).end();
    // Before it hears that its answer has arrived.
    this.freeze();
    this.#acknowledge = () => response.writeHead(202).end();
    this.#finish((invocation) => {
      if (outcome === 'response') invocation.resolve(JSON.parse(body));
      else invocation.reject(new FunctionError(`${this.#name}: ${body}`));
    });
  }

  #hand(): void {
    const invocation = this.#invocation;
    const response = this.#waiting;
    if (!invocation || !response) return;
    this.#waiting = undefined;
    response.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': invocation.id,
      'lambda-runtime-deadline-ms': String(invocation.deadline),
      'lambda-runtime-invoked-function-arn': `arn:aws:lambda:eu-central-1:123456789012:function:${this.#name}`,
      'lambda-runtime-trace-id': 'Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1',
    });
    response.end(invocation.event);
  }

  #finish(how: (invocation: Invocation) => void): void {
    const invocation = this.#invocation;
    this.#invocation = undefined;
    if (invocation) how(invocation);
  }
}

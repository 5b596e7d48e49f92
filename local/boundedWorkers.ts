import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The part of the emulator's LambdaFunction that its callers use. */
interface LambdaFunction {
  setEvent(event: unknown): void;
  setClientContext(context: unknown): void;
  runHandler(): Promise<unknown>;
}

interface LambdaFunctionPool {
  get(functionKey: string, definition: unknown): LambdaFunction;
}

/** Workers per function: enough to see commands of one area run side by side. */
const MOST = 4;

/**
 * The emulator starts a worker for every invocation that finds none idle. Fifty messages at once start fifty workers, each
 * loads all of its code, and the machine does nothing else for half a minute. Here a function has a few workers, as with
 * reserved concurrency, and further invocations wait their turn instead of being refused.
 */
export async function boundWorkers(): Promise<void> {
  const emulator = dirname(createRequire(import.meta.url).resolve('serverless-offline'));
  const { default: Pool } = (await import(pathToFileURL(join(emulator, 'lambda', 'LambdaFunctionPool.js')).href)) as {
    default: { prototype: LambdaFunctionPool };
  };
  const { get } = Pool.prototype;
  const lines = new Map<string, Line>();
  Pool.prototype.get = function (this: LambdaFunctionPool, functionKey, definition) {
    const line = lines.get(functionKey) ?? new Line();
    lines.set(functionKey, line);
    return new WaitingFunction(line, () => get.call(this, functionKey, definition));
  };
}

/** One invocation, which gets a worker when it is its turn. */
class WaitingFunction implements LambdaFunction {
  readonly #line: Line;
  readonly #worker: () => LambdaFunction;
  #event: unknown;
  #clientContext: unknown;

  constructor(line: Line, worker: () => LambdaFunction) {
    this.#line = line;
    this.#worker = worker;
  }

  setEvent(event: unknown): void {
    this.#event = event;
  }

  setClientContext(context: unknown): void {
    this.#clientContext = context;
  }

  /**
   * The emulator doesn't wait for a function that is called asynchronously. Its failure is
   * caught here, so that it doesn't end the emulator; the function logs it. A caller who waits still gets the failure.
   */
  runHandler(): Promise<unknown> {
    const run = this.#run();
    run.catch(() => undefined);
    return run;
  }

  async #run(): Promise<unknown> {
    await this.#line.enter();
    try {
      const worker = this.#worker();
      worker.setEvent(this.#event);
      worker.setClientContext(this.#clientContext);
      return await worker.runHandler();
    } finally {
      this.#line.leave();
    }
  }
}

/** First come, first served. */
class Line {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  async enter(): Promise<void> {
    if (this.#running < MOST) {
      this.#running += 1;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  leave(): void {
    const next = this.#waiting.shift();
    // The next invocation takes the place over.
    if (next) next();
    else this.#running -= 1;
  }
}

import { within } from '../../support/deadline.ts';
import { routeKeyOfEvent } from '../../support/handlers.ts';
import type { Deployed, DeployedFunction } from '../deployed.ts';
import { Instance } from './instance.ts';

export interface FleetOptions {
  /** On top of what was deployed. */
  environment(one: DeployedFunction): Readonly<Record<string, string>>;
  /** `never`: every invocation gets a new instance, which is killed once it has answered. */
  readonly reuse: 'always' | 'never';
}

/** More at once wait: this machine is smaller than AWS. */
const INSTANCES_PER_FUNCTION = 8;

/** Lambda: as many instances of each function as there are invocations at the same time, kept frozen in between. */
export class Fleet {
  readonly #functions: ReadonlyMap<string, DeployedFunction>;
  readonly #options: FleetOptions;
  readonly #idle = new Map<string, Instance[]>();
  readonly #all = new Set<Instance>();
  readonly #busy = new Map<string, number>();
  readonly #queue = new Map<string, (() => void)[]>();
  /** What the functions wrote, line by line. */
  readonly log: string[] = [];
  readonly invoked = new Set<string>();
  /** The keys of the routes that were taken. */
  readonly routes = new Set<string>();
  /** By function, how many instances were started. */
  readonly starts = new Map<string, number>();

  constructor({ functions }: Deployed, options: FleetOptions) {
    this.#functions = new Map(functions.map((one) => [one.name, one]));
    this.#options = options;
  }

  async invoke(name: string, event: unknown): Promise<unknown> {
    const one = this.#named(name);
    this.invoked.add(name);
    const routeKey = routeKeyOfEvent(event);
    if (routeKey !== undefined) this.routes.add(routeKey);
    await this.#enter(name);
    try {
      const idle = this.#idleOf(name);
      const instance = idle.pop() ?? (await this.#start(one));
      try {
        return await instance.invoke(event, one.timeoutSeconds * 1000);
      } finally {
        if (this.#options.reuse === 'never') await instance.stop();
        if (instance.isGone) this.#all.delete(instance);
        else idle.push(instance);
      }
    } finally {
      this.#leave(name);
    }
  }

  /**
   * Starts an instance before anybody needs it, as AWS does too. Once it has loaded and has come so far, it lies frozen until
   * an invocation comes.
   */
  async prepare(name: string, soFar: Promise<void>): Promise<void> {
    const instance = await this.#start(this.#named(name));
    await within(`${name} to load`, Promise.all([instance.initialised, soFar]));
    instance.freeze();
    this.#idleOf(name).push(instance);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#all].map((instance) => instance.stop()));
    this.#all.clear();
    this.#idle.clear();
  }

  #named(name: string): DeployedFunction {
    const one = this.#functions.get(name);
    if (!one) throw new Error(`no function ${name}`);
    return one;
  }

  #idleOf(name: string): Instance[] {
    const idle = this.#idle.get(name) ?? [];
    this.#idle.set(name, idle);
    return idle;
  }

  async #start(one: DeployedFunction): Promise<Instance> {
    this.starts.set(one.name, (this.starts.get(one.name) ?? 0) + 1);
    const environment = { ...one.environment, ...this.#options.environment(one) };
    const instance = await Instance.start(one, environment, (line) => this.log.push(line));
    this.#all.add(instance);
    return instance;
  }

  async #enter(name: string): Promise<void> {
    const busy = this.#busy.get(name) ?? 0;
    if (busy < INSTANCES_PER_FUNCTION) {
      this.#busy.set(name, busy + 1);
      return;
    }
    const queue = this.#queue.get(name) ?? [];
    this.#queue.set(name, queue);
    await new Promise<void>((resolve) => queue.push(resolve));
  }

  /** Whoever waits longest takes the place. */
  #leave(name: string): void {
    const next = this.#queue.get(name)?.shift();
    if (next) next();
    else this.#busy.set(name, (this.#busy.get(name) ?? 1) - 1);
  }
}

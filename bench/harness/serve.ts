import type { Asks } from './asks.ts';
import { profiled } from './profile.ts';

/** The side of a server process: what it answers the benchmark, which has started it, over the channel between them. */

export interface Question {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

export type Answer = { readonly id: number } & ({ readonly result: unknown } | { readonly error: string });

/** Processor time and memory that a process has used so far. */
export interface Usage {
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly heapMb: number;
}

const MB = 1024 * 1024;

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return { cpuMs: (user + system) / 1000, rssMb: rss / MB, heapMb: heapUsed / MB };
}

/** Says that the server is ready, and answers questions until the benchmark is gone. */
export function serve(ready: unknown, asks: Asks = {}): void {
  const all: Asks = { usage, collect: () => globalThis.gc?.(), ...profiled(), ...asks };
  process.on('message', async ({ id, name, argument }: Question) => {
    const ask = all[name];
    try {
      if (!ask) throw new Error(`nobody answers ${name}`);
      tell({ id, result: await ask(argument as never) });
    } catch (error) {
      tell({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  process.on('disconnect', () => process.exit());
  process.send?.({ ready });
}

const tell = (answer: Answer): void => void process.send?.(answer);

import type { Spread } from './statistics.ts';

/** What bench/results.json holds: of each measure its last run. */
export type Results = { readonly [Name in keyof Measured]?: Run<Measured[Name]> };

export interface Run<T> {
  /** Day of the run: `2026-11-25`. */
  readonly date: string;
  readonly commit: string;
  readonly machine: Machine;
  readonly data: T;
}

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  readonly mongod: string;
}

/** The measures, by the names that `npm run bench` takes. */
export interface Measured {
  readonly send: SendResult;
  readonly cpu: CpuResult;
}

/** Times of one contestant, in milliseconds. */
export interface Heard {
  readonly name: string;
  readonly acknowledged: Spread;
  readonly seen: Spread;
}

export interface SendRun {
  /** A bare transaction and a bare post, one after the other, as their process times them. */
  readonly bare: Spread;
  readonly bareTransaction: Spread;
  readonly barePost: Spread;
  readonly contestants: readonly Heard[];
}

export interface SendResult {
  readonly messages: number;
  readonly runs: readonly SendRun[];
}

export interface CpuResult {
  readonly messages: number;
  /** The commit that is measured beside this code, or `null` where it isn't there. */
  readonly baseline: string | null;
  readonly runs: readonly { readonly cpuMs: number; readonly baselineMs: number | null }[];
  /** What handing an invocation over takes; it is taken off. */
  readonly handingOverMs: number;
  /** Milliseconds per message, by package. */
  readonly packages: Readonly<Record<string, number>>;
  readonly baselinePackages: Readonly<Record<string, number>> | null;
}

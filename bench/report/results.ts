import type { Spread } from './statistics.ts';

/** What bench/results.json holds: of each measure its last run. */
export type Results = { readonly [Name in keyof Measured]?: Run<Measured[Name]> };

export interface Run<T> {
  /** Day of the run: `2026-11-25`. */
  readonly date: string;
  readonly commit: string;
  readonly machine: Machine;
  /** How many processes wanted a processor when the measure began, over a minute: more than a few falsify times. */
  readonly loadAverage?: number;
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
  readonly rooms: RoomsResult;
  readonly fanOut: FanOutResult;
  readonly archive: ArchiveResult;
  readonly history: HistoryResult;
  readonly desk: DeskResult;
  readonly commands: CommandsResult;
  readonly posts: PostsResult;
  readonly load: LoadResult;
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

export interface RoomsRun {
  readonly contestants: readonly {
    readonly name: string;
    readonly messagesPerSecond: number;
    /** Processor time of the server's process for a message. */
    readonly cpuMs: number;
  }[];
}

export interface RoomsResult {
  readonly rooms: number;
  readonly runMs: number;
  readonly runs: readonly RoomsRun[];
}

/** One size of the room. Times are milliseconds until the last connection had the message. */
export interface FanOutSize {
  readonly connections: number;
  /** From the commit. */
  readonly fanOut: Spread;
  readonly bare: Spread;
  /** From when the message was sent. */
  readonly total: Spread;
  readonly rssMb: number;
  /** By how much the server grew over all messages of this size. */
  readonly heapGrowthMb: number;
  readonly rssGrowthMb: number;
}

export interface FanOutResult {
  readonly messages: number;
  readonly onePostMs: number;
  readonly sizes: readonly FanOutSize[];
}

export interface ArchiveResult {
  readonly sizes: readonly {
    readonly messages: number;
    /** Milliseconds in each kind of command of the last run, and how many there were. */
    readonly commands?: readonly { readonly name: string; readonly count: number; readonly ms: number }[];
    readonly runs: readonly { readonly archiveMs: number; readonly bareMs: number; readonly rssGrowthMb: number }[];
    readonly rssGrowthMb: number;
  }[];
}

export interface HistoryResult {
  readonly rounds: number;
  readonly sizes: readonly {
    readonly messages: number;
    readonly send: Spread;
    readonly join: Spread;
    readonly list: Spread;
  }[];
}

/** A desk of one size. Times are milliseconds. */
export interface DeskSize {
  readonly waiting: number;
  readonly agents: number;
  readonly watchers: number;
  /** A conversation is opened: until the answer. */
  readonly open: Spread;
  /** From the same moment, until the last watcher is told. */
  readonly told: Spread;
  /** The last ten that wait are read by a watcher. */
  readonly watch: Spread;
  /** By hand: until the answer. */
  readonly assign: Spread;
  /** An agent becomes available, until they are told what they are given. */
  readonly given: Spread;
  /** A tick of the clock that gives every agent a conversation. */
  readonly tick: Spread;
  readonly assigned: number;
  /** One that finds nothing to do. */
  readonly idleTick: Spread;
}

export interface DeskResult {
  readonly rounds: number;
  readonly ticks: number;
  readonly sizes: readonly DeskSize[];
}

/** What an operation asked of the database. */
export interface Operation {
  readonly name: string;
  /** The names of its commands, in the order they began. */
  readonly commands: readonly string[];
  /** How many had ended when the answer was posted; all, where the answer is no post. */
  readonly beforeAnswer: number;
  /** How many of those ran one after the other. */
  readonly inSequence: number;
  /** Of a message: reads between the commit and the first post to the room. */
  readonly readsBeforeTelling: number | null;
}

/** A step of an operation: milliseconds from the call of its function, medians. A post has one time: when it arrived. */
export interface Step {
  readonly name: string;
  readonly begunMs: number;
  readonly endedMs: number;
}

export interface CommandsResult {
  readonly operations: readonly Operation[];
  readonly sends?: number;
  readonly stepsOfSend?: readonly Step[];
}

/** Processor time of one post, in milliseconds, by how it is made. */
export interface PostsResult {
  readonly posts: number;
  readonly runs: readonly (readonly { readonly name: string; readonly cpuMs: number }[])[];
}

export interface LoadResult {
  readonly conversations: number;
  readonly seconds: number;
  readonly messagesPerSecond: number;
  readonly contestants: readonly (Heard & {
    readonly messages: number;
    /** Acknowledged, and not seen by both, or not in the history exactly once. */
    readonly lost: number;
  })[];
}

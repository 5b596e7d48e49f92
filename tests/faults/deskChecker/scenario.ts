import { PRIORITIES, type Priority } from '../../../lib/domain/desk.ts';
import type { PostFault } from '../../support/gateway.ts';
import type { Disturbance } from '../historyChecker/disturbance.ts';
import { Random } from '../historyChecker/random.ts';

/** Who plays: two teams of two agents. */
export const SUPERVISORS = ['supervisor1', 'supervisor2'] as const;
export type SupervisorName = (typeof SUPERVISORS)[number];
export const AGENTS = ['agent1', 'agent2', 'agent3', 'agent4'] as const;
export type AgentName = (typeof AGENTS)[number];
export const WATCHERS = ['supervisor1', 'supervisor2', 'admin'] as const;
export type WatcherName = (typeof WATCHERS)[number];
export type PlayerName = 'candidate' | SupervisorName | AgentName | 'admin';

export interface Routing {
  readonly mode: 'manual' | 'automatic';
  readonly requeueAfterSeconds: number | null;
  readonly answerWithinSeconds: number | null;
}

export type Action =
  | { readonly do: 'open'; readonly message: boolean }
  /** `pick`: which of the conversations that there are then. */
  | { readonly do: 'close'; readonly pick: number }
  | { readonly do: 'requeue'; readonly by: 'agent' | 'supervisor' | 'admin'; readonly pick: number }
  | { readonly do: 'assign'; readonly by: SupervisorName; readonly to: AgentName; readonly pick: number }
  | { readonly do: 'edit'; readonly by: 'agent' | SupervisorName; readonly priority: Priority; readonly pick: number }
  | {
      readonly do: 'available' | 'away' | 'renew' | 'sendAway' | 'deactivate' | 'reactivate';
      readonly agent: AgentName;
    }
  /** Gives back what they hold, is away, and becomes available anew. */
  | { readonly do: 'rest'; readonly agent: AgentName }
  /** The lease runs out, and is renewed too late. */
  | { readonly do: 'renewLate'; readonly agent: AgentName }
  /** A lease runs out, `long`: long ago. */
  | { readonly do: 'lapse'; readonly agent: AgentName; readonly long: boolean }
  /** What the agent holds was assigned long ago. */
  | { readonly do: 'age'; readonly agent: AgentName }
  | { readonly do: 'move'; readonly agent: AgentName; readonly to: SupervisorName }
  | { readonly do: 'capacity'; readonly agent: AgentName; readonly most: number }
  | { readonly do: 'route'; readonly supervisor: SupervisorName; readonly routing: Routing }
  | { readonly do: 'tick' | 'handOver' }
  | { readonly do: 'watch' | 'unwatch' | 'heal'; readonly watcher: WatcherName }
  /** The socket is lost; `told`: the server hears of it. */
  | { readonly do: 'drop'; readonly watcher: WatcherName; readonly told: boolean }
  | { readonly do: 'fault'; readonly watcher: WatcherName; readonly fault: PostFault };

export type Step = Action & {
  /** Milliseconds into the burst. */
  readonly after: number;
  readonly disturbance?: Disturbance;
};

export interface Burst {
  readonly steps: readonly Step[];
  /** It ends with a tick of the clock, when nothing is under way any more. */
  readonly settles: boolean;
}

export interface Scenario {
  readonly seed: number;
  readonly capacities: Readonly<Record<AgentName, number>>;
  readonly routings: Readonly<Record<SupervisorName, Routing>>;
  readonly bursts: readonly Burst[];
  /** What goes wrong in the dispatcher, by how often it has been called. */
  readonly dispatches: readonly (Disturbance | undefined)[];
  /** Which machine runs what, by how often one was asked for. */
  readonly machines: readonly number[];
}

/** The scenario of a seed: nothing but the seed decides it. */
export function scenario(seed: number): Scenario {
  const random = new Random(seed);
  const isDisturbed = random.chance(0.6);
  // With few agents, what one has lost waits for that one.
  const staff = AGENTS.slice(random.pick([0, 0, 2, 3]));
  const step = (action: Action, after = random.between(0, 12)): Step => {
    const disturbance = isDisturbed && random.chance(0.08) ? anyCrash(random) : undefined;
    return { ...action, after, ...(disturbance && { disturbance }) };
  };
  const several = (most: number, make: () => Action) =>
    Array.from({ length: random.between(2, most) }, () => step(make()));
  /** Many are opened at one moment, while several machines give what waits. */
  const rush = () => [
    ...several(6, () => ({ do: 'open', message: false })).map((it) => ({ ...it, after: 6 })),
    ...several(3, () => ({ do: 'tick' })).map((it) => ({ ...it, after: random.between(6, 9) })),
  ];
  const first: Step[] = [
    ...WATCHERS.filter(() => random.chance(0.8)).map((watcher) => step({ do: 'watch', watcher })),
    ...staff.filter(() => random.chance(0.8)).map((agent) => step({ do: 'available', agent })),
    ...several(7, () => ({ do: 'open', message: random.chance(0.2) })),
  ];
  const bursts = Array.from({ length: random.between(2, 4) }, () => [
    ...several(14, () => anyAction(random, staff)),
    ...(random.chance(0.5) ? rush() : []),
  ]);
  return {
    seed,
    capacities: byName(AGENTS, () => random.between(0, 4)),
    routings: byName(SUPERVISORS, () => anyRouting(random)),
    bursts: [first, ...bursts].map((steps) => ({ steps, settles: random.chance(0.5) })),
    dispatches: Array.from({ length: 60 }, () => (isDisturbed && random.chance(0.08) ? anyCrash(random) : undefined)),
    machines: Array.from({ length: 97 }, () => random.between(0, 2)),
  };
}

const STRICT: Routing = { mode: 'automatic', requeueAfterSeconds: 60, answerWithinSeconds: 60 };

/**
 * The clock or the dispatcher dies. The clock has something of everything to do: a lease has run out, its agent is absent, another
 * one is silent, and what is taken from the two is to be given to a third. The dispatcher has to give what waits.
 */
export function dying(who: 'clock' | 'dispatcher', disturbance: Disturbance): Scenario {
  const step = (action: Action): Step => ({ ...action, after: 0 });
  const opens = Array.from({ length: 3 }, () => step({ do: 'open', message: false }));
  const available = (['agent1', 'agent2', 'agent3'] as const).map((agent) => step({ do: 'available', agent }));
  const overdue: Action[] = [
    { do: 'lapse', agent: 'agent2', long: true },
    { do: 'age', agent: 'agent2' },
    { do: 'age', agent: 'agent3' },
  ];
  const watch = WATCHERS.map((watcher) => step({ do: 'watch', watcher }));
  const bursts: Step[][] =
    who === 'clock'
      ? [[...watch, ...available], opens, overdue.map(step), [{ do: 'tick', after: 0, disturbance }]]
      : [[...watch, ...opens], available];
  return {
    seed: 0,
    capacities: byName(AGENTS, () => 2),
    routings: byName(SUPERVISORS, () => STRICT),
    bursts: bursts.map((steps, index) => ({ steps, settles: who === 'clock' && index < 2 })),
    dispatches: who === 'dispatcher' ? Array.from({ length: 60 }, () => disturbance) : [],
    machines: [0],
  };
}

const byName = <K extends string, T>(names: readonly K[], make: () => T): Record<K, T> =>
  Object.fromEntries(names.map((name) => [name, make()])) as Record<K, T>;

function anyRouting(random: Random): Routing {
  return {
    mode: random.chance(0.8) ? 'automatic' : 'manual',
    requeueAfterSeconds: random.chance(0.7) ? 60 : null,
    answerWithinSeconds: random.chance(0.4) ? 60 : null,
  };
}

function anyAction(random: Random, staff: readonly AgentName[]): Action {
  const agent = () => random.pick(staff);
  const supervisor = () => random.pick(SUPERVISORS);
  const pick = () => random.between(0, 30);
  const watcher = () => random.pick(WATCHERS);
  const kind = random.weighted({
    open: 24,
    close: 9,
    requeue: 10,
    assign: 8,
    edit: 5,
    available: 12,
    away: 3,
    renew: 3,
    rest: 5,
    renewLate: 4,
    sendAway: 2,
    lapse: 5,
    age: 3,
    capacity: 5,
    route: 4,
    move: 3,
    deactivate: 3,
    reactivate: 4,
    tick: 7,
    handOver: 1,
    watch: 3,
    unwatch: 1,
    drop: 3,
    fault: 2,
    heal: 1,
  });
  switch (kind) {
    case 'open':
      return { do: kind, message: random.chance(0.3) };
    case 'close':
      return { do: kind, pick: pick() };
    case 'requeue':
      return { do: kind, by: random.pick(['agent', 'agent', 'supervisor', 'admin']), pick: pick() };
    case 'assign':
      return { do: kind, by: supervisor(), to: agent(), pick: pick() };
    case 'edit':
      return { do: kind, by: random.pick(['agent', ...SUPERVISORS]), priority: random.pick(PRIORITIES), pick: pick() };
    case 'lapse':
      return { do: kind, agent: agent(), long: random.chance(0.5) };
    case 'capacity':
      return { do: kind, agent: agent(), most: random.between(0, 4) };
    case 'route':
      return { do: kind, supervisor: supervisor(), routing: anyRouting(random) };
    case 'move':
      return { do: kind, agent: agent(), to: supervisor() };
    case 'tick':
    case 'handOver':
      return { do: kind };
    case 'watch':
    case 'unwatch':
    case 'heal':
      return { do: kind, watcher: watcher() };
    case 'drop':
      return { do: kind, watcher: watcher(), told: random.chance(0.5) };
    case 'fault':
      return { do: kind, watcher: watcher(), fault: random.weighted({ gone: 8, error: 1, throttled: 1 }) };
    default:
      return { do: kind, agent: agent() };
  }
}

const anyCrash = (random: Random): Disturbance => ({
  kind: 'crash',
  at: random.between(1, 14),
  when: random.chance(0.5) ? 'before' : 'after',
  times: 1,
});

/** A step as the trace shows it. */
export function describe(step: Step): string {
  const { do: verb, after, disturbance, ...rest } = step;
  const what = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : value}`,
  );
  if (disturbance) what.push(`[crash ${disturbance.when} effect ${disturbance.at}]`);
  return [`+${after}ms`, verb, ...what].join(' ');
}

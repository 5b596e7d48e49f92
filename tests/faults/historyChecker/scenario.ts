import type { PostFault } from '../../support/gateway.ts';
import type { Disturbance } from './disturbance.ts';
import { Random } from './random.ts';

/** Who plays: two agents and a supervisor who are one team, another team, and one whom it is none of their business. */
export const ROLES = ['candidate', 'stranger', 'supervisor1', 'supervisor2', 'agent1', 'agent2', 'agent3'] as const;
export type RoleName = (typeof ROLES)[number];
export type AgentName = 'agent1' | 'agent2' | 'agent3';

/** A browser tab: it holds one connection at a time, and remembers what it has seen when that one drops. */
export interface TabPlan {
  readonly name: string;
  readonly of: 'candidate' | 'stranger' | AgentName;
}

export type Action =
  | { readonly do: 'connect' | 'leave' | 'heal'; readonly tab: string }
  /** `ordered`: after what this agent has said last under a `clientMessageId`. */
  | { readonly do: 'closeBySocket'; readonly tab: string; readonly ordered?: boolean }
  /** Says so many things at once, each naming the one before; `order` is that in which the frames are sent. */
  | { readonly do: 'chain'; readonly tab: string; readonly order: readonly number[] }
  | { readonly do: 'join'; readonly tab: string; readonly from: 'start' | 'seen' }
  | { readonly do: 'send'; readonly tab: string; readonly named: boolean }
  /** Sends again what this user has sent under a `clientMessageId` before, on whichever tab. */
  | { readonly do: 'resend'; readonly tab: string; readonly pick: number }
  | { readonly do: 'drop'; readonly tab: string; readonly told: boolean }
  | { readonly do: 'fault'; readonly tab: string; readonly fault: PostFault }
  | { readonly do: 'assign'; readonly by: 'supervisor1' | 'supervisor2'; readonly to: AgentName }
  | { readonly do: 'requeue' | 'close'; readonly by: RoleName }
  | { readonly do: 'read'; readonly by: RoleName; readonly limit: number }
  /** Finishes what is left of a close, as the sweep does. */
  | { readonly do: 'sweep' }
  /** Time passes: whatever has an `expiresAt` is gone, as the TTL monitor would have it sooner or later. */
  | { readonly do: 'expire' };

export type Step = Action & {
  /** Milliseconds into the burst. */
  readonly after: number;
  readonly disturbance?: Disturbance;
};

/** A request that opens the conversation; all of them have the same `clientConversationId`. */
export interface Opening {
  readonly after: number;
  readonly disturbance?: Disturbance;
}

export interface Scenario {
  readonly seed: number;
  readonly openings: readonly Opening[];
  readonly tabs: readonly TabPlan[];
  /** The steps of a burst run at the same time; the next burst begins when they are over. */
  readonly bursts: readonly (readonly Step[])[];
}

/** The scenario of a seed: nothing but the seed decides it. */
export function scenario(seed: number): Scenario {
  const random = new Random(seed);
  const tabs: TabPlan[] = [
    ...Array.from({ length: Number(random.weighted({ '1': 3, '2': 4, '3': 1 })) }, (_, index) => ({
      name: `c${index + 1}`,
      of: 'candidate' as const,
    })),
    { name: 'a1', of: 'agent1' },
    ...(random.chance(0.3) ? [{ name: 'a1b', of: 'agent1' as const }] : []),
    { name: 'a2', of: 'agent2' },
    ...(random.chance(0.4) ? [{ name: 'b1', of: 'agent3' as const }] : []),
    ...(random.chance(0.4) ? [{ name: 'x1', of: 'stranger' as const }] : []),
  ];
  const disturbed = random.chance(0.8);
  const step = (action: Action, after = random.between(0, 8)): Step => {
    const disturbance = disturbed && random.chance(0.14) ? anyDisturbance(random) : undefined;
    return { ...action, after, ...(disturbance && { disturbance }) };
  };
  const assignFirst = random.chance(0.85);
  const opening: Step[][] = [
    tabs.filter((tab) => tab.of === 'candidate').map((tab) => step({ do: 'join', tab: tab.name, from: 'start' })),
    [
      ...(assignFirst ? [step({ do: 'assign', by: 'supervisor1', to: 'agent1' })] : []),
      step({ do: 'send', tab: 'c1', named: true }),
    ],
    tabs.filter((tab) => tab.of !== 'candidate').map((tab) => step({ do: 'join', tab: tab.name, from: 'start' })),
  ];
  const count = random.between(2, 5);
  const bursts = Array.from({ length: count }, (_, burst) =>
    Array.from({ length: random.between(2, 5) }, () => step(anyAction(random, tabs, burst / count))),
  );
  return { seed, tabs, ...withMore(seed, tabs, opening.length, [...opening, ...bursts]) };
}

/**
 * What was added to the scenarios later, from numbers of its own: a seed that found something once still has the steps
 * that did.
 */
function withMore(
  seed: number,
  tabs: readonly TabPlan[],
  quiet: number,
  bursts: readonly (readonly Step[])[],
): Pick<Scenario, 'openings' | 'bursts'> {
  const random = new Random(seed ^ 0x5eed);
  const disturbed = () => (random.chance(0.12) ? { disturbance: anyDisturbance(random) } : {});
  const openings = Array.from({ length: random.chance(0.5) ? 1 : random.between(2, 3) }, () => ({
    after: random.between(0, 6),
    ...disturbed(),
  }));
  const more = (): Step[] => {
    const tab = random.pick(tabs.filter((it) => it.of !== 'stranger')).name;
    const at = () => ({ tab, after: random.between(0, 8) });
    switch (random.weighted({ nothing: 55, chain: 20, flap: 20, close: 3 })) {
      case 'nothing':
        return [];
      case 'chain':
        return [{ do: 'chain', order: shuffled(random, random.between(2, 5)), ...at(), ...disturbed() }];
      case 'flap':
        return [
          { do: 'join', from: 'seen', ...at(), ...disturbed() },
          { do: 'leave', ...at(), ...disturbed() },
          { do: 'join', from: 'seen', ...at() },
        ];
      case 'close': {
        const agent = random.pick(tabs.filter(({ of }) => of.startsWith('agent'))).name;
        return [{ do: 'closeBySocket', ordered: true, ...at(), tab: agent, ...disturbed() }];
      }
    }
  };
  return { openings, bursts: bursts.map((burst, index) => (index < quiet ? burst : [...burst, ...more()])) };
}

/** The numbers below `count`, in any order. */
function shuffled(random: Random, count: number): number[] {
  const left = Array.from({ length: count }, (_, index) => index);
  return Array.from({ length: count }, () => left.splice(random.between(0, left.length - 1), 1)[0] ?? 0);
}

function anyAction(random: Random, tabs: readonly TabPlan[], progress: number): Action {
  const speaker = () => random.pick(tabs.filter((tab) => tab.of !== 'stranger' || random.chance(0.3))).name;
  const kind = random.weighted({
    send: 34,
    resend: 13,
    join: 9,
    leave: 2,
    drop: 6,
    fault: 4,
    heal: 3,
    assign: 6,
    requeue: 4,
    read: 9,
    close: progress > 0.4 ? 4 : 0.4,
    closeBySocket: progress > 0.4 ? 5 : 0.4,
    sweep: progress > 0.5 ? 5 : 1,
    expire: progress > 0.4 ? 6 : 3,
  });
  switch (kind) {
    case 'send':
      return { do: 'send', tab: speaker(), named: random.chance(0.8) };
    case 'resend':
      return { do: 'resend', tab: speaker(), pick: random.between(0, 9) };
    case 'join':
      return { do: 'join', tab: random.pick(tabs).name, from: random.chance(0.7) ? 'seen' : 'start' };
    case 'drop':
      return { do: 'drop', tab: speaker(), told: random.chance(0.5) };
    case 'fault':
      return {
        do: 'fault',
        tab: speaker(),
        fault: random.weighted({ gone: 8, error: 4, throttled: 2, forbidden: 2, hang: 1 }),
      };
    case 'assign': {
      const by = random.chance(0.8) ? 'supervisor1' : 'supervisor2';
      return { do: 'assign', by, to: by === 'supervisor2' ? 'agent3' : random.pick(['agent1', 'agent2'] as const) };
    }
    case 'requeue':
      return { do: 'requeue', by: random.pick(['supervisor1', 'supervisor1', 'agent1', 'agent2', 'supervisor2']) };
    case 'read':
      return { do: 'read', by: random.pick(ROLES), limit: random.pick([1, 2, 3, 50]) };
    case 'close':
      return { do: 'close', by: random.pick(['supervisor1', 'supervisor2', 'agent1', 'agent1', 'agent2', 'agent3']) };
    case 'closeBySocket': {
      const agents = tabs.filter((tab) => tab.of.startsWith('agent'));
      return { do: 'closeBySocket', tab: random.pick(agents).name };
    }
    case 'leave':
    case 'heal':
      return { do: kind, tab: speaker() };
    case 'sweep':
    case 'expire':
      return { do: kind };
  }
}

function anyDisturbance(random: Random): Disturbance {
  return {
    kind: random.weighted({ crash: 4, writeConcern: 1 }),
    at: random.between(1, 9),
    when: random.chance(0.5) ? 'before' : 'after',
    times: random.chance(0.7) ? 1 : random.between(2, 3),
  };
}

/** A step as the trace shows it. */
export function describe(step: Step): string {
  const { do: verb, after, disturbance, ...rest } = step;
  const what = Object.entries(rest).map(([key, value]) => `${key}=${value}`);
  if (disturbance)
    what.push(`[${disturbance.kind} ${disturbance.when} effect ${disturbance.at} ×${disturbance.times}]`);
  return [`+${after}ms`, verb, ...what].join(' ');
}

import { readFileSync } from 'node:fs';
import type { ServerFrame } from '../../lib/protocol/events.ts';
import { check, type DeskHistory } from '../faults/deskChecker/check.ts';
import type { Commit, ConversationState, UserState, Write } from '../faults/deskChecker/ledger.ts';
import { QueueView } from '../faults/deskChecker/queueView.ts';
import { PROJECT } from '../support/process.ts';

/** The desk's checker complains where something is wrong: each of its complaints, by a history made for it. */

type Mutable<T> =
  T extends ReadonlyMap<infer K, infer V>
    ? Map<K, V>
    : T extends readonly (infer I)[]
      ? Mutable<I>[]
      : T extends object
        ? { -readonly [K in keyof T]: Mutable<T[K]> }
        : T;
type Spoilt = Mutable<DeskHistory>;

const NOW = 1_000_000;
const MINUTE = 60_000;

const agent = (more: Partial<UserState> = {}): UserState => ({
  role: 'agent',
  active: true,
  supervisorId: 's1',
  automatic: true,
  assignedCount: 0,
  maxConversations: 1,
  ...more,
});
const supervisor = (mode: string): UserState => ({
  role: 'supervisor',
  active: true,
  supervisorId: null,
  assignedCount: 0,
  routing: { mode },
});
const there = { leased: true, availableUntil: NOW + 10 * MINUTE };

const open = (revision = 0): ConversationState => ({
  status: 'open',
  agentId: null,
  supervisorId: null,
  closedBy: null,
  revision,
  urgency: 1,
});
const assigned = (agentId: string, revision: number): ConversationState => ({
  ...open(revision),
  status: 'assigned',
  agentId,
  supervisorId: 's1',
});

const user = (id: string, after: UserState): Write => ({ of: 'users', id, after });
const conversation = (id: string, after: ConversationState): Write => ({ of: 'conversations', id, after });
const record = (
  action: string,
  targetId: string,
  agentId: string,
  more: object = {},
  actorId: string | null = null,
): Write => ({
  of: 'audit',
  id: `${action} ${targetId}`,
  after: { action, actorId, targetId, details: { agentId, ...more } },
});
const commit = (...writes: Write[]): Commit => ({ at: NOW, writes });
const given = (id: string, agentId: string, revision: number, more: Partial<UserState> = {}): Commit =>
  commit(
    user(agentId, agent({ ...there, assignedCount: 1, ...more })),
    conversation(id, assigned(agentId, revision)),
    record('conversation_assigned', id, agentId),
  );
const takenBack = (
  id: string,
  agentId: string,
  revision: number,
  details = {},
  more: Partial<UserState> = {},
): Commit =>
  commit(
    user(agentId, agent({ ...there, ...more })),
    conversation(id, open(revision)),
    record('conversation_requeued', id, agentId, details),
  );
const settled: Commit = { at: NOW, writes: [], moment: { is: 'settled' } };
const asking = (agentId: string): Commit => ({ at: NOW, writes: [], moment: { is: 'asking', agentId } });
const answered = (agentId: string): Commit => ({ at: NOW, writes: [], moment: { is: 'answered', agentId } });

const frame = (event: string, data: object): ServerFrame => ({ event, data }) as unknown as ServerFrame;
const shown = (id: string, state: ConversationState) => ({ id, ...state });
const told = (id: string, state: ConversationState) =>
  frame('QUEUE_CHANGED', { conversation: shown(id, state), reason: 'assigned' });
const removed = (conversationId: string, revision: number) => frame('QUEUE_REMOVED', { conversationId, revision });

/**
 * Two are opened. Agent a1, who has room for one, is given the first, gives it back, becomes away and available anew, and is
 * given it again. The second waits. Agent b1 is of a team by hand.
 */
function good(): Spoilt {
  const commits: Commit[] = [
    asking('a1'),
    commit(user('a1', agent(there))),
    commit(conversation('c1', open())),
    given('c1', 'a1', 1),
    commit(conversation('c2', open())),
    takenBack('c1', 'a1', 2),
    commit(user('a1', agent({ availableUntil: NOW }))),
    commit(user('a1', agent(there))),
    given('c1', 'a1', 3),
    settled,
  ];
  const history: DeskHistory = {
    users: new Map([
      ['s1', supervisor('automatic')],
      ['s2', supervisor('manual')],
      ['a1', agent()],
      ['b1', agent({ supervisorId: 's2', automatic: false })],
    ]),
    conversations: new Map(),
    commits,
    watchers: [
      {
        userId: 's2',
        role: 'supervisor',
        frames: [told('c1', open()), removed('c1', 1), told('c1', open(2)), removed('c1', 3)],
        believed: ['c2'],
      },
      {
        userId: 'admin',
        role: 'admin',
        frames: [
          told('c1', assigned('a1', 1)),
          frame('AGENT_CHANGED', { user: { id: 'a1', supervisorId: 's1' } }),
          frame('QUEUE_WATCHED', { conversations: [shown('c2', open())], nextCursor: null }),
        ],
        believed: ['c2'],
      },
    ],
    recounts: [{ agentId: 'a1', assignedCount: 1, counted: 1 }],
    complaints: [],
  };
  return history as unknown as Spoilt;
}

const found = (history: Spoilt): string[] => check(history as unknown as DeskHistory);
/** Puts other commits in place of those from this one on, but for the last, at which all is quiet. */
const from = (history: Spoilt, index: number, ...commits: Commit[]): void => {
  history.commits.splice(index, history.commits.length - index - 1, ...(commits as Mutable<Commit>[]));
};
const framesOf = (history: Spoilt, userId: string): ServerFrame[] =>
  (history.watchers.find((it) => it.userId === userId)?.frames ?? []) as unknown as ServerFrame[];

it('has nothing to say of a good history', () => {
  expect(found(good())).toEqual([]);
});

it('passes on what was wrong while it was played', () => {
  const history = good();
  history.complaints.push('POST /conversations by candidate: Error');
  expect(found(history)).toEqual(['POST /conversations by candidate: Error']);
});

/** What is done to the good history, by the complaint it is to bring about. */
const WRONG: Readonly<Record<string, (history: Spoilt) => void>> = {
  'given to nobody there is': (history) => {
    from(history, 3, commit(conversation('c1', assigned('x1', 1)), record('conversation_assigned', 'c1', 'x1')));
  },
  'given more than the capacity': (history) => {
    from(history, 5, given('c2', 'a1', 1, { assignedCount: 2 }));
  },
  'given to somebody inactive': (history) => {
    from(history, 3, commit(user('a1', agent({ active: false, ...there }))), given('c1', 'a1', 1));
  },
  'given to a team by hand': (history) => {
    history.users.set('s1', supervisor('manual') as never);
  },
  'given to somebody away': (history) => {
    history.commits.splice(1, 1);
  },
  'given back to who lost it': (history) => {
    history.commits.splice(6, 2);
  },
  'given what was not open': (history) => {
    from(history, 4, given('c1', 'a1', 2));
  },
  'given without one record of it': (history) => {
    history.commits[3]?.writes.pop();
  },
  'assigned to who was not there for it': (history) => {
    from(history, 3, given('c1', 'a1', 1, { supervisorId: 's2', automatic: false }));
  },
  'a record of what was not given': (history) => {
    history.commits[3]?.writes.splice(1, 1);
  },
  'counted wrong': (history) => {
    from(history, 3, given('c1', 'a1', 1, { assignedCount: 0 }));
  },
  'routed otherwise than the team': (history) => {
    history.commits.splice(2, 0, commit(user('s1', supervisor('manual'))) as Mutable<Commit>);
  },
  'changed without the next revision': (history) => {
    from(history, 3, given('c1', 'a1', 0));
  },
  'taken from a team by hand': (history) => {
    history.commits.splice(5, 0, commit(user('s1', supervisor('manual'))) as Mutable<Commit>);
    history.commits[6] = takenBack('c1', 'a1', 2, { reason: 'agent_silent' }) as Mutable<Commit>;
  },
  'taken from who is there': (history) => {
    history.commits[5] = takenBack('c1', 'a1', 2, { reason: 'agent_absent' }) as Mutable<Commit>;
  },
  'silent, and still given more': (history) => {
    history.commits[5] = takenBack('c1', 'a1', 2, { reason: 'agent_silent' }) as Mutable<Commit>;
  },
  'a lease ended that nobody had': (history) => {
    history.commits.splice(1, 0, commit(user('a1', agent({ availableUntil: NOW }))) as Mutable<Commit>);
  },
  'it waits while somebody has room': (history) => {
    history.commits.splice(8, 1);
  },
  'left behind': (history) => {
    history.commits.splice(9, 0, commit(user('a1', agent({ active: false, assignedCount: 1 }))) as Mutable<Commit>);
  },
  'a recount says otherwise': (history) => {
    for (const it of history.recounts) it.counted = 2;
  },
  'became available without asking': (history) => {
    history.commits.splice(1, 0, answered('a1') as Mutable<Commit>);
  },
  'told what never was so': (history) => {
    framesOf(history, 'admin').push(told('c1', assigned('a1', 9)));
  },
  'told of what they may not see': (history) => {
    framesOf(history, 's2').push(told('c1', assigned('a1', 1)));
  },
  'no part of the queue': (history) => {
    framesOf(history, 'admin').push(
      frame('QUEUE_WATCHED', { conversations: [shown('c1', assigned('a1', 1))], nextCursor: null }),
    );
  },
  'told that it is gone, and it is not': (history) => {
    framesOf(history, 's2').push(removed('c1', 2));
  },
  'told too often that it is gone': (history) => {
    framesOf(history, 's2').push(removed('c1', 3), removed('c1', 3));
  },
  'told of an agent of another team': (history) => {
    framesOf(history, 's2').push(frame('AGENT_CHANGED', { user: { id: 'a1', supervisorId: 's1' } }));
  },
  'watched, and has another queue': (history) => {
    for (const it of history.watchers) it.believed.push('c1');
  },
};

it.each(Object.entries(WRONG))('complains: %s', (complaint, spoil) => {
  const history = good();
  spoil(history);
  expect(found(history)).toContainEqual(expect.stringContaining(`${complaint}: `));
});

it('has no complaint that is not shown here', () => {
  const source = readFileSync(`${PROJECT}/tests/faults/deskChecker/check.ts`, 'utf8');
  const all = [...source.matchAll(/complain\(\s*'(.+?)'/g)].map(([, text = '']) => text);
  expect(all.length).toBeGreaterThan(20);
  expect(all.filter((text) => !(text in WRONG))).toEqual([]);
});

it('lets who is moved be told of by their supervisor', () => {
  const history = good();
  history.commits.push(commit(user('b1', agent())) as Mutable<Commit>);
  history.watchers[0] = {
    userId: 's1',
    role: 'supervisor',
    frames: [frame('AGENT_CHANGED', { user: { id: 'b1', supervisorId: 's1' } })] as never,
    believed: ['c2'],
  };
  expect(found(history)).toEqual([]);
});

describe('a client that merges by revision', () => {
  const page = (...states: [string, ConversationState][]) =>
    frame('QUEUE_WATCHED', { conversations: states.map(([id, state]) => shown(id, state)), nextCursor: null });

  const openAfter = (...frames: ServerFrame[]): string[] => {
    const view = new QueueView();
    for (const it of frames) view.receive(it);
    return view.open;
  };

  it.each([
    ['has what the page has', [page(['c1', open()])], ['c1']],
    ['drops what is assigned', [page(['c1', open()]), told('c1', assigned('a1', 1))], []],
    ['ignores what is older than what it has', [told('c1', assigned('a1', 1)), page(['c1', open()])], []],
    ['ignores what is older than a removal', [removed('c1', 1), page(['c1', open()])], []],
    ['takes what is newer than a removal', [removed('c1', 1), told('c1', open(2))], ['c1']],
    ['ignores a removal older than what it has', [told('c1', open(2)), removed('c1', 1)], ['c1']],
  ] as const)('%s', (_name, frames, expected) => {
    expect(openAfter(...frames)).toEqual(expected);
  });

  it('trusts nothing any more once it watches again', () => {
    const view = new QueueView();
    view.receive(page(['c1', open()]));
    view.restart();
    view.receive(page(['c2', open()]));
    expect(view.open).toEqual(['c2']);
  });
});

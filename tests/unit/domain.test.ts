import fc from 'fast-check';
import { type Decision, decide, type Lifecycle, type LifecycleCommand } from '../../lib/domain/conversation.ts';
import {
  type ConversationParties,
  isParticipant,
  maySeeConversation,
  maySeeUser,
  type Operation,
  PERMISSIONS,
  roleMay,
} from '../../lib/domain/permissions.ts';
import { ROLES } from '../../lib/domain/roles.ts';
import { effectsOf, type Member, type UserChange } from '../../lib/domain/staff.ts';
import { type CallerKind, CALLERS as KINDS, permissionRows } from '../contract/suites/permissionTable.ts';

describe('decide', () => {
  const STATES = {
    open: { status: 'open', agentId: null, supervisorId: null },
    'assigned to agent1 by supervisor1': { status: 'assigned', agentId: 'agent1', supervisorId: 'supervisor1' },
    'closed by agent1': { status: 'closed', agentId: 'agent1', supervisorId: 'supervisor1' },
    'closed while open': { status: 'closed', agentId: null, supervisorId: null },
  } as const satisfies Record<string, Lifecycle>;

  const assign = (supervisorId: string, agentId: string): LifecycleCommand => ({
    type: 'assign',
    supervisorId,
    agentId,
  });
  const by = (userId: string) => ({ userId, role: ROLES.find((role) => userId.startsWith(role)) ?? 'candidate' });
  const close = (userId: string): LifecycleCommand => ({ type: 'close', ...by(userId) });
  const requeue = (userId: string): LifecycleCommand => ({ type: 'requeue', ...by(userId) });
  const move = (agentId: string, supervisorId: string): LifecycleCommand => ({ type: 'move', agentId, supervisorId });

  const CLOSED = 'CONVERSATION_CLOSED';

  // Every command, every kind of caller; then what it comes to in: open, assigned, closed by agent, closed while open.
  const TABLE: readonly (readonly [LifecycleCommand, string, string, string, string])[] = [
    [{ type: 'send' }, 'open', 'assigned agent1 supervisor1', CLOSED, CLOSED],
    [assign('supervisor1', 'agent1'), 'assigned agent1 supervisor1', 'assigned agent1 supervisor1', CLOSED, CLOSED],
    [assign('supervisor1', 'agent2'), 'assigned agent2 supervisor1', 'assigned agent2 supervisor1', CLOSED, CLOSED],
    [assign('supervisor2', 'agent1'), 'assigned agent1 supervisor2', 'NOT_FOUND', CLOSED, CLOSED],
    [assign('supervisor2', 'agent3'), 'assigned agent3 supervisor2', 'NOT_FOUND', CLOSED, CLOSED],
    [requeue('admin1'), 'CONFLICT', 'open', CLOSED, CLOSED],
    [requeue('candidate1'), 'FORBIDDEN', 'FORBIDDEN', CLOSED, CLOSED],
    [requeue('supervisor1'), 'CONFLICT', 'open', CLOSED, CLOSED],
    [requeue('supervisor2'), 'CONFLICT', 'NOT_FOUND', CLOSED, CLOSED],
    [requeue('agent1'), 'NOT_FOUND', 'open', CLOSED, CLOSED],
    [requeue('agent2'), 'NOT_FOUND', 'NOT_FOUND', CLOSED, CLOSED],
    [move('agent1', 'supervisor2'), 'CONFLICT', 'assigned agent1 supervisor2', CLOSED, CLOSED],
    [move('agent2', 'supervisor2'), 'CONFLICT', 'CONFLICT', CLOSED, CLOSED],
    [close('admin1'), 'FORBIDDEN', 'FORBIDDEN', CLOSED, CLOSED],
    [close('candidate1'), 'FORBIDDEN', 'FORBIDDEN', CLOSED, CLOSED],
    [close('supervisor1'), 'closed', 'CONVERSATION_ASSIGNED', CLOSED, CLOSED],
    [close('supervisor2'), 'closed', 'NOT_FOUND', CLOSED, CLOSED],
    [close('agent1'), 'NOT_FOUND', 'closed agent1 supervisor1', CLOSED, CLOSED],
    [close('agent2'), 'NOT_FOUND', 'NOT_FOUND', CLOSED, CLOSED],
  ];

  const told = (decision: Decision): string =>
    decision.allowed
      ? [decision.next.status, decision.next.agentId, decision.next.supervisorId]
          .filter((part) => part !== null)
          .join(' ')
      : decision.refusal;

  const cases = TABLE.flatMap(([command, ...outcomes]) =>
    Object.entries(STATES).map(([state, now], index) => ({ state, now, command, outcome: outcomes[index] })),
  );

  it.each(cases)('$state: $command comes to $outcome', ({ now, command, outcome }) => {
    expect(told(decide(now, command))).toBe(outcome);
  });

  it('leaves the state it was given alone', () => {
    for (const { now, command } of cases) {
      const before = { ...now };
      decide(now, command);
      expect(now).toEqual(before);
    }
  });

  it('is open without an agent, assigned with one, and closed for good, whatever the order of commands', () => {
    const commands = TABLE.map(([command]) => command);
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...commands), { maxLength: 20 }), (sequence) => {
        let now: Lifecycle = STATES.open;
        for (const command of sequence) {
          const decision = decide(now, command);
          if (!decision.allowed) continue;
          expect(now.status).not.toBe('closed');
          now = decision.next;
          expect(now.agentId === null).toBe(now.supervisorId === null);
          if (now.status !== 'closed') expect(now.agentId === null).toBe(now.status === 'open');
        }
      }),
    );
  });
});

describe('effectsOf', () => {
  const agent = { role: 'agent', supervisorId: 'sam', active: true } as const;
  const gone = { ...agent, active: false };
  const supervisor = { role: 'supervisor', supervisorId: null, active: true } as const;

  it.each<[string, Member, UserChange, string]>([
    ['a new name', agent, { name: 'Alex' }, ''],
    ['a new address', agent, { email: 'alex@example.com' }, 'endsResets'],
    ['an agent made inactive', agent, { active: false }, 'deactivates endsSessions endsResets handsOver'],
    ['the same again', gone, { active: false }, 'endsSessions endsResets handsOver'],
    ['an agent made active again', gone, { active: true }, 'joins:sam'],
    ['an active agent made active', agent, { active: true }, ''],
    ['an agent moved', agent, { supervisorId: 'sue' }, 'joins:sue leaves:sam handsOver'],
    ['an agent moved to where they are', agent, { supervisorId: 'sam' }, 'joins:sam handsOver'],
    ['an agent moved and made active', gone, { supervisorId: 'sue', active: true }, 'joins:sue leaves:sam handsOver'],
    ['a supervisor made inactive', supervisor, { active: false }, 'deactivates endsSessions endsResets'],
    ['a supervisor made active again', { ...supervisor, active: false }, { active: true }, ''],
  ])('%s', (_, before, change, expected) => {
    const told = Object.entries(effectsOf(before, change)).flatMap(([name, value]) =>
      typeof value === 'string' ? [`${name}:${value}`] : value ? [name] : [],
    );
    expect(told.join(' ')).toBe(expected);
  });
});

describe('roleMay', () => {
  /** As the table of permissions has it, which says of every cell what is answered: a role that may never is forbidden. */
  const allowed = (operation: Operation, caller: CallerKind): boolean => {
    const answers = permissionRows()
      .filter((row) => row.operation === operation)
      .map(({ expected }) => expected[caller]);
    const refused = caller === 'nobody' ? '401 INVALID_TOKEN' : '403 FORBIDDEN';
    expect(answers).not.toEqual([]);
    return !answers.includes(refused);
  };

  it.each(Object.keys(PERMISSIONS) as Operation[])('%s', (operation) => {
    for (const caller of KINDS) {
      expect([caller, roleMay(operation, caller === 'nobody' ? null : caller)]).toEqual([
        caller,
        allowed(operation, caller),
      ]);
    }
  });
});

describe('maySeeConversation', () => {
  const conversation = (changes: Partial<ConversationParties>): ConversationParties => ({
    status: 'open',
    candidateId: 'candidate1',
    agentId: null,
    supervisorId: null,
    closedBy: null,
    ...changes,
  });
  const handled = { agentId: 'agent1', supervisorId: 'supervisor1' };
  const CALLERS = ['admin1', 'supervisor1', 'supervisor2', 'agent1', 'agent2', 'candidate1', 'candidate2'];

  it.each([
    ['open', conversation({}), 'admin1 supervisor1 supervisor2 candidate1'],
    ['assigned', conversation({ status: 'assigned', ...handled }), 'admin1 supervisor1 agent1 candidate1'],
    [
      'closed by its agent',
      conversation({ status: 'closed', ...handled, closedBy: 'agent1' }),
      'admin1 supervisor1 agent1 candidate1',
    ],
    [
      'closed by a supervisor while open',
      conversation({ status: 'closed', closedBy: 'supervisor2' }),
      'admin1 supervisor2 candidate1',
    ],
  ])('%s', (_, parties, seenBy) => {
    const seers = CALLERS.filter((userId) => {
      const role = ROLES.find((one) => userId.startsWith(one)) ?? 'candidate';
      return maySeeConversation({ userId, role }, parties);
    });
    expect(seers.join(' ')).toBe(seenBy);
  });

  it('goes by the role, not by an id that happens to match', () => {
    const assigned = conversation({ status: 'assigned', ...handled });
    expect(maySeeConversation({ userId: 'agent1', role: 'candidate' }, assigned)).toBe(false);
    expect(maySeeConversation({ userId: 'candidate1', role: 'agent' }, assigned)).toBe(false);
    expect(maySeeConversation({ userId: 'agent1', role: 'supervisor' }, assigned)).toBe(false);
  });
});

describe('isParticipant', () => {
  it.each([
    ['candidate1', 'agent1', true],
    ['agent1', 'agent1', true],
    ['agent2', 'agent1', false],
    ['candidate2', 'agent1', false],
    ['candidate1', null, true],
    ['agent1', null, false],
  ])('%s, agent %s: %s', (userId, agentId, expected) => {
    expect(isParticipant(userId, { candidateId: 'candidate1', agentId })).toBe(expected);
  });
});

describe('maySeeUser', () => {
  const agent1 = { id: 'agent1', role: 'agent', supervisorId: 'supervisor1' } as const;
  const agent2 = { id: 'agent2', role: 'agent', supervisorId: 'supervisor2' } as const;
  const supervisor2 = { id: 'supervisor2', role: 'supervisor', supervisorId: null } as const;
  const candidate1 = { id: 'candidate1', role: 'candidate', supervisorId: null } as const;
  /** Under a supervisor, yet no agent: data there should not be. */
  const stray = { id: 'stray', role: 'candidate', supervisorId: 'supervisor1' } as const;
  const people = [agent1, agent2, supervisor2, candidate1, stray];

  it.each([
    ['admin1', 'admin', 'agent1 agent2 supervisor2 candidate1 stray'],
    ['supervisor1', 'supervisor', 'agent1'],
    ['supervisor2', 'supervisor', 'agent2 supervisor2'],
    ['agent1', 'agent', 'agent1'],
    ['candidate1', 'candidate', 'candidate1'],
    ['candidate2', 'candidate', ''],
  ] as const)('%s', (userId, role, expected) => {
    const seen = people.filter((user) => maySeeUser({ userId, role }, user)).map((user) => user.id);
    expect(seen.join(' ')).toBe(expected);
  });
});

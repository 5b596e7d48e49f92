import type { SupervisorAnalytics } from '../../protocol/objects.ts';
import { type ClosedCount, countClosed, findStaff, medianSeconds, type Person } from '../../store/analytics.ts';

type SupervisorRow = SupervisorAnalytics['supervisors'][number];

/** Closed conversations per supervisor and agent, with median times; `from` and `to` bound `closedAt`, half-open. */
export async function supervisorAnalytics(given: {
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}): Promise<SupervisorAnalytics> {
  const period = { from: given.from ?? null, to: given.to ?? null };
  const [closed, firstResponse, resolution] = await Promise.all([
    countClosed(period),
    medianSeconds('firstResponseAt', period),
    medianSeconds('closedAt', period),
  ]);
  const staff = await findStaff([...new Set(closed.map(({ agentId }) => agentId))]);
  const supervisors = staff
    .filter(({ role }) => role === 'supervisor')
    .map(({ id, name, email }): SupervisorRow => {
      const agents = agentRows(id, staff, closed);
      return {
        supervisor: { id, name, email },
        agentCount: staff.filter((person) => isAgentOf(person, id)).length,
        closedConversations: sum(agents.map((agent) => agent.closedConversations)),
        medianFirstResponseSeconds: firstResponse.get(id) ?? null,
        medianResolutionSeconds: resolution.get(id) ?? null,
        agents,
      };
    })
    .sort((a, b) => byClosedThenName({ ...a, name: a.supervisor.name }, { ...b, name: b.supervisor.name }));
  return {
    from: period.from?.toISOString() ?? null,
    to: period.to?.toISOString() ?? null,
    supervisors,
    totals: {
      supervisors: supervisors.length,
      agents: sum(supervisors.map((row) => row.agentCount)),
      closedConversations: sum(supervisors.map((row) => row.closedConversations)),
    },
  };
}

const isAgentOf = (person: Person, supervisorId: string): boolean =>
  person.role === 'agent' && person.active && person.supervisorId === supervisorId;

/** The supervisor's agents now, and whoever closed conversations under them, though with somebody else or gone by now. */
function agentRows(
  supervisorId: string,
  staff: readonly Person[],
  closed: readonly ClosedCount[],
): SupervisorRow['agents'] {
  const counts = new Map(
    closed.filter((row) => row.supervisorId === supervisorId).map(({ agentId, count }) => [agentId, count]),
  );
  return staff
    .filter((person) => isAgentOf(person, supervisorId) || counts.has(person.id))
    .map(({ id, name }) => ({ id, name, closedConversations: counts.get(id) ?? 0 }))
    .sort(byClosedThenName);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** By code unit, not by locale: the same order on every machine. */
function byClosedThenName(
  a: { readonly closedConversations: number; readonly name: string },
  b: { readonly closedConversations: number; readonly name: string },
): number {
  if (a.closedConversations !== b.closedConversations) return b.closedConversations - a.closedConversations;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

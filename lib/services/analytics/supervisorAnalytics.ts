import { exactMedian, medianOf } from '../../domain/histogram.ts';
import { AppError } from '../../errors/appError.ts';
import type { SupervisorAnalytics } from '../../protocol/objects/analytics.ts';
import { type ClosedTotals, type Ratings, type Sum, sumClosed } from '../../store/closedSums.ts';
import { transaction } from '../../store/database.ts';
import { findStaff, type Person } from '../../store/staff.ts';

type SupervisorRow = SupervisorAnalytics['supervisors'][number];

/**
 * Counts closed conversations per supervisor and agent, with median times. `from` and `to` bound `closedAt`: from
 * `from` on, before `to`.
 */
export async function supervisorAnalytics({
  from,
  to,
}: {
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}): Promise<SupervisorAnalytics> {
  const range = { from: from?.getTime() ?? Number.NEGATIVE_INFINITY, to: to?.getTime() ?? Number.POSITIVE_INFINITY };
  // The transaction's snapshot makes sure that a conversation counted meanwhile is neither missed nor added twice.
  const closed = await transaction((session) => sumClosed(range, EXACT_MOST, session));
  if (!closed) throw new AppError('UNAVAILABLE', 'The database is not migrated yet.');
  const { sums } = closed;
  const medians = mediansOf(closed);
  const staff = await findStaff([...new Set([...sums.values()].flatMap(({ agents }) => Object.keys(agents)))]);
  const supervisors = staff
    .filter(({ role }) => role === 'supervisor')
    .map(({ id, name, email }): SupervisorRow => {
      const sum = sums.get(id);
      return {
        supervisor: { id, name, email },
        agentCount: staff.filter((person) => isAgentOf(person, id)).length,
        closedConversations: sum?.closed ?? 0,
        medianFirstResponseSeconds: seconds(medians.get(id)?.firstResponse),
        medianResolutionSeconds: seconds(medians.get(id)?.resolution),
        ratings: ratingsOf(sum),
        agents: agentRows(id, staff, sum),
      };
    })
    .sort((a, b) => byClosedThenName({ ...a, name: a.supervisor.name }, { ...b, name: b.supervisor.name }));
  return {
    from: from?.toISOString() ?? null,
    to: to?.toISOString() ?? null,
    supervisors,
    totals: {
      supervisors: supervisors.length,
      agents: total(supervisors.map((row) => row.agentCount)),
      closedConversations: total(supervisors.map((row) => row.closedConversations)),
    },
  };
}

/**
 * Medians of up to this many conversations are exact, from the conversations one by one. Medians of more come from the
 * sums.
 */
export const EXACT_MOST = 1_000;

/** Medians in milliseconds; `null` where no conversation has such a time. */
interface Medians {
  readonly firstResponse: number | null;
  readonly resolution: number | null;
}

function mediansOf({ sums, handled }: ClosedTotals): Map<string, Medians> {
  if (!handled) {
    return new Map(
      [...sums].map(([id, { firstResponse, resolution }]) => [
        id,
        { firstResponse: medianOf(firstResponse), resolution: medianOf(resolution) },
      ]),
    );
  }
  return new Map(
    [...Map.groupBy(handled, ({ supervisorId }) => supervisorId)].map(([id, theirs]) => {
      const medianUntil = (until: 'firstResponseAt' | 'closedAt') =>
        exactMedian(theirs.flatMap((one) => (one[until] ? [one[until].getTime() - one.createdAt.getTime()] : [])));
      return [id, { firstResponse: medianUntil('firstResponseAt'), resolution: medianUntil('closedAt') }];
    }),
  );
}

/** Makes a figure in seconds of one in milliseconds. */
export const seconds = (ms: number | null | undefined): number | null => (ms == null ? null : Math.round(ms) / 1000);

const isAgentOf = (person: Person, supervisorId: string): boolean =>
  person.role === 'agent' && person.active && person.supervisorId === supervisorId;

/**
 * Lists the supervisor's agents of now, and those who closed conversations under the supervisor and have left since.
 */
function agentRows(supervisorId: string, staff: readonly Person[], sum: Sum | undefined): SupervisorRow['agents'] {
  return staff
    .filter((person) => isAgentOf(person, supervisorId) || sum?.agents[person.id])
    .map(({ id, name }) => ({
      id,
      name,
      closedConversations: sum?.agents[id]?.closed ?? 0,
      ratings: ratingsOf(sum?.agents[id]),
    }))
    .sort(byClosedThenName);
}

/** Makes the figures on ratings: the mean to two places. */
export function ratingsOf(of: { readonly ratings?: Ratings } | undefined): { count: number; mean: number | null } {
  const { count, sum } = of?.ratings ?? { count: 0, sum: 0 };
  return { count, mean: count === 0 ? null : Math.round((sum / count) * 100) / 100 };
}

const total = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);

/** Compares names by code unit, not by locale, so that every machine gives the same order. */
function byClosedThenName(
  a: { readonly closedConversations: number; readonly name: string },
  b: { readonly closedConversations: number; readonly name: string },
): number {
  if (a.closedConversations !== b.closedConversations) return b.closedConversations - a.closedConversations;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

import { errorFields, logger } from '../../runtime/logger.ts';
import { endLapsed, isDeskRouted } from '../../store/agents.ts';
import { usersById } from '../../store/users.ts';
import { assignWaiting } from './assignWaiting.ts';
import type { Change, DeskEvent } from './changes.ts';
import { tellSentAway } from './sendAway.ts';
import { type TakenBack, takeBack } from './takeBack.ts';
import { tellNotes } from './tellNotes.ts';
import { tellWatchers } from './tellWatchers.ts';

/** Tells those who watch what has changed, and gives what waits to whoever may be given it now. */
export async function dispatch({ changes, agents, notes }: DeskEvent, until: number): Promise<void> {
  const telling = Promise.all([usersById(agents).then((users) => tellWatchers(changes, users)), tellNotes(notes)]);
  // Both to their end: a rejection that nobody waits for ends the process, and what is left under way freezes with it.
  const assigned: Change[] = [];
  const outcomes = await Promise.allSettled([telling, assignWaiting(until, assigned)]);
  await tellWatchers(assigned);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

/** What a tick of the clock did. */
export interface Ticked {
  /** Agents whose lease had run out. */
  readonly lapsed: number;
  readonly takenBack: number;
  readonly assigned: number;
}

const MOST_LAPSED = 500;

/**
 * The clock: notes the end of leases that have run out, takes back what agents leave alone, and gives what waits to agents. One
 * read where nobody is available, and no team automatic. A failure of one step keeps no other from being taken.
 */
export async function tick(until: number): Promise<Ticked> {
  if (!(await isDeskRouted())) return { lapsed: 0, takenBack: 0, assigned: 0 };
  const failures: unknown[] = [];
  const attempt = async <T>(step: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await step();
    } catch (error) {
      failures.push(error);
      logger.error('the clock could not take a step', errorFields(error));
      return otherwise;
    }
  };
  const lapsed = await attempt(() => endLapsed(MOST_LAPSED), []);
  const taken: TakenBack = { changes: [], sentAway: [] };
  await attempt(() => takeBack(until, taken), undefined);
  const assigned: Change[] = [];
  await attempt(() => assignWaiting(until, assigned), undefined);
  const { changes, sentAway } = taken;
  await Promise.all([tellWatchers([...changes, ...assigned], [...lapsed, ...sentAway]), ...sentAway.map(tellSentAway)]);
  const ticked = { lapsed: lapsed.length, takenBack: changes.length, assigned: assigned.length };
  // Most ticks find nothing to do, and there is one each minute.
  if (Object.values(ticked).some((count) => count > 0)) logger.info('ticked', ticked);
  else logger.debug('ticked', ticked);
  if (failures.length > 0) throw failures[0];
  return ticked;
}

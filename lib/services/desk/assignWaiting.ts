import { isUnavailable } from '../../errors/faults.ts';
import { errorFields, logger } from '../../runtime/logger.ts';
import { metrics } from '../../runtime/metrics.ts';
import { type FreeAgent, freeAgents, mayTake, reserveBest } from '../../store/agents.ts';
import { audit, BY_RULE } from '../../store/audit.ts';
import { type ConversationRecord, toConversation } from '../../store/conversations.ts';
import { transaction } from '../../store/database.ts';
import { assignOpen } from '../../store/lifecycle.ts';
import { type Place, readWaiting, type Waiting } from '../../store/queue.ts';
import { roomOf } from '../../store/room.ts';
import { tellAssigned } from '../conversations/assignConversation.ts';
import { peopleIn } from '../conversations/present.ts';
import { type Change, changed } from './changes.ts';
import { tolerant } from './tolerant.ts';

const PAGE = 100;

/**
 * Gives open conversations to the agents of automatic teams who are available and have room, the most urgent first, then the
 * oldest. Any number of machines may do so at once. Tells the rooms and the agents. Begins nothing after `until`, in epoch
 * milliseconds. Adds to `changes` what those who watch the queue are to be told, as it goes: where it throws, they are to be told all
 * the same.
 */
export async function assignWaiting(until: number, changes: Change[]): Promise<void> {
  const attempt = tolerant((fields) => logger.error('could not give a conversation', fields));
  const telling: Promise<void>[] = [];
  const held = new Set<string>();
  const present = async () => (await freeAgents()).filter(({ id }) => !held.has(id));
  try {
    let free = await present();
    for (let after: Place | undefined; free.length > 0; ) {
      const page = await readWaiting(after, PAGE);
      for (const waiting of page) {
        if (Date.now() > until) return;
        if (!hasTaker(waiting, free)) continue;
        let outcome = await attempt(waiting.id, () => give(waiting, held));
        while (outcome?.is === 'held' && Date.now() < until) {
          const best = (await present()).find((agent) => mayTake(agent, waiting.losses));
          if (!best) break;
          logger.warn('somebody else holds the record of an agent', { agentId: best.id });
          held.add(best.id);
          outcome = await attempt(waiting.id, () => give(waiting, held));
        }
        if (outcome?.is === 'given') {
          changes.push(changed({ ...outcome.record, status: 'open', supervisorId: null }, 'assigned'));
          telling.push(tell(outcome.record));
        }
        if (outcome?.is !== 'nobody') continue;
        free = await present();
        if (free.length === 0) break;
      }
      const last = page.at(-1);
      if (!last || page.length < PAGE) break;
      after = last;
    }
  } finally {
    if (changes.length > 0) metrics({ ConversationsRouted: changes.length });
    await Promise.all(telling);
  }
}

const hasTaker = ({ losses }: Waiting, free: readonly FreeAgent[]): boolean =>
  losses.length === 0 || free.some((agent) => mayTake(agent, losses));

/**
 * `nobody`: nobody may take it. `overtaken`: the conversation has changed. `held`: a transaction kept the record of the best agent
 * for longer than a command may take. The machine that began it has died, and the database drops it after a minute.
 */
type Outcome =
  | { readonly is: 'given'; readonly record: ConversationRecord }
  | { readonly is: 'nobody' | 'overtaken' | 'held' };

/**
 * Gives a conversation that is still as expected to the best agent there is at that moment, none of `held`, and puts that on
 * record.
 */
async function give({ id, revision, losses }: Waiting, held: ReadonlySet<string>): Promise<Outcome> {
  let isReserving = false;
  return transaction<Outcome>(async (session) => {
    isReserving = true;
    const agent = await reserveBest(losses, held, session);
    isReserving = false;
    if (!agent) return { is: 'nobody' };
    const record = await assignOpen(id, revision, { agentId: agent.id, supervisorId: agent.supervisorId }, session);
    // Thrown, so that the transaction takes back what it has written of the agent.
    if (!record) throw new Overtaken();
    await audit(BY_RULE, 'conversation_assigned', id, { agentId: agent.id }, session);
    return { is: 'given', record };
  }).catch((error: unknown) => {
    if (error instanceof Overtaken) return { is: 'overtaken' };
    if (isReserving && isUnavailable(error)) return { is: 'held' };
    throw error;
  });
}

/** The conversation has changed since it was read. */
class Overtaken extends Error {
  override readonly name = 'Overtaken';
}

/** Never throws. */
async function tell(record: ConversationRecord): Promise<void> {
  try {
    const conversation = toConversation(record, await peopleIn([record]));
    await tellAssigned({ conversation, room: roomOf(record), formerAgentId: null });
  } catch (error) {
    logger.warn('could not tell of an assignment', { conversationId: record._id, ...errorFields(error) });
  }
}

import type { User } from '../../protocol/objects/users.ts';
import { logger } from '../../runtime/logger.ts';
import { metrics } from '../../runtime/metrics.ts';
import { type AutomaticTeam, absentAgents, automaticTeams, type Overdue, releaseOverdue } from '../../store/agents.ts';
import { audit, BY_RULE } from '../../store/audit.ts';
import { type ConversationRecord, findConversation } from '../../store/conversations.ts';
import { transaction } from '../../store/database.ts';
import { requeueOverdue } from '../../store/lifecycle.ts';
import { heldSince, unansweredSince } from '../../store/queue.ts';
import { tellGivenBack } from '../conversations/requeueConversation.ts';
import { type Change, changed } from './changes.ts';
import { tolerant } from './tolerant.ts';

/** So many of a team's are looked at in one run, for each reason. The next run looks at the rest. */
const MOST = 500;

/** What was taken from agents. */
export interface TakenBack {
  readonly changes: Change[];
  /** Agents who are away now, because they said nothing. */
  readonly sentAway: User[];
}

/**
 * Requeues what agents of automatic teams hold and leave alone: they have been absent for too long, or have not said a first word
 * in time. Tells the rooms and the agents. Begins nothing after `until`, in epoch milliseconds.
 * Adds to `taken` as it goes: where it throws, what was done before is to be told all the same.
 */
export async function takeBack(until: number, taken: TakenBack): Promise<void> {
  const attempt = tolerant((fields) => logger.error('could not take back', fields));
  const telling: Promise<void>[] = [];
  try {
    for (const team of await automaticTeams()) {
      for (const { overdue, held } of await overdueOf(team)) {
        for (const conversation of held) {
          if (Date.now() > until) return;
          const outcome = await attempt(conversation._id, () => take(conversation, overdue));
          if (!outcome) continue;
          taken.changes.push(changed(conversation, 'requeued'));
          if (outcome.sentAway) taken.sentAway.push(outcome.sentAway);
          telling.push(tellGivenBack(outcome.record, conversation.agentId ?? ''));
        }
      }
    }
  } finally {
    if (taken.changes.length > 0) metrics({ ConversationsTakenBack: taken.changes.length });
    await Promise.all(telling);
  }
}

interface Due {
  readonly overdue: Overdue;
  readonly held: readonly ConversationRecord[];
}

async function overdueOf(team: AutomaticTeam): Promise<Due[]> {
  const { supervisorId, requeueAfterSeconds, answerWithinSeconds } = team;
  const due: Due[] = [];
  if (requeueAfterSeconds !== null) {
    const absent = await absentAgents(team, requeueAfterSeconds);
    const held = absent.length === 0 ? [] : await heldSince(absent, requeueAfterSeconds, MOST);
    due.push({ overdue: { reason: 'absent', seconds: requeueAfterSeconds }, held });
  }
  if (answerWithinSeconds !== null) {
    const held = await unansweredSince(supervisorId, answerWithinSeconds, MOST);
    due.push({ overdue: { reason: 'silent', seconds: answerWithinSeconds }, held });
  }
  return due;
}

/** Requeues a conversation that is still overdue, and puts that on record. Returns `null` when it isn't. */
async function take(
  found: ConversationRecord,
  overdue: Overdue,
): Promise<{ readonly record: ConversationRecord; readonly sentAway: User | null } | null> {
  // One of an earlier release is given its room first.
  const conversation = found.room ? found : await findConversation(found._id);
  const agentId = conversation?.agentId;
  if (!conversation || !agentId) return null;
  return transaction(async (session) => {
    const released = await releaseOverdue(agentId, overdue, session);
    if (!released) return null;
    const { availability, sentAway } = released;
    const record = await requeueOverdue(conversation, { agentId, availability }, overdue, session);
    // Thrown, so that the transaction takes back what it has written of the agent.
    if (!record) throw new NotOverdue();
    await audit(
      BY_RULE,
      'conversation_requeued',
      conversation._id,
      { agentId, reason: `agent_${overdue.reason}` },
      session,
    );
    return { record, sentAway };
  }).catch((error: unknown) => {
    if (error instanceof NotOverdue) return null;
    throw error;
  });
}

/** The conversation has changed, or its agent has answered. */
class NotOverdue extends Error {
  override readonly name = 'NotOverdue';
}

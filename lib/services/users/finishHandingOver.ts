import { decide } from '../../domain/conversation.ts';
import { errorFields, logger } from '../../runtime/logger.ts';
import { type Actor, audit } from '../../store/audit.ts';
import { type ConversationRecord, findHeld, move } from '../../store/conversations.ts';
import { type Transaction, transaction } from '../../store/database.ts';
import { findHandingOver, type HandingOver, isStillSo, noteHandedOver } from '../../store/users.ts';
import { present } from '../conversations/present.ts';
import { requeueAs, tellRequeued } from '../conversations/requeueConversation.ts';

const PAGE = 50;
/** How long the handler goes on before it leaves the rest to the sweep. */
const HANDLER_HANDS_OVER_MS = 3_000;

/** Nobody decides it of the one conversation: it follows from what was decided of its agent, which has an entry of its own. */
const BY_RULE: Actor = { userId: null, role: null, sourceIp: null };

/** As `finishHandingOver`, for a handler that has answered already: what fails, the sweep tries again. */
export async function beginHandingOver(agentId: string): Promise<void> {
  try {
    await finishHandingOver(agentId, Date.now() + HANDLER_HANDS_OVER_MS);
  } catch (error) {
    logger.warn('handing over left to the sweep', { userId: agentId, ...errorFields(error) });
  }
}

/**
 * Has what an agent holds follow the agent as they are now: an inactive one gives all of it back, an active one has it
 * under their own supervisor. Conversation by conversation, each conditional, from wherever it stopped; by two at once
 * too. One that fails doesn't keep the others from it, and is thrown at the end. Answers whether nothing is left.
 */
export async function finishHandingOver(agentId: string, until: number): Promise<boolean> {
  const agent = await findHandingOver(agentId);
  if (!agent) return true;
  let failed: unknown;
  for (let cursor: string | undefined; ; ) {
    const { items, nextCursor } = await findHeld(agentId, { limit: PAGE, cursor });
    const told: Promise<void>[] = [];
    try {
      for (const conversation of items) {
        if (agent.active && conversation.supervisorId === agent.supervisorId) continue;
        if (Date.now() > until) return false;
        const outcome = await handOver(agent, conversation).catch((error: unknown) => {
          logger.error('could not hand over', { conversationId: conversation._id, ...errorFields(error) });
          failed ??= error;
          return null;
        });
        // The agent was changed again: that change sees to the rest.
        if (outcome === 'agent changed') return false;
        // Meanwhile the next ones follow: a slow socket in this room is not theirs.
        if (outcome) told.push(tell(outcome, agentId));
      }
    } finally {
      await Promise.all(told);
    }
    if (nextCursor === null) break;
    cursor = nextCursor;
  }
  if (failed !== undefined) throw failed;
  return noteHandedOver(agent);
}

/** The conversation as it was given back, where there is somebody to tell; `null` where there isn't. */
type Outcome = ConversationRecord | 'agent changed' | null;

async function handOver(agent: HandingOver, conversation: ConversationRecord): Promise<Outcome> {
  return transaction(async (session) => {
    // Written, not just read: else it could follow an agent who is no longer so.
    if (!(await isStillSo(agent, session))) return 'agent changed';
    return agent.active ? takeAlong(agent, conversation, session) : giveBack(agent, conversation, session);
  });
}

async function giveBack({ id }: HandingOver, conversation: ConversationRecord, session: Transaction): Promise<Outcome> {
  const decision = decide(conversation, { type: 'requeue', userId: id, role: 'agent' });
  if (!decision.allowed) return null;
  return requeueAs(BY_RULE, conversation, session, { reason: 'agent_inactive' });
}

async function takeAlong(agent: HandingOver, conversation: ConversationRecord, session: Transaction): Promise<null> {
  const { id: agentId, supervisorId } = agent;
  if (supervisorId === null) return null;
  const decision = decide(conversation, { type: 'move', agentId, supervisorId });
  if (!decision.allowed) return null;
  const moved = await move(conversation._id, conversation, supervisorId, session);
  if (moved) await audit(BY_RULE, 'conversation_moved', conversation._id, { agentId, supervisorId }, session);
  return null;
}

/** Never throws. */
async function tell(record: ConversationRecord, formerAgentId: string): Promise<void> {
  try {
    await tellRequeued({ conversation: await present(record), formerAgentId });
  } catch (error) {
    logger.warn('could not tell of a requeue', { conversationId: record._id, ...errorFields(error) });
  }
}

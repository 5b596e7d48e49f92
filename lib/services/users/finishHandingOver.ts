import { decide } from '../../domain/conversation.ts';
import { errorFields, logger } from '../../runtime/logger.ts';
import { audit, BY_RULE } from '../../store/audit.ts';
import { type ConversationRecord, findConversation, findHeld } from '../../store/conversations.ts';
import { type Transaction, transaction } from '../../store/database.ts';
import { move } from '../../store/lifecycle.ts';
import { forgetMarks } from '../../store/reads.ts';
import { forgetReplies } from '../../store/replies.ts';
import { completeHandingOver, findHandingOver, type HandingOver, touchUnchanged } from '../../store/users.ts';
import { requeueAs, tellGivenBack } from '../conversations/requeueConversation.ts';
import { type Change, changed, handOn } from '../desk/changes.ts';

const PAGE = 50;
/** How long the handler hands over. The sweep does the rest. */
const HANDLER_HANDS_OVER_MS = 3_000;

/** Hands over after the handler has answered. The sweep tries again what fails here. Never throws. */
export async function tryFinishHandingOver(agentId: string): Promise<void> {
  try {
    await finishHandingOver(agentId, Date.now() + HANDLER_HANDS_OVER_MS);
  } catch (error) {
    logger.warn('handing over left to the sweep', { userId: agentId, ...errorFields(error) });
  }
}

/**
 * Makes an agent's conversations follow the agent as they are now: an inactive agent gives all back, an active one has
 * all under their own supervisor. Each conversation is a conditional write, from where it stopped; two processes may do
 * it at once. One failure doesn't keep the others from it; its error is thrown at the end. Returns whether nothing is
 * left.
 */
export async function finishHandingOver(agentId: string, until: number): Promise<boolean> {
  const agent = await findHandingOver(agentId);
  if (!agent) return true;
  let failed: unknown;
  for (let cursor: string | undefined; ; ) {
    const { items, nextCursor } = await findHeld(agentId, { limit: PAGE, cursor });
    const told: Promise<void>[] = [];
    const changes: Change[] = [];
    try {
      for (const held of items) {
        // One of an earlier release is given its room first.
        const conversation = held.room ? held : await findConversation(held._id);
        if (!conversation) continue;
        if (agent.active && conversation.supervisorId === agent.supervisorId) continue;
        if (Date.now() > until) return false;
        const outcome = await handOver(agent, conversation).catch((error: unknown): Outcome => {
          logger.error('could not hand over', { conversationId: conversation._id, ...errorFields(error) });
          failed ??= error;
          return { is: 'failed' };
        });
        // The agent was changed again. That change hands over the rest.
        if (outcome.is === 'agent changed') return false;
        // The next conversations follow meanwhile: a slow socket in this room must not delay them.
        if (outcome.is === 'moved') changes.push(changed(conversation, 'moved'));
        if (outcome.is === 'given back') changes.push(changed(conversation, 'requeued'));
        if (outcome.is === 'given back') told.push(tellGivenBack(outcome.conversation, agentId));
      }
    } finally {
      await Promise.all([...told, changes.length > 0 && handOn({ changes })]);
    }
    if (nextCursor === null) break;
    cursor = nextCursor;
  }
  if (failed !== undefined) throw failed;
  if (!agent.active) await transaction((session) => forget(agent, session));
  return completeHandingOver(agent);
}

/** Who has left reads nothing any more, and nobody else uses their own replies. Leaves everything to an agent who is active again. */
async function forget(agent: HandingOver, session: Transaction): Promise<void> {
  if (await touchUnchanged(agent, session)) {
    await forgetMarks(agent.id, session);
    await forgetReplies(agent.id, session);
  }
}

/**
 * What became of one conversation. Of a move only those who watch the queue are told. `left alone`: another command has changed the conversation, or
 * the agent has no supervisor.
 */
type Outcome =
  | { readonly is: 'given back'; readonly conversation: ConversationRecord }
  | { readonly is: 'moved' | 'left alone' | 'agent changed' | 'failed' };

async function handOver(agent: HandingOver, conversation: ConversationRecord): Promise<Outcome> {
  return transaction(async (session) => {
    // Write the agent instead of reading: else the conversation could follow an agent who has changed since.
    if (!(await touchUnchanged(agent, session))) return { is: 'agent changed' };
    return agent.active ? moveToTeam(agent, conversation, session) : giveBack(agent, conversation, session);
  });
}

async function giveBack({ id }: HandingOver, conversation: ConversationRecord, session: Transaction): Promise<Outcome> {
  const decision = decide(conversation, { type: 'requeue', userId: id, role: 'agent' });
  if (!decision.allowed) return { is: 'left alone' };
  const requeued = await requeueAs(BY_RULE, conversation, session, { reason: 'agent_inactive' });
  return requeued ? { is: 'given back', conversation: requeued } : { is: 'left alone' };
}

/** Puts the conversation under the agent's own supervisor. */
async function moveToTeam(
  { id: agentId, supervisorId }: HandingOver,
  conversation: ConversationRecord,
  session: Transaction,
): Promise<Outcome> {
  if (supervisorId === null) return { is: 'left alone' };
  const decision = decide(conversation, { type: 'move', agentId, supervisorId });
  if (!decision.allowed || !(await move(conversation._id, conversation, supervisorId, session))) {
    return { is: 'left alone' };
  }
  await audit(BY_RULE, 'conversation_moved', conversation._id, { agentId, supervisorId }, session);
  return { is: 'moved' };
}

import { logger } from '../runtime/logger.ts';
import { conversationModel } from './conversations.ts';
import { type Transaction, transaction, trusted } from './database.ts';
import { userModel } from './users.ts';

/** How many conversations are assigned to an agent, counted one by one: what `assignedCount` must be. */
export async function countAssigned(agentId: string, session?: Transaction): Promise<number> {
  return conversationModel()
    .countDocuments({ agentId, status: 'assigned' })
    .session(session ?? null);
}

const PAGE = 100;

/**
 * For migrations: counts anew what each agent holds, and notes those of whom something is to follow: what an inactive
 * one holds, and what is not under an agent's own supervisor. The sweep does that.
 */
export async function recountAgents(): Promise<void> {
  for (let last = ''; ; ) {
    const page = await userModel()
      .find(trusted({ _id: { $gt: last }, role: 'agent' }), { _id: 1 })
      .sort({ _id: 1 })
      .limit(PAGE)
      .lean();
    for (const { _id } of page) await transaction((session) => recount(_id, session));
    const end = page.at(-1);
    if (!end) return;
    last = end._id;
  }
}

/** In one transaction: whatever is assigned or taken meanwhile writes the agent too, and one of the two begins anew. */
async function recount(agentId: string, session: Transaction): Promise<void> {
  const assignedCount = await countAssigned(agentId, session);
  const agent = await userModel()
    .findOneAndUpdate({ _id: agentId }, { $set: { assignedCount } }, { returnDocument: 'after', session })
    .lean();
  if (!agent) return;
  if (agent.active && !(await hasActiveSupervisor(agent.supervisorId, session))) {
    // Only an admin can say whose they are to be.
    logger.warn('agent without an active supervisor', { userId: agentId });
  }
  if (assignedCount === 0) return;
  const stray = await conversationModel()
    .exists(trusted({ agentId, status: 'assigned', supervisorId: { $ne: agent.supervisorId } }))
    .session(session);
  if (agent.active && !stray) return;
  await userModel().updateOne({ _id: agentId }, { $set: { handingOverSince: new Date() } }, { session });
}

async function hasActiveSupervisor(supervisorId: string | null, session: Transaction): Promise<boolean> {
  if (supervisorId === null) return false;
  return (await userModel().exists({ _id: supervisorId, role: 'supervisor', active: true }).session(session)) !== null;
}

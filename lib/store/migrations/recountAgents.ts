import { logger } from '../../runtime/logger.ts';
import { conversationModel, countAssigned } from '../conversations.ts';
import { type Transaction, transaction, trusted } from '../database.ts';
import { userModel } from '../users.ts';

const PAGE = 100;

/**
 * Counts again how many conversations each agent has. Notes agents whose conversations must follow them: an inactive
 * agent with conversations, and an agent with conversations that are not under the agent's own supervisor. The sweep
 * hands these over.
 */
export async function recountAgents(): Promise<void> {
  for (let last = ''; ; ) {
    const page = await userModel()
      .find(trusted({ _id: { $gt: last }, role: 'agent' }), { _id: 1 })
      .sort({ _id: 1 })
      .limit(PAGE)
      .lean();
    for (const { _id } of page) {
      const { isStranded } = await transaction((session) => recount(_id, session));
      // Only an admin can say who gets them.
      if (isStranded) logger.warn('agent without an active supervisor', { userId: _id });
    }
    const end = page.at(-1);
    if (!end) return;
    last = end._id;
  }
}

/**
 * Counts one agent's conversations. An assignment or requeue at the same time writes the agent too, so one of the two
 * transactions begins again. `isStranded`: the agent is active, and has no active supervisor.
 */
async function recount(agentId: string, session: Transaction): Promise<{ readonly isStranded: boolean }> {
  const assignedCount = await countAssigned(agentId, session);
  const agent = await userModel()
    .findOneAndUpdate({ _id: agentId }, { $set: { assignedCount } }, { returnDocument: 'after', session })
    .lean();
  if (!agent) return { isStranded: false };
  const isStranded = agent.active && !(await hasActiveSupervisor(agent.supervisorId, session));
  if (assignedCount === 0) return { isStranded };
  const stray = await conversationModel()
    .exists(trusted({ agentId, status: 'assigned', supervisorId: { $ne: agent.supervisorId } }))
    .session(session);
  if (agent.active && !stray) return { isStranded };
  await userModel().updateOne({ _id: agentId }, { $set: { handingOverSince: new Date() } }, { session });
  return { isStranded };
}

async function hasActiveSupervisor(supervisorId: string | null, session: Transaction): Promise<boolean> {
  if (supervisorId === null) return false;
  return (await userModel().exists({ _id: supervisorId, role: 'supervisor', active: true }).session(session)) !== null;
}

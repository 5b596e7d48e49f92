import { errorFields, logger } from '../../runtime/logger.ts';
import { findRunning } from '../../store/conversations.ts';
import { changed, handOn } from './changes.ts';

/** A candidate hardly ever has more than one that runs. Whoever watches is told of so many at once. */
const MOST = 20;

/**
 * Tells the staff what a candidate is called now, and by which address: those who watch the queue, and the agents who have the
 * candidate's conversations. The conversations themselves have not changed, so their `revision` stays. Never throws: who was missed
 * reads it with the next answer.
 */
export async function tellRenamed(candidateId: string): Promise<void> {
  try {
    const running = await findRunning(candidateId, MOST);
    if (running.length > 0) await handOn({ changes: running.map((conversation) => changed(conversation, 'edited')) });
  } catch (error) {
    logger.warn('could not tell a new name', { userId: candidateId, ...errorFields(error) });
  }
}

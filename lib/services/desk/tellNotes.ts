import { maySeeConversation } from '../../domain/permissions.ts';
import { deliver } from '../../realtime/broadcast.ts';
import { inParallel } from '../../realtime/parallel.ts';
import { errorFields, logger } from '../../runtime/logger.ts';
import { connectionsOfUsers } from '../../store/connections.ts';
import { findConversations } from '../../store/conversations.ts';
import { findNotes } from '../../store/notes.ts';
import { findWatchers } from '../../store/watchers.ts';

/** How long telling takes at most, in all. */
const TELLING_MS = 1_000;

/**
 * Tells of new notes: the agent of the conversation, and those who watch the queue and may see it. Takes a second at most. Never
 * throws: who was missed reads the notes.
 */
export async function tellNotes(ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const end = Date.now() + TELLING_MS;
  try {
    const notes = await findNotes(ids);
    const [conversations, watchers] = await Promise.all([
      findConversations([...new Set(notes.map(({ conversationId }) => conversationId))]),
      findWatchers(),
    ]);
    for (const note of notes) {
      const conversation = conversations.get(note.conversationId);
      if (!conversation) continue;
      const { agentId } = conversation;
      const agents = agentId === null ? [] : await connectionsOfUsers([agentId]);
      const watching = watchers.filter((watcher) => maySeeConversation(watcher, conversation));
      const to = new Set([...agents, ...watching.map(({ connectionId }) => connectionId)]);
      await inParallel([...to], async (connectionId) => {
        if (Date.now() < end) await deliver(connectionId, { event: 'NOTE_ADDED', data: { note } }, { end });
      });
    }
  } catch (error) {
    logger.warn('could not tell of a note', errorFields(error));
  }
}

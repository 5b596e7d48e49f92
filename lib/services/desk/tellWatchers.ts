import { maySeeConversation } from '../../domain/permissions.ts';
import type { ServerFrame } from '../../protocol/events.ts';
import type { User } from '../../protocol/objects/users.ts';
import { deliver } from '../../realtime/broadcast.ts';
import { inParallel } from '../../realtime/parallel.ts';
import { errorFields, logger } from '../../runtime/logger.ts';
import { connectionsOfUsers } from '../../store/connections.ts';
import { type ConversationRecord, findConversations, toStaffConversation } from '../../store/conversations.ts';
import { findWatchers, type Watcher } from '../../store/watchers.ts';
import { peopleIn } from '../conversations/present.ts';
import type { Change } from './changes.ts';

/** How long telling takes at most, in all. */
const TELLING_MS = 1_000;
/** More changes at once are told by `QUEUE_STALE`. */
const MOST_AT_ONCE = 20;

/**
 * Tells those who watch the queue what has changed, of what they may see now, or could see until then. They are told how each
 * conversation is now, so that a late frame is no older than an early one. Takes a second at most. Never throws: who was missed
 * watches again, and has the truth.
 */
export async function tellWatchers(changes: readonly Change[], agents: readonly User[] = []): Promise<void> {
  if (changes.length + agents.length === 0) return;
  const end = Date.now() + TELLING_MS;
  try {
    const [watchers, records] = await Promise.all([
      findWatchers(),
      findConversations([...new Set(changes.map(({ conversationId }) => conversationId))]),
    ]);
    const posts = watchers.length === 0 ? [] : await framesOf(watchers, changes, records, agents);
    posts.push(...(await framesForAgents(changes, records)));
    await inParallel(posts, async ({ connectionId, frame, hasSpoken }) => {
      if (Date.now() < end) await deliver(connectionId, frame, { end, hasSpoken });
    });
  } catch (error) {
    logger.warn('could not tell the watchers', { changes: changes.length, ...errorFields(error) });
  }
}

interface Post {
  readonly connectionId: string;
  readonly frame: ServerFrame;
  /** The connection has sent a frame: a watcher has sent `WATCH_QUEUE`. */
  readonly hasSpoken: boolean;
}

type Records = ReadonlyMap<string, ConversationRecord>;

async function framesOf(
  watchers: readonly Watcher[],
  changes: readonly Change[],
  records: Records,
  agents: readonly User[],
): Promise<Post[]> {
  const people = await peopleIn([...records.values()]);
  return watchers.flatMap((watcher) => {
    const frames = changes.flatMap((change): ServerFrame[] => {
      const record = records.get(change.conversationId);
      if (!record) return [];
      if (maySeeConversation(watcher, record)) {
        const conversation = toStaffConversation(record, people);
        return [{ event: 'QUEUE_CHANGED', data: { conversation, reason: change.reason } }];
      }
      if (!change.formerly || !maySeeConversation(watcher, { ...record, ...change.formerly })) return [];
      const { conversationId } = change;
      return [{ event: 'QUEUE_REMOVED', data: { conversationId, revision: record.revision ?? 0 } }];
    });
    const told: ServerFrame[] = frames.length > MOST_AT_ONCE ? [{ event: 'QUEUE_STALE', data: {} }] : frames;
    const ofAgents = agents
      .filter(({ supervisorId }) => watcher.role === 'admin' || supervisorId === watcher.userId)
      .map((user): ServerFrame => ({ event: 'AGENT_CHANGED', data: { user } }));
    return [...told, ...ofAgents].map((frame) => ({ connectionId: watcher.connectionId, frame, hasSpoken: true }));
  });
}

/** An agent is told when what the staff note of a conversation of theirs was edited. */
async function framesForAgents(changes: readonly Change[], records: Records): Promise<Post[]> {
  const edited = changes.flatMap(({ conversationId, reason }) => {
    const record = records.get(conversationId);
    return reason === 'edited' && record?.agentId ? [record] : [];
  });
  if (edited.length === 0) return [];
  const people = await peopleIn(edited);
  const posts = edited.map(async (record) => {
    const conversation = toStaffConversation(record, people);
    const frame: ServerFrame = { event: 'QUEUE_CHANGED', data: { conversation, reason: 'edited' } };
    return (await connectionsOfUsers([record.agentId ?? ''])).map((connectionId) => ({
      connectionId,
      frame,
      hasSpoken: false,
    }));
  });
  return (await Promise.all(posts)).flat();
}

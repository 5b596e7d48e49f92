import { randomUUID } from 'node:crypto';
import mongoose from 'mongoose';
import type { User } from '../../../lib/protocol/objects/users.ts';
import type { Site } from './pages.ts';

/** The service's database, for what would take too long to be done by hand. */
export async function withDatabase<T>(site: Site, act: (database: mongoose.Connection) => Promise<T>): Promise<T> {
  const database = await mongoose.createConnection(site.system.databaseUri).asPromise();
  try {
    return await act(database);
  } finally {
    await database.close();
  }
}

/**
 * Puts messages where the service keeps them, from the one after the conversation's last to number `last`, by its candidate and this agent in turn. They
 * are a minute apart, and called `Message number …`.
 */
export const tellLongStory = (
  site: Site,
  conversationId: string,
  last: number,
  agent: Pick<User, 'id' | 'name'>,
): Promise<void> =>
  withDatabase(site, async (database) => {
    const conversations = database.collection<{ _id: string; candidateId: string }>('conversations');
    const active = database.collection('active_messages');
    const [conversation, ...earlier] = [
      await conversations.findOne({ _id: conversationId }),
      ...(await active.find({ conversationId }).sort({ seq: 1 }).toArray()),
    ];
    if (!conversation) throw new Error('no such conversation');
    const places = { agent: 0, candidate: 0 };
    for (const { senderRole } of earlier) places[senderRole as keyof typeof places] += 1;
    const begun = Date.now() - last * 60_000;
    const messages = Array.from({ length: last - earlier.length }, (_, index) => {
      const seq = earlier.length + index + 1;
      const senderRole = index % 2 === 0 ? 'agent' : 'candidate';
      places[senderRole] += 1;
      return {
        _id: randomUUID() as never,
        conversationId,
        seq,
        senderRole,
        ...(senderRole === 'agent'
          ? { senderId: agent.id, senderName: agent.name }
          : { senderId: conversation.candidateId, senderName: 'Kim Miller' }),
        content: `Message number ${seq}`,
        clientMessageId: null,
        sentAt: new Date(begun + seq * 60_000),
        place: places[senderRole],
        broadcastAt: new Date(),
      };
    });
    await active.insertMany(messages);
    await conversations.updateOne(
      { _id: conversationId },
      { $set: { lastSeq: last, lastMessageAt: messages.at(-1)?.sentAt, fromCandidate: places.candidate } },
    );
  });

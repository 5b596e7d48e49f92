import type { ServerData } from '../../lib/protocol/events.ts';
import type { Message } from '../../lib/protocol/objects/conversations.ts';
import { type ConversationRecord, conversationModel } from '../../lib/store/conversations.ts';
import { trusted } from '../../lib/store/database.ts';
import { activeMessageModel, messageModel } from '../../lib/store/messages.ts';
import { eventually } from '../support/deadline.ts';
import type { InProcess } from '../support/inProcess.ts';
import type { Desk, Person } from '../support/system.ts';

/** The whole history, as a client reads it. */
export async function readHistory(desk: Desk, reader: Person, conversationId: string): Promise<Message[]> {
  const messages: Message[] = [];
  for (let after: number | null = 0; after !== null; ) {
    const page: { items: Message[]; nextAfterSeq: number | null } = await desk.ok(
      'GET',
      `/conversations/${conversationId}/messages?limit=200&afterSeq=${after}`,
      reader.token,
    );
    messages.push(...page.items);
    after = page.nextAfterSeq;
  }
  return messages;
}

/** No hole, no repeat, and every acknowledged message in its place. Answers the history. */
export async function expectWhole(
  desk: Desk,
  reader: Person,
  conversationId: string,
  acknowledged: readonly ServerData<'MESSAGE_ACCEPTED'>[] = [],
): Promise<Message[]> {
  const messages = await readHistory(desk, reader, conversationId);
  expect(messages.map(({ seq }) => seq)).toEqual(messages.map((_, index) => index + 1));
  const clientIds = messages.flatMap(({ clientMessageId }) => clientMessageId ?? []);
  expect(clientIds).toEqual([...new Set(clientIds)]);
  const times = messages.map(({ sentAt }) => sentAt);
  expect(times).toEqual(times.toSorted());
  const { lastSeq } = await desk.ok('GET', `/conversations/${conversationId}`, reader.token);
  expect(lastSeq).toBe(messages.length);
  const lost = acknowledged.filter((ack) => messages[ack.seq - 1]?.id !== ack.messageId);
  expect(lost).toEqual([]);
  return messages;
}

/** Invariant 4: whatever may expire is in the permanent collection. */
export async function expectNothingExpiresEarly(conversationId: string): Promise<void> {
  const mayExpire = trusted({ conversationId, expiresAt: { $exists: true } });
  const expiring = await activeMessageModel().find(mayExpire, { _id: 1 }).lean();
  const safe = await messageModel().find({ conversationId }, { _id: 1 }).lean();
  const ids = new Set(safe.map(({ _id }) => _id));
  expect(expiring.filter(({ _id }) => !ids.has(_id))).toEqual([]);
}

/** Closed conversations are swept as if they had been closed a minute ago: past the grace their handlers have. */
export async function sweepNow(system: InProcess, conversationIds: readonly string[]): Promise<void> {
  await makeDue(conversationIds);
  await system.operate('sweep');
}

export async function makeDue(conversationIds: readonly string[]): Promise<void> {
  await conversationModel().updateMany(trusted({ _id: { $in: [...conversationIds] }, closing: { $exists: true } }), {
    $set: { 'closing.since': new Date(Date.now() - 60_000) },
  });
}

/** The conversation as it is stored now. */
export async function recordOf(conversationId: string): Promise<ConversationRecord> {
  return conversationModel().findById(conversationId).lean().orFail();
}

/** Closed for good: nothing left to do, every message archived, the same history as before. */
export async function expectArchived(
  desk: Desk,
  reader: Person,
  conversationId: string,
  before: readonly Message[],
): Promise<void> {
  const record = await recordOf(conversationId);
  expect(record).toMatchObject({ status: 'closed', lastSeq: before.length });
  expect(record.closing).toBeUndefined();
  expect(record.archivedAt).toBeInstanceOf(Date);
  expect(await messageModel().countDocuments({ conversationId })).toBe(before.length);
  expect(await readHistory(desk, reader, conversationId)).toEqual(before);
}

/** The active copies are gone, and nothing with them. */
export async function expectExpired(conversationIds: readonly string[]): Promise<void> {
  const copies = trusted({ conversationId: { $in: [...conversationIds] } });
  const gone = async () => (await activeMessageModel().countDocuments(copies)) === 0;
  await eventually('the active copies to expire', gone);
}

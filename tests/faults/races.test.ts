import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Role } from '../../lib/domain/roles.ts';
import { AppError } from '../../lib/protocol/errors.ts';
import type { Conversation } from '../../lib/protocol/objects.ts';
import { assignConversation } from '../../lib/services/conversations/assignConversation.ts';
import { closeConversation } from '../../lib/services/conversations/closeConversation.ts';
import { finishClosing } from '../../lib/services/conversations/finishClosing.ts';
import { type Sent, sendMessage } from '../../lib/services/rooms/sendMessage.ts';
import type { SocketCaller } from '../../lib/store/connections.ts';
import { conversationModel, findConversation } from '../../lib/store/conversations.ts';
import { activeMessageModel, messageModel } from '../../lib/store/messages.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Desk, Person } from '../support/system.ts';
import { Random } from './historyChecker/random.ts';

/** Each race is run on this many conversations of its own; `FIRST_SEED` varies the delays. */
const RACES = 1_000;
const AT_ONCE = 12;

let system: InProcess;
let desk: Desk;
let people: Record<'candidate' | 'supervisor1' | 'supervisor2' | 'agent1' | 'agent2' | 'agent3', Person>;

beforeAll(async () => {
  ({ system, desk } = await startDesk());
  const [candidate, supervisor1, supervisor2] = await Promise.all([
    desk.candidate(),
    desk.supervisor(),
    desk.supervisor(),
  ]);
  const [agent1, agent2, agent3] = await Promise.all([
    desk.agent(supervisor1),
    desk.agent(supervisor1),
    desk.agent(supervisor2),
  ]);
  people = { candidate, supervisor1, supervisor2, agent1, agent2, agent3 };
});
afterAll(() => system.stop());

const caller = ({ user }: Person, conversationId: string): SocketCaller => ({
  userId: user.id,
  role: user.role as Role,
  supervisorId: user.supervisorId,
  sessionId: 'none',
  sourceIp: null,
  connectionId: 'none',
  rooms: [conversationId],
});

/** Conversations as the store would have made them, all at once. */
async function conversations(assignedTo?: Person): Promise<string[]> {
  const createdAt = new Date();
  const rows = Array.from({ length: RACES }, () => ({
    _id: randomUUID(),
    subject: 'A race',
    status: assignedTo ? ('assigned' as const) : ('open' as const),
    candidateId: people.candidate.user.id,
    agentId: assignedTo?.user.id ?? null,
    supervisorId: assignedTo?.user.supervisorId ?? null,
    lastSeq: 0,
    createdAt,
    assignedAt: assignedTo ? createdAt : null,
  }));
  // As they come about by use, which has no model fill in a `closing` that isn't there.
  const documents = rows.map((row) => {
    const { closing: _, ...document } = new (conversationModel())(row).toObject();
    return document;
  });
  await conversationModel().collection.insertMany(documents as never[]);
  return rows.map(({ _id }) => _id);
}

type Result<T> = { readonly value: T } | { readonly refused: string };

/** Runs the rivals at once, each after a moment of its own, on every conversation; what came of it is judged. */
async function race<const T extends readonly unknown[]>(
  ids: string[],
  rivals: (id: string) => { [K in keyof T]: () => Promise<T[K]> },
  judge: (id: string, results: { [K in keyof T]: Result<T[K]> }) => Promise<void>,
): Promise<void> {
  const random = new Random(Number(process.env['FIRST_SEED'] ?? 1));
  const lane = async () => {
    for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
      const entries = rivals(id) as readonly (() => Promise<unknown>)[];
      const results = await Promise.all(
        entries.map(async (rival) => {
          await sleep(random.chance(0.5) ? 0 : random.between(1, 4));
          try {
            return { value: await rival() };
          } catch (error) {
            if (!(error instanceof AppError)) throw error;
            return { refused: error.code };
          }
        }),
      );
      await judge(id, results as { [K in keyof T]: Result<T[K]> });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

const won = <T>(results: readonly Result<T>[]): T[] =>
  results.flatMap((result) => ('value' in result ? [result.value] : []));
const refusals = (results: readonly Result<unknown>[]): string[] =>
  results.flatMap((result) => ('refused' in result ? [result.refused] : [])).toSorted();

const assignTo = async (...given: Parameters<typeof assignConversation>): Promise<Conversation> =>
  (await assignConversation(...given)).conversation;

describe(`${RACES} races of`, () => {
  it('send against close: what is accepted is in the archive, what comes after the close is refused', async () => {
    const { candidate, agent1 } = people;
    const random = new Random(1);
    let sentBefore = 0;
    let refused = 0;
    await race<[Sent, Sent, { conversation: Conversation }]>(
      await conversations(agent1),
      (id) => [
        () => sendMessage(caller(candidate, id), { conversationId: id, content: 'one', clientMessageId: 'one' }),
        () => sendMessage(caller(agent1, id), { conversationId: id, content: 'two' }),
        () => closeConversation(caller(agent1, id), id),
      ],
      async (id, [one, two, close]) => {
        const sent = won([one, two]).map(({ message }) => message.seq);
        expect(sent.toSorted()).toEqual(sent.map((_, index) => index + 1));
        expect(refusals([one, two])).toEqual(Array.from({ length: 2 - sent.length }, () => 'CONVERSATION_CLOSED'));
        expect(close).toMatchObject({ value: { conversation: { status: 'closed', lastSeq: sent.length } } });
        const record = await findConversation(id);
        if (!record) throw new Error('gone');
        expect(record.lastSeq).toBe(sent.length);
        expect(await activeMessageModel().countDocuments({ conversationId: id })).toBe(sent.length);
        // Archiving isn't part of the race: a sample will do.
        if (random.chance(0.1)) {
          expect(await finishClosing(record, { until: Date.now() + 5_000 })).toBe(true);
          expect(await messageModel().countDocuments({ conversationId: id })).toBe(sent.length);
        }
        sentBefore += sent.length;
        refused += 2 - sent.length;
      },
    );
    // Else it wasn't a race.
    expect(sentBefore).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  });

  it('assign against assign: of twins one wins, and of two supervisors one', async () => {
    const { supervisor1, supervisor2, agent1, agent3 } = people;
    const winners = new Set<string>();
    await race<[Conversation, Conversation, Conversation]>(
      await conversations(),
      (id) => [
        () => assignTo(caller(supervisor1, id), id, agent1.user.id),
        () => assignTo(caller(supervisor1, id), id, agent1.user.id),
        () => assignTo(caller(supervisor2, id), id, agent3.user.id),
      ],
      async (id, results) => {
        const [winner, ...others] = won(results);
        expect(others).toEqual([]);
        for (const code of refusals(results)) expect(['CONFLICT', 'NOT_FOUND']).toContain(code);
        expect(await findConversation(id)).toMatchObject({
          agentId: winner?.agentId,
          supervisorId: winner?.supervisorId,
          assignedAt: new Date(winner?.assignedAt ?? 0),
        });
        winners.add(winner?.agentId ?? '');
      },
    );
    expect(winners.size).toBe(2);
  });

  it('assign against close, by supervisors while it is open: one wins, the other hears what happened', async () => {
    const { supervisor1, supervisor2, agent1 } = people;
    const winners = new Set<string>();
    await race<[Conversation, { conversation: Conversation }, { conversation: Conversation }]>(
      await conversations(),
      (id) => [
        () => assignTo(caller(supervisor1, id), id, agent1.user.id),
        () => closeConversation(caller(supervisor1, id), id),
        () => closeConversation(caller(supervisor2, id), id),
      ],
      async (id, [assign, ...closes]) => {
        expect(won<unknown>([assign, ...closes])).toHaveLength(1);
        const now = await findConversation(id);
        if ('value' in assign) {
          expect(now).toMatchObject({ status: 'assigned', closedAt: null, agentId: agent1.user.id });
          for (const code of refusals(closes))
            expect(['CONVERSATION_ASSIGNED', 'NOT_FOUND', 'CONFLICT']).toContain(code);
        } else {
          expect(now).toMatchObject({ status: 'closed', agentId: null, assignedAt: null });
          for (const code of refusals([assign, ...closes])) {
            expect(['CONVERSATION_CLOSED', 'NOT_FOUND', 'CONFLICT']).toContain(code);
          }
        }
        winners.add(now?.status ?? '');
      },
    );
    expect(winners.size).toBe(2);
  });

  it('reassign against close by the agent: one wins, and the former agent closes nothing', async () => {
    const { supervisor1, agent1, agent2 } = people;
    const winners = new Set<string>();
    await race<[Conversation, { conversation: Conversation }]>(
      await conversations(agent1),
      (id) => [
        () => assignTo(caller(supervisor1, id), id, agent2.user.id),
        () => closeConversation(caller(agent1, id), id),
      ],
      async (id, results) => {
        expect(won<unknown>(results)).toHaveLength(1);
        const [assign] = results;
        const now = await findConversation(id);
        expect(now).toMatchObject(
          'value' in assign
            ? { status: 'assigned', agentId: agent2.user.id, closedBy: null }
            : { status: 'closed', agentId: agent1.user.id, closedBy: agent1.user.id },
        );
        winners.add(now?.status ?? '');
      },
    );
    expect(winners.size).toBe(2);
  });
});

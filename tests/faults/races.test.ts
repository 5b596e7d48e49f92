import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Role } from '../../lib/domain/roles.ts';
import { AppError } from '../../lib/errors/appError.ts';
import type { Conversation } from '../../lib/protocol/objects/conversations.ts';
import { withoutDeadline } from '../../lib/runtime/deadline.ts';
import { assignConversation } from '../../lib/services/conversations/assignConversation.ts';
import { closeAndPresent } from '../../lib/services/conversations/closeConversation.ts';
import { finishClosing } from '../../lib/services/conversations/finishClosing.ts';
import { requeueConversation } from '../../lib/services/conversations/requeueConversation.ts';
import { joinConversation } from '../../lib/services/rooms/joinConversation.ts';
import { type Sent, sendMessage } from '../../lib/services/rooms/sendMessage.ts';
import { auditModel } from '../../lib/store/audit.ts';
import { connectionModel, type SocketCaller } from '../../lib/store/connections.ts';
import { conversationModel, countAssigned, findConversation } from '../../lib/store/conversations.ts';
import { trusted } from '../../lib/store/database.ts';
import { activeMessageModel, messageModel } from '../../lib/store/messages.ts';
import { userModel } from '../../lib/store/users.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Desk, Person } from '../support/system.ts';
import { Random } from './historyChecker/random.ts';

/** Each race is run on this many conversations of its own; `FIRST_SEED` varies the delays, `RACES` how many. */
const RACES = Number(process.env['RACES'] ?? (process.env['SOAK'] === '1' ? 1_000 : 8));
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
  // How many conversations an agent may hold, and how many are assigned to one at once, is not what is raced here.
  for (const { user } of [agent1, agent2, agent3]) {
    const record = await userModel().findById(user.id).lean().orFail();
    const doubles = Array.from({ length: DOUBLES }, (_, index) => `${user.id}-${index}`);
    await userModel().insertMany(doubles.map((_id) => ({ ...record, _id, emailKey: _id, assignedCount: -ROOM })));
  }
});
const ROOM = 1_000_000;
/** Of each agent there are so many, for other conversations each. */
const DOUBLES = 24;
afterAll(() => system.stop());

/** Who somebody is in a conversation: of the agents one of their doubles. */
const idIn = (conversationId: string, { user }: Person): string =>
  user.role === 'agent' ? `${user.id}-${Number.parseInt(conversationId.slice(0, 4), 16) % DOUBLES}` : user.id;

const connectionOf = (userId: string): string => `connection-of-${userId}`;
const NEVER = new Date('2100-01-01');

const caller = (person: Person, conversationId: string): SocketCaller => ({
  userId: idIn(conversationId, person),
  name: person.user.name,
  role: person.user.role as Role,
  supervisorId: person.user.supervisorId,
  sessionId: 'none',
  sourceIp: null,
  connectionId: connectionOf(idIn(conversationId, person)),
  rooms: [conversationId],
  until: NEVER,
});

const speaking = (caller: SocketCaller) => ({ connectionId: caller.connectionId, caller: Promise.resolve(caller) });

/** Of a message that was sent, what there is to know. */
const asIs = (sent: Sent): Sent => sent;

/** Conversations as the store would have made them, all at once. */
async function conversations(assignedTo?: Person): Promise<string[]> {
  const createdAt = new Date();
  const rows = Array.from({ length: RACES }, () => randomUUID()).map((_id) => ({
    _id,
    subject: 'A race',
    status: assignedTo ? ('assigned' as const) : ('open' as const),
    candidateId: people.candidate.user.id,
    agentId: assignedTo ? idIn(_id, assignedTo) : null,
    supervisorId: assignedTo?.user.supervisorId ?? null,
    lastSeq: 0,
    createdAt,
    assignedAt: assignedTo ? createdAt : null,
    room: [people.candidate.user.id, ...(assignedTo ? [idIn(_id, assignedTo)] : [])].map((userId) => ({
      connectionId: connectionOf(userId),
      userId,
      until: NEVER,
    })),
  }));
  // As they come about by use, which has no model fill in a `closing` that isn't there.
  const documents = rows.map((row) => {
    const { closing: _, ...document } = new (conversationModel())(row).toObject();
    return document;
  });
  await conversationModel().collection.insertMany(documents as never[]);
  for (const { agentId } of rows) {
    if (agentId !== null) await userModel().updateOne({ _id: agentId }, { $inc: { assignedCount: 1 } });
  }
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
          await sleep(random.chance(0.5) ? 0 : random.between(1, 12));
          try {
            // What a race comes to is judged, not how fast this machine gets there.
            return { value: await withoutDeadline(async () => rival()) };
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

/** Of a thousand races each side has won some, else it wasn't one. Of a hundred one may have won all, on a busy machine. */
function expectRace(...wins: number[]): void {
  if (RACES >= 600) for (const times of wins) expect(times).toBeGreaterThan(0);
}

const won = <T>(results: readonly Result<T>[]): T[] =>
  results.flatMap((result) => ('value' in result ? [result.value] : []));
const refusals = (results: readonly Result<unknown>[]): string[] =>
  results.flatMap((result) => ('refused' in result ? [result.refused] : [])).toSorted();

const requeue = async (...given: Parameters<typeof requeueConversation>): Promise<Conversation> =>
  (await requeueConversation(...given)).conversation;

const assignTo = async (...given: Parameters<typeof assignConversation>): Promise<Conversation> =>
  (await assignConversation(...given)).conversation;

describe(`${RACES} races (1000 with SOAK=1) of`, () => {
  it('send against close: what is accepted is in the archive, what comes after the close is refused', async () => {
    const { candidate, agent1 } = people;
    const random = new Random(1);
    let sentBefore = 0;
    let refused = 0;
    await race<[Sent, Sent, { conversation: Conversation }]>(
      await conversations(agent1),
      (id) => [
        () =>
          sendMessage(
            speaking(caller(candidate, id)),
            { conversationId: id, content: 'one', clientMessageId: 'one' },
            asIs,
          ),
        () => sendMessage(speaking(caller(agent1, id)), { conversationId: id, content: 'two' }, asIs),
        () => closeAndPresent(caller(agent1, id), id),
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
    expectRace(sentBefore, refused);
  });

  it('assign against assign: twins are told the same, of one change, and of two supervisors one wins', async () => {
    const { supervisor1, supervisor2, agent1, agent3 } = people;
    const winners = new Set<string>();
    await race<[Conversation, Conversation, Conversation]>(
      await conversations(),
      (id) => [
        () => assignTo(caller(supervisor1, id), id, idIn(id, agent1)),
        () => assignTo(caller(supervisor1, id), id, idIn(id, agent1)),
        () => assignTo(caller(supervisor2, id), id, idIn(id, agent3)),
      ],
      async (id, [one, two, rival]) => {
        const twins = won([one, two]);
        const [winner] = won([one, two, rival]);
        expect(won([one, two, rival])).toEqual(Array('value' in rival ? 1 : 2).fill(winner));
        expect(twins).toHaveLength('value' in rival ? 0 : 2);
        for (const code of refusals([one, two, rival])) expect(['CONFLICT', 'NOT_FOUND']).toContain(code);
        expect(await auditModel().countDocuments({ targetId: id })).toBe(1);
        expect(await findConversation(id)).toMatchObject({
          agentId: winner?.agentId,
          supervisorId: winner?.supervisorId,
          assignedAt: new Date(winner?.assignedAt ?? 0),
        });
        winners.add(winner?.supervisorId ?? '');
      },
    );
    expectRace(winners.size - 1);
  });

  it('assign against close, by supervisors while it is open: one wins, the other hears what happened', async () => {
    const { supervisor1, supervisor2, agent1 } = people;
    const winners = new Set<string>();
    await race<[Conversation, { conversation: Conversation }, { conversation: Conversation }]>(
      await conversations(),
      (id) => [
        () => assignTo(caller(supervisor1, id), id, idIn(id, agent1)),
        () => closeAndPresent(caller(supervisor1, id), id),
        () => closeAndPresent(caller(supervisor2, id), id),
      ],
      async (id, [assign, ...closes]) => {
        expect(won<unknown>([assign, ...closes])).toHaveLength(1);
        const now = await findConversation(id);
        if ('value' in assign) {
          expect(now).toMatchObject({ status: 'assigned', closedAt: null, agentId: idIn(id, agent1) });
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
    expectRace(winners.size - 1);
  });

  it('reassign against close by the agent: one wins, and the former agent closes nothing', async () => {
    const { supervisor1, agent1, agent2 } = people;
    const winners = new Set<string>();
    await race<[Conversation, { conversation: Conversation }]>(
      await conversations(agent1),
      (id) => [
        () => assignTo(caller(supervisor1, id), id, idIn(id, agent2)),
        () => closeAndPresent(caller(agent1, id), id),
      ],
      async (id, results) => {
        expect(won<unknown>(results)).toHaveLength(1);
        const [assign] = results;
        const now = await findConversation(id);
        expect(now).toMatchObject(
          'value' in assign
            ? { status: 'assigned', agentId: idIn(id, agent2), closedBy: null }
            : { status: 'closed', agentId: idIn(id, agent1), closedBy: idIn(id, agent1) },
        );
        winners.add(now?.status ?? '');
      },
    );
    expectRace(winners.size - 1);
  });

  it('requeue against send: what is stored was stored before, and the agent stores nothing after', async () => {
    const { candidate, supervisor1, agent1 } = people;
    let stored = 0;
    await race<[Sent, Sent, Conversation]>(
      await conversations(agent1),
      (id) => [
        () => sendMessage(speaking(caller(agent1, id)), { conversationId: id, content: 'one' }, asIs),
        () => sendMessage(speaking(caller(candidate, id)), { conversationId: id, content: 'two' }, asIs),
        () => requeue(caller(supervisor1, id), id),
      ],
      async (id, [ofAgent, ofCandidate, requeued]) => {
        // The candidate may write to an open one too.
        expect(ofCandidate).toMatchObject({ value: { room: { conversationId: id } } });
        expect(refusals([ofAgent])).toEqual('value' in ofAgent ? [] : ['NOT_FOUND']);
        const sent = won([ofAgent, ofCandidate]);
        const now = await findConversation(id);
        expect(requeued).toMatchObject({ value: { status: 'open', agentId: null } });
        expect(now).toMatchObject({ status: 'open', agentId: null, supervisorId: null, assignedAt: null });
        expect(now?.lastSeq).toBe(sent.length);
        expect(now?.firstResponseAt?.toISOString()).toBe(won([ofAgent])[0]?.message.sentAt);
        stored += won([ofAgent]).length;
      },
    );
    expectRace(stored, RACES - stored);
  });

  it('requeue against close and assign: one wins at a time, and what is said of each is so', async () => {
    const { supervisor1, agent1, agent2 } = people;
    const ends = new Set<string>();
    await race<[Conversation, Conversation, { conversation: Conversation }, Conversation]>(
      await conversations(agent1),
      (id) => [
        () => requeue(caller(supervisor1, id), id),
        () => requeue(caller(agent1, id), id),
        () => closeAndPresent(caller(agent1, id), id),
        () => assignTo(caller(supervisor1, id), id, idIn(id, agent2)),
      ],
      async (id, results) => {
        const [bySupervisor, byAgent, close, assign] = results;
        const now = await findConversation(id);
        const entries = (await auditModel().find({ targetId: id }).lean()).map(({ action }) => action);
        // Each success is a change of its own, in its own entry.
        expect(entries).toHaveLength(won<unknown>(results).length);
        const requeues = won([bySupervisor, byAgent]);
        expect(entries.filter((action) => action === 'conversation_requeued')).toHaveLength(requeues.length);
        for (const requeued of requeues) expect(requeued).toMatchObject({ status: 'open', agentId: null });
        for (const code of refusals(results)) expect(['CONFLICT', 'CONVERSATION_CLOSED', 'NOT_FOUND']).toContain(code);
        if ('value' in close) expect(now).toMatchObject({ status: 'closed', agentId: idIn(id, agent1) });
        else if (now?.status === 'assigned') expect(now.agentId).toBe(idIn(id, agent2));
        else expect(now).toMatchObject({ status: 'open', agentId: null, supervisorId: null, assignedAt: null });
        if (now?.status === 'assigned') expect('value' in assign).toBe(true);
        ends.add(now?.status ?? '');
      },
    );
    // Of a few races not every end need be there.
    if (RACES >= 1000) expect([...ends].toSorted()).toEqual(['assigned', 'closed', 'open']);
  });

  it('requeue against join: whoever was told of the room and lost it is out of it', async () => {
    const { supervisor1, agent1 } = people;
    let joined = 0;
    const now = new Date();
    const ids = await conversations(agent1);
    const expiresAt = new Date(now.getTime() + 3_600_000);
    // A connection each: one connection has room for 100 rooms.
    const record = { sessionId: 'none', role: 'agent', name: '', notedRooms: [], connectedAt: now, expiresAt };
    await connectionModel().insertMany(
      ids.map((id) => ({ ...record, _id: `connection-${id}`, userId: idIn(id, agent1) })),
    );
    await race<[unknown, Conversation]>(
      ids,
      (id) => [
        () => joinConversation({ ...caller(agent1, id), connectionId: `connection-${id}` }, { conversationId: id }),
        () => requeue(caller(supervisor1, id), id),
      ],
      async (id, [join, requeued]) => {
        expect(requeued).toMatchObject({ value: { status: 'open' } });
        expect(refusals([join])).toEqual('value' in join ? [] : ['NOT_FOUND']);
        expect((await findConversation(id))?.room?.filter(({ userId }) => userId === idIn(id, agent1))).toEqual([]);
        joined += won([join]).length;
      },
    );
    expectRace(joined, RACES - joined);
  });

  it('all this left the right count of what each agent holds', async () => {
    const doubles = await userModel()
      .find(trusted({ emailKey: { $regex: '-[0-9]+$' } }), { assignedCount: 1 })
      .lean();
    expect(doubles).toHaveLength(3 * DOUBLES);
    for (const { _id, assignedCount } of doubles) {
      expect({ _id, assignedCount }).toEqual({ _id, assignedCount: (await countAssigned(_id)) - ROOM });
    }
  });
});

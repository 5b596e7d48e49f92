import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerFrame } from '../../lib/protocol/events.ts';
import { assignConversation } from '../../lib/services/conversations/assignConversation.ts';
import { requeueConversation, tellRequeued } from '../../lib/services/conversations/requeueConversation.ts';
import { conversationModel } from '../../lib/store/conversations.ts';
import { trusted } from '../../lib/store/database.ts';
import { isMember } from '../../lib/store/rooms.ts';
import { eventually } from '../support/deadline.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { Machine } from '../support/machine.ts';
import type { Socket } from '../support/socket.ts';
import type { Desk, Person } from '../support/system.ts';
import { Random } from './historyChecker/random.ts';
import {
  aroundEntering,
  askUntilAvailable,
  type Cast,
  castOf,
  inLanes,
  newScene,
  oneByOne,
  ROOMY,
  routeSockets,
} from './scene.ts';

/** Each pair of commands that one connection can send at once, raced so often; `FIRST_SEED` varies the delays. */
const RACES = Number(process.env['RACES'] ?? (process.env['SOAK'] === '1' ? 80 : 3));
const AT_ONCE = 4;

let system: InProcess;
let desk: Desk;
let cast: Cast;
let teammate: Person;
beforeAll(async () => {
  ({ system, desk } = await startDesk(ROOMY));
  cast = await castOf(desk);
  teammate = await desk.agent(cast.supervisor);
});
afterAll(async () => {
  await Machine.stopAll();
  await system.stop();
});

const random = new Random(Number(process.env['FIRST_SEED'] ?? 1));

const roomsOf = async (connectionId: string): Promise<readonly string[]> => {
  const member = { $elemMatch: { connectionId, ended: { $ne: true } } };
  const rows = await conversationModel()
    .find(trusted({ room: member }), { _id: 1 })
    .lean();
  return rows.map(({ _id }) => _id);
};

/** Whether a client that goes by what it was told last believes itself in the room; `undefined`: it was told nothing of it. */
function belief(frames: readonly ServerFrame[], conversationId: string, of: Person): boolean | undefined {
  let isIn: boolean | undefined;
  for (const frame of frames) {
    if (frame.event === 'CONVERSATION_JOINED' && frame.data.conversation.id === conversationId) isIn = true;
    if (frame.event === 'CONVERSATION_LEFT' && frame.data.conversationId === conversationId) isIn = false;
    if (frame.event === 'CONVERSATION_CLOSED' && frame.data.conversationId === conversationId) isIn = false;
    if (frame.event === 'CONVERSATION_REQUEUED' && frame.data.conversation.id === conversationId) {
      if (of.user.role === 'agent') isIn = false;
    }
    if (frame.event === 'CONVERSATION_ASSIGNED' && frame.data.conversation.id === conversationId) {
      if (of.user.role === 'agent' && frame.data.conversation.agentId !== of.user.id) isIn = false;
    }
  }
  return isIn;
}

interface Race {
  readonly of: 'candidate' | 'agent';
  /** Whether the connection is in the room before. */
  readonly joined: boolean;
  readonly frames: readonly (readonly [event: string, data?: object])[];
  /** What somebody else does at the same time. */
  readonly meanwhile?: (conversationId: string) => Promise<unknown>;
}

/** Whether a frame is about this conversation, or about none. */
const isAbout =
  (id: string) =>
  ({ data }: ServerFrame): boolean => {
    const { conversationId, conversation } = data as { conversationId?: string; conversation?: { id: string } };
    return (conversation?.id ?? conversationId ?? id) === id;
  };

/** A connection after a race, whether its client believes itself in the room, and the events of what it was told. */
interface Raced {
  readonly id: string;
  readonly socket: Socket;
  readonly conversationId: string;
  readonly believes: boolean;
  readonly told: string;
}

/** Runs a race once; what came of it is to be looked at when nothing is under way any more. */
async function run({ of, joined, frames, meanwhile }: Race, conversationId: string): Promise<() => Raced> {
  const person = cast[of];
  const socket = await oneByOne(() => (joined ? desk.join(person, conversationId) : desk.connect(person)));
  const id = system.gateway.connectionId(socket);
  const before = socket.received.length;
  system.gateway.delay = () => (random.chance(0.4) ? 0 : random.between(1, meanwhile ? 40 : 12));
  const asked = frames.map(([event, data]) => socket.ask(event, { conversationId, ...data }));
  const end = meanwhile && sleep(random.between(0, 12)).then(() => meanwhile(conversationId));
  await Promise.all([...asked, end]);
  return () => {
    const told = socket.received.slice(before).filter(isAbout(conversationId));
    return {
      id,
      socket,
      conversationId,
      believes: belief(socket.received, conversationId, person) ?? false,
      told: told.map((frame) => (frame.event === 'ERROR' ? frame.data.code : frame.event)).join(' '),
    };
  };
}

/** Every one of these connections is where its client believes it to be, and has nothing under way. */
async function expectTruth(raced: readonly Raced[]): Promise<void> {
  const found = () =>
    conversationModel()
      .find(trusted({ _id: { $in: raced.map(({ conversationId }) => conversationId) } }))
      .lean();
  // The end of a turn isn't waited for by a majority.
  const records = await eventually('the end of the turns', async () => {
    const all = await found();
    return all.every(({ turns = [] }) => turns.length === 0) ? all : undefined;
  });
  const misled = raced.filter(({ id, conversationId, believes }) => {
    const record = records.find(({ _id }) => _id === conversationId);
    return !!record && isMember(record, id) !== believes;
  });
  expect(misled.map(({ told, believes }) => ({ told, believes }))).toEqual([]);
  for (const { socket } of raced) socket.close();
  await system.gateway.idle();
}

/** Runs it many times; answers how often each course was taken. */
async function races(race: Race): Promise<ReadonlyMap<string, number>> {
  const courses = new Map<string, number>();
  const opened = async () => {
    const { id } = await desk.conversation(cast.candidate);
    await desk.assign(cast.supervisor, id, cast.agent);
    return id;
  };
  // What ends a conversation, or takes it away, needs a new one each time.
  const lasting = race.of === 'candidate' && !race.meanwhile ? await opened() : undefined;
  const ended: (() => Raced)[] = [];
  await inLanes(AT_ONCE, [...Array(RACES).keys()], async () => {
    ended.push(await run(race, lasting ?? (await opened())));
  });
  await system.gateway.idle();
  const raced = ended.map((look) => look());
  await expectTruth(raced);
  for (const { told } of raced) courses.set(told, (courses.get(told) ?? 0) + 1);
  if (process.env['PROGRESS']) process.stderr.write(`${JSON.stringify([...courses])}\n`);
  return courses;
}

const JOIN = ['JOIN_CONVERSATION'] as const;
const LEAVE = ['LEAVE_CONVERSATION'] as const;

describe(`${RACES} races (80 with SOAK=1) on one connection, after which what it was told last is how it stands: of`, () => {
  afterEach(() => {
    system.gateway.delay = () => 0;
  });

  it.each([
    { name: 'join and leave, from without', race: { of: 'candidate', joined: false, frames: [JOIN, LEAVE] } },
    { name: 'join and leave, from within', race: { of: 'candidate', joined: true, frames: [LEAVE, JOIN] } },
    {
      name: 'join, leave, join and leave',
      race: { of: 'candidate', joined: false, frames: [JOIN, LEAVE, JOIN, LEAVE] },
    },
    {
      name: 'join and close',
      race: { of: 'agent', joined: false, frames: [JOIN, ['CLOSE_CONVERSATION']] },
    },
    {
      name: 'join and close over HTTP',
      race: {
        of: 'candidate',
        joined: false,
        frames: [JOIN],
        meanwhile: (id) => desk.ok('POST', `/conversations/${id}/close`, cast.agent.token),
      },
    },
    {
      name: 'join and assign to somebody else',
      race: {
        of: 'agent',
        joined: false,
        frames: [JOIN],
        meanwhile: (id) => desk.assign(cast.supervisor, id, teammate),
      },
    },
    {
      name: 'join and requeue',
      race: {
        of: 'agent',
        joined: false,
        frames: [JOIN],
        meanwhile: (id) => desk.ok('POST', `/conversations/${id}/requeue`, cast.supervisor.token),
      },
    },
    {
      name: 'leave and assign to somebody else',
      race: {
        of: 'agent',
        joined: true,
        frames: [LEAVE, JOIN],
        meanwhile: (id) => desk.assign(cast.supervisor, id, teammate),
      },
    },
  ] satisfies { name: string; race: Race }[])(
    '$name',
    async ({ race }) => {
      await races(race);
    },
    240_000,
  );

  it('send and leave: stored and accepted, or neither', async () => {
    const courses = await races({
      of: 'candidate',
      joined: true,
      frames: [['SEND_MESSAGE', { content: 'hi' }], LEAVE],
    });
    for (const course of courses.keys()) {
      expect(course.includes('MESSAGE_ACCEPTED')).toBe(!course.includes('NOT_JOINED'));
      expect(course).toContain('CONVERSATION_LEFT');
    }
  });

  it('join and disconnect: nothing of it is left', async () => {
    const { id: conversationId } = await desk.conversation(cast.candidate);
    await inLanes(AT_ONCE, [...Array(RACES).keys()], async () => {
      const socket = await oneByOne(() => desk.connect(cast.candidate));
      const id = system.gateway.connectionId(socket);
      system.gateway.delay = () => random.between(0, 8);
      socket.send('JOIN_CONVERSATION', { conversationId });
      await sleep(random.between(0, 8));
      socket.close();
      await system.gateway.idle();
      expect(await roomsOf(id)).toEqual([]);
    });
  });
});

describe('a machine that died', () => {
  it.each([
    { died: 'JOIN_CONVERSATION', next: 'LEAVE_CONVERSATION', joined: false },
    { died: 'LEAVE_CONVERSATION', next: 'JOIN_CONVERSATION', joined: true },
  ])(
    'in the middle of a $died keeps nobody from a $next',
    async ({ died, next, joined }) => {
      const { candidate, conversationId, leave } = await newScene(desk, cast);
      const socket = joined ? await desk.join(candidate, conversationId) : await desk.connect(candidate);
      const elsewhere = routeSockets(system);
      const id = system.gateway.connectionId(socket);
      const machine = await Machine.start(['websocket']);
      elsewhere.set(id, machine.carry);
      // It has entered, or left, and dies before it says so.
      machine.fault = { kind: 'die', when: 'after', command: 2 };
      socket.send(died, { conversationId });
      await machine.exited;
      elsewhere.delete(id);
      expect((await conversationModel().findById(conversationId).lean())?.turns).toMatchObject([{ connectionId: id }]);
      const answer = await askUntilAvailable(socket, next, { conversationId });
      expect(answer.event).toBe(joined ? 'CONVERSATION_JOINED' : 'CONVERSATION_LEFT');
      expect(await roomsOf(id)).toEqual(joined ? [conversationId] : []);
      socket.close();
      leave();
    },
    60_000,
  );
});

describe('a join that fails', () => {
  it('takes nobody out of the room who was told to be in it', async () => {
    const { candidate, conversationId, leave } = await newScene(desk, cast);
    const socket = await desk.join(candidate, conversationId);
    const collection = conversationModel().collection as unknown as { aggregate: unknown };
    const { aggregate } = collection;
    collection.aggregate = () => {
      throw new TypeError('broken');
    };
    expect(await socket.refused('JOIN_CONVERSATION', { conversationId })).toMatchObject({ code: 'INTERNAL' });
    collection.aggregate = aggregate;
    await system.gateway.idle();
    await socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'still here' });
    await socket.next('NEW_MESSAGE', ({ content }) => content === 'still here');
    socket.close();
    leave();
  });
});

describe('an agent who loses a conversation and is given it again', () => {
  const takeAndGiveBack = async (conversationId: string, agent: Person) => {
    const requeued = await requeueConversation(callerOf(cast.supervisor), conversationId);
    await assignConversation(callerOf(cast.supervisor), conversationId, agent.user.id);
    return requeued;
  };
  const callerOf = ({ user }: Person) => ({
    userId: user.id,
    name: user.name,
    role: user.role,
    supervisorId: user.supervisorId,
    sessionId: 'none',
    sourceIp: null,
  });

  it('in the middle of a join is in the room when told so', async () => {
    const { id: conversationId } = await desk.conversation(cast.candidate);
    await desk.assign(cast.supervisor, conversationId, cast.agent);
    const socket = await desk.connect(cast.agent);
    aroundEntering({ after: () => takeAndGiveBack(conversationId, cast.agent) });
    await socket.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', { conversationId });
    expect(await roomsOf(system.gateway.connectionId(socket))).toEqual([conversationId]);
    socket.close();
    await system.gateway.idle();
  });

  it.each(['at once', 'after an answer that is under way'])(
    'and has joined it hears nothing of the loss: not %s',
    async (when) => {
      const { id: conversationId } = await desk.conversation(cast.candidate);
      await desk.assign(cast.supervisor, conversationId, cast.agent);
      const socket = await desk.join(cast.agent, conversationId);
      const connectionId = system.gateway.connectionId(socket);
      if (when !== 'at once') {
        const turn = { token: 'dead', connectionId, entering: true, until: new Date(Date.now() + 60_000) };
        await conversationModel().updateOne({ _id: conversationId }, { $set: { turns: [turn] } });
      }
      const requeued = await requeueConversation(callerOf(cast.supervisor), conversationId);
      const giveBack = () => assignConversation(callerOf(cast.supervisor), conversationId, cast.agent.user.id);
      if (when === 'at once') {
        await giveBack();
        await tellRequeued(requeued.change);
      } else {
        const model = conversationModel() as unknown as { aggregate: (...given: unknown[]) => Promise<unknown> };
        const { aggregate } = model;
        const waiting = new Promise<void>((resolve) => {
          model.aggregate = async (...given) => {
            model.aggregate = aggregate;
            const inTurn = await aggregate.apply(model, given);
            resolve();
            return inTurn;
          };
        });
        const told = tellRequeued(requeued.change);
        await waiting;
        await giveBack();
        await conversationModel().updateOne({ _id: conversationId }, { $set: { turns: [] } });
        await told;
      }
      await socket.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', { conversationId });
      expect(socket.frames('CONVERSATION_REQUEUED')).toEqual([]);
      socket.close();
      await system.gateway.idle();
    },
  );
});

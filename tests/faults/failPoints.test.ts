import mongoose from 'mongoose';
import { conversationModel } from '../../lib/store/conversations.ts';
import { eventually } from '../support/deadline.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { Machine } from '../support/machine.ts';
import { type OwnMongod, startOwnMongod } from '../support/ownMongod.ts';
import type { Desk, HttpResult, Person } from '../support/system.ts';
import { expectArchived, expectWhole, sweepNow } from './invariants.ts';
import { type askUntilAvailable, type Cast, castOf, newScene, ROOMY, type Scene } from './scene.ts';

/** Fail points are the server's own, one for all: hence a mongod of our own, and only what we name here is hit. */
const APP = 'fail-points';
let mongod: OwnMongod;
let admin: mongoose.mongo.MongoClient;
let system: InProcess;
let desk: Desk;
let cast: Cast;
beforeAll(async () => {
  mongod = await startOwnMongod();
  admin = new mongoose.mongo.MongoClient(mongod.uri);
  // A server that really steps down or shuts down says so to whoever watches it; a fail point doesn't, so watch closely.
  // And after a fault the driver looks again at once, not after half a second: it would only cost time.
  const watching = 'heartbeatFrequencyMS=500&minHeartbeatFrequencyMS=5&serverMonitoringMode=poll';
  const uri = `${mongod.uri}&appName=${APP}&${watching}`;
  ({ system, desk } = await startDesk({ ...ROOMY, MONGODB_URI: uri }));
  cast = await castOf(desk);
});
afterAll(async () => {
  await Machine.stopAll();
  await admin.close();
  await system.stop();
  await mongod.remove();
});

const FAULTS = [
  { name: 'the connection closes', data: { closeConnection: true } },
  { name: 'not the primary (10107)', data: { errorCode: 10_107 } },
  { name: 'stepped down (189)', data: { errorCode: 189 } },
  { name: 'shutting down (11600)', data: { errorCode: 11_600 } },
] as const;
/** The write is there, but no majority has confirmed it. */
const UNCONFIRMED = [
  { name: 'no majority in time (64)', data: { writeConcernError: { code: 64, errmsg: 'waiting for replication' } } },
  { name: 'shutting down meanwhile (91)', data: { writeConcernError: { code: 91, errmsg: 'shutting down' } } },
] as const;
const WRITES = ['findAndModify', 'update', 'commitTransaction'];

type FailPoint = (typeof FAULTS | typeof UNCONFIRMED)[number];

/** Twice: the driver tries most commands a second time by itself. */
async function failing<T>(command: string, { data }: { readonly data: object }, work: () => Promise<T>): Promise<T> {
  const failPoint = { configureFailPoint: 'failCommand' };
  await admin
    .db('admin')
    .command({ ...failPoint, mode: { times: 2 }, data: { failCommands: [command], appName: APP, ...data } });
  try {
    return await work();
  } finally {
    await admin.db('admin').command({ ...failPoint, mode: 'off' });
  }
}

/** What was answered, as its code or, for success, `ok`. */
type Answered = string;
const codeOf = (frame: Awaited<ReturnType<typeof askUntilAvailable>>): Answered =>
  frame.event === 'ERROR' ? frame.data.code : 'ok';

interface Subject {
  readonly name: string;
  readonly file: string;
  /** Tries it. */
  attempt(): Promise<Answered>;
  /** What a retry may be answered, where the first attempt was not answered with success. */
  readonly retried: readonly Answered[];
  /** It has happened exactly once. */
  check(): Promise<void>;
}

async function sending(serial: number, scene: Scene): Promise<Subject> {
  const { c, candidate, conversationId } = scene;
  const message = { conversationId, content: 'a message', clientMessageId: `message-${serial}` };
  return {
    name: 'send',
    file: 'websocket',
    attempt: async () => codeOf(await c.ask('SEND_MESSAGE', message)),
    retried: ['ok'],
    check: async () => {
      const history = await expectWhole(desk, candidate, conversationId, c.frames('MESSAGE_ACCEPTED'));
      expect(history.filter(({ clientMessageId }) => clientMessageId === message.clientMessageId)).toHaveLength(1);
    },
  };
}

async function joining(_: number, { c, conversationId }: Scene): Promise<Subject> {
  return {
    name: 'join',
    file: 'websocket',
    attempt: async () => codeOf(await c.ask('JOIN_CONVERSATION', { conversationId })),
    retried: ['ok'],
    check: async () => c.settle(),
  };
}

async function closing(): Promise<Subject> {
  const { a, c, candidate, conversationId, leave } = await newScene(desk, cast);
  const before = await expectWhole(desk, candidate, conversationId);
  return {
    name: 'close',
    file: 'websocket',
    attempt: async () => codeOf(await a.ask('CLOSE_CONVERSATION', { conversationId })),
    retried: ['ok', 'CONVERSATION_CLOSED'],
    check: async () => {
      await system.gateway.idle();
      await sweepNow(system, [conversationId]);
      await expectArchived(desk, candidate, conversationId, before);
      await c.next('CONVERSATION_CLOSED');
      leave();
    },
  };
}

async function assigning(_: number, { conversationId, supervisor, agent }: Scene): Promise<Subject> {
  const now = await desk.ok('GET', `/conversations/${conversationId}`, supervisor.token);
  otherAgent ??= await desk.agent(supervisor);
  const to = now.agentId === agent.user.id ? otherAgent : agent;
  const path = `/conversations/${conversationId}/assign`;
  return {
    name: 'assign',
    file: 'conversations',
    attempt: async () => {
      const { status, body }: HttpResult = await desk.call('POST', path, supervisor.token, { agentId: to.user.id });
      return status < 400 ? 'ok' : body.code;
    },
    // Given to that agent already: by the first attempt.
    retried: ['ok', 'CONFLICT'],
    check: async () => {
      const after = await desk.ok('GET', `/conversations/${conversationId}`, supervisor.token);
      expect(after).toMatchObject({ status: 'assigned', agentId: to.user.id });
    },
  };
}
let otherAgent: Person | undefined;

async function refreshing(): Promise<Subject> {
  const { session, user } = await desk.candidate();
  const answers: HttpResult[] = [];
  return {
    name: 'refresh',
    file: 'auth',
    attempt: async () => {
      const { refreshToken } = session;
      const answer = await desk.call('POST', '/auth/refresh', undefined, { refreshToken });
      answers.push(answer);
      return answer.status === 200 ? 'ok' : answer.body.code;
    },
    retried: ['ok'],
    check: async () => {
      // Asked once more, and there is still one successor; it is as good as any.
      const { refreshToken } = session;
      const answer = await desk.ok('POST', '/auth/refresh', undefined, { refreshToken });
      const granted = [answer, ...answers.filter(({ status }) => status === 200).map(({ body }) => body)];
      expect(new Set(granted.map((each) => each.refreshToken)).size).toBe(1);
      const next = await desk.ok('POST', '/auth/refresh', undefined, { refreshToken: answer.refreshToken });
      expect(await desk.ok('GET', '/auth/me', next.accessToken)).toEqual(user);
    },
  };
}

async function changingPassword(): Promise<Subject> {
  const person = await desk.candidate();
  const elsewhere = await desk.login(person.email);
  const change = { currentPassword: person.password, newPassword: 'another pass phrase' };
  return {
    name: 'change of password',
    file: 'auth',
    attempt: async () => {
      const { status, body } = await desk.call('PUT', '/auth/password', person.token, change);
      return status === 204 ? 'ok' : body.code;
    },
    retried: ['ok'],
    check: async () => {
      await desk.login(person.email, change.newPassword);
      expect((await desk.call('GET', '/auth/me', elsewhere.token)).status).toBe(401);
      expect((await desk.call('GET', '/auth/me', person.token)).status).toBe(200);
      const query = `targetId=${person.user.id}&action=password_changed`;
      expect((await desk.ok('GET', `/audit?${query}`, desk.admin.token)).items).toHaveLength(1);
    },
  };
}

async function opening(serial: number, { candidate }: Pick<Scene, 'candidate'>): Promise<Subject> {
  const body = { subject: 'It broke', message: 'Help', clientConversationId: `ticket-${serial}-${candidate.user.id}` };
  return {
    name: 'open',
    file: 'conversations',
    attempt: async () => {
      const { status, body: answer }: HttpResult = await desk.call('POST', '/conversations', candidate.token, body);
      return status < 400 ? 'ok' : answer.code;
    },
    retried: ['ok'],
    check: async () => {
      const { clientConversationId } = body;
      const [opened, ...more] = await conversationModel().find({ clientConversationId }).lean();
      expect(more).toEqual([]);
      expect(await expectWhole(desk, candidate, opened?._id ?? '')).toHaveLength(1);
    },
  };
}

/** The database commands of the subject's handler, each name once. */
async function commandsOf({ file, attempt }: Subject): Promise<string[]> {
  const machine = await Machine.start([file]);
  const here = system.carrier;
  // The dispatcher that is called besides is a function of its own, on a machine of its own.
  system.carrier = (name, event) => (name === file ? machine.carry : here)(name, event);
  try {
    expect(await attempt()).toBe('ok');
    await system.gateway.idle();
    return [...new Set(machine.commands)];
  } finally {
    system.carrier = here;
    await machine.stop();
  }
}

const FULL = process.env['SOAK'] === '1';

describe('a database command that fails in every way (SOAK=1), or in one of each kind', () => {
  it.each([
    { name: 'send', subject: sending },
    { name: 'join', subject: joining },
    { name: 'close', subject: closing },
    { name: 'assign', subject: assigning },
    { name: 'refresh', subject: refreshing },
    { name: 'change of password', subject: changingPassword },
    { name: 'open', subject: opening },
  ])(
    'of $name: it has succeeded once, or is UNAVAILABLE and succeeds, once, when it is tried again',
    async ({ subject }) => {
      const scene = await newScene(desk, cast);
      const commands = await commandsOf(await subject(0, scene));
      let serial = 0;
      for (const command of commands) {
        const kinds = WRITES.includes(command) ? [FAULTS, UNCONFIRMED] : [FAULTS];
        const chosen = kinds.flatMap((kind): readonly FailPoint[] => {
          const turn = kind[serial % kind.length];
          return FULL || !turn ? kind : [turn];
        });
        for (const fault of chosen) {
          serial += 1;
          const { attempt, retried, check } = await subject(serial, scene);
          const at = `${command}: ${fault.name}`;
          const first = await failing(command, fault, async () => {
            const answered = await attempt();
            await system.gateway.idle();
            return answered;
          });
          expect({ at, answered: ['ok', 'UNAVAILABLE'].includes(first) ? 'as promised' : first }).toEqual({
            at,
            answered: 'as promised',
          });
          if (first !== 'ok') {
            const again = await eventually('a retry that is answered', async () => {
              const answered = await attempt();
              return answered === 'UNAVAILABLE' ? undefined : answered;
            });
            expect({ at, again: retried.includes(again) ? 'as promised' : again }).toEqual({
              at,
              again: 'as promised',
            });
          }
          await check();
        }
      }
      scene.leave();
    },
    180_000,
  );
});

describe('a commit held for 6.5 seconds, longer than a command may take', () => {
  const subjects = [refreshing, changingPassword, () => opening(-1, cast)];

  it('of a refresh, of a change of password and of opening a conversation: UNAVAILABLE, and sent again it succeeds, once', async () => {
    const held = await Promise.all(subjects.map((subject) => subject()));
    const failPoint = { configureFailPoint: 'failCommand' };
    await admin.db('admin').command({
      ...failPoint,
      mode: { times: held.length },
      data: { failCommands: ['commitTransaction'], appName: APP, blockConnection: true, blockTimeMS: 6_500 },
    });
    try {
      expect(await Promise.all(held.map(({ attempt }) => attempt()))).toEqual(held.map(() => 'UNAVAILABLE'));
    } finally {
      await admin.db('admin').command({ ...failPoint, mode: 'off' });
    }
    // Opening again waits for the first, which is under way for another second and a half: it may be told so once more.
    const again = held.map(({ attempt }) =>
      eventually('a retry that is answered', async () => {
        const answered = await attempt();
        return answered === 'UNAVAILABLE' ? undefined : answered;
      }),
    );
    expect(await Promise.all(again)).toEqual(held.map(() => 'ok'));
    for (const { check } of held) await check();
  });
});

it('a dispatcher whose reads fail says so, and its machine lives to run the next one', async () => {
  const machine = await Machine.start(['dispatch']);
  const event = { changes: [], agents: [cast.agent.user.id] };
  await failing('find', { data: { errorCode: 8 } }, async () => {
    await expect(machine.invoke('dispatch', event)).rejects.toThrow('failCommand');
  });
  expect(await machine.invoke('dispatch', event)).toBeUndefined();
  await machine.stop();
});

import type { Operation } from '../../lib/domain/permissions.ts';
import { type ClientEvent, clientEvents } from '../../lib/protocol/events.ts';
import type { Route } from '../../lib/protocol/route.ts';
import { routes } from '../../lib/protocol/routes.ts';
import { conversationModel } from '../../lib/store/conversations.ts';
import { userModel } from '../../lib/store/users.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { asCandidateSees, type Desk } from '../support/system.ts';

/** Commands that are said to be safe to repeat: twice, the answer is the same, and the effect is there once. */

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk()));
afterAll(() => system.stop());

/** Sends it twice, one after the other; both answers. */
type Twice = () => Promise<readonly [unknown, unknown]>;

async function twice<T>(send: () => Promise<T>): Promise<readonly [T, T]> {
  return [await send(), await send()];
}

const SAFE: Readonly<Partial<Record<Operation, Twice>>> = {
  refreshSession: async () => {
    const { refreshToken } = (await desk.candidate()).session;
    const [first, second] = await twice(() => desk.ok('POST', '/auth/refresh', undefined, { refreshToken }));
    // The access token is made anew each time; the successor is one.
    return [first.refreshToken, second.refreshToken];
  },
  changePassword: async () => {
    const { token, password } = await desk.candidate();
    const change = { currentPassword: password, newPassword: 'another good one' };
    const answers = await twice(() => desk.call('PUT', '/auth/password', token, change));
    return [answers[0].status, answers[1].status];
  },
  updateUser: async () => {
    const { user } = await desk.supervisor();
    return twice(() => desk.ok('PATCH', `/users/${user.id}`, desk.admin.token, { name: 'Sandy', active: true }));
  },
  eraseUser: async () => {
    const { user } = await desk.candidate();
    return twice(() => desk.ok('POST', `/users/${user.id}/erase`, desk.admin.token));
  },
  createConversation: async () => {
    const candidate = await desk.candidate();
    const body = { subject: 'Again', message: 'once', clientConversationId: 'mine' };
    const answers = await twice(() => desk.call('POST', '/conversations', candidate.token, body));
    expect(answers.map(({ status }) => status)).toEqual([201, 200]);
    expect((await desk.ok('GET', '/conversations', candidate.token)).items).toHaveLength(1);
    const [first, second] = answers;
    return [first.body, second.body];
  },
  assignConversation: async () => {
    const supervisor = await desk.supervisor();
    const agent = await desk.agent(supervisor);
    const { id } = await desk.conversation(await desk.candidate());
    return twice(() => desk.assign(supervisor, id, agent));
  },
  markRead: async () => {
    const { candidate, conversation } = await desk.assigned('hello');
    return twice(() => desk.ok('PUT', `/conversations/${conversation.id}/read`, candidate.token, { seq: 1 }));
  },
  addNote: async () => {
    const { agent, conversation } = await desk.assigned();
    const path = `/conversations/${conversation.id}/notes`;
    const [first, second] = await twice(() =>
      desk.call('POST', path, agent.token, { content: 'once', clientNoteId: 'mine' }),
    );
    expect([first.status, second.status]).toEqual([201, 200]);
    expect((await desk.ok('GET', path, agent.token)).items).toHaveLength(1);
    return [first.body, second.body];
  },
  rateConversation: async () => {
    const { candidate, agent, conversation } = await desk.assigned();
    await desk.ok('POST', `/conversations/${conversation.id}/close`, agent.token);
    return twice(() => desk.ok('PUT', `/conversations/${conversation.id}/rating`, candidate.token, { score: 5 }));
  },
  setRouting: async () => {
    const { token } = await desk.supervisor();
    const routing = { mode: 'automatic', requeueAfterSeconds: 300, answerWithinSeconds: null };
    const answers = await twice(() => desk.ok('PUT', '/routing', token, routing));
    expect(await desk.ok('GET', '/routing', token)).toEqual(routing);
    return answers;
  },
  JOIN_CONVERSATION: async () => {
    const { candidate, conversation } = await desk.assigned('hello');
    const socket = await desk.connect(candidate);
    const join = { conversationId: conversation.id };
    return twice(() => socket.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', join));
  },
  SEND_MESSAGE: async () => {
    const { candidate, conversation } = await desk.assigned();
    const socket = await desk.join(candidate, conversation.id);
    const message = { conversationId: conversation.id, content: 'once', clientMessageId: 'mine' };
    const [first, second] = await twice(() => socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', message));
    expect(second.duplicate).toBe(true);
    return [first, { ...second, duplicate: false }];
  },
  TYPING: async () => {
    const { candidate, agent, conversation } = await desk.assigned();
    const [c, a] = [await desk.join(candidate, conversation.id), await desk.join(agent, conversation.id)];
    return twice(async () => {
      a.send('TYPING', { conversationId: conversation.id, typing: true });
      return (await c.next('TYPING')).data;
    });
  },
  MARK_READ: async () => {
    const { candidate, conversation } = await desk.assigned('hello');
    const socket = await desk.connect(candidate);
    return twice(() => socket.expect('MESSAGES_READ', 'MARK_READ', { conversationId: conversation.id, seq: 1 }));
  },
  WATCH_QUEUE: async () => {
    const socket = await desk.connect(await desk.supervisor());
    const answers = await twice(() => socket.expect('QUEUE_WATCHED', 'WATCH_QUEUE', {}));
    const { id } = await desk.conversation(await desk.candidate());
    await system.gateway.idle();
    await socket.settle();
    expect(socket.frames('QUEUE_CHANGED')).toMatchObject([{ reason: 'opened', conversation: { id } }]);
    return answers;
  },
  UNWATCH_QUEUE: async () => {
    const socket = await desk.connect(await desk.supervisor());
    await socket.expect('QUEUE_WATCHED', 'WATCH_QUEUE', {});
    return twice(() => socket.expect('QUEUE_UNWATCHED', 'UNWATCH_QUEUE', {}));
  },
  SET_AVAILABILITY: async () => {
    const agent = await desk.agent(await desk.supervisor());
    const socket = await desk.connect(agent);
    await socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'available' });
    const [first, second] = await twice(() =>
      socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'available', renew: true }),
    );
    // The lease is as long as it can be each time. The agent has become available once.
    expect(Date.parse(second.until ?? '')).toBeGreaterThanOrEqual(Date.parse(first.until ?? ''));
    expect(await userModel().findById(agent.user.id).lean()).toMatchObject({ availabilities: 1 });
    return [first.status, second.status];
  },
  PING: async () => {
    const socket = await desk.connect(desk.admin);
    return twice(() => socket.expect('PONG', 'PING', {}));
  },
};

/** Repeated at once they change nothing. Later they would undo what somebody else has decided since: not declared safe. */
const NOT_LATER = ['assignConversation', 'updateUser'];

it('is every command that changes something and is declared so', () => {
  const declared = [...Object.values<Route>(routes), ...Object.values<ClientEvent>(clientEvents)].flatMap((it) => {
    if ('method' in it && it.method === 'GET') return [];
    if (it.repeat !== 'safe' && !it.repeat.safeWith && !it.repeat.safeWithin) return [];
    return 'event' in it ? it.event : it.operation;
  });
  expect(Object.keys(SAFE).toSorted()).toEqual([...declared, ...NOT_LATER].toSorted());
});

it.each(Object.entries(SAFE))('%s', async (_, repeat) => {
  const [first, second] = await repeat();
  expect(second).toEqual(first);
});

describe('a conversation opened again under its clientConversationId', () => {
  const open = (token: string, body: object) =>
    desk.call('POST', '/conversations', token, { subject: 'Mine', ...body });

  it('is answered as it is now, whatever else is asked for', async () => {
    const [candidate, supervisor] = await Promise.all([desk.candidate(), desk.supervisor()]);
    const first = await open(candidate.token, { clientConversationId: 'k1' });
    const assigned = await desk.assign(supervisor, first.body.id, await desk.agent(supervisor));
    const again = await open(candidate.token, { clientConversationId: 'k1', subject: 'Other', message: 'hi' });
    expect(again).toMatchObject({ status: 200, body: asCandidateSees(assigned) });
    expect(again.body).toMatchObject({ subject: 'Mine', lastSeq: 0 });
  });

  it('is opened once by ten at once', async () => {
    const candidate = await desk.candidate();
    const body = { clientConversationId: 'k1', message: 'once' };
    const answers = await Promise.all(Array.from({ length: 10 }, () => open(candidate.token, body)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([...Array(9).fill(200), 201]);
    expect(new Set(answers.map(({ body: { id } }) => id)).size).toBe(1);
    expect(await conversationModel().countDocuments({ candidateId: candidate.user.id })).toBe(1);
  });

  it('is another one for another candidate, for another name, and without a name', async () => {
    const [one, two] = await Promise.all([desk.candidate(), desk.candidate()]);
    const answers = [
      await open(one.token, { clientConversationId: 'k1' }),
      await open(two.token, { clientConversationId: 'k1' }),
      await open(one.token, { clientConversationId: 'k2' }),
      await open(one.token, {}),
      await open(one.token, {}),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
    expect(new Set(answers.map(({ body: { id } }) => id)).size).toBe(5);
  });

  it.each(['', 'x'.repeat(65), 5, null])('takes no name like %j', async (clientConversationId) => {
    const { token } = await desk.candidate();
    const { status, body } = await open(token, { clientConversationId });
    expect({ status, errors: body.errors?.map(({ pointer }: { pointer: string }) => pointer) }).toEqual({
      status: 400,
      errors: ['/body/clientConversationId'],
    });
  });
});

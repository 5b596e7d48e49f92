import { jest } from '@jest/globals';
import mongoose from 'mongoose';
import { ERROR_CODES, ERRORS, type ErrorCode } from '../../lib/protocol/errors.ts';
import { conversationModel } from '../../lib/store/conversations.ts';
import { connect, disconnect } from '../../lib/store/database.ts';
import { atOneMoment } from '../support/clock.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Socket } from '../support/socket.ts';
import { type Desk, type HttpResult, PASSWORD } from '../support/system.ts';

/** Every code of the catalogue, brought about on each transport that may carry it. */

/** Limits low enough to be met. */
const LIMIT = 3;

let system: InProcess;
let desk: Desk;
beforeAll(async () => {
  ({ system, desk } = await startDesk({
    RATE_LIMITS: 'on',
    RATE_LIMIT_MESSAGES_PER_MINUTE: String(LIMIT),
    RATE_LIMIT_CONVERSATIONS_PER_HOUR: String(LIMIT),
    RATE_LIMIT_REGISTRATIONS_PER_HOUR: '1000',
    RATE_LIMIT_FAILED_LOGINS: '1000',
    MAX_CONNECTIONS_PER_USER: String(LIMIT),
    // Below the gateway's own limit, which closes the socket.
    MAX_FRAME_BYTES: '20000',
  }));
});
afterAll(() => system.stop());

/** What a fault's cause says; no client may ever read it. */
const CAUSE = 'the cause, which is nobody’s business';

async function withBrokenStore<T>(ask: () => Promise<T>): Promise<T> {
  const broken = jest.spyOn(conversationModel(), 'findById').mockImplementation(() => {
    throw new TypeError(CAUSE);
  });
  return ask().finally(() => broken.mockRestore());
}

async function withoutDatabase<T>(ask: () => Promise<T>): Promise<T> {
  await mongoose.disconnect();
  return ask().finally(async () => {
    await disconnect();
    await connect();
  });
}

/** Lets a rival go first once the write is decided on, before the transaction that carries it out. */
function rivalFirst(rival: () => Promise<unknown>): void {
  const client = mongoose.connection.getClient();
  const begin = client.withSession.bind(client) as (work: unknown) => Promise<unknown>;
  const overtaken = jest.spyOn(client, 'withSession');
  overtaken.mockImplementationOnce((async (work: unknown) => {
    overtaken.mockRestore();
    await rival();
    return begin(work);
  }) as never);
}

/** The answer to the first one that is one too many. */
const oneTooMany = <T>(ask: () => Promise<T>): Promise<T> =>
  atOneMoment(async () => {
    for (let tries = 1; tries <= LIMIT; tries += 1) await ask();
    return ask();
  });

type Codes<S extends boolean> = { [C in ErrorCode]: (typeof ERRORS)[C]['socket'] extends S ? C : never }[ErrorCode];
type HttpCode = Exclude<ErrorCode, 'UNKNOWN_EVENT' | 'NOT_JOINED' | 'TOO_MANY_CONNECTIONS' | 'OUT_OF_ORDER'>;

const http: Readonly<Record<HttpCode, () => Promise<HttpResult>>> = {
  MALFORMED_JSON: () => system.http({ method: 'POST', path: '/auth/login', raw: '{' }),
  VALIDATION_FAILED: () => desk.call('POST', '/auth/login', undefined, {}),
  INVALID_CREDENTIALS: () =>
    desk.call('POST', '/auth/login', undefined, { email: 'no@example.com', password: PASSWORD }),
  INVALID_TOKEN: () => desk.call('GET', '/auth/me'),
  FORBIDDEN: async () => desk.call('GET', '/users', (await desk.candidate()).token),
  NOT_FOUND: () => desk.call('GET', '/users/nobody', desk.admin.token),
  NOT_CONFIGURED: async () => {
    const { IDENTITY_KEYS } = process.env;
    delete process.env['IDENTITY_KEYS'];
    try {
      return await desk.call('POST', '/auth/exchange', undefined, { token: 'any' });
    } finally {
      process.env['IDENTITY_KEYS'] = IDENTITY_KEYS;
    }
  },
  EMAIL_TAKEN: async () => {
    const email = desk.admin.email.toUpperCase();
    return desk.call('POST', '/auth/register', undefined, { name: 'Again', email, password: PASSWORD });
  },
  LAST_ADMIN: () => desk.call('PATCH', `/users/${desk.admin.user.id}`, desk.admin.token, { active: false }),
  HAS_TEAM: async () => {
    const { supervisor } = await desk.assigned();
    return desk.call('PATCH', `/users/${supervisor.user.id}`, desk.admin.token, { active: false });
  },
  CONVERSATION_CLOSED: async () => {
    const { agent, conversation } = await desk.assigned();
    await desk.ok('POST', `/conversations/${conversation.id}/close`, agent.token);
    return desk.call('POST', `/conversations/${conversation.id}/close`, agent.token);
  },
  CONVERSATION_ASSIGNED: async () => {
    const { supervisor, conversation } = await desk.assigned();
    return desk.call('POST', `/conversations/${conversation.id}/close`, supervisor.token);
  },
  CONFLICT: async () => {
    const supervisor = await desk.supervisor();
    const [agent, rival] = [await desk.agent(supervisor), await desk.supervisor()];
    const { id } = await desk.conversation(await desk.candidate());
    const rivalsAgent = await desk.agent(rival);
    rivalFirst(() => desk.assign(rival, id, rivalsAgent));
    return desk.call('POST', `/conversations/${id}/assign`, supervisor.token, { agentId: agent.user.id });
  },
  ALREADY_RATED: async () => {
    const { candidate, agent, conversation } = await desk.assigned();
    await desk.ok('POST', `/conversations/${conversation.id}/close`, agent.token);
    const rate = (score: number) =>
      desk.call('PUT', `/conversations/${conversation.id}/rating`, candidate.token, { score });
    await rate(5);
    return rate(1);
  },
  SHORTCUT_TAKEN: async () => {
    const { agent } = await desk.assigned();
    const reply = { scope: 'own', shortcut: 'hello', title: 'Hello', content: 'Hello.' };
    await desk.ok('POST', '/replies', agent.token, reply);
    return desk.call('POST', '/replies', agent.token, reply);
  },
  AGENT_NOT_AVAILABLE: async () => {
    const { supervisor, conversation } = await desk.assigned();
    const agentId = (await desk.agent(await desk.supervisor())).user.id;
    return desk.call('POST', `/conversations/${conversation.id}/assign`, supervisor.token, { agentId });
  },
  PAYLOAD_TOO_LARGE: () => desk.call('POST', '/auth/login', undefined, { email: 'x'.repeat(70_000) }),
  UNSUPPORTED_MEDIA_TYPE: () =>
    system.http({ method: 'POST', path: '/auth/login', raw: '{}', headers: { 'content-type': 'text/plain' } }),
  RATE_LIMITED: async () => {
    const { token } = await desk.candidate();
    return oneTooMany(() => desk.call('POST', '/conversations', token, { subject: 'again' }));
  },
  INTERNAL: () => withBrokenStore(() => desk.call('GET', '/conversations/any', desk.admin.token)),
  UNAVAILABLE: () => withoutDatabase(() => desk.call('GET', '/conversations/any', desk.admin.token)),
};

/** A candidate's socket, in a room. */
async function inRoom(): Promise<{ socket: Socket; conversationId: string; token: string }> {
  const candidate = await desk.candidate();
  const { id } = await desk.conversation(candidate);
  return { socket: await desk.join(candidate, id), conversationId: id, token: candidate.token };
}

const joinAny = (socket: Socket) => socket.refused('JOIN_CONVERSATION', { conversationId: 'any' });

const overSocket: Readonly<Record<Codes<true>, () => Promise<{ code: string; message: string }>>> = {
  MALFORMED_JSON: async () => {
    const { socket } = await inRoom();
    socket.sendText('[]');
    return (await socket.next('ERROR')).data;
  },
  VALIDATION_FAILED: async () => (await inRoom()).socket.refused('SEND_MESSAGE', {}),
  INVALID_TOKEN: async () => {
    const { socket, token } = await inRoom();
    // The gateway fails to cut the socket: it is worth nothing all the same.
    system.gateway.fault(socket, 'error');
    await desk.ok('POST', '/auth/logout', token);
    system.gateway.fault(socket, undefined);
    return joinAny(socket);
  },
  FORBIDDEN: async () => joinAny(await desk.connect(desk.admin)),
  NOT_FOUND: async () => joinAny((await inRoom()).socket),
  CONVERSATION_CLOSED: async () => {
    const { agent, conversation } = await desk.assigned();
    const socket = await desk.connect(agent);
    await socket.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', { conversationId: conversation.id });
    return socket.refused('JOIN_CONVERSATION', { conversationId: conversation.id });
  },
  CONFLICT: async () => {
    const { socket, conversationId } = await inRoom();
    // The caller loses it, and has it again when the send looks why it was refused: twice.
    const place = jest.spyOn(conversationModel().collection, 'findOneAndUpdate');
    place.mockResolvedValue(null as never);
    const refusal = await socket.refused('SEND_MESSAGE', { conversationId, content: 'meanwhile' });
    place.mockRestore();
    return refusal;
  },
  PAYLOAD_TOO_LARGE: async () => (await inRoom()).socket.refused('PING', { x: 'x'.repeat(20_000) }),
  RATE_LIMITED: async () => {
    const { socket, conversationId } = await inRoom();
    const answer = await oneTooMany(() => socket.ask('SEND_MESSAGE', { conversationId, content: 'again' }));
    if (answer.event !== 'ERROR') throw new Error(`${LIMIT + 1} messages, and no limit`);
    return answer.data;
  },
  UNKNOWN_EVENT: async () => (await inRoom()).socket.refused('SHOUT', {}),
  NOT_JOINED: async () => {
    const { socket, conversationId } = await inRoom();
    await socket.expect('CONVERSATION_LEFT', 'LEAVE_CONVERSATION', { conversationId });
    return socket.refused('SEND_MESSAGE', { conversationId, content: 'too late' });
  },
  TOO_MANY_CONNECTIONS: async () => {
    const candidate = await desk.candidate();
    const oldest = await desk.connect(candidate);
    for (let newer = 0; newer < LIMIT; newer += 1) await desk.connect(candidate);
    return (await oldest.next('ERROR')).data;
  },
  OUT_OF_ORDER: async () => {
    const { socket, conversationId } = await inRoom();
    return socket.refused('SEND_MESSAGE', { conversationId, content: 'the second', after: 'the first' });
  },
  INTERNAL: async () => {
    const { socket } = await inRoom();
    return withBrokenStore(() => joinAny(socket));
  },
  UNAVAILABLE: async () => {
    const { socket } = await inRoom();
    return withoutDatabase(() => joinAny(socket));
  },
};

describe('every code of the catalogue', () => {
  it('is in one of the two tables below, or both, as the catalogue says', () => {
    expect(Object.keys(http).toSorted()).toEqual(ERROR_CODES.filter((code) => ERRORS[code].status).toSorted());
    expect(Object.keys(overSocket).toSorted()).toEqual(ERROR_CODES.filter((code) => ERRORS[code].socket).toSorted());
  });

  it.each(Object.entries(http))('%s is answered over HTTP', async (code, provoke) => {
    const { status, body } = await provoke();
    const { title } = ERRORS[code as HttpCode];
    expect(body).toMatchObject({ code, title, status: ERRORS[code as HttpCode].status });
    expect(body.status).toBe(status);
    expect(JSON.stringify(body)).not.toContain(CAUSE);
  });

  it.each(Object.entries(overSocket))('%s is answered over the socket', async (code, provoke) => {
    const error = await provoke();
    expect(error.code).toBe(code);
    expect(error.message).not.toContain(CAUSE);
  });
});

describe('the database out of reach', () => {
  it('shows in the health, and is over when it is over', async () => {
    expect(await withoutDatabase(() => desk.call('GET', '/health'))).toMatchObject({ status: 503 });
    expect(await desk.call('GET', '/health')).toMatchObject({ status: 200, body: { status: 'ok' } });
  });

  it('refuses an upgrade with 503, and leaves pings alone', async () => {
    const socket = await desk.connect(desk.admin);
    await withoutDatabase(async () => {
      await expect(desk.connect(desk.admin)).rejects.toMatchObject({ status: 503 });
      await socket.settle();
    });
  });
});

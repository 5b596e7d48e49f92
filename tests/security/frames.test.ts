import { type Operation, PERMISSIONS } from '../../lib/domain/permissions.ts';
import { type ClientEventName, clientEvents } from '../../lib/protocol/events.ts';
import type { Conversation } from '../../lib/protocol/objects/conversations.ts';
import { CLIENT_EVENT_EXAMPLES } from '../../tools/examples.ts';
import { within } from '../support/deadline.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Socket } from '../support/socket.ts';
import type { Desk, Person } from '../support/system.ts';
import { allRoutes, expectRefused, fill, state } from './attack.ts';

let system: InProcess;
let desk: Desk;
let candidate: Person;
let agent: Person;
let conversation: Conversation;
let socket: Socket;
beforeAll(async () => {
  ({ system, desk } = await startDesk());
  ({ candidate, agent, conversation } = await desk.assigned('hello'));
  socket = await desk.join(candidate, conversation.id);
});
afterAll(() => system.stop());

const text = (event: unknown, data: unknown, more: object = {}) => JSON.stringify({ event, data, ...more });
const say = (data: object, more?: object) =>
  text('SEND_MESSAGE', { conversationId: conversation.id, content: 'x', ...data }, more);
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
const LONE_SURROGATE = '"\\ud800"';

/** Hands a frame to the function itself, by whatever route the gateway may have chosen. */
const handle = (routeKey: string, body: string, isBase64Encoded = false, more: object = {}) =>
  system.operate('websocket', {
    requestContext: {
      routeKey,
      connectionId: system.gateway.connectionId(socket),
      eventType: 'MESSAGE',
      requestId: 'r',
    },
    body,
    isBase64Encoded,
    ...more,
  });

/** Sends a frame as it is; the error it is refused with. */
async function refusal(frame: string): Promise<{ code: string; message: string }> {
  socket.sendText(frame);
  return (await socket.next('ERROR')).data;
}

const frames: Record<string, readonly [frame: () => string, code: string]> = {
  nothing: [() => '', 'MALFORMED_JSON'],
  'no JSON': [() => 'hello', 'MALFORMED_JSON'],
  'half an object': [() => '{"event":"PING"', 'MALFORMED_JSON'],
  'an array': [() => '[{"event":"PING","data":{}}]', 'MALFORMED_JSON'],
  'a number': [() => '5', 'MALFORMED_JSON'],
  null: [() => 'null', 'MALFORMED_JSON'],
  'a string': [() => '"PING"', 'MALFORMED_JSON'],
  '10,000 levels': [() => nested(10_000), 'MALFORMED_JSON'],
  '10,000 levels of data': [() => `{"event":"SEND_MESSAGE","data":{"content":${nested(10_000)}}}`, 'VALIDATION_FAILED'],
  '10,000 levels of event': [() => `{"event":${nested(10_000)},"data":{}}`, 'VALIDATION_FAILED'],
  'no event': [() => '{"data":{}}', 'VALIDATION_FAILED'],
  'a list of events': [() => text(['PING'], {}), 'VALIDATION_FAILED'],
  'an event object': [() => text({ $ne: 'PING' }, {}), 'VALIDATION_FAILED'],
  'an unknown event': [() => text('DROP_TABLE', {}), 'UNKNOWN_EVENT'],
  'an event in small letters': [() => text('ping', {}), 'UNKNOWN_EVENT'],
  'a server event': [() => text('CONVERSATION_ASSIGNED', {}), 'UNKNOWN_EVENT'],
  'the event $connect': [() => text('$connect', {}), 'UNKNOWN_EVENT'],
  'the event $disconnect': [() => text('$disconnect', {}), 'UNKNOWN_EVENT'],
  'the event $default': [() => text('$default', {}), 'UNKNOWN_EVENT'],
  'the event __proto__': [() => text('__proto__', {}), 'UNKNOWN_EVENT'],
  'the event constructor': [() => text('constructor', {}), 'UNKNOWN_EVENT'],
  'the event toString': [() => text('toString', {}), 'UNKNOWN_EVENT'],
  'no data': [() => '{"event":"SEND_MESSAGE"}', 'VALIDATION_FAILED'],
  'a list of data': [() => text('SEND_MESSAGE', []), 'VALIDATION_FAILED'],
  'data null': [() => text('SEND_MESSAGE', null), 'VALIDATION_FAILED'],
  'a field beside data': [() => say({}, { senderId: 'x' }), 'VALIDATION_FAILED'],
  'a requestId object': [() => say({}, { requestId: { a: 1 } }), 'VALIDATION_FAILED'],
  'a requestId too long': [() => say({}, { requestId: 'x'.repeat(65) }), 'VALIDATION_FAILED'],
  'a forged senderId': [() => say({ senderId: 'somebody' }), 'VALIDATION_FAILED'],
  'a forged senderRole': [() => say({ senderRole: 'agent' }), 'VALIDATION_FAILED'],
  'a forged seq': [() => say({ seq: 1 }), 'VALIDATION_FAILED'],
  'a forged sentAt': [() => say({ sentAt: '2000-01-01T00:00:00.000Z' }), 'VALIDATION_FAILED'],
  'a forged id': [() => say({ id: 'x', _id: 'x' }), 'VALIDATION_FAILED'],
  '__proto__ in data': [
    () => `{"event":"SEND_MESSAGE","data":{"__proto__":{"content":"x"},"conversationId":"${conversation.id}"}}`,
    'VALIDATION_FAILED',
  ],
  '__proto__ beside data': [() => '{"event":"PING","data":{},"__proto__":{"x":1}}', 'VALIDATION_FAILED'],
  'constructor in data': [() => say({ constructor: { prototype: { x: 1 } } }), 'VALIDATION_FAILED'],
  'a conversation object': [() => say({ conversationId: { $ne: null } }), 'VALIDATION_FAILED'],
  'a list of conversations': [() => say({ conversationId: [conversation.id] }), 'VALIDATION_FAILED'],
  'a conversation by operator': [() => say({ conversationId: '$ne' }), 'VALIDATION_FAILED'],
  'a clientMessageId object': [() => say({ clientMessageId: { $gt: '' } }), 'VALIDATION_FAILED'],
  'no content': [() => say({ content: undefined }), 'VALIDATION_FAILED'],
  'empty content': [() => say({ content: '' }), 'VALIDATION_FAILED'],
  'blank content': [() => say({ content: ' \n\t\u00a0' }), 'VALIDATION_FAILED'],
  'content too long': [() => say({ content: 'x'.repeat(4001) }), 'VALIDATION_FAILED'],
  'a content object': [() => say({ content: { $gt: '' } }), 'VALIDATION_FAILED'],
  'U+0000 in content': [() => say({ content: 'a\u0000b' }), 'VALIDATION_FAILED'],
  'a lone surrogate': [
    () => `{"event":"SEND_MESSAGE","data":{"conversationId":"${conversation.id}","content":${LONE_SURROGATE}}}`,
    'VALIDATION_FAILED',
  ],
  'an afterSeq below 0': [
    () => text('JOIN_CONVERSATION', { conversationId: conversation.id, afterSeq: -1 }),
    'VALIDATION_FAILED',
  ],
  'an afterSeq of 1e400': [
    () => `{"event":"JOIN_CONVERSATION","data":{"conversationId":"${conversation.id}","afterSeq":1e400}}`,
    'VALIDATION_FAILED',
  ],
  'an afterSeq object': [
    () => text('JOIN_CONVERSATION', { conversationId: conversation.id, afterSeq: { $gt: 0 } }),
    'VALIDATION_FAILED',
  ],
};

describe('a hostile frame', () => {
  it.each(Object.keys(frames))('is refused, changes nothing and leaves the socket up: %s', async (name) => {
    const [frame, code] = frames[name] ?? [() => '', ''];
    const before = await state();
    const error = await refusal(frame());
    expect(error.code).toBe(code);
    expect(JSON.stringify(error)).not.toMatch(/ at |\.ts|Mongo|mongoose/);
    expect(await state()).toEqual(before);
    await socket.settle();
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it.each([33, 129])('of %d KB closes its socket, as AWS does, and stores nothing', async (kilobytes) => {
    const before = await state();
    const victim = await desk.join(candidate, conversation.id);
    victim.sendText(say({ content: 'x'.repeat(kilobytes * 1024) }));
    expect(await within('the socket to close', victim.closed)).toBe(1009);
    await system.gateway.idle();
    const { users: _, sessions: __, ...rest } = await state();
    const { users: ___, sessions: ____, ...expected } = before;
    expect(rest).toEqual(expected);
  });

  it('that is binary is told that text is wanted, though it holds valid JSON', async () => {
    const before = await state();
    for (const [routeKey, frame] of [
      ['SEND_MESSAGE', say({})],
      ['PING', text('PING', {})],
      ['$default', text('PING', {})],
    ] as const) {
      const requestContext = {
        routeKey,
        connectionId: system.gateway.connectionId(socket),
        eventType: 'MESSAGE',
        requestId: 'r',
      };
      const bytes = Buffer.from(frame);
      // As API Gateway would hand it over, and as the emulator does.
      for (const event of [
        { body: bytes.toString('base64'), isBase64Encoded: true },
        { body: new Uint8Array(bytes), isBase64Encoded: false },
      ]) {
        await system.operate('websocket', { requestContext, ...event });
        expect((await socket.next('ERROR')).data).toMatchObject({
          code: 'MALFORMED_JSON',
          message: 'Send text frames: this one was binary.',
        });
      }
    }
    expect(await state()).toEqual(before);
  });

  it.each([false, true])(
    'over our own limit is refused by the handler itself (base64: %s)',
    async (isBase64Encoded) => {
      const frame = say({ content: 'x'.repeat(33 * 1024) });
      await handle('SEND_MESSAGE', isBase64Encoded ? Buffer.from(frame).toString('base64') : frame, isBase64Encoded);
      expect((await socket.next('ERROR')).data).toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
    },
  );

  it.each([
    ['as far as the gateway hands it on', 100 * 1024, { event: 'SEND_MESSAGE', requestId: 'mine' }],
    ['and no further, for larger ones are not parsed', 128 * 1024, { event: null, requestId: undefined }],
  ])('over our own limit is refused by its name and its requestId, %s', async (_how, size, { event, requestId }) => {
    await handle('SEND_MESSAGE', say({ content: 'x'.repeat(size) }, { requestId: 'mine' }));
    const refused = await socket.next('ERROR');
    expect(refused.data).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', event });
    expect(refused.requestId).toBe(requestId);
  });

  it.each(['$connect', '$disconnect'])('does not pass for the gateway’s own event at %s', async (routeKey) => {
    const before = await state();
    await handle(routeKey, text('$connect', {}), false, { headers: { Authorization: `Bearer ${agent.token}` } });
    expect((await socket.next('ERROR')).data).toMatchObject({ code: 'UNKNOWN_EVENT' });
    expect(await state()).toEqual(before);
  });

  it('whose event the gateway read otherwise than we do is trusted by neither', async () => {
    await handle('CLOSE_CONVERSATION', text('PING', {}));
    expect((await socket.next('ERROR')).data).toMatchObject({ code: 'FORBIDDEN' });
    await handle('LEAVE_CONVERSATION', say({}));
    expect((await socket.next('ERROR')).data).toMatchObject({ code: 'VALIDATION_FAILED' });
  });
});

describe('what somebody says', () => {
  it.each([
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    '\u0001\u0007\u001b[31mred\u001b[0m\r\n\u202egnp.exe\u2066',
    '{"$gt":""}',
    '$where: sleep(1000)',
    '$literal',
    '{{7*7}} #{7*7} $' + '{7*7}',
    '\ufeffe\u0301 é 👩‍👩‍👧 \u{1f600}',
    "'; drop table messages; --",
  ])('is stored and sent verbatim: %j', async (content) => {
    const a = await desk.join(agent, conversation.id);
    const { seq } = await socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', {
      conversationId: conversation.id,
      content,
    });
    expect((await a.next('NEW_MESSAGE', (message) => message.seq === seq)).data.content).toBe(content);
    const path = `/conversations/${conversation.id}/messages?afterSeq=${seq - 1}&limit=1`;
    const [stored] = (await desk.ok('GET', path, agent.token)).items;
    expect(stored).toMatchObject({ content, senderId: candidate.user.id, senderRole: 'candidate' });
    a.close();
  });
});

describe('a conversation of others', () => {
  const routesOfConversations = allRoutes.filter(({ path }) => path.includes('{conversationId}'));

  it('is out of reach of another candidate, another agent and another supervisor, by every route', async () => {
    const others = await desk.assigned();
    const bodies: Readonly<Partial<Record<Operation, object>>> = {
      assignConversation: { agentId: others.agent.user.id },
      editConversation: { priority: 'urgent', addTags: ['mine'] },
      addNote: { content: 'mine' },
      markRead: { seq: 1 },
      rateConversation: { score: 1 },
    };
    const before = await state();
    for (const person of [others.candidate, others.agent, others.supervisor]) {
      for (const route of routesOfConversations) {
        const path = fill(route.path, conversation.id);
        const answer = await desk.call(route.method, path, person.token, bodies[route.operation]);
        expectRefused(answer, 'NOT_FOUND', 'FORBIDDEN');
      }
      const { items } = await desk.ok('GET', '/conversations?limit=100', person.token);
      expect(items.map(({ id }: Conversation) => id)).not.toContain(conversation.id);
      for (const query of [`candidateId=${candidate.user.id}`, `agentId=${agent.user.id}`]) {
        expect((await desk.ok('GET', `/conversations?${query}`, person.token)).items).toEqual([]);
      }
    }
    expect(await state()).toEqual(before);
  });

  it('is out of reach of every event, and nothing of it is overheard', async () => {
    const others = await desk.assigned();
    const events = (Object.keys(clientEvents) as ClientEventName[]).filter(
      (name) => 'conversationId' in clientEvents[name].data.shape,
    );
    expect(events.length).toBeGreaterThan(3);
    for (const person of [others.candidate, others.agent, others.supervisor, desk.admin]) {
      const stranger = await desk.connect(person);
      const before = await state();
      for (const event of events) {
        const data = { ...CLIENT_EVENT_EXAMPLES[event], conversationId: conversation.id };
        expect(['NOT_FOUND', 'FORBIDDEN']).toContain((await stranger.refused(event, data)).code);
      }
      expect(await state()).toEqual(before);
      await socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', {
        conversationId: conversation.id,
        content: 'between us',
      });
      await system.gateway.idle();
      expect(stranger.frames('NEW_MESSAGE')).toEqual([]);
    }
  });

  it('cannot be told from one there is not', async () => {
    const stranger = await desk.candidate();
    const answer = async (id: string) => {
      const { status, body } = await desk.call('GET', `/conversations/${id}`, stranger.token);
      return { status, ...body, requestId: '' };
    };
    expect(await answer(conversation.id)).toEqual(await answer('none-such'));
  });
});

describe('what is for others to do', () => {
  it('a candidate is forbidden by every route, whatever they send', async () => {
    const before = await state();
    for (const route of allRoutes) {
      const access: unknown = PERMISSIONS[route.operation];
      if (!Array.isArray(access) || access.includes('candidate')) continue;
      for (const body of [undefined, {}, { agentId: candidate.user.id }]) {
        const path = fill(route.path, conversation.id);
        expectRefused(await desk.call(route.method, path, candidate.token, body), 'FORBIDDEN');
      }
    }
    expect(await socket.refused('CLOSE_CONVERSATION', { conversationId: conversation.id })).toMatchObject({
      code: 'FORBIDDEN',
    });
    expect(await state()).toEqual(before);
  });
});

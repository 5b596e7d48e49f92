import { userModel } from '../../lib/store/users.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { tapStdout } from '../support/stdout.ts';
import { type Desk, PASSWORD } from '../support/system.ts';

let system: InProcess;
let desk: Desk;
const written: string[] = [];
let stopTapping: () => void;

beforeAll(async () => {
  stopTapping = tapStdout((text) => written.push(text) > 0);
  ({ system, desk } = await startDesk({ LOG_LEVEL: 'debug', RATE_LIMITS: 'on' }));
});
afterAll(async () => {
  stopTapping();
  await system.stop();
});

describe('the log, at its most talkative', () => {
  it('holds no password, token, address, name or message, whatever goes well or wrong', async () => {
    const { candidate, agent, supervisor, conversation } = await desk.assigned('first-secret-text');
    const { id: conversationId } = conversation;
    const [c, a] = [await desk.join(candidate, conversationId), await desk.join(agent, conversationId)];
    await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', {
      conversationId,
      content: 'second-secret-text',
      clientMessageId: 'secret-message-id',
    });
    await c.refused('SEND_MESSAGE', { conversationId, content: 'third-secret-text', nonsense: 'secret-value' });
    c.sendText('fourth-secret-text');
    await c.next('ERROR');
    const w = await desk.connect(supervisor);
    await w.expect('QUEUE_WATCHED', 'WATCH_QUEUE', {});
    await w.refused('WATCH_QUEUE', { cursor: 'secret-cursor' });
    const opening = { subject: 'secret-subject', context: { page: '/secret-page', customer: 'secret-customer' } };
    const { id: waiting } = await desk.ok('POST', '/conversations', candidate.token, opening);
    await desk.ok('PATCH', `/conversations/${waiting}`, supervisor.token, { addTags: ['secret-tag'] });
    await w.next('QUEUE_CHANGED', ({ reason }) => reason === 'edited');
    system.gateway.fault(w, 'forbidden');
    const routing = { mode: 'automatic', requeueAfterSeconds: null, answerWithinSeconds: null };
    await desk.ok('PUT', '/routing', supervisor.token, routing);
    await a.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'available' });
    await a.next('CONVERSATION_ASSIGNED', ({ conversation: { id } }) => id === waiting);
    await system.operate('dispatch', { tick: true });
    await a.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', { conversationId });
    const login = (password: string) =>
      desk.call('POST', '/auth/login', undefined, { email: candidate.email, password });
    expect((await login('secret-wrong-password')).status).toBe(401);
    const { refreshToken } = candidate.session;
    const renewed = await desk.ok('POST', '/auth/refresh', undefined, { refreshToken });
    expect((await desk.call('POST', '/auth/refresh', undefined, { refreshToken })).status).toBe(200);
    const again = await desk.ok('POST', '/auth/refresh', undefined, { refreshToken: renewed.refreshToken });
    expect((await desk.call('POST', '/auth/refresh', undefined, { refreshToken })).status).toBe(401);
    expect((await desk.call('GET', '/auth/me', `${candidate.token}x`)).status).toBe(401);
    expect((await desk.call('GET', `/conversations?cursor=secret-cursor`, agent.token)).status).toBe(400);
    await system.http({ method: 'POST', path: '/auth/login', raw: '{"password":"secret-half-a-body' });
    expect(
      (await desk.call('POST', '/auth/register', undefined, { name: 'x', email: candidate.email, password: PASSWORD }))
        .status,
    ).toBe(409);

    // A fault whose message quotes the document: the driver's own words must not get out, nor into the log.
    await userModel().collection.createIndex(
      { name: 1 },
      { unique: true, partialFilterExpression: { name: 'Secret Name' } },
    );
    const register = (email: string) =>
      desk.call('POST', '/auth/register', undefined, { name: 'Secret Name', email, password: PASSWORD });
    const hidden = (await register('one-of-two@example.com')).body;
    const fault = await register('two-of-two@example.com');
    expect(fault).toMatchObject({
      status: 500,
      body: { code: 'INTERNAL', detail: 'Something went wrong on our side.' },
    });
    await system.gateway.idle();

    const log = written.join('');
    const lines = log.split('\n').filter((line) => line.startsWith('{'));
    expect(lines.length).toBeGreaterThan(20);
    for (const line of lines) expect(JSON.parse(line)).toHaveProperty('level');
    expect(log).toContain('"code":"INTERNAL"');
    expect(log).toContain(fault.body.requestId);
    const secrets = [
      PASSWORD,
      'secret',
      'Secret Name',
      'two@example.com',
      '@example.com',
      'Bearer',
      process.env['JWT_KEYS']?.split(':')[1] ?? '',
      process.env['MONGODB_URI'] ?? '',
      ...[candidate, agent, supervisor, desk.admin].flatMap(({ token, session, user }) => [
        token,
        token.split('.')[2] ?? '',
        session.refreshToken,
        user.name,
      ]),
      renewed.accessToken,
      renewed.refreshToken,
      again.accessToken,
      // The secrets alone: that of the session, and that of each token.
      ...[refreshToken, renewed.refreshToken, again.refreshToken].flatMap((token) => token.split('.').slice(1)),
      hidden.refreshToken,
    ];
    for (const secret of secrets) {
      expect(secret).not.toBe('');
      expect(log).not.toContain(secret);
    }
  });
});

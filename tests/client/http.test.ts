import { isLiveSupportError } from '../../client/src/index.ts';
import { conversation, FakeService, problem, session, settled, user } from './support/fakes.ts';

/** The HTTP API by name: what is repeated, and what an error says. */

let service: FakeService;
beforeEach(() => {
  service = new FakeService();
});
afterEach(() => service.close());

async function signedIn(options = {}) {
  const client = service.client(options);
  await client.session.use(session());
  return client;
}

it('writes a request as it goes over the wire', async () => {
  const { http } = await signedIn({ httpUrl: 'https://api.example.com/' });
  service.handlers.listMessages = () => ({ status: 200, body: { items: [], nextAfterSeq: null } });
  await http.listMessages({ params: { conversationId: 'a b' }, query: { afterSeq: 3 } });
  expect(service.requests.at(-1)).toMatchObject({
    path: '/conversations/a%20b/messages?afterSeq=3',
    token: 't1',
    body: undefined,
  });
  service.handlers.getDesk = () => ({ status: 200, body: { open: true } });
  expect(await http.getDesk()).toEqual({ open: true });
  expect(service.requests.at(-1)?.token).toBeUndefined();
});

it('says all that the service says of an error', async () => {
  const { http } = await signedIn();
  const errors = [{ pointer: '/body/subject', detail: 'is required' }];
  service.handlers.createConversation = () => ({
    status: 400,
    headers: { 'content-type': 'application/problem+json' },
    body: { status: 400, code: 'VALIDATION_FAILED', detail: 'No.', requestId: 'r-1', errors },
  });
  const error = await http.createConversation({ body: { subject: '' } }).catch((thrown: unknown) => thrown);
  expect(isLiveSupportError(error)).toBe(true);
  expect(error).toMatchObject({
    code: 'VALIDATION_FAILED',
    status: 400,
    message: 'No.',
    errors,
    requestId: 'r-1',
    retryable: false,
    outcomeUnknown: false,
    retryAfter: null,
  });
});

it.each([
  [429, 'RATE_LIMITED', true, false],
  [502, 'UNAVAILABLE', true, true],
  [504, 'UNAVAILABLE', true, true],
  [418, 'UNEXPECTED', false, false],
])('takes %i of a gateway for %s', async (status, code, retryable, outcomeUnknown) => {
  const { http } = await signedIn({ requestRetries: 0 });
  service.handlers.getMe = () => ({ status, body: { message: 'Endpoint request timed out' } });
  await expect(http.getMe()).rejects.toMatchObject({ code, status, retryable, outcomeUnknown });
});

it.each([
  [504, { code: 'GATEWAY_TIMEOUT', message: 'upstream' }, { code: 'GATEWAY_TIMEOUT', outcomeUnknown: true }],
  [503, { code: 1105, errors: { detail: 'no' } }, { code: 'UNAVAILABLE', errors: [], outcomeUnknown: true }],
  [429, { code: 'TOO_FAST' }, { code: 'TOO_FAST', outcomeUnknown: false }],
])('takes %i for what it is, whatever something on the way calls it', async (status, body, error) => {
  const { http } = await signedIn({ requestRetries: 0 });
  service.handlers.getMe = () => ({ status, body });
  await expect(http.getMe()).rejects.toMatchObject({ status, retryable: true, ...error });
});

describe('without an answer', () => {
  it('what is safe is sent again, twice', async () => {
    const { http } = await signedIn();
    service.handlers.listConversations = () => 'lost';
    const call = expect(http.listConversations()).rejects.toMatchObject({ code: 'NETWORK', retryable: true });
    await service.clock.pass(60_000);
    await call;
    expect(service.calls('listConversations')).toBe(3);
  });

  it('what is not is never repeated', async () => {
    const { http } = await signedIn();
    service.handlers.assignConversation = () => problem(503, 'UNAVAILABLE', { 'retry-after': '1' });
    await expect(
      http.assignConversation({ params: { conversationId: 'c' }, body: { agentId: 'a' } }),
    ).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: false, outcomeUnknown: true });
    service.handlers.createConversation = () => 'lost';
    await expect(http.createConversation({ body: { subject: 'x' } })).rejects.toMatchObject({
      retryable: false,
      outcomeUnknown: true,
    });
    expect([service.calls('assignConversation'), service.calls('createConversation')]).toEqual([1, 1]);
  });

  it.each([
    ['createConversation', { body: { subject: 'x', clientConversationId: undefined } }],
    ['addNote', { params: { conversationId: 'c' }, body: { content: 'x', clientNoteId: undefined } }],
  ] as const)('what %s leaves without a name is never repeated', async (name, request) => {
    const { http } = await signedIn();
    service.handlers[name] = () => 'lost';
    const failing = (http[name] as (parts: object) => Promise<unknown>)(request).catch((error: unknown) => error);
    await service.clock.pass(60_000);
    expect([await failing, service.calls(name)]).toMatchObject([{ retryable: false, outcomeUnknown: true }, 1]);
  });

  it('a conversation is opened once, however often that is sent', async () => {
    const client = await signedIn();
    let times = 0;
    service.handlers.createConversation = () => {
      times += 1;
      return times < 3 ? 'lost' : { status: 200, body: conversation() };
    };
    const opening = client.open({ subject: 'x' });
    await service.clock.pass(60_000);
    expect((await opening).snapshot.conversation?.id).toBe('c');
    const names = service.requests.flatMap(({ operation, body }) =>
      operation === 'createConversation' ? [(body as { clientConversationId: string }).clientConversationId] : [],
    );
    expect([names.length, new Set(names).size, typeof names[0]]).toEqual([3, 1, 'string']);
  });

  it('is given up after its time, and holds no connection of the browser’s any more', async () => {
    const signals: AbortSignal[] = [];
    const { http } = await signedIn({
      requestRetries: 0,
      fetch: (_url: string, { signal }: { signal: AbortSignal }) => {
        signals.push(signal);
        return new Promise(() => undefined);
      },
    });
    const call = expect(http.getDesk()).rejects.toMatchObject({ code: 'TIMEOUT', outcomeUnknown: true });
    await service.clock.pass(30_000);
    await call;
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });
});

it('a conflict is not retryable: the same call would meet it again', async () => {
  const client = await service.connected();
  service.handlers.rateConversation = () => problem(409, 'CONFLICT');
  const rating = client.http.rateConversation({ params: { conversationId: 'c' }, body: { score: 5 } });
  await expect(rating).rejects.toMatchObject({ code: 'CONFLICT', retryable: false, outcomeUnknown: false });
  expect(service.calls('rateConversation')).toBe(1);
});

describe('as one person', () => {
  it('a command is not repeated as the next one', async () => {
    const client = await signedIn();
    service.handlers.createConversation = () => 'lost';
    const opening = expect(client.open({ subject: 'mine', message: 'a secret' })).rejects.toMatchObject({
      code: 'SIGNED_OUT',
      retryable: false,
      outcomeUnknown: true,
    });
    await settled();
    await client.session.use(session(user('bob'), 'tb'));
    await opening;
    await service.clock.pass(60_000);
    expect(service.requests.map(({ token }) => token)).toEqual(['t1']);
  });

  it('nor made once more as the next one, because a token was refused', async () => {
    const client = await signedIn();
    service.handlers.logout = async () => {
      await client.session.use(session(user('bob'), 'tb'));
      return problem(401, 'INVALID_TOKEN');
    };
    await expect(client.http.logout()).rejects.toMatchObject({ code: 'SIGNED_OUT' });
    expect(service.requests.map(({ token }) => token)).toEqual(['t1']);
  });

  it('an answer is not given to the next one', async () => {
    const client = await signedIn();
    service.handlers.getMe = () => 'silence';
    const call = expect(client.http.getMe()).rejects.toMatchObject({ code: 'SIGNED_OUT' });
    await settled();
    await client.session.end();
    await call;
  });
});

describe('an answer that is none of the service’s', () => {
  const page = (status: number) => ({ status, body: '<html>', headers: { 'content-type': 'text/html' } });

  it('is no answer', async () => {
    const { http } = await signedIn();
    service.handlers.listConversations = () => page(200);
    await expect(http.listConversations()).rejects.toMatchObject({ code: 'UNEXPECTED', outcomeUnknown: true });
    service.handlers.getTranscript = () => page(200);
    const transcript = http.getTranscript({ params: { conversationId: 'c' } });
    await expect(transcript).rejects.toMatchObject({ code: 'UNEXPECTED' });
    service.handlers.getTranscript = () => ({
      status: 200,
      body: 'kim: Hello',
      headers: { 'content-type': 'text/plain' },
    });
    expect(await http.getTranscript({ params: { conversationId: 'c' } })).toBe('kim: Hello');
    service.handlers.logout = () => ({ status: 204, headers: { 'content-type': '' } });
    expect(await http.logout()).toBeUndefined();
  });

  it.each([403, 404])('says nothing of a conversation (%i), and fails no message', async (status) => {
    const client = await service.connected();
    service.handlers.getConversation = () => page(status);
    await expect(client.http.getConversation({ params: { conversationId: 'c' } })).rejects.toMatchObject({
      code: 'UNEXPECTED',
      status,
    });
    const view = client.conversation('c');
    void view.join({ last: 3 }).catch(() => undefined);
    view.send('Hello');
    await service.clock.pass(10_000);
    expect([view.snapshot.state, view.snapshot.outbox.map(({ state }) => state)]).toEqual(['joining', ['sending']]);
  });

  it.each([
    ['a page', page(401)],
    ['a proxy’s JSON', { status: 401, body: { message: 'Unauthorized' } }],
  ])('says nothing of the token (%s)', async (_what, answer) => {
    const client = await signedIn();
    service.handlers.getMe = () => answer;
    await expect(client.http.getMe()).rejects.toMatchObject({ code: 'UNEXPECTED', status: 401 });
    expect([client.session.user?.id, service.calls('refreshSession')]).toEqual(['kim', 0]);
    await service.clock.pass(880_000);
    service.handlers.refreshSession = () => answer;
    await expect(client.http.getMe()).rejects.toMatchObject({ code: 'UNEXPECTED' });
    expect(client.session.user?.id).toBe('kim');
  });
});

it('refuses what can’t be written as the service would, and nobody waits for it', async () => {
  const client = await service.connected();
  const refused = { name: 'LiveSupportError', code: 'VALIDATION_FAILED', outcomeUnknown: false };
  await expect(client.http.getConversation({ params: { conversationId: '' } })).rejects.toMatchObject(refused);
  const from = new Date('never');
  await expect(client.http.supervisorAnalytics({ query: { from } })).rejects.toMatchObject(refused);
  let refusal: unknown;
  client
    .conversation('..')
    .join({ last: 3 })
    .catch((error: unknown) => {
      refusal = error;
    });
  await settled();
  expect(refusal).toMatchObject(refused);
});

it('rejects with an error of this package when getSession throws', async () => {
  const cause = new TypeError('fetch failed');
  const { http } = service.client({
    getSession: () => {
      throw cause;
    },
  });
  await expect(http.getMe()).rejects.toMatchObject({ name: 'LiveSupportError', code: 'UNEXPECTED', cause });
});

it('lets go of what is under way when the client is closed', async () => {
  const client = await signedIn();
  service.handlers.getMe = () => 'silence';
  service.handlers.getDesk = () => 'silence';
  const calls = [client.http.getMe(), client.http.getDesk()].map((call) =>
    expect(call).rejects.toMatchObject({ code: 'CLOSED', outcomeUnknown: true }),
  );
  await settled();
  client.close();
  await Promise.all(calls);
  await expect(client.http.getDesk()).rejects.toMatchObject({ code: 'CLOSED' });
  expect(service.clock.waiting).toBe(0);
});

it('leaves no rejection to nobody, whenever it is aborted or closed', async () => {
  const nobodys: unknown[] = [];
  const note = (error: unknown) => nobodys.push(error);
  process.on('unhandledRejection', note);
  try {
    const client = service.client();
    const controller = new AbortController();
    const call = expect(client.http.getMe({ signal: controller.signal })).rejects.toBe('enough');
    controller.abort('enough');
    await call;
    client.connection.connect();
    client.close();
    await settled();
  } finally {
    process.off('unhandledRejection', note);
  }
  expect(nobodys).toEqual([]);
});

it('waits as long as the service says, if that is not too long', async () => {
  const { http } = await signedIn();
  service.handlers.getMe = () => problem(429, 'RATE_LIMITED', { 'retry-after': '7' });
  const call = expect(http.getMe()).rejects.toMatchObject({ retryAfter: 7 });
  await service.clock.pass(6_999);
  expect(service.calls('getMe')).toBe(1);
  await service.clock.pass(60_000);
  await call;
  expect(service.calls('getMe')).toBe(3);
  service.handlers.getMe = () => problem(429, 'RATE_LIMITED', { 'retry-after': '600' });
  await expect(http.getMe()).rejects.toMatchObject({ retryAfter: 600 });
});

it('rejects with the reason of an aborted signal, and repeats nothing then', async () => {
  const { http } = await signedIn();
  service.handlers.getMe = () => 'silence';
  const controller = new AbortController();
  const call = http.getMe({ signal: controller.signal });
  controller.abort('enough');
  await expect(call).rejects.toBe('enough');
  await service.clock.pass(60_000);
  expect(service.calls('getMe')).toBeLessThan(2);
});

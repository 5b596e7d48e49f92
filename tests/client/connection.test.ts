import { type ConnectionStatus, createClient, type LiveSupportClient, memoryStorage } from '../../client/src/index.ts';
import {
  conversation,
  FakeClock,
  FakeService,
  joined,
  message,
  messages,
  problem,
  session,
  settled,
  user,
} from './support/fakes.ts';

/** The states of the connection, with a clock that the test turns and sockets that it opens. */

let service: FakeService;
beforeEach(() => {
  service = new FakeService();
});
afterEach(() => service.close());

const states = (client: LiveSupportClient) => {
  const seen: string[] = [];
  client.connection.on('status', ({ state, reason }: ConnectionStatus) => seen.push(`${state} ${reason}`));
  return seen;
};

describe('connecting', () => {
  it('offers the subprotocol and the token, and is ready once the socket is open', async () => {
    const client = service.client();
    expect(client.connection.status).toEqual({ state: 'idle', reason: 'new', error: null, retryAt: null });
    const seen = states(client);
    await client.session.use(session());
    await settled();
    expect(service.sockets).toHaveLength(0);
    client.connection.connect();
    client.connection.connect();
    await settled();
    expect(service.sockets).toHaveLength(1);
    expect(service.socket).toMatchObject({ url: 'wss://ws.example.com', protocols: ['live-support.v1', 't1'] });
    expect(seen).toEqual(['connecting asked', 'ready asked']);
  });

  it('is closed while nobody is signed in, and goes on when somebody is', async () => {
    const client = service.client();
    const seen = states(client);
    client.connection.connect();
    await settled();
    expect(client.connection.status).toMatchObject({
      state: 'closed',
      reason: 'signedOut',
      error: { code: 'SIGNED_OUT' },
    });
    await expect(client.connection.request('PING', {})).rejects.toMatchObject({ code: 'SIGNED_OUT' });
    await client.session.use(session());
    await settled();
    expect(seen.slice(-2)).toEqual(['connecting asked', 'ready asked']);
  });

  it('gives up an upgrade that takes too long', async () => {
    service.opens = false;
    const client = await service.connected();
    await service.clock.pass(14_999);
    expect(client.connection.status.state).toBe('connecting');
    await service.clock.pass(1);
    expect(client.connection.status).toMatchObject({ state: 'waiting', reason: 'refused' });
    expect(service.socket.isClosed).toBe(true);
  });

  it('is told in order, also to who is told after one that changes it', async () => {
    const client = service.client();
    await client.session.use(session());
    client.connection.on('status', ({ state }) => {
      if (state === 'ready') client.close();
    });
    const seen = states(client);
    client.connection.connect();
    await settled();
    expect(seen).toEqual(['connecting asked', 'ready asked', 'closed asked']);
  });

  it('is told to nobody who was taken back a moment before', async () => {
    const client = service.client();
    const heard: string[] = [];
    client.connection.on('status', ({ state }) => {
      heard.push(state);
      takeBack();
    });
    const takeBack = client.connection.on('status', ({ state }) => heard.push(`${state}, taken back`));
    client.connection.close();
    expect(heard).toEqual(['closed']);
  });

  it.each(['nonsense', 'localhost:3001', 'ftp://ws.example.com'])(
    'is refused at once where the address is none: %s',
    (websocketUrl) => {
      expect(() => service.client({ websocketUrl })).toThrow(expect.objectContaining({ name: 'TypeError' }));
    },
  );

  it('is refused at once on a platform without sockets, such as Node 20', () => {
    const { WebSocket } = globalThis;
    try {
      Reflect.deleteProperty(globalThis, 'WebSocket');
      const options = { httpUrl: 'https://api.example.com', websocketUrl: 'wss://ws.example.com' };
      expect(() => createClient(options)).toThrow(expect.objectContaining({ name: 'TypeError' }));
    } finally {
      globalThis.WebSocket = WebSocket;
    }
  });

  it('says that no socket can be made, and nothing of the session', async () => {
    const client = await service.connected({
      WebSocket: class {
        constructor() {
          throw new Error('blocked');
        }
      } as never,
    });
    expect(client.connection.status).toMatchObject({
      state: 'waiting',
      reason: 'refused',
      error: { code: 'UNEXPECTED', message: 'no WebSocket could be made', cause: { message: 'blocked' } },
    });
  });

  it('notices a socket that is cut as it opens', async () => {
    service.opens = false;
    const client = await service.connected();
    service.socket.open();
    service.socket.end(1006);
    await settled();
    expect(client.connection.status).toMatchObject({ state: 'waiting', reason: 'lost' });
    service.opens = true;
    await service.clock.pass(1_000);
    expect(client.connection.status.state).toBe('ready');
  });

  it('is another connection for another person', async () => {
    const client = await service.connected();
    const first = service.socket;
    await client.session.use(session(user('lee'), 't2'));
    await settled();
    expect(first.isClosed).toBe(true);
    expect(service.sockets.map(({ protocols }) => protocols[1])).toEqual(['t1', 't2']);
  });
});

describe('a connection that is lost', () => {
  it('comes back after a pause that grows, the first one with jitter too', async () => {
    const client = await service.connected();
    service.opens = false;
    service.socket.end(1001);
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) {
      const { retryAt } = client.connection.status;
      pauses.push((retryAt ?? 0) - service.clock.now());
      const before = service.sockets.length;
      await service.clock.pass(pauses.at(-1) ?? 0);
      expect(service.sockets).toHaveLength(before + 1);
      service.socket.end(1006);
      await settled();
    }
    // Half of 2 s, 4 s, 8 s, 16 s, and 30 s at most.
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  });

  it('begins with short pauses again once it has been steady', async () => {
    const client = await service.connected();
    service.socket.end(1001);
    await service.clock.pass(1_000);
    service.socket.end(1001);
    expect((client.connection.status.retryAt ?? 0) - service.clock.now()).toBe(2_000);
    await service.clock.pass(2_000 + 10_000);
    service.socket.end(1001);
    expect((client.connection.status.retryAt ?? 0) - service.clock.now()).toBe(1_000);
  });

  it('makes sure of the session after an upgrade that was refused', async () => {
    service.opens = false;
    service.handlers.getMe = () => problem(401, 'INVALID_TOKEN');
    service.handlers.refreshSession = () => ({ status: 200, body: session(user(), 't2') });
    await service.connected();
    service.socket.end(1006);
    await service.clock.pass(1_000);
    expect(service.calls('getMe')).toBe(1);
    expect(service.socket.protocols[1]).toBe('t2');
  });

  it('does not refresh a session that is alive', async () => {
    service.opens = false;
    await service.connected();
    service.socket.end(1006);
    await service.clock.pass(1_000);
    expect([service.calls('getMe'), service.calls('refreshSession')]).toEqual([1, 0]);
    expect(service.sockets).toHaveLength(2);
  });

  it('asks for the session where that may have ended, and no more once it is known to be alive', async () => {
    const client = await service.connected();
    const asked: number[] = [];
    for (const code of [1001, 1006, 1001]) {
      service.socket.end(code);
      await service.clock.pass(20_000);
      asked.push(service.calls('getMe'));
    }
    // 1001 is the gateway's, after its time.
    expect([asked, client.connection.status.state]).toEqual([[0, 1, 1], 'ready']);
  });

  it('is another one, by a session that is made sure of, where a command’s session is said to be none', async () => {
    const client = await service.connected();
    const [refused] = service.sockets;
    const view = client.conversation('c');
    view.join().catch(() => undefined);
    await settled();
    service.handlers.getMe = ({ token }) =>
      token === 't1' ? problem(401, 'INVALID_TOKEN') : { status: 200, body: user() };
    service.socket.refuse('JOIN_CONVERSATION', 'INVALID_TOKEN');
    await service.clock.pass(2_000);
    expect(refused?.isClosed).toBe(true);
    expect(service.sockets.map(({ protocols }) => protocols[1])).toEqual(['t1', 't2']);
    expect([view.snapshot.state, service.socket.sent.map(({ event }) => event)]).toEqual([
      'joining',
      ['JOIN_CONVERSATION'],
    ]);
  });

  const again = ({ connection }: LiveSupportClient) => {
    connection.close();
    connection.connect();
  };
  it.each([
    ['asked for again by the person', again],
    ['another person’s', (client: LiveSupportClient) => client.session.use(session(user('lee'), 't2'))],
  ])('waits as after the first loss where it is %s', async (_how, begin) => {
    service.opens = false;
    const client = await service.connected();
    for (let attempt = 0; attempt < 6; attempt += 1) {
      service.socket.end(1006);
      await service.clock.pass(15_000);
    }
    await begin(client);
    await settled();
    service.socket.end(1006);
    await settled();
    expect((client.connection.status.retryAt ?? 0) - service.clock.now()).toBe(1_000);
  });

  it('is closed when the session has ended', async () => {
    const client = await service.connected();
    service.handlers.getMe = () => problem(401, 'INVALID_TOKEN');
    service.handlers.refreshSession = () => problem(401, 'INVALID_TOKEN');
    service.socket.end(1000);
    await service.clock.pass(60_000);
    expect(client.connection.status).toMatchObject({ state: 'closed', reason: 'signedOut' });
    expect(client.session.user).toBeNull();
    expect(service.sockets).toHaveLength(1);
  });

  it('is tried at once when the network is back, or somebody looks', async () => {
    const client = await service.connected();
    service.page.become({ online: false });
    service.socket.end(1001);
    expect(client.connection.status).toMatchObject({ state: 'waiting', reason: 'offline' });
    service.page.become({ online: true });
    await settled();
    expect(client.connection.status.state).toBe('ready');
    service.socket.end(1001);
    service.page.become({ focused: true });
    await settled();
    expect(client.connection.status.state).toBe('ready');
  });

  it('is tried at once when the network is back, though the socket was lost a moment before it', async () => {
    const client = await service.connected();
    service.page.become({ focused: false });
    service.socket.end(1006);
    expect(client.connection.status).toMatchObject({ state: 'waiting', reason: 'lost' });
    service.page.become({ online: false });
    service.page.become({ online: true });
    await settled();
    expect(client.connection.status.state).toBe('ready');
  });

  it('is tried anew when the network is back in the middle of an attempt', async () => {
    service.opens = false;
    const client = await service.connected();
    service.page.become({ online: false });
    await settled();
    expect(service.sockets).toHaveLength(1);
    service.opens = true;
    service.page.become({ online: true });
    await settled();
    expect(client.connection.status.state).toBe('ready');
    expect(service.sockets.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  });

  it('is not tried before its time by a page that nobody looks at, or without a network', async () => {
    const client = await service.connected();
    service.socket.end(1001);
    service.page.become({ focused: false });
    await settled();
    expect(client.connection.status).toMatchObject({ state: 'waiting', reason: 'lost' });
    await service.clock.pass(1_000);
    service.page.become({ focused: true, online: false });
    service.socket.end(1001);
    service.page.become({ focused: true });
    await settled();
    expect(client.connection.status).toMatchObject({ state: 'waiting', reason: 'offline' });
    expect(service.sockets).toHaveLength(2);
  });

  it('waits as long as the service says, whoever looks', async () => {
    const client = service.client();
    await client.session.use(session(user(), 't1', 0));
    service.handlers.refreshSession = () => problem(429, 'RATE_LIMITED', { 'retry-after': '60' });
    client.connection.connect();
    await settled();
    expect(client.connection.status).toMatchObject({
      state: 'waiting',
      reason: 'unavailable',
      error: { code: 'RATE_LIMITED' },
    });
    service.page.become({ focused: true });
    await service.clock.pass(59_999);
    expect(service.calls('refreshSession')).toBe(1);
    await service.clock.pass(1);
    expect(service.calls('refreshSession')).toBe(2);
  });
});

describe('a socket that looks well', () => {
  it('is asked every few minutes, and is lost when it does not answer in time', async () => {
    const client = await service.connected();
    await service.clock.pass(239_999);
    expect(service.socket.pings).toHaveLength(0);
    service.socket.answersPings = false;
    await service.clock.pass(1);
    expect(service.socket.pings).toHaveLength(1);
    await service.clock.pass(9_999);
    expect(client.connection.status.state).toBe('ready');
    await service.clock.pass(1);
    expect(client.connection.status).toMatchObject({ state: 'waiting', reason: 'lost' });
    expect(service.socket.isClosed).toBe(true);
  });

  it('stays while it answers', async () => {
    const client = await service.connected();
    await service.clock.pass(1_000_000);
    expect(client.connection.status.state).toBe('ready');
    expect(service.socket.pings).toHaveLength(4);
    expect(service.sockets).toHaveLength(1);
  });

  it('is asked when the page is looked at again, unless it has just been heard of', async () => {
    await service.connected();
    service.page.become({ focused: true });
    expect(service.socket.pings).toHaveLength(0);
    await service.clock.pass(20_001);
    service.page.become({ focused: true, online: false });
    expect(service.socket.pings).toHaveLength(0);
    service.page.become({ online: true });
    expect(service.socket.pings).toHaveLength(1);
  });

  it('is asked when the network is back, however lately it was heard of', async () => {
    await service.connected();
    service.page.become({ online: false });
    expect(service.socket.pings).toHaveLength(0);
    service.page.become({ online: true });
    expect(service.socket.pings).toHaveLength(1);
  });

  it('is asked when the machine has slept', async () => {
    await service.connected();
    service.clock.sleep(60_000);
    await service.clock.pass(0);
    expect(service.socket.pings).toHaveLength(1);
  });

  it.each([
    [100_000, 1],
    [60_000, 0],
  ])('is asked when the machine has slept for %i while nobody looked: %i times', async (slept, times) => {
    await service.connected();
    service.page.become({ focused: false });
    service.clock.sleep(slept);
    await service.clock.pass(0);
    expect(service.socket.pings).toHaveLength(times);
  });

  it('is asked no more often by a page out of sight, the timers of which run once a minute', async () => {
    class OutOfSight extends FakeClock {
      override after(ms: number, run: () => void): () => void {
        const minutes = Math.ceil((this.now() + ms) / 60_000);
        return super.after(minutes * 60_000 - this.now(), run);
      }
    }
    service = new FakeService(new OutOfSight());
    await service.connected();
    service.page.become({ focused: false });
    await service.clock.pass(3_600_000);
    expect(service.socket.pings).toHaveLength(14);
  });

  it('is asked when a command has no answer, and the outcome of that is unknown', async () => {
    const client = await service.connected();
    service.socket.answersPings = false;
    const command = client.connection.request('JOIN_CONVERSATION', { conversationId: 'c' });
    client.connection.request('LEAVE_CONVERSATION', { conversationId: 'c' }).catch(() => undefined);
    const outcome = expect(command).rejects.toMatchObject({ code: 'TIMEOUT', outcomeUnknown: true, retryable: true });
    await service.clock.pass(10_000);
    await outcome;
    expect(service.socket.pings).toHaveLength(1);
    await service.clock.pass(10_000);
    expect(client.connection.status.reason).toBe('lost');
  });
});

describe('a command', () => {
  it('is answered by the frame that repeats its requestId', async () => {
    const client = await service.connected();
    const [one, two] = [
      client.connection.request('LEAVE_CONVERSATION', { conversationId: 'a' }),
      client.connection.request('LEAVE_CONVERSATION', { conversationId: 'b' }),
    ];
    const [first, second] = [service.socket.take('LEAVE_CONVERSATION'), service.socket.take('LEAVE_CONVERSATION')];
    service.socket.tell('ERROR', { code: 'NOT_JOINED', message: 'no', event: 'LEAVE_CONVERSATION' }, second);
    service.socket.tell('CONVERSATION_LEFT', { conversationId: 'a' }, first);
    expect(await one).toEqual({ conversationId: 'a' });
    await expect(two).rejects.toMatchObject({
      ...{ name: 'LiveSupportError', code: 'NOT_JOINED' },
      ...{ outcomeUnknown: false, retryable: true },
    });
  });

  it('waits for the connection, and no longer than its time', async () => {
    service.opens = false;
    const client = await service.connected();
    const command = client.connection.request('LEAVE_CONVERSATION', { conversationId: 'c' });
    service.socket.open();
    await settled();
    service.socket.answer('LEAVE_CONVERSATION', 'CONVERSATION_LEFT', { conversationId: 'c' });
    expect(await command).toEqual({ conversationId: 'c' });
    service.socket.end(1001);
    const late = expect(client.connection.request('PING', {}, { timeoutMs: 500 })).rejects.toMatchObject({
      code: 'TIMEOUT',
      outcomeUnknown: false,
      retryable: true,
    });
    await service.clock.pass(500);
    await late;
  });

  it.each([
    ['LEAVE_CONVERSATION', { conversationId: 'c' }, false],
    ['SEND_MESSAGE', { conversationId: 'c', content: 'x' }, false],
    ['SEND_MESSAGE', { conversationId: 'c', content: 'x', clientMessageId: 'm' }, true],
    ['MARK_READ', { conversationId: 'c', seq: 1 }, true],
  ] as const)('%s %j may be repeated after its socket broke: %s', async (event, data, retryable) => {
    const client = await service.connected();
    const command = expect(client.connection.request(event, data as never)).rejects.toMatchObject({
      code: 'NETWORK',
      outcomeUnknown: true,
      retryable,
    });
    service.socket.end(1006);
    await command;
  });

  it('is not answered by a frame without data, nor is anybody told of that', async () => {
    const client = await service.connected();
    client.conversation('c');
    const told: string[] = [];
    client.connection.on('frame', ({ event }) => told.push(event));
    for (const data of [undefined, null, 'text']) service.socket.receive({ event: 'SOMETHING_NEW', data });
    expect(told).toEqual([]);
  });

  it('has an unknown outcome after a frame of the gateway’s own', async () => {
    const client = await service.connected();
    const command = expect(
      client.connection.request('JOIN_CONVERSATION', { conversationId: 'c' }),
    ).rejects.toMatchObject({ code: 'NETWORK', outcomeUnknown: true });
    service.socket.receive({ message: 'Internal server error', connectionId: 'x', requestId: 'y' });
    await command;
    expect(client.connection.status.state).toBe('ready');
  });

  it('rejects with the reason of its signal', async () => {
    const client = await service.connected();
    const controller = new AbortController();
    const command = expect(client.connection.request('PING', {}, { signal: controller.signal })).rejects.toBe('enough');
    controller.abort('enough');
    await command;
  });

  it('of one person that waits for the connection is not sent on another one’s', async () => {
    service.opens = false;
    const client = await service.connected({}, session(user('ann', 'agent'), 'ta'));
    const setting = expect(client.availability.set('available')).rejects.toMatchObject({ code: 'SIGNED_OUT' });
    await settled();
    service.opens = true;
    await client.session.use(session(user('bob', 'agent'), 'tb'));
    await setting;
    await settled();
    expect([service.socket.protocols[1], service.socket.sent]).toEqual(['tb', []]);
  });

  it('that is repeated is repeated as one person', async () => {
    const client = await service.connected({}, session(user('ann', 'agent'), 'ta'));
    const closing = expect(client.conversation('c').close()).rejects.toMatchObject({ code: 'SIGNED_OUT' });
    await settled();
    service.socket.end(1006);
    await settled();
    await client.session.use(session(user('bob', 'agent'), 'tb'));
    await closing;
    await service.clock.pass(5_000);
    expect([service.socket.protocols[1], service.socket.sent]).toEqual(['tb', []]);
  });

  it('of the moment is not kept for later', async () => {
    service.opens = false;
    const client = await service.connected();
    client.connection.post('TYPING', { conversationId: 'c', typing: true });
    service.socket.open();
    await settled();
    expect(service.socket.sent).toEqual([]);
  });

  it('is not confused by a frame that is none', async () => {
    const client = await service.connected();
    service.socket.onmessage?.({ data: 'no JSON' });
    service.socket.onmessage?.({ data: '[]' });
    service.socket.onmessage?.({ data: 'null' });
    const heard: unknown[] = [];
    client.connection.on('frame', (frame) => heard.push(frame));
    service.socket.receive({ event: 'NEW' });
    service.socket.receive({ event: 'NEW', data: null });
    expect(heard).toEqual([]);
    expect(client.connection.status.state).toBe('ready');
  });
});

describe('one connection too many', () => {
  const tooMany = { code: 'TOO_MANY_CONNECTIONS', message: 'too many', event: null } as const;

  it('ends it, and it is not made again by anything but the person', async () => {
    const client = await service.connected();
    service.socket.tell('ERROR', tooMany);
    expect(client.connection.status).toMatchObject({
      state: 'closed',
      reason: 'tooManyConnections',
      error: { code: 'TOO_MANY_CONNECTIONS' },
    });
    await expect(client.connection.request('PING', {})).rejects.toMatchObject({ code: 'TOO_MANY_CONNECTIONS' });
    service.page.become({ focused: true, online: true });
    client.conversation('c').send('unsent');
    await expect(client.conversation('c').join()).rejects.toMatchObject({ code: 'TOO_MANY_CONNECTIONS' });
    await service.clock.pass(600_000);
    expect(service.sockets).toHaveLength(1);
    client.connection.connect();
    await settled();
    expect(client.connection.status.state).toBe('ready');
  });

  it('keeps nobody else out', async () => {
    const client = await service.connected({}, session(user('ann'), 'ta'));
    service.socket.tell('ERROR', tooMany);
    await client.session.end();
    expect(client.connection.status).toMatchObject({ state: 'closed', reason: 'signedOut' });
    await client.session.use(session(user('bob'), 'tb'));
    await settled();
    expect([client.connection.status.state, service.socket.protocols[1]]).toEqual(['ready', 'tb']);
  });

  it('ends it, too, when its own new socket does not open after all', async () => {
    const client = await service.connected();
    const [old] = service.sockets;
    service.opens = false;
    await service.clock.pass(6_270_000);
    old?.tell('ERROR', tooMany);
    old?.end(1000);
    await service.clock.pass(10_000);
    service.socket.end(1006);
    await service.clock.pass(600_000);
    expect(client.connection.status).toMatchObject({ state: 'closed', reason: 'tooManyConnections' });
    expect(service.sockets).toHaveLength(2);
  });

  it('does not end it when its own new socket took the place of the old one', async () => {
    const client = await service.connected();
    const [old] = service.sockets;
    service.opens = false;
    await service.clock.pass(6_270_000);
    expect(service.sockets).toHaveLength(2);
    old?.tell('ERROR', tooMany);
    service.socket.open();
    await settled();
    old?.end(1000);
    await settled();
    expect(client.connection.status.state).toBe('ready');
    expect(client.connection.epoch).toBe(2);
    service.opens = true;
    service.socket.end(1001);
    await service.clock.pass(1_000);
    expect([client.connection.status.state, client.connection.epoch]).toEqual(['ready', 3]);
  });

  it('does not end it when the old one is told so after the new one has taken over', async () => {
    const client = await service.connected();
    const [old] = service.sockets;
    await service.clock.pass(6_270_000);
    expect(client.connection.epoch).toBe(2);
    old?.tell('ERROR', tooMany);
    expect(client.connection.status.state).toBe('ready');
  });
});

describe('before the two hours are over', () => {
  it('a second socket takes over, and the first one stays for what is under way', async () => {
    const client = await service.connected();
    const seen = states(client);
    const [old] = service.sockets;
    await service.clock.pass(6_269_999);
    expect(service.sockets).toHaveLength(1);
    const command = client.connection.request('LEAVE_CONVERSATION', { conversationId: 'c' });
    await service.clock.pass(1);
    expect(service.sockets).toHaveLength(2);
    expect([client.connection.epoch, old?.isClosed]).toEqual([2, false]);
    await service.clock.pass(2_500);
    old?.answer('LEAVE_CONVERSATION', 'CONVERSATION_LEFT', { conversationId: 'c' });
    expect(await command).toEqual({ conversationId: 'c' });
    await service.clock.pass(1_000);
    expect(old?.isClosed).toBe(true);
    expect(seen).toEqual(['ready again']);
  });

  it('a second socket that opens when the first one is lost is the only one', async () => {
    const client = await service.connected();
    const [old] = service.sockets;
    service.opens = false;
    await service.clock.pass(6_270_000);
    old?.end(1001);
    expect(client.connection.status.state).toBe('waiting');
    service.socket.open();
    await service.clock.pass(60_000);
    expect([client.connection.status.state, client.connection.epoch, service.sockets.length]).toEqual(['ready', 2, 2]);
  });

  it('nothing keeps the first socket that nobody waits for any more', async () => {
    const client = await service.connected();
    const [old] = service.sockets;
    const controller = new AbortController();
    const command = client.connection.request('LEAVE_CONVERSATION', { conversationId: 'c' }, controller);
    controller.abort('enough');
    await expect(command).rejects.toBe('enough');
    await service.clock.pass(6_272_000);
    expect([client.connection.epoch, old?.isClosed]).toEqual([2, true]);
  });

  it('a second socket that does not open changes nothing, and is tried again', async () => {
    const client = await service.connected();
    service.opens = false;
    await service.clock.pass(6_270_000);
    service.socket.end(1006);
    await settled();
    expect([client.connection.status.state, client.connection.epoch]).toEqual(['ready', 1]);
    service.opens = true;
    await service.clock.pass(60_000);
    expect(client.connection.epoch).toBe(2);
  });
});

describe('closing', () => {
  it('while the next attempt is waited for ends the waiting', async () => {
    const client = await service.connected();
    service.socket.end(1001);
    client.connection.close();
    await service.clock.pass(60_000);
    expect([client.connection.status.state, service.sockets.length]).toEqual(['closed', 1]);
  });

  it('in the middle of an upgrade lets go of that socket', async () => {
    service.opens = false;
    const client = await service.connected();
    const command = expect(client.connection.request('PING', {})).rejects.toMatchObject({ code: 'CLOSED' });
    await settled();
    client.connection.close();
    await command;
    expect(service.socket.isClosed).toBe(true);
    expect(service.clock.waiting).toBe(0);
    // Who has closed it has no doubt about the session.
    client.connection.connect();
    await settled();
    expect([service.sockets.length, service.calls('getMe')]).toEqual([2, 0]);
  });

  it('as soon as it is ready stays so', async () => {
    const client = service.client();
    await client.session.use(session());
    const ups: number[] = [];
    client.connection.on('up', ({ epoch }) => ups.push(epoch));
    client.connection.on('status', ({ state }) => {
      if (state === 'ready') client.close();
    });
    client.connection.connect();
    await service.clock.pass(60_000);
    expect(client.connection.status).toMatchObject({ state: 'closed', reason: 'asked' });
    expect([service.sockets.length, service.socket.isClosed, service.clock.waiting, ups]).toEqual([1, true, 0, []]);
  });

  it.each([
    ['has slept', 60_000, 0],
    ['is asked again', 0, 240_000],
  ])('by who hears that it %s leaves no timer behind', async (_, slept, passed) => {
    const client = await service.connected();
    client.connection.on('wake', () => client.close());
    service.clock.sleep(slept);
    await service.clock.pass(passed);
    expect([client.connection.status.state, service.clock.waiting]).toEqual(['closed', 0]);
  });

  it('or another person’s signing in ends a socket that was replaced, too', async () => {
    const client = await service.connected();
    const [old] = service.sockets;
    await service.clock.pass(6_270_000);
    expect([service.sockets.length, old?.isClosed]).toEqual([2, false]);
    await client.session.use(session(user('lee'), 't9'));
    expect(old?.isClosed).toBe(true);
  });

  it('leaves nothing behind', async () => {
    const [kept, heard] = [memoryStorage(), new Set<() => void>()];
    const subscribe = (listener: () => void) => {
      heard.add(listener);
      return () => heard.delete(listener);
    };
    const client = await service.connected({ storage: { ...kept, subscribe } }, session(user('alex', 'agent')));
    // Each of these waits for something: an answer, a pause, a hole to be filled, somebody to stop typing.
    const [view, unsent] = [client.conversation('c'), client.conversation('d')];
    const join = view.join();
    await settled();
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: messages(1, 2) }));
    await join;
    unsent.send('unanswered');
    await settled();
    const other = joined({ conversation: conversation({ id: 'd' }) });
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', other);
    await settled();
    expect(service.socket.take('SEND_MESSAGE').data.content).toBe('unanswered');
    view.send('refused');
    service.socket.refuse('SEND_MESSAGE', 'RATE_LIMITED', { retryAfter: 20 });
    view.typing();
    view.markRead();
    service.socket.answer('MARK_READ', 'MESSAGES_READ', { conversationId: 'c', userId: 'alex', seq: 2, readAt: 'x' });
    service.socket.tell('TYPING', { conversationId: 'c', userId: 'kim', typing: true });
    service.socket.tell('NEW_MESSAGE', message(4));
    client.queue.watch().catch(() => undefined);
    service.socket.refuse('WATCH_QUEUE', 'UNAVAILABLE');
    const available = client.availability.set('available');
    service.socket.answer('SET_AVAILABILITY', 'AVAILABILITY_SET', { status: 'available', until: 'x' });
    await available;
    client.http.getMe().catch(() => undefined);
    await settled();
    client.close();
    await settled();
    expect([service.clock.waiting, service.page.listening, heard.size]).toEqual([0, 0, 0]);
    expect(service.socket.isClosed).toBe(true);
    service.page.become({ focused: true });
    client.connection.connect();
    await service.clock.pass(600_000);
    expect(service.sockets).toHaveLength(1);
    expect(client.connection.status).toMatchObject({ state: 'closed', reason: 'asked' });
  });

  it('is for good, whatever the application still calls', async () => {
    const client = await service.connected();
    client.close();
    client.connection.connect();
    expect(() => client.conversation('c').send('unsent')).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    await expect(client.conversation('c').join()).rejects.toMatchObject({ code: 'CLOSED' });
    await settled();
    expect(client.connection.status).toMatchObject({ state: 'closed', reason: 'asked' });
    expect([service.sockets.length, service.clock.waiting]).toEqual([1, 0]);
  });

  it('of the connection stays so until it is wanted again', async () => {
    const client = await service.connected();
    client.connection.close();
    expect(client.connection.status).toMatchObject({ state: 'closed', reason: 'asked' });
    await client.session.use(session(user('lee'), 't2'));
    await service.clock.pass(600_000);
    expect(service.sockets).toHaveLength(1);
    await expect(client.connection.request('PING', {})).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

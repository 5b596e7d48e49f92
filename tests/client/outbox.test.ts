import {
  type ClientOptions,
  type ClientStorage,
  type ConversationView,
  localLocks,
  memoryStorage,
} from '../../client/src/index.ts';
import {
  accepted,
  conversation,
  FakeService,
  gate,
  joined,
  message,
  messages,
  session,
  settled,
  sharedStorage,
  user,
} from './support/fakes.ts';

/** The outbox: every message once, in the order in which they were written, whatever happens to the answers and the page. */

let service: FakeService;
let storage: ClientStorage;
beforeEach(() => {
  service = new FakeService();
  storage = memoryStorage();
});
afterEach(() => service.close());

const frames = () => service.socket.sent.filter(({ event }) => event === 'SEND_MESSAGE').map(({ data }) => data);
const contents = () => frames().map(({ content }) => content);
const kept = async () => (await storage.keys('live-support:outbox:')).length;
const shown = (view: ConversationView) => view.snapshot.outbox.map(({ content, state }) => [content, state]);

async function join(view: ConversationView): Promise<void> {
  void view.join().catch(() => undefined);
  await settled();
  service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
  await settled();
}

async function inRoom(): Promise<ConversationView> {
  const view = (await service.connected({ storage })).conversation('c');
  await join(view);
  return view;
}

let seq = 0;
function accept(): void {
  seq += 1;
  const sent = service.socket.take('SEND_MESSAGE');
  service.socket.tell('MESSAGE_ACCEPTED', accepted(sent, seq), sent);
}
beforeEach(() => {
  seq = 0;
});

it('sends without waiting for answers, each after the one before, a few at once', async () => {
  const view = await inRoom();
  const sendings = ['a', 'b', 'c', 'd', 'e', 'f'].map((content) => view.send(content));
  const [a, b, c] = sendings.map(({ clientMessageId }) => clientMessageId);
  expect(frames()).toMatchObject([{ content: 'a', clientMessageId: a }, { after: a }, { after: b }, { after: c }]);
  expect(frames()[0]).not.toHaveProperty('after');
  await settled();
  expect(await kept()).toBe(6);
  for (let count = 0; count < 6; count += 1) {
    accept();
    await settled();
  }
  expect(await Promise.all(sendings.map(({ accepted: done }) => done))).toMatchObject(
    [1, 2, 3, 4, 5, 6].map((at) => ({ seq: at })),
  );
  expect(await kept()).toBe(0);
});

it('goes on where all that were under way are refused', async () => {
  const view = await inRoom();
  for (const content of ['a', 'b', 'c', 'd', 'e']) view.send(content);
  for (let count = 0; count < 4; count += 1) service.socket.refuse('SEND_MESSAGE', 'VALIDATION_FAILED');
  await settled();
  expect(contents()).toEqual(['e']);
});

it('goes on where all that were under way are seen, and their answers got lost', async () => {
  const view = await inRoom();
  const ids = ['a', 'b', 'c', 'd', 'e'].map((content) => view.send(content).clientMessageId);
  for (const { data } of service.socket.sent.splice(0)) {
    const at = ids.indexOf(data.clientMessageId) + 1;
    service.socket.tell('NEW_MESSAGE', message(at, { senderRole: 'candidate', clientMessageId: data.clientMessageId }));
  }
  service.socket.receive({ message: 'Endpoint request timed out', connectionId: 'x', requestId: 'y' });
  await settled();
  expect(contents()).toEqual(['e']);
});

it('waits for the room', async () => {
  const view = (await service.connected({ storage })).conversation('c');
  view.send('early');
  await settled();
  expect(service.socket.sent.map(({ event }) => event)).toEqual(['JOIN_CONVERSATION']);
  service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
  await settled();
  expect([contents(), view.snapshot.state]).toEqual([['early'], 'idle']);
  accept();
  await settled();
  // Nobody has wanted the room but the outbox.
  expect(service.socket.sent.map(({ event }) => event)).toContain('LEAVE_CONVERSATION');
});

it.each(['UNAVAILABLE', 'INTERNAL', 'OUT_OF_ORDER', 'CONFLICT'] as const)(
  'sends again after %s, the same, after a pause',
  async (code) => {
    const view = await inRoom();
    const { clientMessageId } = view.send('a');
    service.socket.refuse('SEND_MESSAGE', code);
    await settled();
    expect([contents(), shown(view)]).toEqual([[], [['a', 'sending']]]);
    await service.clock.pass(1_000);
    expect(frames()).toMatchObject([{ content: 'a', clientMessageId }]);
  },
);

it('sends again what the others wait for in vain, before them', async () => {
  const view = await inRoom();
  const [a, b] = ['a', 'b', 'c'].map((content) => view.send(content));
  const lost = service.socket.take('SEND_MESSAGE');
  for (let count = 0; count < 2; count += 1) service.socket.refuse('SEND_MESSAGE', 'OUT_OF_ORDER');
  await service.clock.pass(2_000);
  expect(frames()).toMatchObject([{ content: 'a' }, { after: a?.clientMessageId }, { after: b?.clientMessageId }]);
  // It was late, not lost.
  service.socket.tell('MESSAGE_ACCEPTED', accepted(lost, 1), lost);
  expect(await a?.accepted).toMatchObject({ seq: 1 });
});

it('pauses once for what fails together, and longer each time', async () => {
  const view = await inRoom();
  for (const content of ['a', 'b']) view.send(content);
  for (const ms of [1_000, 2_000, 4_000]) {
    for (const code of ['UNAVAILABLE', 'INTERNAL'] as const) service.socket.refuse('SEND_MESSAGE', code);
    await service.clock.pass(ms - 1);
    expect(contents()).toEqual([]);
    await service.clock.pass(1);
    expect(contents()).toEqual(['a', 'b']);
  }
  for (const _ of ['a', 'b']) accept();
  await settled();
  view.send('c');
  service.socket.refuse('SEND_MESSAGE', 'UNAVAILABLE');
  await service.clock.pass(1_000);
  expect(contents()).toEqual(['c']);
});

it('waits as long as the service says', async () => {
  const view = await inRoom();
  view.send('a');
  service.socket.refuse('SEND_MESSAGE', 'RATE_LIMITED', { retryAfter: 20 });
  await service.clock.pass(19_999);
  view.send('b');
  expect(contents()).toEqual([]);
  await service.clock.pass(1);
  expect(contents()).toEqual(['a', 'b']);
});

it('waits for the longest of the times that the service says at once', async () => {
  const view = await inRoom();
  for (const content of ['a', 'b', 'c']) view.send(content);
  for (const retryAfter of [5, 9, 1]) service.socket.refuse('SEND_MESSAGE', 'RATE_LIMITED', { retryAfter });
  await service.clock.pass(8_999);
  expect(contents()).toEqual([]);
  await service.clock.pass(1);
  expect(contents()).toEqual(['a', 'b', 'c']);
});

it('sends on another socket what was refused because the session is said to be none', async () => {
  const view = await inRoom();
  const { clientMessageId } = view.send('a');
  service.socket.refuse('SEND_MESSAGE', 'INVALID_TOKEN');
  await service.clock.pass(2_000);
  expect(service.sockets).toHaveLength(2);
  service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
  await settled();
  expect(frames()).toMatchObject([{ content: 'a', clientMessageId }]);
});

it('joins again after NOT_JOINED, and sends then', async () => {
  const view = await inRoom();
  view.send('a');
  service.socket.refuse('SEND_MESSAGE', 'NOT_JOINED');
  await settled();
  service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
  await service.clock.pass(1_000);
  expect(contents()).toEqual(['a']);
});

it('sends what was under way again on a new socket, in order, after joining there', async () => {
  const view = await inRoom();
  for (const content of ['a', 'b']) view.send(content);
  service.socket.end(1006);
  await service.clock.pass(1_000);
  expect(contents()).toEqual([]);
  service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
  await service.clock.pass(1_000);
  expect(contents()).toEqual(['a', 'b']);
});

it('has those that follow a refused message follow the one before it', async () => {
  const view = await inRoom();
  const [a, b, c] = ['a', 'b', 'c'].map((content) => view.send(content));
  const sent = service.socket.sent.splice(0);
  service.socket.tell('ERROR', { code: 'VALIDATION_FAILED', message: 'no', event: 'SEND_MESSAGE' }, sent[1]);
  await expect(b?.accepted).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  service.socket.tell('ERROR', { code: 'OUT_OF_ORDER', message: 'no', event: 'SEND_MESSAGE' }, sent[2]);
  await service.clock.pass(1_000);
  expect(frames()).toMatchObject([{ content: 'c', clientMessageId: c?.clientMessageId, after: a?.clientMessageId }]);
  expect(shown(view)).toEqual([
    ['a', 'sending'],
    ['b', 'failed'],
    ['c', 'sending'],
  ]);
});

it('keeps a refused message until it is sent once more, as the last one, or forgotten', async () => {
  const view = await inRoom();
  const first = view.send('a');
  service.socket.refuse('SEND_MESSAGE', 'PAYLOAD_TOO_LARGE');
  await settled();
  view.send('b');
  const again = view.retry(first.clientMessageId);
  expect(frames()).toMatchObject([
    { content: 'b' },
    { content: 'a', clientMessageId: first.clientMessageId, after: expect.any(String) },
  ]);
  expect(view.retry('nobody')).toBeUndefined();
  accept();
  service.socket.refuse('SEND_MESSAGE', 'PAYLOAD_TOO_LARGE');
  await expect(again?.accepted).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
  await settled();
  expect(await kept()).toBe(1);
  view.discard(first.clientMessageId);
  await settled();
  expect([await kept(), shown(view).length]).toEqual([0, 1]);
});

it.each([
  ['a', 40_000],
  ['€', 12_000],
])('fails what is too long for a frame, and sends what comes after it: %s × %i', async (character, count) => {
  const view = await inRoom();
  const long = view.send(character.repeat(count));
  view.send('after it');
  await expect(long.accepted).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE', retryable: false });
  expect(contents()).toEqual(['after it']);
  view.discard(long.clientMessageId);
  expect(shown(view)).toEqual([['after it', 'sending']]);
});

it('fails the longest message where something on the way takes less, and sends the others again', async () => {
  const view = await inRoom();
  const [, long] = ['short', 'x'.repeat(2_000)].map((content) => view.send(content));
  service.socket.end(1009);
  await expect(long?.accepted).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
  await service.clock.pass(1_000);
  service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
  await service.clock.pass(1_000);
  expect(contents()).toEqual(['short']);
});

it('sends a refused message once more after signing out and in again', async () => {
  const client = await service.connected({ storage });
  const view = client.conversation('c');
  await join(view);
  const { clientMessageId } = view.send('a');
  service.socket.refuse('SEND_MESSAGE', 'VALIDATION_FAILED');
  await settled();
  await client.session.end();
  await client.session.use(session());
  await settled();
  service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
  await settled();
  expect(shown(view)).toEqual([['a', 'failed']]);
  const again = view.retry(clientMessageId);
  accept();
  expect(await again?.accepted).toMatchObject({ seq: 1 });
});

it('lets nobody wait for a message for ever: what is closed says so', async () => {
  const client = await service.connected({ storage });
  const { accepted: end } = client.conversation('c').send('a');
  await settled();
  await client.session.end();
  client.close();
  await expect(end).rejects.toMatchObject({ code: 'CLOSED', outcomeUnknown: true });
  expect(await kept()).toBe(1);
});

it('reads the storage again for what is of the outbox, and for nothing else', async () => {
  let tell: (key?: string) => void = () => undefined;
  let reads = 0;
  const keys = (prefix: string) => {
    reads += 1;
    return storage.keys(prefix);
  };
  const subscribe = (listener: typeof tell) => {
    const before = tell;
    tell = (key) => {
      before(key);
      listener(key);
    };
    return () => undefined;
  };
  (await service.connected({ storage: { ...storage, keys, subscribe } })).conversation('c');
  const readsOf = async (key?: string) => {
    await settled();
    reads = 0;
    tell(key);
    await settled();
    return reads;
  };
  expect([await readsOf('theme'), await readsOf('live-support:session')]).toEqual([0, 0]);
  expect([await readsOf('live-support:outbox:kim:c:x'), await readsOf()]).toEqual([2, 2]);
});

describe('in a storage that takes its time', () => {
  /** Reads of the outbox wait until they are let go. */
  async function slow() {
    const waiting: (() => void)[] = [];
    let isSlow = false;
    let tell: () => void = () => undefined;
    const options: Partial<ClientOptions> = {
      storage: {
        ...storage,
        get: async (key) => {
          const value = await storage.get(key);
          if (isSlow && key.includes('outbox')) await new Promise<void>((resolve) => waiting.push(resolve));
          return value;
        },
        subscribe: (listener) => {
          const before = tell;
          tell = () => {
            before();
            listener();
          };
          return () => undefined;
        },
      },
    };
    const client = await service.connected(options);
    const view = client.conversation('c');
    await join(view);
    const sending = view.send('a');
    await settled();
    /** What is read before this is done comes after it. */
    const meanwhile = async (work: () => unknown) => {
      isSlow = true;
      tell();
      await settled();
      await work();
      await settled();
      for (const resolve of waiting) resolve();
      await settled();
    };
    return { client, view, sending, meanwhile };
  }

  it('what is discarded stays so', async () => {
    const { view, sending, meanwhile } = await slow();
    service.socket.refuse('SEND_MESSAGE', 'VALIDATION_FAILED');
    await settled();
    await meanwhile(() => view.discard(sending.clientMessageId));
    expect([shown(view), await kept()]).toEqual([[], 0]);
  });

  it('what is stored is not sent again', async () => {
    const { view, sending, meanwhile } = await slow();
    const { clientMessageId } = sending;
    await meanwhile(() => {
      accept();
      service.socket.tell('NEW_MESSAGE', message(1, { senderRole: 'candidate', clientMessageId }));
    });
    expect([shown(view), contents()]).toEqual([[], []]);
  });

  it('what is seen to be stored has its end, though who has sent it was gone for a moment', async () => {
    const { client, view, sending, meanwhile } = await slow();
    const { clientMessageId, accepted: end } = sending;
    await meanwhile(async () => {
      await client.session.end();
      await client.session.use(session());
      await settled();
      const stored = message(1, { senderRole: 'candidate', clientMessageId });
      service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: [stored] }));
    });
    expect([shown(view), await kept()]).toEqual([[], 0]);
    expect(await Promise.race([end, settled()])).toEqual({ clientMessageId, seq: 1 });
  });

  /** What is written waits until it is let go. */
  async function slowToWrite() {
    const late = gate();
    const set = async (key: string, value: string) => {
      if (key.includes('outbox')) await late.opened;
      await storage.set(key, value);
    };
    const client = await service.connected({ storage: { ...storage, set } });
    const view = client.conversation('c');
    await join(view);
    return { client, view, late };
  }

  it('what is stored before it could be kept is not kept after that', async () => {
    const { view, late } = await slowToWrite();
    view.send('a');
    accept();
    await settled();
    late.open();
    await settled();
    expect(await kept()).toBe(0);
  });

  it('what a visitor has just said is the customer’s', async () => {
    const { client, view, late } = await slowToWrite();
    view.send('a');
    service.handlers.exchangeIdentity = () => ({ status: 200, body: session(user('ada'), 't9') });
    const exchanging = client.exchange({ token: 'of the site', visitorToken: 't1' });
    await settled();
    late.open();
    await exchanging;
    expect(await storage.keys('live-support:outbox:')).toEqual([expect.stringMatching(/^live-support:outbox:ada:c:/)]);
  });

  it('what fails is shown', async () => {
    const { view, meanwhile } = await slow();
    await meanwhile(() => service.socket.refuse('SEND_MESSAGE', 'VALIDATION_FAILED'));
    expect(shown(view)).toEqual([['a', 'failed']]);
  });
});

it('takes a message for stored when it is seen, or acknowledged late', async () => {
  const view = await inRoom();
  const [one, two] = ['a', 'b'].map((content) => view.send(content));
  const sent = service.socket.sent.splice(0);
  service.socket.tell(
    'NEW_MESSAGE',
    message(1, { senderRole: 'candidate', clientMessageId: one?.clientMessageId ?? null }),
  );
  expect(await one?.accepted).toMatchObject({ seq: 1 });
  await service.clock.pass(10_000);
  if (sent[1]) service.socket.tell('MESSAGE_ACCEPTED', accepted(sent[1], 2));
  expect(await two?.accepted).toMatchObject({ seq: 2 });
});

it('does not take the other side’s message for its own', async () => {
  const view = await inRoom();
  const { clientMessageId } = view.send('a');
  service.socket.tell('NEW_MESSAGE', message(1, { clientMessageId }));
  await settled();
  expect(shown(view)).toEqual([['a', 'sending']]);
});

it('fails what is left when the conversation is closed, after the history has been read', async () => {
  const view = await inRoom();
  const [stored, lost] = ['a', 'b'].map((content) => view.send(content));
  service.handlers.getConversation = () => ({ status: 200, body: conversation({ lastSeq: 1, status: 'closed' }) });
  service.handlers.listMessages = () => ({
    status: 200,
    body: {
      items: [message(1, { senderRole: 'candidate', clientMessageId: stored?.clientMessageId ?? null })],
      nextAfterSeq: null,
    },
  });
  service.socket.tell('CONVERSATION_CLOSED', { conversationId: 'c', closedAt: 'x', closedBy: 'alex', lastSeq: 1 });
  expect(await stored?.accepted).toMatchObject({ seq: 1 });
  await expect(lost?.accepted).rejects.toMatchObject({ code: 'CONVERSATION_CLOSED' });
  await expect(view.send('late').accepted).rejects.toMatchObject({ code: 'CONVERSATION_CLOSED' });
});

describe('where only the last messages were asked for', () => {
  const mine = (at: number, clientMessageId: string) =>
    messages(1, 10).map((one) => (one.seq === at ? message(at, { senderRole: 'candidate', clientMessageId }) : one));

  it('what was stored before them has not failed when the conversation is closed', async () => {
    service.opens = false;
    const view = (await service.connected({ storage })).conversation('c');
    const { accepted: end, clientMessageId } = view.send('hello');
    const lost = expect(view.send('never arrived').accepted).rejects.toMatchObject({ code: 'CONVERSATION_CLOSED' });
    service.handlers.getConversation = () => ({ status: 200, body: conversation({ lastSeq: 10, status: 'closed' }) });
    service.handlers.listMessages = ({ path }) => {
      const query = new URL(path, 'http://x').searchParams;
      const from = Number(query.get('afterSeq'));
      const items = mine(3, clientMessageId).slice(from, from + Number(query.get('limit')));
      const last = items.at(-1)?.seq ?? 10;
      return { status: 200, body: { items, nextAfterSeq: last < 10 ? last : null } };
    };
    const join = view.join({ last: 2 });
    service.socket.open();
    expect((await join).state).toBe('ended');
    expect(await end).toEqual({ clientMessageId, seq: 3 });
    await lost;
    expect(shown(view)).toEqual([['never arrived', 'failed']]);
  });

  it('what turns out to be stored before them is not shown after them', async () => {
    service.handlers.getConversation = () => ({ status: 200, body: conversation({ lastSeq: 10 }) });
    const view = (await service.connected({ storage })).conversation('c');
    const join = view.join({ last: 2 });
    await settled();
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: messages(9, 10) }));
    await join;
    view.send('hello');
    const sent = service.socket.take('SEND_MESSAGE');
    service.socket.tell('MESSAGE_ACCEPTED', { ...accepted(sent, 3), duplicate: true }, sent);
    await settled();
    expect(shown(view)).toEqual([]);
  });
});

describe('of a visitor who becomes a customer', () => {
  /** The visitor kim, with two messages that nobody has answered. */
  async function asked() {
    const client = await service.connected({ storage });
    const view = client.conversation('c');
    await join(view);
    const sendings = ['a', 'b'].map((content) => view.send(content));
    await settled();
    service.handlers.exchangeIdentity = () => ({ status: 200, body: session(user('ada'), 't9') });
    return { client, view, sendings };
  }

  it('is sent as the customer’s, in order, and who waits for it hears of its end', async () => {
    const { client, view, sendings } = await asked();
    const ids = sendings.map(({ clientMessageId }) => clientMessageId);
    await client.exchange({ token: 'of the site', visitorToken: await client.session.accessToken() });
    await settled();
    expect(shown(view)).toEqual([
      ['a', 'sending'],
      ['b', 'sending'],
    ]);
    expect(await storage.keys('live-support:outbox:kim:')).toEqual([]);
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
    await settled();
    expect(frames()).toMatchObject([
      { content: 'a', clientMessageId: ids[0] },
      { content: 'b', clientMessageId: ids[1], after: ids[0] },
    ]);
    accept();
    accept();
    expect(await Promise.all(sendings.map(({ accepted: done }) => done))).toMatchObject([{ seq: 1 }, { seq: 2 }]);
    await settled();
    expect(await kept()).toBe(0);
  });

  it('comes along from another tab, too', async () => {
    const [shared, locks] = [sharedStorage(), localLocks()];
    const one = await service.connected({ storage: shared.tab(), locks });
    const other = service.client({ storage: shared.tab(), locks });
    await other.session.restore();
    other.conversation('c').send('from the other tab');
    await settled();
    service.handlers.exchangeIdentity = () => ({ status: 200, body: session(user('ada'), 't9') });
    await one.exchange({ token: 'of the site', visitorToken: 't1' });
    await settled();
    expect(other.session.user?.id).toBe('ada');
    expect(shown(other.conversation('c'))).toEqual([['from the other tab', 'sending']]);
    expect(await shared.tab().keys('live-support:outbox:ada:')).toHaveLength(1);
  });

  it('comes along from a tab that hears of it too late', async () => {
    const [shared, locks] = [sharedStorage(), localLocks()];
    const one = await service.connected({ storage: shared.tab(), locks });
    const [deaf, heard] = [shared.tab(), [] as (() => void)[]];
    const late = {
      ...deaf,
      subscribe: (listener: () => void) => deaf.subscribe?.(() => heard.push(listener)) ?? listener,
    };
    const other = service.client({ storage: late, locks });
    await other.session.restore();
    service.handlers.exchangeIdentity = () => ({ status: 200, body: session(user('ada'), 't9') });
    await one.exchange({ token: 'of the site', visitorToken: 't1' });
    other.conversation('c').send('as the visitor');
    await settled();
    expect(await shared.tab().keys('live-support:outbox:ada:')).toHaveLength(1);
    for (const listener of heard) listener();
    await settled();
    expect(shown(other.conversation('c'))).toEqual([['as the visitor', 'sending']]);
  });

  it('stays where it is when somebody else is signed in by another token', async () => {
    const { client, view } = await asked();
    await client.exchange({ token: 'of the site', visitorToken: 'of somebody else' });
    await settled();
    expect(shown(view)).toEqual([]);
    expect(await storage.keys('live-support:outbox:kim:')).toHaveLength(2);
  });
});

describe('after a reload', () => {
  async function reload(of = session()): Promise<void> {
    service.close();
    await service.connected({ storage }, of);
    await settled();
  }

  it('sends what is kept, in order, though nobody asks for the conversation', async () => {
    const view = await inRoom();
    const ids = ['a', 'b'].map((content) => view.send(content).clientMessageId);
    await settled();
    await reload();
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
    await settled();
    expect(frames()).toMatchObject([
      { content: 'a', clientMessageId: ids[0] },
      { content: 'b', clientMessageId: ids[1], after: ids[0] },
    ]);
  });

  it('sends what is kept in order, whatever the order of the keys, and after it what is said now', async () => {
    const view = await inRoom();
    // More than nine at one moment: by their names they would be in another order.
    const said = Array.from({ length: 12 }, (_, at) => `said ${at + 1}`);
    for (const content of said) view.send(content);
    await settled();
    service.close();
    // As `localStorage`, whose keys are in no order.
    const keys = async (prefix: string) => [...(await storage.keys(prefix))].sort().reverse();
    // The clock was set back meanwhile.
    service.clock.sleep(-60_000);
    const client = await service.connected({ storage: { ...storage, keys } });
    await settled();
    client.conversation('c').send('said now');
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
    await settled();
    const sent: string[] = [];
    for (let count = 0; count < 13; count += 1) {
      sent.push(...contents().slice(0, 1));
      accept();
      await settled();
    }
    expect(sent).toEqual([...said, 'said now']);
  });

  it('sends what followed a refused message after the one before that', async () => {
    const view = await inRoom();
    const [a] = ['a', 'b', 'c'].map((content) => view.send(content).clientMessageId);
    const [, refused] = service.socket.sent.splice(0);
    service.socket.tell('ERROR', { code: 'VALIDATION_FAILED', message: 'no', event: 'SEND_MESSAGE' }, refused);
    await settled();
    await reload();
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
    await settled();
    expect(frames()).toMatchObject([{ content: 'a' }, { content: 'c', after: a }]);
  });

  it('shows in each conversation what is its own', async () => {
    (await inRoom()).send('of c');
    await settled();
    await reload();
    service.clients.at(-1)?.conversation('c2').send('of c2');
    await settled();
    await reload();
    const client = service.clients.at(-1);
    expect(['c', 'c2'].map((id) => client?.conversation(id).snapshot.outbox.map(({ content }) => content))).toEqual([
      ['of c'],
      ['of c2'],
    ]);
  });

  it('does not send another person’s', async () => {
    (await inRoom()).send('private');
    await settled();
    await reload(session(user('lee'), 't9'));
    await service.clock.pass(60_000);
    expect(service.socket.sent).toEqual([]);
    expect(await kept()).toBe(1);
  });

  it('tells what was said from the first message on, though it was read before anybody asked', async () => {
    (await inRoom()).send('left');
    await settled();
    await reload();
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: messages(1, 3) }));
    await settled();
    const client = service.clients.at(-1);
    const told: number[] = [];
    client?.conversation('c').on('message', (one) => told.push(one.seq));
    client
      ?.conversation('c')
      .join()
      .catch(() => undefined);
    expect(told).toEqual([1, 2, 3]);
    service.socket.tell('NEW_MESSAGE', message(4));
    expect(told).toEqual([1, 2, 3, 4]);
  });

  it('is closed after what is kept, though that is not read yet', async () => {
    const { clientMessageId } = (await inRoom()).send('left');
    await settled();
    service.close();
    const client = service.client({ storage });
    client
      .conversation('c')
      .close()
      .catch(() => undefined);
    await settled();
    expect(service.socket.take('CLOSE_CONVERSATION').data).toEqual({ conversationId: 'c', after: clientMessageId });
  });

  it('connects for nothing that was refused', async () => {
    (await inRoom()).send('a');
    service.socket.refuse('SEND_MESSAGE', 'VALIDATION_FAILED');
    await settled();
    service.close();
    const client = service.client({ storage });
    await settled();
    expect([client.session.user?.id, client.connection.status.state]).toEqual(['kim', 'idle']);
  });

  it('is not misled by what is no message', async () => {
    await storage.set('live-support:outbox:kim:c:x', 'nonsense');
    await storage.set('live-support:outbox:kim:c:y', '{"id":1}');
    const view = await inRoom();
    expect(shown(view)).toEqual([]);
  });
});

describe('two tabs', () => {
  async function twoTabs() {
    const [shared, locks] = [sharedStorage(), localLocks()];
    const clients = [];
    for (const tab of [shared.tab(), shared.tab()]) {
      const client = await service.connected({ storage: tab, locks });
      const view = client.conversation('c');
      await join(view);
      clients.push({ client, view, storage: tab, socket: service.socket });
    }
    return clients as [(typeof clients)[0], (typeof clients)[0]];
  }
  const sentOn = ({ socket }: { socket: FakeService['socket'] }) =>
    socket.sent.filter(({ event }) => event === 'SEND_MESSAGE').map(({ data }) => data.content);

  it('send each its own, the second after the first', async () => {
    const [one, two] = await twoTabs();
    const first = one.view.send('first');
    await settled();
    for (const content of ['second', 'third']) two.view.send(content);
    await settled();
    expect([sentOn(one), sentOn(two)]).toEqual([['first'], []]);
    expect(shown(two.view)).toEqual([
      ['first', 'sending'],
      ['second', 'sending'],
      ['third', 'sending'],
    ]);
    const sent = one.socket.take('SEND_MESSAGE');
    one.socket.tell('MESSAGE_ACCEPTED', accepted(sent, 1), sent);
    await first.accepted;
    await settled();
    expect(sentOn(two)).toEqual(['second', 'third']);
  });

  it('need no socket for what the other one sends, until that is gone', async () => {
    const [shared, locks] = [sharedStorage(), localLocks()];
    const one = await service.connected({ storage: shared.tab(), locks });
    const idle = service.client({ storage: shared.tab(), locks });
    await idle.session.restore();
    const view = idle.conversation('c');
    await join(one.conversation('c'));
    one.conversation('c').send('hello');
    await settled();
    expect([idle.connection.status.state, shown(view)]).toEqual(['idle', [['hello', 'sending']]]);
    one.close();
    await settled();
    expect(idle.connection.status.state).toBe('ready');
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
    await settled();
    expect(contents()).toEqual(['hello']);
  });

  it('forget what the other one discards, and leave to it what it sends once more', async () => {
    const [one, two] = await twoTabs();
    const [first, second] = ['first', 'second'].map((content) => one.view.send(content).clientMessageId);
    await settled();
    for (let count = 0; count < 2; count += 1) one.socket.refuse('SEND_MESSAGE', 'VALIDATION_FAILED');
    await settled();
    expect(shown(two.view)).toEqual([
      ['first', 'failed'],
      ['second', 'failed'],
    ]);
    two.view.discard(first ?? '');
    two.view.retry(second ?? '');
    await settled();
    expect([shown(one.view), shown(two.view)]).toEqual([[['second', 'sending']], [['second', 'sending']]]);
    expect([sentOn(one), sentOn(two)]).toEqual([[], ['second']]);
  });

  it('show what the other one has sent until it is among the messages', async () => {
    const [one, two] = await twoTabs();
    one.view.send('first');
    await settled();
    const sent = one.socket.take('SEND_MESSAGE');
    const { clientMessageId } = sent.data;
    two.socket.tell('NEW_MESSAGE', message(3, { senderRole: 'candidate', clientMessageId }));
    one.socket.tell('MESSAGE_ACCEPTED', accepted(sent, 3), sent);
    await settled();
    two.socket.tell('NEW_MESSAGE', message(1));
    await settled();
    expect(shown(two.view)).toEqual([['first', 'accepted']]);
    two.socket.tell('NEW_MESSAGE', message(2));
    await settled();
    expect([two.view.snapshot.messages.length, shown(two.view)]).toEqual([3, []]);
  });

  it('wait for nothing that the other one has given up', async () => {
    const [one, two] = await twoTabs();
    const { clientMessageId, accepted: end } = one.view.send('first');
    await settled();
    two.view.send('second');
    await settled();
    one.socket.refuse('SEND_MESSAGE', 'VALIDATION_FAILED');
    await expect(end).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    // Before the other one has looked at why.
    one.view.discard(clientMessageId);
    await settled();
    const [second] = two.socket.sent.filter(({ event }) => event === 'SEND_MESSAGE');
    expect(second?.data.content).toBe('second');
    expect(second?.data).not.toHaveProperty('after');
  });

  it('do not wait for one another for ever', async () => {
    const [one, two] = await twoTabs();
    const { clientMessageId } = one.view.send('first');
    await settled();
    two.view.send('second');
    await service.clock.pass(5_000);
    const [, second] = two.socket.sent.filter(({ event }) => event === 'SEND_MESSAGE');
    expect(sentOn(two)).toEqual(['first', 'second']);
    expect(second?.data.after).toBe(clientMessageId);
  });

  it('do not wait for one another longer where the clock is set back', async () => {
    const [one, two] = await twoTabs();
    one.view.send('first');
    await settled();
    two.view.send('second');
    await settled();
    service.clock.sleep(-600_000);
    // Has what is kept read once more.
    one.view.send('third');
    await service.clock.pass(5_000);
    expect(sentOn(two).slice(0, 2)).toEqual(['first', 'second']);
  });

  it('do not wait for one another in a circle: what is sent once more comes after what a sleeping tab has left', async () => {
    const [shared, locks] = [sharedStorage(), localLocks()];
    const awake = await service.connected({ storage: shared.tab(), locks });
    const view = awake.conversation('c');
    await join(view);
    const { socket } = service;
    const { clientMessageId } = view.send('refused');
    await settled();
    // Hears of nothing any more.
    const { get, set, remove, keys } = shared.tab();
    const asleep = service.client({ storage: { get, set, remove, keys }, locks });
    await asleep.session.restore();
    await settled();
    const left = asleep.conversation('c').send('left');
    await settled();
    socket.refuse('SEND_MESSAGE', 'VALIDATION_FAILED');
    await settled();
    // Has what is kept read once more.
    await shared.tab().set('live-support:outbox:lee:d:x', '');
    await settled();
    view.retry(clientMessageId);
    asleep.close();
    await settled();
    const sent = socket.sent.map(({ data }) => [data.content, data.after]);
    expect(sent).toEqual([
      ['left', undefined],
      ['refused', left.clientMessageId],
    ]);
  });

  it('send after what the other one has left what is said before that is known', async () => {
    const [shared, locks] = [sharedStorage(), localLocks()];
    const one = await service.connected({ storage: shared.tab(), locks });
    one.conversation('c').send('left');
    await settled();
    const two = await service.connected({ storage: shared.tab(), locks });
    const view = two.conversation('c');
    // At once: the storage is not read yet.
    view.send('said at once');
    await settled();
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
    await settled();
    expect(contents()).toEqual([]);
    one.close();
    await settled();
    expect(contents()).toEqual(['left', 'said at once']);
  });

  it('keep the order though each has one refused without having heard of the other’s', async () => {
    const [one, two] = await twoTabs();
    const { clientMessageId: first } = two.view.send('first');
    two.view.send('refused here');
    await settled();
    const { clientMessageId: refused } = one.view.send('refused there');
    await settled();
    two.view.send('last');
    await settled();
    const key = `live-support:outbox:kim:c:${refused}`;
    const asWritten = JSON.parse(String(await one.storage.get(key)));
    two.socket.take('SEND_MESSAGE');
    two.socket.refuse('SEND_MESSAGE', 'VALIDATION_FAILED');
    await settled();
    void one.storage.set(key, JSON.stringify({ ...asWritten, failed: { code: 'VALIDATION_FAILED', message: 'no' } }));
    await settled();
    expect(two.socket.take('SEND_MESSAGE').data).toMatchObject({ content: 'last', after: first });
  });

  it('take over what a closed one has left', async () => {
    const [one, two] = await twoTabs();
    one.view.send('left');
    await settled();
    expect(sentOn(two)).toEqual([]);
    one.client.close();
    await settled();
    expect(sentOn(two)).toEqual(['left']);
  });
});

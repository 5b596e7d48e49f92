import { type ClientStorage, type ConversationView, localLocks, memoryStorage } from '../../client/src/index.ts';
import {
  accepted,
  conversation,
  FakeService,
  joined,
  message,
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

it('waits for the room', async () => {
  const view = (await service.connected({ storage })).conversation('c');
  view.send('early');
  await settled();
  expect(service.socket.sent.map(({ event }) => event)).toEqual(['JOIN_CONVERSATION']);
  service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
  await settled();
  expect(contents()).toEqual(['early']);
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

  it('does not send another person’s', async () => {
    (await inRoom()).send('private');
    await settled();
    await reload(session(user('lee'), 't9'));
    await service.clock.pass(60_000);
    expect(service.socket.sent).toEqual([]);
    expect(await kept()).toBe(1);
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
      clients.push({ client, view, socket: service.socket });
    }
    return clients as [(typeof clients)[0], (typeof clients)[0]];
  }
  const sentOn = ({ socket }: { socket: FakeService['socket'] }) =>
    socket.sent.filter(({ event }) => event === 'SEND_MESSAGE').map(({ data }) => data.content);

  it('send each its own, the second after the first', async () => {
    const [one, two] = await twoTabs();
    const first = one.view.send('first');
    await settled();
    two.view.send('second');
    await settled();
    expect([sentOn(one), sentOn(two)]).toEqual([['first'], []]);
    expect(shown(two.view)).toEqual([
      ['first', 'sending'],
      ['second', 'sending'],
    ]);
    const sent = one.socket.take('SEND_MESSAGE');
    one.socket.tell('MESSAGE_ACCEPTED', accepted(sent, 1), sent);
    await first.accepted;
    await settled();
    expect(sentOn(two)).toEqual(['second']);
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

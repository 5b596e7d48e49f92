import type { ConversationView, LiveSupportClient, StaffConversation } from '../../client/src/index.ts';
import {
  accepted,
  conversation,
  FakeService,
  joined,
  message,
  messages,
  problem,
  session,
  settled,
  user,
} from './support/fakes.ts';

/** A view of a conversation: in order, without a hole or a repeat, whatever the frames do. */

let service: FakeService;
let client: LiveSupportClient;
let view: ConversationView;
beforeEach(async () => {
  service = new FakeService();
  client = await service.connected();
  view = client.conversation('c');
});
afterEach(() => service.close());

const seqs = () => view.snapshot.messages.map(({ seq }) => seq);

/** In the room, with so many messages. */
async function live(count = 0): Promise<void> {
  const join = view.join();
  await settled();
  service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: messages(1, count) }));
  await join;
}

/** Lets time pass until the view asks for something, and no longer: a command that is not answered in time is sent again. */
async function somethingIsSent(): Promise<void> {
  for (let seconds = 0; service.socket.sent.length === 0; seconds += 1) {
    if (seconds > 120) throw new Error('nothing was sent');
    await service.clock.pass(1_000);
  }
}

/** So much later nothing has been asked for that a hole would have asked for. */
async function isQuiet(): Promise<void> {
  await service.clock.pass(5_000);
  expect(service.socket.sent).toEqual([]);
}

describe('joining', () => {
  it('follows nextAfterSeq to the end before it is live', async () => {
    const join = view.join();
    await settled();
    expect(
      service.socket.answer(
        'JOIN_CONVERSATION',
        'CONVERSATION_JOINED',
        joined({ messages: messages(1, 3), nextAfterSeq: 3 }),
      ).data,
    ).toEqual({ conversationId: 'c', afterSeq: 0 });
    await settled();
    expect(view.snapshot.state).toBe('joining');
    expect(
      service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: messages(4, 5) })).data
        .afterSeq,
    ).toBe(3);
    expect((await join).messages.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    expect(view.snapshot.state).toBe('live');
  });

  it('is done again on a new socket, after the last message', async () => {
    await live(2);
    service.socket.end(1001);
    await settled();
    expect(view.snapshot.state).toBe('joining');
    await service.clock.pass(1_000);
    expect(
      service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: messages(3, 3) })).data
        .afterSeq,
    ).toBe(2);
    await settled();
    expect([view.snapshot.state, seqs()]).toEqual(['live', [1, 2, 3]]);
  });

  it.each(['UNAVAILABLE', 'INTERNAL', 'RATE_LIMITED'] as const)(
    'is tried again after %s, and says why it takes so long',
    async (code) => {
      const join = view.join();
      await settled();
      service.socket.refuse('JOIN_CONVERSATION', code, { retryAfter: 3 });
      await settled();
      expect(view.snapshot).toMatchObject({ state: 'joining', error: { code } });
      await service.clock.pass(2_999);
      expect(service.socket.sent).toEqual([]);
      await service.clock.pass(2_000);
      service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
      expect((await join).error).toBeNull();
    },
  );

  it('is live on while it asks once more in vain: nothing is known to be missing', async () => {
    await live(1);
    await service.clock.pass(240_000);
    service.socket.refuse('JOIN_CONVERSATION', 'UNAVAILABLE');
    await settled();
    expect(view.snapshot).toMatchObject({ state: 'live', error: null });
    await somethingIsSent();
    // What is missing is not there in a moment: then it says so.
    service.socket.tell('NEW_MESSAGE', message(3));
    service.socket.refuse('JOIN_CONVERSATION', 'UNAVAILABLE');
    await settled();
    expect(view.snapshot).toMatchObject({ state: 'joining', error: { code: 'UNAVAILABLE' } });
    await somethingIsSent();
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: messages(2, 3) }));
    await settled();
    expect(view.snapshot).toMatchObject({ state: 'live', error: null });
  });

  it('on the socket that takes the place of the one before, refused for now, is no more live', async () => {
    client = await service.connected({ replaceAfterMs: 100_000, storagePrefix: 'replaced:' });
    view = client.conversation('c');
    await live(1);
    const before = service.socket;
    await service.clock.pass(99_000);
    expect(service.socket).not.toBe(before);
    service.socket.refuse('JOIN_CONVERSATION', 'RATE_LIMITED', { retryAfter: 60 });
    await settled();
    expect(view.snapshot).toMatchObject({ state: 'joining', error: { code: 'RATE_LIMITED' } });
  });

  it('ends where the conversation is not to be seen, and may be tried again', async () => {
    const join = view.join();
    await settled();
    service.socket.refuse('JOIN_CONVERSATION', 'NOT_FOUND');
    await expect(join).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(view.snapshot).toMatchObject({ state: 'ended', reason: 'lost' });
    await live(1);
    expect(view.snapshot).toMatchObject({ state: 'live', reason: null, error: null });
  });

  it('begins with the last messages where only those are wanted, and reads the earlier ones when asked', async () => {
    service.handlers.getConversation = () => ({ status: 200, body: conversation({ lastSeq: 100 }) });
    service.handlers.listMessages = ({ path }) => {
      const query = new URL(path, 'http://x').searchParams;
      const from = Number(query.get('afterSeq'));
      const to = from + Number(query.get('limit'));
      return { status: 200, body: { items: messages(from + 1, to), nextAfterSeq: to } };
    };
    const join = view.join({ last: 10 });
    await settled();
    expect(
      service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: messages(91, 100) })).data
        .afterSeq,
    ).toBe(90);
    await join;
    expect([seqs()[0], view.snapshot.hasEarlier, view.snapshot.unread]).toEqual([91, true, null]);
    // Twice at once, as a page does that is scrolled: what both have read is there once.
    expect(await Promise.all([view.loadEarlier({ count: 20 }), view.loadEarlier({ count: 40 })])).toEqual([true, true]);
    expect([seqs()[0], seqs().length]).toEqual([51, 50]);
    expect(await view.loadEarlier({ count: 500 })).toBe(false);
    expect(seqs()).toEqual(messages(1, 100).map(({ seq }) => seq));
  });

  it('begins with the last messages where no socket opens, too', async () => {
    service.opens = false;
    client = await service.connected({ storagePrefix: 'unconnected:' });
    view = client.conversation('c');
    service.handlers.getConversation = () => ({ status: 200, body: conversation({ lastSeq: 1000 }) });
    service.handlers.listMessages = ({ path }) => {
      const from = Number(new URL(path, 'http://x').searchParams.get('afterSeq'));
      return { status: 200, body: { items: messages(from + 1, 1000), nextAfterSeq: null } };
    };
    view.join({ last: 10 }).catch(() => undefined);
    await view.refresh();
    expect([seqs()[0], seqs().length, view.snapshot.hasEarlier]).toEqual([991, 10, true]);
  });

  it('with the last messages ends where the conversation is not to be seen, and is tried again where nobody answers', async () => {
    service.handlers.getConversation = () => problem(404, 'NOT_FOUND');
    await expect(view.join({ last: 50 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(view.snapshot).toMatchObject({ state: 'ended', reason: 'lost' });
    service.handlers.getConversation = () => 'lost';
    const join = view.join({ last: 50 });
    await service.clock.pass(20_000);
    expect(view.snapshot).toMatchObject({ state: 'joining', error: { code: 'NETWORK' } });
    service.handlers.getConversation = () => ({ status: 200, body: conversation({ lastSeq: 1000 }) });
    await somethingIsSent();
    expect(
      service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: messages(951, 1000) })).data
        .afterSeq,
    ).toBe(950);
    expect((await join).state).toBe('live');
  });

  it('is not given up for an answer that says nothing of the conversation', async () => {
    service.handlers.getConversation = () => ({ status: 418, body: 'I am a hotel' });
    const join = view.join({ last: 50 });
    await service.clock.pass(1_000);
    expect(view.snapshot).toMatchObject({ state: 'joining', error: { code: 'UNEXPECTED' } });
    service.handlers.getConversation = () => ({ status: 200, body: conversation() });
    await somethingIsSent();
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
    expect((await join).state).toBe('live');
  });

  it.each(['FORBIDDEN', 'VALIDATION_FAILED'] as const)('is not tried again after %s', async (code) => {
    const join = view.join();
    await settled();
    service.socket.refuse('JOIN_CONVERSATION', code);
    await expect(join).rejects.toMatchObject({ code });
    await isQuiet();
  });

  it('reads from the earliest there is, where earlier ones were deleted after their time', async () => {
    service.handlers.getConversation = () => ({ status: 200, body: conversation({ lastSeq: 9 }) });
    service.handlers.listMessages = () => ({ status: 200, body: { items: [], nextAfterSeq: null } });
    const join = view.join({ last: 2 });
    await settled();
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: messages(8, 9) }));
    await join;
    expect(view.snapshot.hasEarlier).toBe(true);
    const { value } = await view.messages().next();
    expect(value?.seq).toBe(8);
    // Who scrolls up asks no more for what is not there.
    expect(view.snapshot.hasEarlier).toBe(false);
    expect(await view.loadEarlier()).toBe(false);
    expect(service.calls('listMessages')).toBe(1);
  });

  it('has no earlier ones to read, where those were deleted after their time', async () => {
    service.handlers.getConversation = () => ({ status: 200, body: conversation({ lastSeq: 100, status: 'closed' }) });
    service.handlers.listMessages = () => ({ status: 200, body: { items: [], nextAfterSeq: null } });
    await view.join({ last: 10 });
    expect(await view.loadEarlier({ count: 0 })).toBe(true);
    expect(await view.loadEarlier()).toBe(false);
    expect(view.snapshot.hasEarlier).toBe(false);
  });

  it('has an end, though it is asked for in the moment in which another one is done', async () => {
    view.send('hello');
    await settled();
    let join: Promise<unknown> | undefined;
    view.on('change', () => {
      join ??= view.join();
    });
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
    await settled();
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
    await join;
    expect(view.snapshot.state).toBe('live');
  });

  it('gives up waiting by its signal, and goes on all the same', async () => {
    const controller = new AbortController();
    const join = view.join({ signal: controller.signal });
    controller.abort('enough');
    await expect(join).rejects.toBe('enough');
    await settled();
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
    await settled();
    expect(view.snapshot.state).toBe('live');
  });

  it('that was given up waits for nothing more', async () => {
    const controller = new AbortController();
    const joins = Array.from({ length: 20 }, () => view.join({ signal: controller.signal }));
    controller.abort('enough');
    for (const join of joins) await expect(join).rejects.toBe('enough');
    const listened: string[] = [];
    const { connection } = client;
    const on = connection.on.bind(connection);
    connection.on = (name, listener) => {
      listened.push(name);
      return on(name, listener);
    };
    service.socket.end(1001);
    await settled();
    expect(listened).toEqual([]);
  });
});

describe('messages', () => {
  it('that overtake each other are put in order, and nothing is asked for', async () => {
    await live(1);
    const told: number[] = [];
    view.on('message', ({ seq }) => told.push(seq));
    for (const seq of [4, 3, 2, 3, 4]) service.socket.tell('NEW_MESSAGE', message(seq));
    expect([seqs(), told]).toEqual([
      [1, 2, 3, 4],
      [2, 3, 4],
    ]);
    expect(view.snapshot.conversation).toMatchObject({ lastSeq: 4, lastMessageAt: message(4).sentAt });
    await isQuiet();
  });

  it('that are missing are asked for', async () => {
    await live(1);
    service.socket.tell('NEW_MESSAGE', message(4));
    await settled();
    expect(seqs()).toEqual([1]);
    await service.clock.pass(300);
    expect(
      service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: messages(2, 3) })).data
        .afterSeq,
    ).toBe(1);
    await settled();
    expect(seqs()).toEqual([1, 2, 3, 4]);
    await isQuiet();
  });

  it('of one’s own are asked for where only their acknowledgement came', async () => {
    await live();
    const sending = view.send('hello');
    const sent = service.socket.take('SEND_MESSAGE');
    service.socket.tell('MESSAGE_ACCEPTED', accepted(sent, 1), sent);
    await sending.accepted;
    expect(view.snapshot.outbox).toMatchObject([{ state: 'accepted', seq: 1 }]);
    await service.clock.pass(300);
    service.socket.answer(
      'JOIN_CONVERSATION',
      'CONVERSATION_JOINED',
      joined({ messages: [message(1, { senderRole: 'candidate', clientMessageId: sent.data.clientMessageId })] }),
    );
    await settled();
    expect([seqs(), view.snapshot.outbox]).toEqual([[1], []]);
  });

  it('that are missing are asked for as often as some are', async () => {
    await live(1);
    for (const seq of [3, 5]) {
      service.socket.tell('NEW_MESSAGE', message(seq));
      await service.clock.pass(300);
      service.socket.answer(
        'JOIN_CONVERSATION',
        'CONVERSATION_JOINED',
        joined({ messages: messages(seq - 1, seq - 1) }),
      );
      await settled();
    }
    expect(seqs()).toEqual([1, 2, 3, 4, 5]);
  });

  it('of which an answer of the HTTP API speaks are asked for', async () => {
    await live(1);
    view.update(conversation({ lastSeq: 2 }));
    await service.clock.pass(300);
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: messages(2, 2) }));
    await settled();
    expect(seqs()).toEqual([1, 2]);
  });

  it('that got lost at the very end are found with the next ping', async () => {
    await live(1);
    await service.clock.pass(240_000);
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: messages(2, 2) }));
    await settled();
    expect(seqs()).toEqual([1, 2]);
  });

  it('come one by one by `for await`, from where it is wanted, until the conversation is closed', async () => {
    service.handlers.listMessages = () => ({ status: 200, body: { items: messages(4, 5), nextAfterSeq: null } });
    service.handlers.getConversation = () => ({
      status: 200,
      body: conversation({ lastSeq: 5, status: 'closed', closedBy: 'alex' }),
    });
    const read: number[] = [];
    const reading = (async () => {
      for await (const { seq } of view.messages({ afterSeq: 1 })) read.push(seq);
    })();
    await settled();
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: messages(1, 2) }));
    await settled();
    expect(read).toEqual([2]);
    service.socket.tell('NEW_MESSAGE', message(3));
    await settled();
    expect(read).toEqual([2, 3]);
    service.socket.tell('CONVERSATION_CLOSED', {
      conversationId: 'c',
      closedAt: '2026-01-02T00:00:00.000Z',
      closedBy: 'alex',
      lastSeq: 5,
    });
    await reading;
    expect(read).toEqual([2, 3, 4, 5]);
    expect(view.snapshot).toMatchObject({
      state: 'ended',
      reason: 'closed',
      conversation: { status: 'closed', closedBy: 'alex' },
    });
  });

  it('come one by one from the first on beside a join that has begun with the last', async () => {
    service.handlers.getConversation = () => ({ status: 200, body: conversation({ lastSeq: 10 }) });
    service.handlers.listMessages = () => ({ status: 200, body: { items: messages(1, 8), nextAfterSeq: null } });
    void view.join({ last: 2 });
    const read: number[] = [];
    void (async () => {
      for await (const { seq } of view.messages()) read.push(seq);
    })();
    await settled();
    expect(
      service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: messages(9, 10) })).data
        .afterSeq,
    ).toBe(8);
    await settled();
    service.socket.tell('NEW_MESSAGE', message(11));
    await settled();
    expect(read).toEqual(messages(1, 11).map(({ seq }) => seq));
  });

  it('come one by one once there is something to see, though it was refused before', async () => {
    const join = view.join();
    await settled();
    service.socket.refuse('JOIN_CONVERSATION', 'NOT_FOUND');
    await expect(join).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const next = view.messages().next();
    await settled();
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: messages(1, 1) }));
    expect((await next).value).toMatchObject({ seq: 1 });
  });

  it('come one by one though what was left out can’t be read for a while', async () => {
    service.handlers.getConversation = () => ({ status: 200, body: conversation({ lastSeq: 3 }) });
    service.handlers.listMessages = () => 'lost';
    const join = view.join({ last: 2 });
    const read: number[] = [];
    const reading = (async () => {
      for await (const { seq } of view.messages()) read.push(seq);
    })();
    await settled();
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: messages(2, 3) }));
    await join;
    await service.clock.pass(120_000);
    // Nor does a token that is refused say anything of the conversation.
    service.handlers.listMessages = () => problem(401, 'INVALID_TOKEN');
    service.handlers.refreshSession = () => ({ status: 200, body: session() });
    await service.clock.pass(30_000);
    expect(read).toEqual([]);
    service.handlers.listMessages = () => ({ status: 200, body: { items: messages(1, 1), nextAfterSeq: 1 } });
    await service.clock.pass(60_000);
    expect(read).toEqual([1, 2, 3]);
    client.close();
    await reading;
  });

  it.each([
    ['and go on where the room still has this person', null],
    ['and end where the room has them no more', 'NOT_FOUND'],
  ] as const)('are refused over HTTP in the moment in which the conversation is moved, %s', async (_, code) => {
    service.handlers.getConversation = () => ({ status: 200, body: conversation({ lastSeq: 3 }) });
    service.handlers.listMessages = () => problem(404, 'NOT_FOUND');
    const join = view.join({ last: 2 });
    await settled();
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: messages(2, 3) }));
    await join;
    const read: number[] = [];
    const reading = (async () => {
      for await (const { seq } of view.messages()) read.push(seq);
    })();
    const outcome = reading.catch((error: unknown) => error);
    await settled();
    if (code) service.socket.refuse('JOIN_CONVERSATION', code);
    else service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
    service.handlers.listMessages = () => ({ status: 200, body: { items: messages(1, 1), nextAfterSeq: 1 } });
    await service.clock.pass(5_000);
    expect(read).toEqual(code ? [] : [1, 2, 3]);
    client.close();
    expect(await outcome).toEqual(code ? expect.objectContaining({ code }) : undefined);
  });

  it('are told once, though the visitor to whom they were told becomes a customer', async () => {
    await live(2);
    const told: number[] = [];
    view.on('message', ({ seq }) => told.push(seq));
    service.handlers.exchangeIdentity = () => ({ status: 200, body: session(user('ada'), 't9') });
    await client.exchange({ token: 'of the site', visitorToken: 't1' });
    await settled();
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: messages(1, 3) }));
    await settled();
    expect([told, seqs()]).toEqual([[3], [1, 2, 3]]);
  });

  it('are told to each person, once', async () => {
    await live(1);
    const told: number[] = [];
    view.on('message', ({ seq }) => told.push(seq));
    await client.session.end();
    await client.session.use(session(user('alex', 'agent'), 't9'));
    await settled();
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: messages(1, 2) }));
    await settled();
    expect(told).toEqual([1, 2]);
  });

  it('are told once more to a customer who comes back after another one', async () => {
    await live(1);
    const told: number[] = [];
    view.on('message', ({ seq }) => told.push(seq));
    await client.session.use(session(user('bo'), 't2'));
    await settled();
    service.socket.refuse('JOIN_CONVERSATION', 'NOT_FOUND');
    await settled();
    await client.session.use(session(user(), 't3'));
    await settled();
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: messages(1, 2) }));
    await settled();
    expect(told).toEqual([1, 2]);
  });

  it('are shown by the same list until there are more', async () => {
    await live(2);
    const { messages: before } = view.snapshot;
    service.socket.tell('TYPING', { conversationId: 'c', userId: 'alex', typing: true });
    expect([view.snapshot.typing, view.snapshot.messages === before]).toEqual([['alex'], true]);
  });

  it('are told in one change, where they come at once', async () => {
    await live();
    const changes: number[] = [];
    view.on('change', (snapshot) => changes.push(snapshot.messages.length));
    for (const one of messages(1, 50)) service.socket.tell('NEW_MESSAGE', one);
    await settled();
    expect(changes).toEqual([50]);
    expect(view.snapshot).toBe(view.snapshot);
  });

  it('after a leave are not shown', async () => {
    await live(1);
    const leave = view.leave();
    service.socket.answer('LEAVE_CONVERSATION', 'CONVERSATION_LEFT', { conversationId: 'c' });
    await leave;
    service.socket.tell('NEW_MESSAGE', message(2));
    expect([view.snapshot.state, seqs()]).toEqual(['idle', [1]]);
    await isQuiet();
  });
});

describe('the conversation', () => {
  const subjectOf = () => view.snapshot.conversation?.subject;

  it('is the one with the higher revision, then with the higher lastSeq', async () => {
    await live();
    const tell = (revision: number, lastSeq: number, subject: string) =>
      view.update(conversation({ revision, lastSeq, subject }));
    tell(3, 0, 'three');
    tell(2, 0, 'two');
    expect(subjectOf()).toBe('three');
    tell(4, 2, 'four');
    tell(4, 1, 'four, before');
    expect(subjectOf()).toBe('four');
    // What is written by two at once: the list knows of more than this one does.
    tell(5, 1, 'five');
    expect(view.snapshot.conversation).toMatchObject({ subject: 'five', lastSeq: 2 });
  });

  it('that is closed by an answer of the HTTP API is read to its end', async () => {
    await live(1);
    const closed = conversation({ status: 'closed', lastSeq: 2, revision: 5 });
    service.handlers.getConversation = () => ({ status: 200, body: closed });
    service.handlers.listMessages = () => ({ status: 200, body: { items: messages(2, 2), nextAfterSeq: null } });
    view.update(closed);
    await settled();
    // A hint that is late.
    service.socket.tell('TYPING', { conversationId: 'c', userId: 'alex', typing: true });
    expect([view.snapshot.state, seqs(), view.snapshot.typing]).toEqual(['ended', [1, 2], []]);
  });

  it('keeps what only the staff are told when the room is told', async () => {
    await live();
    view.update({
      ...conversation({ revision: 2 }),
      priority: 'high',
      candidate: { id: 'kim', name: 'kim', email: 'kim@example.com' },
    } as never);
    service.socket.tell('CONVERSATION_ASSIGNED', { conversation: conversation({ revision: 3 }) });
    expect(view.snapshot.conversation).toMatchObject({
      revision: 3,
      priority: 'high',
      candidate: { email: 'kim@example.com' },
    });
  });

  it('that is closed has ended once, however often it is read', async () => {
    await live();
    service.handlers.getConversation = () => ({ status: 200, body: conversation({ status: 'closed', revision: 9 }) });
    service.handlers.listMessages = () => ({ status: 200, body: { items: [], nextAfterSeq: null } });
    const ended: unknown[] = [];
    view.on('ended', (how) => ended.push(how));
    await view.refresh();
    await settled();
    await view.refresh();
    expect(ended).toEqual([{ reason: 'closed' }]);
  });

  it('that was closed stays so, though an older frame comes once more', async () => {
    await live(1);
    const assigned = { conversation: conversation({ revision: 2, lastSeq: 1 }) };
    service.socket.tell('CONVERSATION_ASSIGNED', assigned);
    service.handlers.getConversation = () => 'lost';
    const closed = { conversationId: 'c', closedAt: '2026-01-02T00:00:00.000Z', closedBy: 'alex', lastSeq: 1 };
    service.socket.tell('CONVERSATION_CLOSED', closed);
    service.socket.tell('CONVERSATION_ASSIGNED', assigned);
    expect(view.snapshot.conversation).toMatchObject({ status: 'closed', closedBy: 'alex' });
  });

  it('that HTTP says is closed has ended, though a join from before is answered after that', async () => {
    const closed = conversation({ status: 'closed', revision: 9 });
    service.handlers.getConversation = () => ({ status: 200, body: closed });
    service.handlers.listMessages = () => ({ status: 200, body: { items: [], nextAfterSeq: null } });
    const join = view.join();
    await settled();
    view.update(closed);
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
    await join;
    await settled();
    expect(view.snapshot).toMatchObject({ state: 'ended', reason: 'closed' });
  });

  it('that is closed already is read over HTTP', async () => {
    service.handlers.getConversation = () => ({
      status: 200,
      body: conversation({ status: 'closed', lastSeq: 3, revision: 9 }),
    });
    let times = 0;
    service.handlers.listMessages = ({ path }) => {
      times += 1;
      if (times === 1) return problem(503, 'UNAVAILABLE');
      return path.includes('afterSeq=0')
        ? { status: 200, body: { items: messages(1, 2), nextAfterSeq: 2 } }
        : { status: 200, body: { items: messages(3, 3), nextAfterSeq: null } };
    };
    const join = view.join();
    await settled();
    service.socket.refuse('JOIN_CONVERSATION', 'CONVERSATION_CLOSED');
    await service.clock.pass(10_000);
    expect(await join).toMatchObject({ state: 'ended', reason: 'closed', conversation: { status: 'closed' } });
    expect(seqs()).toEqual([1, 2, 3]);
    await isQuiet();
  });

  it('tells its end once, however often it is read after that', async () => {
    const ends: object[] = [];
    view.on('ended', (end) => ends.push(end));
    service.handlers.getConversation = () => ({ status: 200, body: conversation({ status: 'closed', revision: 9 }) });
    service.handlers.listMessages = () => ({ status: 200, body: { items: [], nextAfterSeq: null } });
    await Promise.all([view.refresh(), view.refresh()]);
    await view.refresh();
    expect(ends).toEqual([{ reason: 'closed' }]);
  });
});

describe('the room', () => {
  const left = { conversationId: 'c' };

  it('is entered again where a leave before the join may have taken effect after it', async () => {
    await live();
    void client.forget('c');
    view = client.conversation('c');
    await live();
    service.socket.answer('LEAVE_CONVERSATION', 'CONVERSATION_LEFT', left);
    await settled();
    expect(view.snapshot.state).toBe('joining');
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
    await settled();
    expect(view.snapshot.state).toBe('live');
  });

  it('is entered once more where the leave is told while the join is under way', async () => {
    await live();
    void client.forget('c');
    view = client.conversation('c');
    void view.join();
    await settled();
    service.socket.answer('LEAVE_CONVERSATION', 'CONVERSATION_LEFT', left);
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
    await settled();
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
    await settled();
    expect(view.snapshot.state).toBe('live');
  });

  it('is entered once more where what became of the leave before the join is not known', async () => {
    await live();
    void view.leave();
    view.join().catch(() => undefined);
    await settled();
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
    await settled();
    service.socket.receive({ message: 'Internal server error', connectionId: 'x', requestId: 'y' });
    await settled();
    expect(service.socket.take('JOIN_CONVERSATION').data).toEqual({ conversationId: 'c', afterSeq: 0 });
  });

  it.each([null, 3])(
    'is left by who leaves on the way in, after that: what is left to read is %s',
    async (nextAfterSeq) => {
      view.join().catch(() => undefined);
      await settled();
      await view.leave();
      expect(service.socket.sent.map(({ event }) => event)).toEqual(['JOIN_CONVERSATION']);
      service.socket.answer(
        'JOIN_CONVERSATION',
        'CONVERSATION_JOINED',
        joined({ messages: messages(1, 3), nextAfterSeq }),
      );
      await settled();
      expect(service.socket.sent.map(({ event }) => event)).toEqual(['LEAVE_CONVERSATION']);
      expect(view.snapshot.state).toBe('idle');
    },
  );

  it('is left once what is in the outbox is sent', async () => {
    await live();
    view.send('hello');
    await view.leave();
    expect(service.socket.sent.map(({ event }) => event)).toEqual(['SEND_MESSAGE']);
    const sent = service.socket.take('SEND_MESSAGE');
    service.socket.tell('MESSAGE_ACCEPTED', accepted(sent, 1), sent);
    await settled();
    expect(service.socket.sent.map(({ event }) => event)).toEqual(['LEAVE_CONVERSATION']);
  });

  it('is not asked anew about a customer, whoever the conversation is given to', async () => {
    await live();
    service.socket.tell('CONVERSATION_ASSIGNED', { conversation: conversation({ revision: 2, agentId: 'andy' }) });
    service.socket.tell('CONVERSATION_REQUEUED', { conversation: conversation({ revision: 3, agentId: null }) });
    expect(view.snapshot).toMatchObject({ state: 'live', conversation: { revision: 3 } });
    await isQuiet();
  });

  it('is left by who is forgotten on the way in, after that', async () => {
    const join = view.join();
    await settled();
    const forgetting = client.forget('c');
    await expect(join).rejects.toMatchObject({ code: 'CLOSED' });
    expect(service.socket.sent.map(({ event }) => event)).toEqual(['JOIN_CONVERSATION']);
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
    await settled();
    service.socket.answer('LEAVE_CONVERSATION', 'CONVERSATION_LEFT', left);
    await forgetting;
  });

  it('is left by who is forgotten with a message on its way, the end of which is not waited for', async () => {
    await live();
    const { accepted: end } = view.send('hello');
    const forgetting = client.forget('c');
    await expect(end).rejects.toMatchObject({ code: 'CLOSED', outcomeUnknown: true });
    await settled();
    service.socket.answer('LEAVE_CONVERSATION', 'CONVERSATION_LEFT', left);
    await forgetting;
    expect(() => view.send('too late')).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });
});

describe('what is named here', () => {
  const lostTwice = async (call: () => Promise<unknown>) => {
    const failing = call().catch((error: unknown) => error);
    await service.clock.pass(60_000);
    return failing;
  };
  const open = (clientConversationId?: string) =>
    client.open({ subject: 's', ...(clientConversationId !== undefined && { clientConversationId }) });
  const note = (clientNoteId?: string) => view.addNote('n', clientNoteId === undefined ? {} : { clientNoteId });

  it.each([
    ['a conversation', 'createConversation', open],
    ['a note', 'addNote', note],
  ] as const)('%s: only who gives a name may call again', async (_what, operation, call) => {
    service.handlers[operation] = () => 'lost';
    expect(await lostTwice(() => call())).toMatchObject({ code: 'NETWORK', retryable: false, outcomeUnknown: true });
    expect(await lostTwice(() => call('mine'))).toMatchObject({ code: 'NETWORK', retryable: true });
    const names = service.requests
      .filter((request) => request.operation === operation)
      .map(({ body }) => Object.entries(body as object).find(([key]) => key.startsWith('client'))?.[1]);
    expect(names).toEqual([...Array(3).fill(expect.stringMatching(/^id-/)), ...Array(3).fill('mine')]);
    expect(new Set(names).size).toBe(2);
    service.handlers[operation] = () => problem(429, 'RATE_LIMITED', { 'retry-after': '60' });
    expect(await lostTwice(() => call())).toMatchObject({ code: 'RATE_LIMITED', retryable: true, retryAfter: 60 });
  });
});

describe('an agent', () => {
  beforeEach(async () => {
    client = await service.connected({ storagePrefix: 'alex:' }, session(user('alex', 'agent'), 't3'));
    view = client.conversation('c');
    await live(1);
  });

  const isGivenBack = () =>
    service.socket.tell('CONVERSATION_REQUEUED', {
      conversation: conversation({ revision: 2, agentId: null, status: 'open' }),
    });
  const isLetIn = async () => {
    service.socket.answer(
      'JOIN_CONVERSATION',
      'CONVERSATION_JOINED',
      joined({ conversation: conversation({ revision: 3, lastSeq: 1 }) }),
    );
    await settled();
  };

  it('who loses the conversation is out', async () => {
    const ended: unknown[] = [];
    view.on('ended', (how) => ended.push(how));
    service.socket.tell('CONVERSATION_ASSIGNED', { conversation: conversation({ revision: 2, agentId: 'andy' }) });
    view.send('too late');
    await settled();
    expect(service.socket.sent.map(({ event }) => event)).toEqual(['JOIN_CONVERSATION']);
    service.socket.tell('PARTICIPANT_JOINED', { conversationId: 'c', userId: 'kim' });
    service.socket.tell('TYPING', { conversationId: 'c', userId: 'kim', typing: true });
    service.socket.refuse('JOIN_CONVERSATION', 'NOT_FOUND');
    await settled();
    expect([view.snapshot.state, ended]).toEqual(['ended', [{ reason: 'lost' }]]);
    expect([view.snapshot.present, view.snapshot.typing]).toEqual([[], []]);
  });

  it('who is told of the loss after being given it again is in', async () => {
    service.socket.tell('CONVERSATION_ASSIGNED', { conversation: conversation({ revision: 3, agentId: 'alex' }) });
    isGivenBack();
    await settled();
    await isLetIn();
    await isLetIn();
    expect(view.snapshot).toMatchObject({ state: 'live', conversation: { agentId: 'alex', status: 'assigned' } });
  });

  it('who is given it again comes back', async () => {
    isGivenBack();
    await settled();
    service.socket.refuse('JOIN_CONVERSATION', 'NOT_FOUND');
    await settled();
    service.socket.tell('CONVERSATION_ASSIGNED', { conversation: conversation({ revision: 3 }) });
    await settled();
    await isLetIn();
    expect(view.snapshot.state).toBe('live');
  });

  it('who is given it again while a join from before is refused is in', async () => {
    isGivenBack();
    await settled();
    const before = service.socket.take('JOIN_CONVERSATION');
    service.socket.tell('CONVERSATION_ASSIGNED', { conversation: conversation({ revision: 3, lastSeq: 1 }) });
    service.socket.tell('ERROR', { code: 'NOT_FOUND', message: '', event: 'JOIN_CONVERSATION' }, before);
    await settled();
    await isLetIn();
    expect(view.snapshot.state).toBe('live');
  });

  it('closes after what is in the outbox, and takes a lost answer for what it was', async () => {
    const { clientMessageId } = view.send('bye');
    const close = view.close();
    expect(service.socket.take('CLOSE_CONVERSATION').data).toEqual({ conversationId: 'c', after: clientMessageId });
    service.handlers.getConversation = () => ({
      status: 200,
      body: conversation({ status: 'closed', lastSeq: 1, revision: 9 }),
    });
    service.handlers.listMessages = () => ({ status: 200, body: { items: [], nextAfterSeq: null } });
    await service.clock.pass(12_000);
    service.socket.refuse('CLOSE_CONVERSATION', 'CONVERSATION_CLOSED');
    await close;
    await settled();
    expect(view.snapshot).toMatchObject({ state: 'ended', reason: 'closed' });
  });

  it('is told of notes, and of what the queue tells of the conversation', () => {
    const notes: unknown[] = [];
    view.on('note', ({ content }) => notes.push(content));
    const note = { id: 'n', conversationId: 'c', authorId: 'sam', authorName: 'sam', content: 'a regular' };
    service.socket.tell('NOTE_ADDED', { note: { ...note, clientNoteId: null, createdAt: 'x' } });
    service.socket.tell('NOTE_ADDED', { note: { ...note, conversationId: 'd', clientNoteId: null, createdAt: 'x' } });
    const changed = { ...conversation({ revision: 2, lastSeq: 1 }), priority: 'urgent' } as StaffConversation;
    service.socket.tell('QUEUE_CHANGED', { conversation: changed, reason: 'edited' });
    expect([notes, view.snapshot.conversation?.priority]).toEqual([['a regular'], 'urgent']);
  });

  it('whose close does not come through tries again, after pauses, and not for ever', async () => {
    const close = expect(view.close()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    for (let attempt = 0; attempt < 9; attempt += 1) {
      await somethingIsSent();
      service.socket.refuse('CLOSE_CONVERSATION', 'UNAVAILABLE');
      await settled();
      expect(service.socket.sent).toEqual([]);
    }
    await close;
    await isQuiet();
  });

  it('whom closing is refused hears of it', async () => {
    const close = view.close();
    service.socket.refuse('CLOSE_CONVERSATION', 'CONVERSATION_CLOSED');
    await expect(close).rejects.toMatchObject({ code: 'CONVERSATION_CLOSED' });
  });
});

describe('typing', () => {
  const typings = () => service.socket.sent.splice(0).map(({ data }) => data.typing);

  it('is told at most every three seconds, and when it ends', async () => {
    await live();
    for (let key = 0; key < 70; key += 1) {
      view.typing();
      await service.clock.pass(100);
    }
    expect(typings()).toEqual([true, true, true]);
    await service.clock.pass(5_000);
    expect(typings()).toEqual([false]);
    await service.clock.pass(60_000);
    expect(typings()).toEqual([]);
  });

  it('ends with an emptied field, a message, or the focus', async () => {
    await live();
    view.typing();
    view.typing(false);
    view.typing(false);
    expect(typings()).toEqual([true, false]);
    view.typing();
    service.page.become({ focused: false });
    view.typing();
    expect(typings()).toEqual([true, false]);
    service.page.become({ focused: true });
    view.typing();
    view.send('hello');
    expect(service.socket.sent.map(({ event }) => event)).toEqual(['TYPING', 'SEND_MESSAGE']);
  });

  it('is not told to a room that this socket is not in', async () => {
    await live();
    service.socket.end(1001);
    view.typing();
    await service.clock.pass(4_000);
    view.typing();
    expect(service.socket.sent.map(({ event }) => event)).toEqual(['JOIN_CONVERSATION']);
  });

  it('of others is shown for eight seconds, until their message, or their `false`', async () => {
    await live();
    const tell = (typing: boolean) => service.socket.tell('TYPING', { conversationId: 'c', userId: 'alex', typing });
    tell(true);
    await service.clock.pass(7_999);
    expect(view.snapshot.typing).toEqual(['alex']);
    await service.clock.pass(1);
    expect(view.snapshot.typing).toEqual([]);
    tell(true);
    tell(false);
    // And of this person's other tab nobody is told here.
    service.socket.tell('TYPING', { conversationId: 'c', userId: 'kim', typing: true });
    expect(view.snapshot.typing).toEqual([]);
    tell(true);
    service.socket.tell('NEW_MESSAGE', message(1));
    expect(view.snapshot.typing).toEqual([]);
  });
});

describe('reading', () => {
  const marks = () => service.socket.sent.filter(({ event }) => event === 'MARK_READ').map(({ data }) => data.seq);

  it('is told at most once a second, the last word only', async () => {
    await live(5);
    expect(view.snapshot.unread).toBe(5);
    for (const seq of [1, 2, 3, 4, 5, 2]) view.markRead(seq);
    expect([marks(), view.snapshot.unread]).toEqual([[1], 0]);
    service.socket.answer('MARK_READ', 'MESSAGES_READ', { conversationId: 'c', userId: 'kim', seq: 1, readAt: 'x' });
    await service.clock.pass(999);
    expect(marks()).toEqual([]);
    await service.clock.pass(1);
    expect(marks()).toEqual([5]);
    service.socket.answer('MARK_READ', 'MESSAGES_READ', { conversationId: 'c', userId: 'kim', seq: 5, readAt: 'x' });
    await service.clock.pass(5_000);
    expect([marks(), view.snapshot.readSeqs]).toEqual([[], { kim: 5 }]);
  });

  it('is not done by a page that nobody looks at: what comes meanwhile is unread', async () => {
    await live(2);
    view.markRead();
    service.socket.answer('MARK_READ', 'MESSAGES_READ', { conversationId: 'c', userId: 'kim', seq: 2, readAt: 'x' });
    await service.clock.pass(1_000);
    service.page.become({ focused: false });
    service.socket.tell('NEW_MESSAGE', message(3));
    view.markRead();
    expect(view.snapshot.unread).toBe(1);
    const unread: (number | null)[] = [];
    view.on('change', (snapshot) => unread.push(snapshot.unread));
    service.page.become({ focused: true });
    await settled();
    expect([marks(), unread.at(-1)]).toEqual([[3], 0]);
  });

  it('that was seen is told when somebody looks away: the page may be gone within the second', async () => {
    await live(3);
    const answer = (seq: number) =>
      service.socket.answer('MARK_READ', 'MESSAGES_READ', { conversationId: 'c', userId: 'kim', seq, readAt: 'x' });
    view.markRead(1);
    answer(1);
    view.markRead(2);
    service.page.become({ focused: false });
    expect([marks(), view.snapshot.unread]).toEqual([[2], 1]);
    answer(2);
    // What is on the screen from now on nobody sees.
    view.markRead(3);
    await service.clock.pass(5_000);
    expect([marks(), view.snapshot.unread]).toEqual([[], 1]);
    service.page.become({ focused: true });
    expect(marks()).toEqual([3]);
    service.socket.refuse('MARK_READ', 'RATE_LIMITED', { retryAfter: 30 });
    await settled();
    service.page.become({ focused: false });
    expect(marks()).toEqual([]);
    await service.clock.pass(30_000);
    expect(marks()).toEqual([3]);
  });

  it.each([
    ['the view is forgotten', () => void client.forget('c')],
    ['the client is closed', () => client.close()],
  ])('that was seen is told when %s', async (_what, end) => {
    await live(2);
    view.markRead(1);
    service.socket.answer('MARK_READ', 'MESSAGES_READ', { conversationId: 'c', userId: 'kim', seq: 1, readAt: 'x' });
    view.markRead(2);
    end();
    expect(marks()).toEqual([2]);
    await service.clock.pass(10_000);
  });

  it('is told again on the next socket, where this one’s session was none', async () => {
    await live(2);
    view.markRead();
    service.socket.refuse('MARK_READ', 'INVALID_TOKEN');
    await settled();
    service.socket.end(1000);
    await service.clock.pass(6_000);
    expect(marks()).toEqual([2]);
  });

  it('that was refused while the conversation was somebody else’s is told once it is this person’s again', async () => {
    await live(1);
    view.markRead();
    service.socket.refuse('MARK_READ', 'NOT_FOUND');
    await service.clock.pass(230_000);
    expect(marks()).toEqual([]);
    await somethingIsSent();
    service.socket.answer(
      'JOIN_CONVERSATION',
      'CONVERSATION_JOINED',
      joined({ conversation: conversation({ lastSeq: 1 }), readSeqs: { kim: 0 } }),
    );
    await settled();
    expect(marks()).toEqual([1]);
  });

  it('is told once, though an answer comes after the next one was asked', async () => {
    await live(2);
    view.markRead(1);
    const first = service.socket.take('MARK_READ');
    await service.clock.pass(1_000);
    view.markRead(2);
    expect(marks()).toEqual([2]);
    service.socket.tell('MESSAGES_READ', { conversationId: 'c', userId: 'kim', seq: 1, readAt: 'x' }, first);
    await service.clock.pass(5_000);
    expect(marks()).toEqual([2]);
  });

  it.each([0, 3])('of what was closed meanwhile is known by what HTTP says is unread: %i', async (unread) => {
    service.handlers.getConversation = () => ({
      status: 200,
      body: { ...conversation({ lastSeq: 5, status: 'closed' }), unread },
    });
    service.handlers.listMessages = () => ({ status: 200, body: { items: messages(1, 5), nextAfterSeq: null } });
    const join = view.join();
    await settled();
    service.socket.refuse('JOIN_CONVERSATION', 'CONVERSATION_CLOSED');
    await join;
    expect(view.snapshot).toMatchObject({ state: 'ended', unread, readSeqs: { kim: 5 - unread } });
  });

  it('is not known by what HTTP says is unread, where that is more than is here', async () => {
    service.handlers.getConversation = () => ({
      status: 200,
      body: { ...conversation({ lastSeq: 10, status: 'closed' }), unread: 5 },
    });
    service.handlers.listMessages = () => ({ status: 200, body: { items: messages(9, 10), nextAfterSeq: null } });
    await view.join({ last: 2 });
    expect(view.snapshot).toMatchObject({ state: 'ended', unread: null, readSeqs: {} });
  });

  it('of what came after HTTP said what is unread is to be told', async () => {
    service.handlers.getConversation = () => ({ status: 200, body: { ...conversation({ lastSeq: 5 }), unread: 0 } });
    service.handlers.listMessages = () => ({ status: 200, body: { items: messages(1, 6), nextAfterSeq: null } });
    await view.refresh();
    expect(view.snapshot).toMatchObject({ unread: 1, readSeqs: { kim: 5 } });
    view.markRead();
    expect(marks()).toEqual([6]);
  });

  it('of a conversation that is closed while nobody looks stays unread', async () => {
    await live(1);
    view.update(conversation({ lastSeq: 1, unread: 0 } as never));
    view.markRead();
    service.socket.answer('MARK_READ', 'MESSAGES_READ', { conversationId: 'c', userId: 'kim', seq: 1, readAt: 'x' });
    service.page.become({ focused: false });
    for (const seq of [2, 3]) service.socket.tell('NEW_MESSAGE', message(seq));
    service.handlers.getConversation = () => ({
      status: 200,
      body: { ...conversation({ lastSeq: 3, status: 'closed' }), unread: 2 },
    });
    service.handlers.listMessages = () => ({ status: 200, body: { items: [], nextAfterSeq: null } });
    service.socket.tell('CONVERSATION_CLOSED', {
      conversationId: 'c',
      closedAt: '2026-01-02T00:00:00.000Z',
      closedBy: 'alex',
      lastSeq: 3,
    });
    await settled();
    expect(view.snapshot).toMatchObject({ state: 'ended', unread: 2 });
  });

  it('is not told while nobody looks, nor lost when the socket is', async () => {
    await live(2);
    service.page.become({ focused: false });
    view.markRead();
    await service.clock.pass(5_000);
    expect(marks()).toEqual([]);
    service.page.become({ focused: true });
    expect(marks()).toEqual([2]);
    service.socket.end(1001);
    await service.clock.pass(2_000);
    expect(marks()).toEqual([2]);
  });

  it('is told again where the service could not take it, and no more where it refuses', async () => {
    await live(2);
    view.markRead(1);
    service.socket.refuse('MARK_READ', 'UNAVAILABLE');
    await service.clock.pass(4_999);
    expect(marks()).toEqual([]);
    await service.clock.pass(1);
    expect(marks()).toEqual([1]);
    service.socket.refuse('MARK_READ', 'FORBIDDEN');
    await service.clock.pass(60_000);
    expect(marks()).toEqual([]);
    view.markRead(2);
    expect(marks()).toEqual([2]);
  });

  it('of more than there is counts for what there is', async () => {
    await live(3);
    view.markRead(1000);
    expect(marks()).toEqual([3]);
    service.socket.answer('MARK_READ', 'MESSAGES_READ', { conversationId: 'c', userId: 'kim', seq: 3, readAt: 'x' });
    await service.clock.pass(1_000);
    // What this person has said themselves is never unread.
    service.socket.tell('NEW_MESSAGE', message(4, { senderId: 'kim', senderRole: 'candidate' }));
    expect(view.snapshot.unread).toBe(0);
    service.socket.tell('NEW_MESSAGE', message(5));
    expect(view.snapshot.unread).toBe(1);
    view.markRead();
    expect(marks()).toEqual([5]);
  });

  it('is not done by who takes no part', async () => {
    client = await service.connected({ storagePrefix: 'sam:' }, session(user('sam', 'supervisor'), 't4'));
    view = client.conversation('c');
    service.handlers.getConversation = () => ({ status: 200, body: { ...conversation({ lastSeq: 1 }), unread: null } });
    const items = [message(1, { senderRole: 'candidate' })];
    service.handlers.listMessages = () => ({ status: 200, body: { items, nextAfterSeq: null } });
    await view.refresh();
    expect([seqs(), view.snapshot.unread]).toEqual([[1], null]);
  });

  it('of others is shown, and never goes back', async () => {
    await live(2);
    for (const seq of [2, 1])
      service.socket.tell('MESSAGES_READ', { conversationId: 'c', userId: 'alex', seq, readAt: 'x' });
    expect(view.snapshot.readSeqs).toEqual({ alex: 2 });
  });
});

it('shows who is there, until the socket is gone', async () => {
  await live();
  service.socket.tell('PARTICIPANT_JOINED', { conversationId: 'c', userId: 'alex' });
  service.socket.tell('PARTICIPANT_JOINED', { conversationId: 'c', userId: 'alex' });
  expect(view.snapshot.present).toEqual(['alex']);
  service.socket.tell('TYPING', { conversationId: 'c', userId: 'alex', typing: true });
  service.socket.tell('PARTICIPANT_LEFT', { conversationId: 'c', userId: 'alex' });
  expect([view.snapshot.present, view.snapshot.typing]).toEqual([[], []]);
  service.socket.tell('PARTICIPANT_JOINED', { conversationId: 'c', userId: 'alex' });
  service.socket.end(1001);
  await settled();
  expect(view.snapshot.present).toEqual([]);
});

it('shows nobody in a room that was left, nor an agent who has lost the conversation', async () => {
  await live();
  const come = () => {
    service.socket.tell('PARTICIPANT_JOINED', { conversationId: 'c', userId: 'alex' });
    service.socket.tell('TYPING', { conversationId: 'c', userId: 'alex', typing: true });
    expect(view.snapshot).toMatchObject({ present: ['alex'], typing: ['alex'] });
  };
  const tell = (revision: number, agentId: string | null) =>
    service.socket.tell('CONVERSATION_REQUEUED', { conversation: conversation({ revision, agentId }) });
  come();
  tell(3, null);
  expect(view.snapshot).toMatchObject({ present: [], typing: [] });
  tell(4, 'alex');
  come();
  tell(2, null);
  expect(view.snapshot.present).toEqual(['alex']);
  const leave = view.leave();
  service.socket.tell('PARTICIPANT_JOINED', { conversationId: 'c', userId: 'bo' });
  service.socket.tell('TYPING', { conversationId: 'c', userId: 'alex', typing: true });
  expect(view.snapshot).toMatchObject({ present: [], typing: [] });
  service.socket.answer('LEAVE_CONVERSATION', 'CONVERSATION_LEFT', { conversationId: 'c' });
  await leave;
});

it('knows who came or went while its join was not answered: the answer is of the moment it came in', async () => {
  const join = view.join();
  await settled();
  service.socket.tell('PARTICIPANT_JOINED', { conversationId: 'c', userId: 'alex' });
  service.socket.tell('PARTICIPANT_LEFT', { conversationId: 'c', userId: 'bo' });
  const answer = joined({ present: ['kim', 'bo'], readSeqs: { alex: 4 } });
  service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', answer);
  await join;
  expect([view.snapshot.present, view.snapshot.readSeqs]).toEqual([['kim', 'alex'], { alex: 4 }]);
  // What was told before it came in again is older than the answer.
  service.socket.end(1001);
  await service.clock.pass(1_000);
  service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ present: ['kim', 'bo'] }));
  await settled();
  expect(view.snapshot.present).toEqual(['kim', 'bo']);
});

it('shows another person nothing of this one', async () => {
  await live(3);
  await client.session.use(session(user('lee'), 't9'));
  await settled();
  expect(view.snapshot).toMatchObject({ messages: [], conversation: null, state: 'joining' });
  service.socket.refuse('JOIN_CONVERSATION', 'NOT_FOUND');
  await settled();
  expect(view.snapshot.state).toBe('ended');
});

it('takes nothing of another conversation, and undoes what `on` did', async () => {
  await live();
  const told: number[] = [];
  const undo = view.on('message', ({ seq }) => told.push(seq));
  service.socket.tell('NEW_MESSAGE', message(1, { conversationId: 'other' }));
  service.socket.tell('NEW_MESSAGE', message(1));
  undo();
  undo();
  service.socket.tell('NEW_MESSAGE', message(2));
  expect([told, seqs()]).toEqual([[1], [1, 2]]);
});

describe('a change of the person', () => {
  it('ends a join that nobody is left to wait for', async () => {
    const join = expect(view.join()).rejects.toMatchObject({ code: 'SIGNED_OUT' });
    await settled();
    service.handlers.logout = () => ({ status: 204 });
    await client.signOut();
    await join;
  });

  it('takes along nothing that the one before has read, or was refused', async () => {
    const said = [1, 2, 3].map((seq) => message(seq, { senderId: 'kim', senderRole: 'candidate' }));
    const join = view.join();
    await settled();
    service.socket.answer(
      'JOIN_CONVERSATION',
      'CONVERSATION_JOINED',
      joined({ messages: said, readSeqs: { alex: 0 } }),
    );
    await join;
    view.markRead();
    service.socket.answer('MARK_READ', 'MESSAGES_READ', { conversationId: 'c', userId: 'kim', seq: 3, readAt: 'x' });
    await settled();
    await client.session.use(session(user('alex', 'agent'), 't9'));
    await settled();
    expect([view.snapshot.messages, view.snapshot.readSeqs]).toEqual([[], {}]);
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined({ messages: said }));
    await service.clock.pass(1_000);
    expect([view.snapshot.state, view.snapshot.unread]).toEqual(['live', 3]);
    view.markRead();
    expect(service.socket.take('MARK_READ').data.seq).toBe(3);
    service.socket.tell('CONVERSATION_REQUEUED', { conversation: conversation({ revision: 2, agentId: null }) });
    await settled();
    service.socket.refuse('JOIN_CONVERSATION', 'NOT_FOUND');
    await settled();
    expect(view.snapshot.error?.code).toBe('NOT_FOUND');
    await client.session.use(session(user('kim'), 't10'));
    expect(view.snapshot.error).toBeNull();
  });

  it('begins with the last messages again, where only those are wanted', async () => {
    service.handlers.getConversation = () => ({ status: 200, body: conversation({ lastSeq: 9 }) });
    view.join({ last: 2 }).catch(() => undefined);
    for (const who of ['kim', 'alex']) {
      if (who === 'alex') await client.session.use(session(user('alex', 'agent'), 't9'));
      await settled();
      const { data } = service.socket.answer(
        'JOIN_CONVERSATION',
        'CONVERSATION_JOINED',
        joined({ messages: messages(8, 9) }),
      );
      await settled();
      expect([data.afterSeq, seqs()]).toEqual([7, [8, 9]]);
    }
  });

  it('sends nothing of the one before as the next, who is in the same room', async () => {
    await live();
    view.send('private');
    await client.session.use(session(user('alex', 'agent'), 't9'));
    await settled();
    service.socket.answer('JOIN_CONVERSATION', 'CONVERSATION_JOINED', joined());
    await service.clock.pass(5_000);
    expect([view.snapshot.state, view.snapshot.outbox, service.socket.sent]).toEqual(['live', [], []]);
  });

  it('says nothing more over the socket of the one before', async () => {
    await live();
    const before = service.socket;
    await client.session.use(session(user('lee'), 't9'));
    await settled();
    expect(before.sent).toEqual([]);
  });
});

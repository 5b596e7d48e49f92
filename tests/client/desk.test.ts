import type { StaffConversation } from '../../client/src/index.ts';
import { conversation, FakeService, session, settled, user } from './support/fakes.ts';

/** What the staff see and do: the live queue, and being available. */

let service: FakeService;
beforeEach(() => {
  service = new FakeService();
});
afterEach(() => service.close());

const waiting = (id: string, change: Partial<StaffConversation> = {}): StaffConversation => ({
  ...conversation({ id, status: 'open', agentId: null, agent: null }),
  candidate: { id: 'kim', name: 'kim', email: null },
  priority: 'normal',
  tags: [],
  requeues: 0,
  context: null,
  rating: null,
  ...change,
});

describe('the queue', () => {
  async function watched(...conversations: StaffConversation[]) {
    const { queue } = await service.connected({}, session(user('sam', 'supervisor')));
    const watch = queue.watch();
    await settled();
    service.socket.answer('WATCH_QUEUE', 'QUEUE_WATCHED', { conversations, nextCursor: null });
    await watch;
    return { queue, ids: () => queue.snapshot.conversations.map(({ id }) => id) };
  }
  const changed = (it: StaffConversation) =>
    service.socket.tell('QUEUE_CHANGED', { conversation: it, reason: 'edited' });

  it('is read page by page, the most urgent first, then the oldest', async () => {
    const { queue } = await service.connected({}, session(user('sam', 'supervisor')));
    const watch = queue.watch();
    await settled();
    service.socket.answer('WATCH_QUEUE', 'QUEUE_WATCHED', {
      conversations: [waiting('b', { createdAt: '2026-01-02' }), waiting('a')],
      nextCursor: 'more',
    });
    await settled();
    expect(queue.snapshot.state).toBe('loading');
    expect(
      service.socket.answer('WATCH_QUEUE', 'QUEUE_WATCHED', {
        conversations: [waiting('u', { priority: 'urgent', createdAt: '2026-01-03' })],
        nextCursor: null,
      }).data,
    ).toEqual({ cursor: 'more' });
    expect((await watch).conversations.map(({ id }) => id)).toEqual(['u', 'a', 'b']);
  });

  it('keeps what it has been told where a page, or a frame, is older', async () => {
    const { queue, ids } = await watched(waiting('a', { revision: 5, lastSeq: 3 }), waiting('b', { revision: 5 }));
    changed(waiting('a', { revision: 5, lastSeq: 2 }));
    expect(queue.snapshot.conversations[0]).toMatchObject({ id: 'a', lastSeq: 3 });
    service.socket.tell('QUEUE_STALE', {});
    await settled();
    const older = waiting('a', { revision: 4 });
    service.socket.answer('WATCH_QUEUE', 'QUEUE_WATCHED', { conversations: [older], nextCursor: null });
    await settled();
    expect(queue.snapshot.conversations).toMatchObject([{ id: 'a', revision: 5, lastSeq: 3 }]);
    // It was in no page: by then it had gone.
    changed(waiting('b', { revision: 5 }));
    expect(ids()).toEqual(['a']);
    changed(waiting('b', { revision: 6 }));
    expect(ids()).toEqual(['a', 'b']);
  });

  it('is read again with each ping, and on another socket where the session is said to be none', async () => {
    const { queue, ids } = await watched(waiting('a'));
    await service.clock.pass(240_000);
    service.socket.answer('WATCH_QUEUE', 'QUEUE_WATCHED', { conversations: [waiting('b')], nextCursor: null });
    await settled();
    expect(ids()).toEqual(['b']);
    service.socket.tell('QUEUE_STALE', {});
    await settled();
    service.socket.refuse('WATCH_QUEUE', 'INVALID_TOKEN');
    await service.clock.pass(2_000);
    expect(service.sockets).toHaveLength(2);
    service.socket.answer('WATCH_QUEUE', 'QUEUE_WATCHED', { conversations: [], nextCursor: null });
    await settled();
    expect([queue.snapshot.state, ids()]).toEqual(['live', []]);
  });

  it('is another one for another person, who sees nothing of this one', async () => {
    const client = await service.connected({}, session(user('sam', 'supervisor')));
    const watch = client.queue.watch();
    await settled();
    service.socket.answer('WATCH_QUEUE', 'QUEUE_WATCHED', { conversations: [waiting('a')], nextCursor: null });
    await watch;
    await client.session.use(session(user('bea', 'supervisor'), 't9'));
    expect(client.queue.snapshot).toMatchObject({ state: 'loading', conversations: [] });
    await settled();
    service.socket.answer('WATCH_QUEUE', 'QUEUE_WATCHED', { conversations: [waiting('b')], nextCursor: null });
    await settled();
    expect(client.queue.snapshot).toMatchObject({ state: 'live', conversations: [{ id: 'b' }] });
  });

  it('is not waited for where the connection is closed', async () => {
    const { queue } = await service.connected({}, session(user('sam', 'supervisor')));
    service.socket.tell('ERROR', { code: 'TOO_MANY_CONNECTIONS', message: 'too many', event: null });
    await expect(queue.watch()).rejects.toMatchObject({ code: 'TOO_MANY_CONNECTIONS' });
  });

  it('keeps the newer of two, and what was removed does not come back', async () => {
    const { ids } = await watched(waiting('a', { revision: 5 }));
    changed(waiting('a', { revision: 4, status: 'closed' }));
    expect(ids()).toEqual(['a']);
    service.socket.tell('QUEUE_REMOVED', { conversationId: 'a', revision: 4 });
    expect(ids()).toEqual(['a']);
    service.socket.tell('QUEUE_REMOVED', { conversationId: 'a', revision: 6 });
    changed(waiting('a', { revision: 5 }));
    changed(waiting('a', { revision: 6 }));
    expect(ids()).toEqual([]);
    changed(waiting('a', { revision: 7 }));
    expect(ids()).toEqual(['a']);
    changed(waiting('a', { revision: 8, status: 'assigned' }));
    expect(ids()).toEqual([]);
  });

  it('is watched again on a new socket: what is in no page and was not told since is gone', async () => {
    const { queue, ids } = await watched(waiting('a'), waiting('b'));
    service.socket.end(1001);
    await settled();
    expect([queue.snapshot.state, ids()]).toEqual(['loading', ['a', 'b']]);
    await service.clock.pass(1_000);
    changed(waiting('c'));
    service.socket.answer('WATCH_QUEUE', 'QUEUE_WATCHED', { conversations: [waiting('b')], nextCursor: null });
    await settled();
    expect([queue.snapshot.state, ids()]).toEqual(['live', ['b', 'c']]);
  });

  it('is watched again when it is stale, once more when it became so meanwhile', async () => {
    const { queue } = await watched();
    service.socket.tell('QUEUE_STALE', {});
    service.socket.tell('QUEUE_STALE', {});
    await settled();
    service.socket.answer('WATCH_QUEUE', 'QUEUE_WATCHED', { conversations: [], nextCursor: null });
    await settled();
    service.socket.answer('WATCH_QUEUE', 'QUEUE_WATCHED', { conversations: [waiting('a')], nextCursor: null });
    await settled();
    expect(queue.snapshot).toMatchObject({ state: 'live', conversations: [{ id: 'a' }] });
    expect(service.socket.sent).toEqual([]);
  });

  it('is not live on the socket that takes the place of the one before, until it is watched there', async () => {
    const { queue } = await service.connected({ replaceAfterMs: 100_000 }, session(user('sam', 'supervisor')));
    const watch = queue.watch();
    await settled();
    service.socket.answer('WATCH_QUEUE', 'QUEUE_WATCHED', { conversations: [], nextCursor: null });
    await watch;
    const before = service.socket;
    await service.clock.pass(99_000);
    expect(service.socket).not.toBe(before);
    service.socket.refuse('WATCH_QUEUE', 'RATE_LIMITED', { retryAfter: 30 });
    await settled();
    expect(queue.snapshot).toMatchObject({ state: 'loading', error: { code: 'RATE_LIMITED' } });
    await service.clock.pass(31_000);
    service.socket.answer('WATCH_QUEUE', 'QUEUE_WATCHED', { conversations: [waiting('a')], nextCursor: null });
    await settled();
    expect(queue.snapshot).toMatchObject({ state: 'live', error: null, conversations: [{ id: 'a' }] });
  });

  it('is tried again while it is unavailable, and given up where it is not allowed', async () => {
    const { queue } = await service.connected({}, session(user('sam', 'supervisor')));
    const watch = queue.watch();
    await settled();
    service.socket.refuse('WATCH_QUEUE', 'UNAVAILABLE');
    await settled();
    expect([queue.snapshot.error?.code, service.socket.sent]).toEqual(['UNAVAILABLE', []]);
    await service.clock.pass(1_000);
    service.socket.answer('WATCH_QUEUE', 'QUEUE_WATCHED', { conversations: [], nextCursor: null });
    expect(await watch).toMatchObject({ state: 'live', error: null });
    service.socket.tell('QUEUE_STALE', {});
    await settled();
    const again = queue.watch();
    service.socket.refuse('WATCH_QUEUE', 'FORBIDDEN');
    await expect(again).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(queue.snapshot.state).toBe('idle');
  });

  it('is watched no more when nobody wants it', async () => {
    const { queue, ids } = await watched(waiting('a'));
    const unwatch = queue.unwatch();
    service.socket.answer('UNWATCH_QUEUE', 'QUEUE_UNWATCHED', {});
    await unwatch;
    changed(waiting('b'));
    service.socket.end(1001);
    await service.clock.pass(2_000);
    expect([ids(), service.socket.sent]).toEqual([[], []]);
  });

  it('is watched again where the end of the watch before may have taken effect last', async () => {
    const { queue } = await watched();
    void queue.unwatch();
    const again = queue.watch();
    await settled();
    service.socket.answer('WATCH_QUEUE', 'QUEUE_WATCHED', { conversations: [], nextCursor: null });
    await again;
    service.socket.answer('UNWATCH_QUEUE', 'QUEUE_UNWATCHED', {});
    expect(queue.snapshot.state).toBe('loading');
    await settled();
    service.socket.answer('WATCH_QUEUE', 'QUEUE_WATCHED', { conversations: [], nextCursor: null });
    await settled();
    expect(queue.snapshot.state).toBe('live');
  });

  it('is watched no more after a page that was under way: the two could overtake each other', async () => {
    const { queue } = await service.connected({}, session(user('sam', 'supervisor')));
    void queue.watch();
    await settled();
    const unwatch = queue.unwatch();
    expect(service.socket.sent.map(({ event }) => event)).toEqual(['WATCH_QUEUE']);
    service.socket.answer('WATCH_QUEUE', 'QUEUE_WATCHED', { conversations: [waiting('a')], nextCursor: 'more' });
    await settled();
    expect([queue.snapshot.conversations, service.socket.sent.map(({ event }) => event)]).toEqual([
      [],
      ['UNWATCH_QUEUE'],
    ]);
    service.socket.answer('UNWATCH_QUEUE', 'QUEUE_UNWATCHED', {});
    await unwatch;
  });

  it('is watched no more at once, though a page was refused for a while', async () => {
    const { queue } = await watched();
    service.socket.tell('QUEUE_STALE', {});
    const unwatch = queue.unwatch();
    service.socket.refuse('WATCH_QUEUE', 'RATE_LIMITED', { retryAfter: 60 });
    await settled();
    expect(queue.snapshot).toMatchObject({ state: 'idle', error: null });
    service.socket.answer('UNWATCH_QUEUE', 'QUEUE_UNWATCHED', {});
    await unwatch;
  });

  it('tells of agents, and of what is not in it', async () => {
    const { queue } = await watched();
    const told: unknown[] = [];
    queue.on('agent', ({ id }) => told.push(id));
    queue.on('conversation', ({ conversation: { id }, reason }) => told.push([id, reason]));
    service.socket.tell('AGENT_CHANGED', { user: user('alex', 'agent') });
    service.socket.tell('QUEUE_CHANGED', { conversation: waiting('x', { status: 'closed' }), reason: 'closed' });
    expect(told).toEqual(['alex', ['x', 'closed']]);
  });
});

describe('availability', () => {
  const until = '2026-01-01T00:02:30.000Z';
  const sets = () => service.socket.sent.splice(0).map(({ data }) => data);

  async function available() {
    const { availability } = await service.connected({}, session(user('alex', 'agent')));
    const set = availability.set('available');
    service.socket.answer('SET_AVAILABILITY', 'AVAILABILITY_SET', { status: 'available', until });
    expect(await set).toEqual({ status: 'available', until });
    return availability;
  }

  it('is renewed each minute, and nothing makes anybody available but themselves', async () => {
    const { availability } = await service.connected({}, session(user('alex', 'agent')));
    await service.clock.pass(100_000);
    expect([availability.snapshot.status, sets()]).toEqual([null, []]);
    const set = availability.set('available');
    expect(service.socket.answer('SET_AVAILABILITY', 'AVAILABILITY_SET', { status: 'available', until }).data).toEqual({
      status: 'available',
    });
    await set;
    await service.clock.pass(59_999);
    expect(sets()).toEqual([]);
    await service.clock.pass(1);
    expect(sets()).toEqual([{ status: 'available', renew: true }]);
    // Without an answer the next minute tries again.
    await service.clock.pass(60_000);
    expect(sets()).toEqual([{ status: 'available', renew: true }]);
  });

  it('is renewed at once on a new socket', async () => {
    await available();
    service.socket.end(1001);
    await service.clock.pass(1_000);
    expect(sets()).toEqual([{ status: 'available', renew: true }]);
  });

  it('is renewed at once when somebody looks again', async () => {
    await available();
    await service.clock.pass(20_001);
    service.page.become({ focused: true });
    expect(sets()).toEqual([{ status: 'available', renew: true }]);
  });

  it('is one person’s', async () => {
    const client = await service.connected({}, session(user('alex', 'agent')));
    const set = client.availability.set('available');
    service.socket.answer('SET_AVAILABILITY', 'AVAILABILITY_SET', { status: 'available', until });
    await set;
    await client.session.use(session(user('andy', 'agent'), 't9'));
    await service.clock.pass(200_000);
    expect([client.availability.snapshot, sets()]).toEqual([{ status: null, until: null }, []]);
  });

  it('that was ended is over, whoever ended it', async () => {
    const availability = await available();
    const told: unknown[] = [];
    availability.on('change', ({ status }) => told.push(status));
    service.socket.tell('AVAILABILITY_SET', { status: 'away', until: null });
    await service.clock.pass(200_000);
    service.socket.end(1001);
    await service.clock.pass(5_000);
    expect([told, sets()]).toEqual([['away'], []]);
  });

  it('that the person has ended is over, though a renewal from before is answered after that', async () => {
    const availability = await available();
    await service.clock.pass(60_000);
    const renewal = service.socket.take('SET_AVAILABILITY');
    const set = availability.set('away');
    service.socket.answer('SET_AVAILABILITY', 'AVAILABILITY_SET', { status: 'away', until: null });
    await set;
    service.socket.tell('AVAILABILITY_SET', { status: 'available', until }, renewal);
    await settled();
    expect(availability.snapshot.status).toBe('away');
  });

  it('is said once what was said before is answered: two at once could take effect in either order', async () => {
    const { availability } = await service.connected({}, session(user('alex', 'agent')));
    const first = availability.set('available');
    const second = availability.set('away');
    await settled();
    expect(service.socket.sent.map(({ data }) => data)).toEqual([{ status: 'available' }]);
    service.socket.answer('SET_AVAILABILITY', 'AVAILABILITY_SET', { status: 'available', until });
    await first;
    await settled();
    service.socket.answer('SET_AVAILABILITY', 'AVAILABILITY_SET', { status: 'away', until: null });
    expect(await second).toEqual({ status: 'away', until: null });
    const third = availability.set('available');
    expect(sets()).toEqual([{ status: 'available' }]);
    await expect(Promise.all([third, service.clock.pass(10_000)])).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  it('that waits for its turn is not said as the next person', async () => {
    const client = await service.connected({}, session(user('alex', 'agent')));
    const said = [client.availability.set('available'), client.availability.set('away')];
    const refused = said.map((set) => expect(set).rejects.toMatchObject({ code: 'SIGNED_OUT' }));
    await client.session.use(session(user('andy', 'agent'), 't9'));
    await Promise.all(refused);
    await settled();
    expect(sets()).toEqual([]);
  });

  it('of which the answer is lost is known from the next renewal', async () => {
    const { availability } = await service.connected({}, session(user('alex', 'agent')));
    const set = availability.set('available');
    service.socket.refuse('SET_AVAILABILITY', 'UNAVAILABLE');
    await expect(set).rejects.toMatchObject({ outcomeUnknown: true });
    await service.clock.pass(60_000);
    service.socket.answer('SET_AVAILABILITY', 'AVAILABILITY_SET', { status: 'available', until });
    await settled();
    expect(availability.snapshot.status).toBe('available');
  });

  it('of before a reload is found, without beginning it, by one question', async () => {
    service.opens = false;
    const { availability } = await service.connected({}, session(user('alex', 'agent')));
    const resume = availability.resume();
    await settled();
    service.socket.open();
    await settled();
    expect(service.socket.sent).toHaveLength(1);
    expect(service.socket.answer('SET_AVAILABILITY', 'AVAILABILITY_SET', { status: 'away', until: null }).data).toEqual(
      { status: 'available', renew: true },
    );
    expect(await resume).toEqual({ status: 'away', until: null });
  });

  it('of before a reload is not asked for again once it was refused, or the person has said otherwise', async () => {
    const { availability } = await service.connected({}, session(user('sam', 'supervisor')));
    const resume = availability.resume();
    service.socket.refuse('SET_AVAILABILITY', 'FORBIDDEN');
    await expect(resume).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await service.clock.pass(200_000);
    expect(sets()).toEqual([]);
  });

  it('of before a reload is asked for again on the next socket, where this one’s session was none', async () => {
    const { availability } = await service.connected({}, session(user('alex', 'agent')));
    const resume = availability.resume();
    service.socket.refuse('SET_AVAILABILITY', 'INVALID_TOKEN');
    await expect(resume).rejects.toMatchObject({ code: 'INVALID_TOKEN' });
    service.socket.end(1000);
    await service.clock.pass(3_000);
    expect(sets()).toEqual([{ status: 'available', renew: true }]);
  });

  it('of before a reload is asked for again once there is a connection, where that was closed', async () => {
    const { availability, connection } = await service.connected({}, session(user('alex', 'agent')));
    connection.close();
    await expect(availability.resume()).rejects.toMatchObject({ code: 'CLOSED' });
    connection.connect();
    await settled();
    expect(sets()).toEqual([{ status: 'available', renew: true }]);
  });

  it('that ended meanwhile is over, though a renewal from before is answered after that', async () => {
    const availability = await available();
    await service.clock.pass(60_000);
    const renewal = service.socket.take('SET_AVAILABILITY');
    service.socket.tell('AVAILABILITY_SET', { status: 'away', until: null });
    service.socket.tell('AVAILABILITY_SET', { status: 'available', until }, renewal);
    await settled();
    expect(availability.snapshot.status).toBe('away');
  });

  it('of before a reload is asked for until there is an answer, however long the connection takes', async () => {
    service.opens = false;
    const { availability } = await service.connected({}, session(user('alex', 'agent')));
    const resume = availability.resume();
    resume.catch(() => undefined);
    await service.clock.pass(12_000);
    await expect(resume).rejects.toMatchObject({ code: 'TIMEOUT' });
    service.socket.open();
    await settled();
    expect(sets()).toEqual([{ status: 'available', renew: true }]);
    // Nor does a refusal end it.
    await service.clock.pass(60_000);
    service.socket.answer('SET_AVAILABILITY', 'AVAILABILITY_SET', { status: 'available', until });
    await settled();
    expect(availability.snapshot.status).toBe('available');
    expect(sets()).toEqual([]);
  });
});

import { isLiveSupportError, type LiveSupportClient, localLocks, memoryStorage } from '../../client/src/index.ts';
import { FakeClock, FakeService, gate, problem, session, settled, sharedStorage, user } from './support/fakes.ts';

/** Who is signed in: one refresh at a time, repeated while that is safe, and never after. */

let service: FakeService;
beforeEach(() => {
  service = new FakeService();
});
afterEach(() => service.close());

const renewed = (token = 't2') => ({ status: 200, body: session(user(), token) });
/** Answers a refresh once the test opens what this returns. */
function answersLate(
  answer: () => ReturnType<typeof renewed> | ReturnType<typeof problem> | 'lost',
): ReturnType<typeof gate> {
  const late = gate();
  service.handlers.refreshSession = async () => {
    await late.opened;
    return answer();
  };
  return late;
}
const refreshes = () =>
  service.requests.flatMap(({ operation, body }) =>
    operation === 'refreshSession' ? [(body as { refreshToken: string }).refreshToken] : [],
  );

/** With what a call is refused, once it is: a call that goes on for ever fails the test at once. */
function codeOf(call: Promise<unknown>): { code: string | undefined } {
  const outcome: { code: string | undefined } = { code: undefined };
  call.catch((error: unknown) => {
    outcome.code = isLiveSupportError(error) ? error.code : String(error);
  });
  return outcome;
}

describe('an access token', () => {
  it('is used as long as it lasts', async () => {
    const client = service.client();
    await client.session.use(session());
    await client.http.getMe();
    await service.clock.pass(860_000);
    await client.http.getMe();
    expect(service.requests.map(({ token }) => token)).toEqual(['t1', 't1']);
  });

  it('is renewed once, for all who need one', async () => {
    const client = service.client();
    await client.session.use(session());
    service.handlers.refreshSession = () => renewed();
    await service.clock.pass(880_000);
    await Promise.all([client.http.getMe(), client.http.getMe(), client.http.getMe()]);
    expect(service.calls('refreshSession')).toBe(1);
    expect(service.requests.filter(({ operation }) => operation === 'getMe').map(({ token }) => token)).toEqual([
      't2',
      't2',
      't2',
    ]);
  });

  it('that is refused is renewed, and the call made once more', async () => {
    const client = service.client();
    await client.session.use(session());
    service.handlers.refreshSession = () => renewed();
    service.handlers.getMe = ({ token }) =>
      token === 't1' ? problem(401, 'INVALID_TOKEN') : { status: 200, body: user() };
    expect(await client.http.getMe()).toEqual(user());
    service.handlers.getMe = () => problem(401, 'INVALID_TOKEN');
    await expect(client.http.getMe()).rejects.toMatchObject({ code: 'INVALID_TOKEN', status: 401 });
    expect(service.calls('getMe')).toBe(4);
  });

  it('is of who was signed in by another tab while the one there was could not be renewed', async () => {
    const [shared, locks] = [sharedStorage(), localLocks()];
    let asked = 0;
    const getSession = async () => {
      asked += 1;
      return null;
    };
    const [one, other] = [shared.tab(), shared.tab()].map((storage) => service.client({ storage, locks, getSession }));
    if (!one || !other) throw new Error('two clients are needed');
    await one.session.use(session());
    await service.clock.pass(880_000);
    // A visitor who has become a customer: the session of before is over.
    service.handlers.refreshSession = () => {
      void other.session.use(session(user('ada'), 't9'));
      return problem(401, 'INVALID_TOKEN');
    };
    expect(await one.session.accessToken()).toBe('t9');
    expect([one.session.user?.id, other.session.user?.id, asked]).toEqual(['ada', 'ada', 0]);
  });

  it('is not renewed because a password is wrong', async () => {
    const client = service.client();
    await client.session.use(session());
    service.handlers.changePassword = () => problem(401, 'INVALID_CREDENTIALS');
    await expect(
      client.http.changePassword({ body: { currentPassword: 'x', newPassword: 'y' } }),
    ).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
    expect(service.calls('refreshSession')).toBe(0);
  });
});

describe('two tabs', () => {
  it('renew once', async () => {
    const [storage, locks] = [sharedStorage(), localLocks()];
    const [one, two] = [
      service.client({ storage: storage.tab(), locks }),
      service.client({ storage: storage.tab(), locks }),
    ];
    await one.session.use(session(user(), 't1', 0));
    service.handlers.refreshSession = () => renewed();
    await Promise.all([one.http.getMe(), two.http.getMe()]);
    expect(refreshes()).toEqual(['refresh-t1']);
  });

  describe.each([
    ['at once', 0, 10_000],
    ['20 seconds later', 20_000, 0],
  ])('of which one falls asleep in the middle of a refresh, and the other needs it %s', (_when, later, within) => {
    it('stay signed in: the other sends the same token in time', async () => {
      const [storage, locks] = [sharedStorage(), localLocks()];
      const asleep = service.client({ storage: storage.tab(), locks, clock: new FakeClock() });
      const awake = service.client({ storage: storage.tab(), locks });
      await awake.session.use(session(user(), 't1', 0));
      const late = answersLate(renewed);
      const sleepers = asleep.http.getMe();
      await settled();
      await service.clock.pass(later);
      service.handlers.refreshSession = () => renewed();
      const call = awake.http.getMe();
      call.catch(() => undefined);
      await service.clock.pass(within);
      expect(refreshes()).toEqual(['refresh-t1', 'refresh-t1']);
      late.open();
      expect(await Promise.all([call, sleepers])).toEqual([user(), user()]);
    });
  });

  it('ask getSession one at a time, for as long as a person takes', async () => {
    const [storage, locks, answer] = [sharedStorage(), localLocks(), gate()];
    let asked = 0;
    const getSession = async () => {
      asked += 1;
      await answer.opened;
      return session();
    };
    const clients = [1, 2].map(() => service.client({ storage: storage.tab(), locks, getSession }));
    const calls = clients.map((client) => client.http.getMe());
    await service.clock.pass(50_000);
    expect(asked).toBe(1);
    answer.open();
    expect(await Promise.all(calls)).toEqual([user(), user()]);
    expect(asked).toBe(1);
  });

  it('tell each other who is signed in', async () => {
    const [storage, locks] = [sharedStorage(), localLocks()];
    const [one, two] = [
      service.client({ storage: storage.tab(), locks }),
      service.client({ storage: storage.tab(), locks }),
    ];
    const heard: unknown[] = [];
    two.session.on('change', ({ user: who, reason }) => heard.push([who?.id ?? null, reason]));
    await one.session.use(session());
    await settled();
    service.handlers.logout = () => ({ status: 204 });
    await one.signOut();
    await settled();
    expect(heard).toEqual([
      ['kim', 'restored'],
      [null, 'signedOut'],
    ]);
    expect(service.calls('logout')).toBe(1);
  });
});

describe('a refresh without an answer', () => {
  it.each([
    ['lost', () => 'lost' as const],
    ['UNAVAILABLE', () => problem(503, 'UNAVAILABLE', { 'retry-after': '1' })],
    ['silence', () => 'silence' as const],
    ['504 of a proxy with a code of its own', () => ({ status: 504, body: { code: 'GATEWAY_TIMEOUT' } })],
  ])('(%s) is repeated with the same token', async (_how, first) => {
    const client = service.client();
    await client.session.use(session(user(), 't1', 0));
    let times = 0;
    service.handlers.refreshSession = () => {
      times += 1;
      return times <= 2 ? first() : renewed();
    };
    const call = client.http.getMe();
    await service.clock.pass(24_000);
    expect(await call).toEqual(user());
    expect(refreshes()).toEqual(['refresh-t1', 'refresh-t1', 'refresh-t1']);
  });

  it('is repeated when the service says so, and before it is too late', async () => {
    for (const seconds of [2, 120]) {
      const client = service.client();
      await client.session.use(session(user(), 't1', 0));
      service.handlers.refreshSession = () => problem(503, 'UNAVAILABLE', { 'retry-after': String(seconds) });
      const call = client.http.getMe();
      call.catch(() => undefined);
      await service.clock.pass(1_999);
      expect(refreshes()).toEqual(['refresh-t1']);
      service.handlers.refreshSession = () => renewed();
      await service.clock.pass(8_000);
      expect(refreshes()).toEqual(['refresh-t1', 'refresh-t1']);
      expect(await call).toEqual(user());
      service.requests.length = 0;
    }
  });

  it('is not repeated when it would pass for a theft', async () => {
    const client = service.client();
    await client.session.use(session(user(), 't1', 0));
    service.handlers.refreshSession = () => 'lost';
    const outcome = codeOf(client.http.getMe());
    await service.clock.pass(29_000);
    expect(outcome.code).toBe('SIGNED_OUT');
    const sent = service.calls('refreshSession');
    await service.clock.pass(600_000);
    expect(service.calls('refreshSession')).toBe(sent);
    expect(client.session.user).toBeNull();
  });

  it.each([
    ['its answer', renewed(), 't2'],
    ['that there were too many', problem(429, 'RATE_LIMITED', { 'retry-after': '1' }), 't3'],
  ])('because the client was closed signs nobody out: %s is kept for the next page', async (_what, answer, token) => {
    const storage = memoryStorage();
    const client = service.client({ storage });
    await client.session.use(session(user(), 't1', 0));
    const late = answersLate(() => answer);
    const calls = [codeOf(client.http.getMe()), codeOf(client.session.accessToken())];
    await settled();
    client.close();
    await settled();
    expect(calls.map(({ code }) => code)).toEqual(['CLOSED', 'CLOSED']);
    late.open();
    await service.clock.pass(60_000);
    expect([service.calls('refreshSession'), service.clock.waiting]).toEqual([1, 0]);
    const next = service.client({ storage });
    service.handlers.refreshSession = () => renewed('t3');
    expect(await next.session.accessToken()).toBe(token);
  });

  it.each([
    ['lost', () => 'lost' as const],
    ['INVALID_TOKEN', () => problem(401, 'INVALID_TOKEN')],
  ])('(%s) of a client that is closed is not repeated, and asks nobody', async (_how, answer) => {
    let asked = 0;
    const client = service.client({
      getSession: async () => {
        asked += 1;
        return null;
      },
    });
    await client.session.use(session(user(), 't1', 0));
    const late = answersLate(answer);
    const outcome = codeOf(client.http.getMe());
    await settled();
    client.close();
    late.open();
    await service.clock.pass(60_000);
    expect([outcome.code, service.calls('refreshSession'), asked, service.clock.waiting]).toEqual(['CLOSED', 1, 0, 0]);
  });

  it('for as long as the machine slept has one as it wakes up', async () => {
    const client = service.client();
    await client.session.use(session(user(), 't1', 0));
    const late = answersLate(renewed);
    const outcome = codeOf(client.http.getMe());
    await settled();
    service.clock.sleep(3_600_000);
    // The timers that are overdue come before what the network has brought.
    await service.clock.pass(0);
    late.open();
    await service.clock.pass(1_000);
    expect([outcome.code, client.session.user?.id, refreshes()]).toEqual([undefined, 'kim', ['refresh-t1']]);
  });

  it('counts from its first sending, across reloads', async () => {
    const storage = memoryStorage();
    const first = service.client({ storage });
    await first.session.use(session(user(), 't1', 0));
    service.handlers.refreshSession = () => 'silence';
    void first.http.getMe().catch(() => undefined);
    await settled();
    first.close();
    await service.clock.pass(10_000);
    service.handlers.refreshSession = () => renewed();
    const second = service.client({ storage });
    expect(await second.http.getMe()).toEqual(user());
    expect(refreshes()).toEqual(['refresh-t1', 'refresh-t1']);
  });

  it('is not repeated after a reload that comes too late', async () => {
    const storage = memoryStorage();
    const first = service.client({ storage });
    await first.session.use(session(user(), 't1', 0));
    service.handlers.refreshSession = () => 'silence';
    void first.http.getMe().catch(() => undefined);
    await settled();
    first.close();
    await service.clock.pass(26_000);
    const outcome = codeOf(service.client({ storage }).http.getMe());
    await settled();
    expect(outcome.code).toBe('SIGNED_OUT');
    expect(service.calls('refreshSession')).toBe(1);
  });

  it('is not begun while the service can’t be reached: a tunnel signs nobody out', async () => {
    const client = service.client();
    await client.session.use(session(user(), 't1', 0));
    service.handlers.health = () => 'lost';
    const call = expect(client.http.getMe()).rejects.toMatchObject({ code: 'NETWORK', retryable: true });
    await service.clock.pass(60_000);
    await call;
    expect(service.calls('refreshSession')).toBe(0);
    service.handlers.health = () => ({ status: 200, body: {} });
    service.handlers.refreshSession = () => renewed();
    expect(await client.http.getMe()).toEqual(user());
  });

  it('is not begun right after the last answer either, once nothing can be reached', async () => {
    const client = service.client();
    await client.session.use(session(user(), 't1', 0));
    await client.http.getDesk().catch(() => undefined);
    service.handlers.health = () => 'lost';
    service.handlers.refreshSession = () => 'lost';
    const call = expect(client.http.getMe()).rejects.toMatchObject({ code: 'NETWORK', retryable: true });
    await service.clock.pass(60_000);
    await call;
    expect([client.session.user?.id, service.calls('refreshSession')]).toEqual(['kim', 0]);
  });

  it('is not begun while the database can’t be reached: an outage signs nobody out', async () => {
    const client = await service.connected();
    await service.clock.pass(880_000);
    service.handlers.health = () => problem(503, 'UNAVAILABLE');
    service.handlers.getMe = () => problem(503, 'UNAVAILABLE');
    service.socket.end(1006);
    await service.clock.pass(60_000);
    expect([client.session.user?.id, service.calls('refreshSession')]).toEqual(['kim', 0]);
    expect(client.connection.status).toMatchObject({ state: 'waiting', reason: 'unavailable' });
  });

  it('behind a page that answers everything is tried once, and leaves the token unspent', async () => {
    const client = service.client();
    await client.session.use(session(user(), 't1', 0));
    service.handlers.refreshSession = () => ({ status: 200, body: '<html>', headers: { 'content-type': 'text/html' } });
    await expect(client.http.getMe()).rejects.toMatchObject({ code: 'UNEXPECTED' });
    await service.clock.pass(120_000);
    expect([client.session.user?.id, service.calls('refreshSession')]).toEqual(['kim', 1]);
    service.handlers.refreshSession = () => renewed();
    expect(await client.http.getMe()).toEqual(user());
  });

  it('is not begun behind a page that answers everything', async () => {
    const client = service.client();
    await client.session.use(session(user(), 't1', 0));
    service.handlers.health = () => ({ status: 200, body: '<html>', headers: { 'content-type': 'text/html' } });
    await expect(client.http.getMe()).rejects.toMatchObject({ code: 'UNEXPECTED' });
    expect([client.session.user?.id, service.calls('refreshSession')]).toEqual(['kim', 0]);
  });

  it('because there were too many leaves the token unspent', async () => {
    const client = service.client({ requestRetries: 0 });
    await client.session.use(session(user(), 't1', 0));
    service.handlers.refreshSession = () => problem(429, 'RATE_LIMITED', { 'retry-after': '60' });
    await expect(client.http.getMe()).rejects.toMatchObject({ code: 'RATE_LIMITED', retryAfter: 60 });
    await service.clock.pass(120_000);
    service.handlers.refreshSession = () => renewed();
    expect(await client.http.getMe()).toEqual(user());
  });
});

it('a refresh that may have had its effect is not taken for unsent, though the one after it was refused', async () => {
  const client = service.client({ requestRetries: 0 });
  await client.session.use(session(user(), 't1', 0));
  service.handlers.refreshSession = () =>
    service.calls('refreshSession') === 1 ? 'lost' : problem(429, 'RATE_LIMITED', { 'retry-after': '60' });
  const outcome = codeOf(client.http.getMe());
  await service.clock.pass(5_000);
  expect([outcome.code, service.calls('refreshSession')]).toEqual(['RATE_LIMITED', 2]);
  await service.clock.pass(60_000);
  // By now it would pass for a theft.
  await expect(client.http.getMe()).rejects.toMatchObject({ code: 'SIGNED_OUT' });
  expect(service.calls('refreshSession')).toBe(2);
});

describe('a session that has ended', () => {
  it.each([
    [401, 'INVALID_TOKEN'],
    [400, 'VALIDATION_FAILED'],
  ])('signs out (%i %s)', async (status, code) => {
    const client = service.client();
    const heard: unknown[] = [];
    client.session.on('change', ({ user: who, reason }) => heard.push([who?.id ?? null, reason]));
    await client.session.use(session(user(), 't1', 0));
    service.handlers.refreshSession = () => problem(status, code);
    await expect(client.http.getMe()).rejects.toMatchObject({ code: 'SIGNED_OUT' });
    expect(heard).toEqual([
      ['kim', 'signedIn'],
      [null, 'ended'],
    ]);
  });

  it('is followed by the one that getSession makes', async () => {
    let asked = 0;
    const client = service.client({
      getSession: async () => {
        asked += 1;
        return session(user(), `made-${asked}`, asked === 1 ? 0 : 900);
      },
    });
    service.handlers.refreshSession = () => problem(401, 'INVALID_TOKEN');
    expect(await client.http.getMe()).toEqual(user());
    expect(asked).toBe(2);
    expect(service.requests.at(-1)?.token).toBe('made-2');
  });

  it('stays so where getSession has none', async () => {
    const client = service.client({ getSession: async () => null });
    await expect(client.http.getMe()).rejects.toMatchObject({ code: 'SIGNED_OUT' });
  });
});

describe('what comes late', () => {
  it.each([
    ['nobody', null],
    ['another person', session(user('visitor'), 'tv')],
  ])('from getSession (%s) leaves who has signed in meanwhile', async (_who, answer) => {
    const late = gate();
    const client = service.client({ getSession: () => late.opened.then(() => answer) });
    client.connection.connect();
    await settled();
    await client.session.use(session());
    await settled();
    expect(client.connection.status.state).toBe('ready');
    late.open();
    await settled();
    expect(client.session.user?.id).toBe('kim');
    expect(service.sockets.map(({ protocols }) => protocols[1])).toEqual(['t1']);
  });

  it.each([
    ['signOut', (client: LiveSupportClient) => client.signOut()],
    ['end', (client: LiveSupportClient) => client.session.end()],
  ])('from getSession is not waited for once nobody wants to be signed in: %s', async (_how, leave) => {
    let asked: AbortSignal | undefined;
    const late = gate();
    const client = service.client({
      getSession: async ({ signal }) => {
        asked = signal;
        await late.opened;
        return session();
      },
    });
    const outcome = codeOf(client.http.getMe());
    await settled();
    await leave(client);
    await settled();
    expect([outcome.code, asked?.aborted]).toEqual(['SIGNED_OUT', true]);
    late.open();
    await settled();
    expect(client.session.user).toBeNull();
  });

  describe.each(['refreshSession', 'health'] as const)('from %s', (operation) => {
    it.each([
      ['signed in in another tab', 'bob', true],
      ['signed out in another tab', null, true],
      ['signed in in another tab, of which nobody is told', 'bob', false],
    ])('leaves who has %s', async (_how, who, isHeard) => {
      const [shared, locks, late] = [sharedStorage(), localLocks(), gate()];
      const other = service.client({ storage: shared.tab(), locks });
      const { subscribe, ...deaf } = shared.tab();
      const slow = service.client({ storage: isHeard && subscribe ? { ...deaf, subscribe } : deaf, locks });
      await other.session.use(session(user('ann')));
      await service.clock.pass(880_000);
      const answer = service.handlers[operation];
      service.handlers[operation] = async (request) => {
        await late.opened;
        return (await answer?.(request)) ?? 'lost';
      };
      const outcome = codeOf(slow.http.getMe());
      await settled();
      expect(service.calls(operation)).toBe(1);
      await (who ? other.session.use(session(user(who), 'tb')) : other.session.end());
      await settled();
      late.open();
      await settled();
      await Promise.all([slow.session.restore(), other.session.restore()]);
      expect([slow, other].map((client) => client.session.user?.id ?? null)).toEqual([who, who]);
      // What was asked for as ann is not given to somebody else.
      expect([outcome.code, service.calls('getMe')]).toEqual(['SIGNED_OUT', 0]);
    });
  });

  it('from a sign-in counts for nothing once somebody has signed out, or begun to sign in, after it', async () => {
    const [late, client] = [gate(), service.client()];
    const body = { email: 'a@example.com', password: 'x' };
    service.handlers.login = async () => {
      await late.opened;
      return { status: 200, body: session(user('ann'), 'ta') };
    };
    const first = codeOf(client.signIn(body));
    await settled();
    await client.signOut();
    const second = codeOf(client.signIn(body));
    await settled();
    service.handlers.register = () => ({ status: 201, body: session(user('bob'), 'tb') });
    await client.register({ ...body, name: 'bob' });
    late.open();
    await settled();
    expect([first.code, second.code, client.session.user?.id]).toEqual(['SIGNED_OUT', 'SIGNED_OUT', 'bob']);
  });

  it('from a slow storage is not who is signed in', async () => {
    const [kept, late] = [memoryStorage(), gate()];
    let isSlow = false;
    const client = service.client({
      storage: {
        ...kept,
        get: async (key) => {
          const text = await kept.get(key);
          if (isSlow) await late.opened;
          return text;
        },
      },
    });
    await client.session.use(session(user('ann'), 'ta'));
    const heard: unknown[] = [];
    client.session.on('change', ({ user: who }) => heard.push(who?.id));
    isSlow = true;
    const looking = client.session.restore();
    await settled();
    await client.session.use(session(user('bob'), 'tb'));
    isSlow = false;
    late.open();
    expect([(await looking)?.id, heard]).toEqual(['bob', ['bob']]);
  });
});

describe('a storage that takes its time', () => {
  it('keeps what was written last', async () => {
    const [kept, late] = [memoryStorage(), gate()];
    let isSlow = true;
    const set = async (key: string, value: string) => {
      const isLate = isSlow;
      isSlow = false;
      if (isLate) await late.opened;
      await kept.set(key, value);
    };
    const client = service.client({ storage: { ...kept, set } });
    const heard: unknown[] = [];
    client.session.on('change', ({ user: who }) => heard.push(who?.id ?? null));
    const all = [client.session.use(session(user('ann'), 'ta')), client.session.use(session(user('bob'), 'tb'))];
    all.push(client.session.end());
    await settled();
    late.open();
    await Promise.all(all);
    expect([await client.session.restore(), await kept.get('live-support:session')]).toEqual([null, null]);
    expect(heard).toEqual(['ann', 'bob', null]);
  });

  it('and has no room brings nobody back who has signed out', async () => {
    const full = () => {
      throw new Error('QuotaExceededError');
    };
    const client = service.client({ storage: { ...memoryStorage(), set: full } });
    await Promise.all([client.session.use(session()), client.session.end()]);
    expect(await client.session.restore()).toBeNull();
  });

  it('is believed in the order in which it was asked', async () => {
    const [shared, late] = [sharedStorage(), gate()];
    const [tab, other] = [shared.tab(), service.client({ storage: shared.tab() })];
    let isSlow = false;
    const get = async (key: string) => {
      const text = await tab.get(key);
      const isLate = isSlow;
      isSlow = false;
      if (isLate) await late.opened;
      return text;
    };
    const client = service.client({ storage: { ...tab, get } });
    await other.session.use(session(user('ann'), 'ta'));
    await settled();
    isSlow = true;
    const looking = client.session.restore();
    await settled();
    await other.session.use(session(user('bob'), 'tb'));
    await settled();
    late.open();
    expect([(await looking)?.id, client.session.user?.id]).toEqual(['bob', 'bob']);
  });
});

describe('signing out', () => {
  const logouts = () => service.requests.flatMap(({ operation, token }) => (operation === 'logout' ? [token] : []));

  it('is done here at once, and leaves who signs in next', async () => {
    const client = service.client();
    await client.session.use(session(user('ann'), 'ta'));
    service.handlers.logout = () => 'silence';
    const leaving = client.signOut();
    await settled();
    expect(client.session.user).toBeNull();
    await client.session.use(session(user('bob'), 'tb'));
    await service.clock.pass(5_000);
    await leaving;
    expect([client.session.user?.id, logouts()]).toEqual(['bob', ['ta']]);
  });

  it('with a token that the service takes for expired already is told with another one', async () => {
    const client = service.client();
    await client.session.use(session());
    service.handlers.logout = ({ token }) => (token === 't1' ? problem(401, 'INVALID_TOKEN') : { status: 204 });
    await client.signOut();
    expect(logouts()).toEqual(['t1', 't2']);
  });

  it('leaves who signs in before the storage is read', async () => {
    const client = service.client();
    await client.session.use(session(user('ann'), 'ta'));
    const leaving = client.signOut();
    await client.session.use(session(user('bob'), 'tb'));
    await leaving;
    expect(client.session.user?.id).toBe('bob');
  });

  it('with a token that has expired takes no longer, and makes no session in order to end it', async () => {
    let made = 0;
    const client = service.client({
      getSession: async () => {
        made += 1;
        return session();
      },
    });
    service.handlers.logout = () => ({ status: 204 });
    await client.session.use(session(user(), 't1', 0));
    await client.signOut();
    expect(logouts()).toEqual(['t2']);
    await client.session.use(session(user(), 't1', 0));
    service.handlers.refreshSession = () => 'silence';
    const leaving = client.signOut();
    await settled();
    expect(client.session.user).toBeNull();
    await service.clock.pass(5_000);
    await leaving;
    expect([made, logouts()]).toEqual([0, ['t2']]);
  });
});

describe('a visitor who becomes a customer', () => {
  it('takes along what is unsent, though their session has ended before the answer comes', async () => {
    const [storage, late] = [memoryStorage(), gate()];
    const client = await service.connected({ storage }, session(user('visitor')));
    client.conversation('c').send('unsent');
    service.handlers.refreshSession = () => problem(401, 'INVALID_TOKEN');
    service.handlers.getMe = () => problem(401, 'INVALID_TOKEN');
    service.handlers.exchangeIdentity = async () => {
      await late.opened;
      return { status: 200, body: session(user('ada'), 't9') };
    };
    const exchanging = client.exchange({ token: 'x', visitorToken: 't1' });
    await settled();
    service.socket.end(1000);
    await service.clock.pass(3_000);
    expect(client.session.user).toBeNull();
    // A page that exchanges by itself says only afterwards whose token it was.
    expect((await client.session.holderOf('t1'))?.id).toBe('visitor');
    late.open();
    await exchanging;
    await settled();
    expect(await storage.keys('live-support:outbox:ada:')).toHaveLength(1);
  });

  it.each(['exchange', 'use'] as const)('by %s counts for nothing once they have signed out after it', async (how) => {
    const client = service.client();
    await client.session.use(session(user('visitor')));
    const customers = session(user('ada'), 't9');
    service.handlers.exchangeIdentity = () => ({ status: 200, body: customers });
    service.handlers.logout = () => ({ status: 204 });
    const outcome = codeOf(
      how === 'use' ? client.use(customers, 't1') : client.exchange({ token: 'x', visitorToken: 't1' }),
    );
    await client.signOut();
    await settled();
    expect([outcome.code, client.session.user]).toEqual(['SIGNED_OUT', null]);
  });
});

it('whose a token is, is known of those before the last one too', async () => {
  const client = service.client();
  await client.session.use(session(user('visitor')));
  service.handlers.refreshSession = () => ({ status: 200, body: session(user('visitor'), 't2') });
  await service.clock.pass(880_000);
  expect(await client.session.accessToken()).toBe('t2');
  const holders = await Promise.all(['t1', 't2', 't3'].map((token) => client.session.holderOf(token)));
  expect(holders.map((holder) => holder?.id)).toEqual(['visitor', 'visitor', undefined]);
});

describe('nothing goes on for ever', () => {
  it('where the storage keeps nothing', async () => {
    let made = 0;
    const nothing = { get: () => null, set: () => undefined, remove: () => undefined, keys: () => [] };
    const client = service.client({
      storage: nothing,
      getSession: async () => {
        made += 1;
        if (made > 100) throw new Error('enough');
        return session();
      },
    });
    await expect(client.session.accessToken()).rejects.toMatchObject({ code: 'UNEXPECTED' });
    expect(made).toBe(3);
  });

  it('where a tab that sleeps has the lock', async () => {
    const client = service.client({ locks: { request: () => new Promise(() => undefined) } });
    await client.session.use(session(user(), 't1', 0));
    const call = client.http.getMe();
    await service.clock.pass(60_000);
    expect(await call).toEqual(user());
    expect(service.calls('refreshSession')).toBe(1);
  });

  it.each([
    ['somebody has signed in by other means', false],
    ['the client is closed', true],
  ])('where getSession never answers, and %s', async (_what, isClosed) => {
    const [storage, locks] = [memoryStorage(), localLocks()];
    const asking = service.client({ storage, locks, getSession: () => new Promise(() => undefined) });
    void asking.http.getMe().catch(() => undefined);
    await settled();
    if (isClosed) asking.close();
    const client = isClosed ? service.client({ storage, locks }) : asking;
    await client.session.use(session(user(), 't1', 0));
    const call = client.http.getMe().catch(() => undefined);
    await settled();
    expect(service.calls('refreshSession')).toBe(1);
    expect(await call).toEqual(user());
  });

  it('where a session is short', async () => {
    const client = service.client();
    await client.session.use(session(user(), 't1', 30));
    await client.http.getMe();
    await service.clock.pass(19_000);
    await client.http.getMe();
    expect(service.calls('refreshSession')).toBe(0);
  });
});

describe('what is kept', () => {
  it('where the storage is full is not what was there before, which another tab would send as spent', async () => {
    const [kept, locks] = [memoryStorage(), localLocks()];
    let isFull = false;
    const storage = {
      ...kept,
      set: (key: string, value: string) => {
        if (isFull) throw new Error('QuotaExceededError');
        return kept.set(key, value);
      },
    };
    const [one, other] = [service.client({ storage, locks }), service.client({ storage, locks })];
    await one.session.use(session(user(), 't1', 0));
    await other.session.restore();
    isFull = true;
    expect(await one.http.getMe()).toEqual(user());
    await expect(other.http.getMe()).rejects.toMatchObject({ code: 'SIGNED_OUT' });
    expect(refreshes()).toEqual(['refresh-t1']);
  });

  it('is not read anew for each key that a page’s other scripts change', async () => {
    const kept = memoryStorage();
    const listeners: ((key?: string | null) => void)[] = [];
    let reads = 0;
    const client = service.client({
      storage: {
        ...kept,
        get: (key) => {
          reads += 1;
          return kept.get(key);
        },
        subscribe: (listener) => {
          listeners.push(listener);
          return () => undefined;
        },
      },
    });
    await client.session.use(session());
    await client.conversation('c').send('unsent');
    await settled();
    const before = reads;
    for (const listener of listeners) listener('theme');
    await settled();
    expect([listeners.length > 1, reads]).toEqual([true, before]);
    for (const listener of listeners) listener(null);
    await settled();
    expect(reads).toBeGreaterThan(before);
  });

  it('is there after a reload, unless it is not to be kept', async () => {
    const storage = memoryStorage();
    await service.client({ storage }).session.use(session());
    expect(await service.client({ storage }).session.restore()).toEqual(user());
    const other = memoryStorage();
    const secret = service.client({ storage: other, keepSession: false });
    await secret.session.use(session());
    expect(await other.keys('')).toEqual([]);
    expect(await secret.http.getMe()).toEqual(user());
  });

  it('is in memory where the storage fails', async () => {
    const refuse = () => {
      throw new Error('full');
    };
    const client = service.client({ storage: { get: refuse, set: refuse, remove: refuse, keys: refuse } });
    await client.session.use(session());
    expect(await client.http.getMe()).toEqual(user());
    await client.session.end();
    expect(await client.session.restore()).toBeNull();
  });

  it('is what was written last, where the storage had no room for a while', async () => {
    const kept = memoryStorage();
    let isFull = true;
    const set = (key: string, value: string) => {
      if (isFull) throw new Error('QuotaExceededError');
      return kept.set(key, value);
    };
    const client = service.client({ storage: { ...kept, set } });
    await client.session.use(session(user('ann'), 'ta'));
    isFull = false;
    await client.session.use(session(user('bob'), 'tb'));
    expect((await client.session.restore())?.id).toBe('bob');
  });

  it('that is no session is none', async () => {
    const storage = memoryStorage();
    for (const text of ['', '{', 'null', '{"session":null}', '[]']) {
      await storage.set('live-support:session', text);
      expect(await service.client({ storage }).session.restore()).toBeNull();
    }
  });
});

it('a storage that has room only for what it has keeps the session for other tabs too', async () => {
  const storage = sharedStorage();
  const tab = storage.tab();
  const sizes = new Map<string, number>();
  let most = Number.POSITIVE_INFINITY;
  const first = service.client({
    storage: {
      ...tab,
      set: (key, value) => {
        const others = [...sizes].filter(([other]) => other !== key).reduce((sum, [, size]) => sum + size, 0);
        // As a browser does: what is there counts until it is removed.
        if (others + (sizes.get(key) ?? 0) + value.length > most) throw new Error('quota');
        sizes.set(key, value.length);
        return tab.set(key, value);
      },
      remove: (key) => {
        sizes.delete(key);
        return tab.remove(key);
      },
    },
  });
  const second = service.client({ storage: storage.tab() });
  await first.session.use(session());
  await settled();
  await second.session.restore();
  const changes: unknown[] = [];
  second.session.on('change', ({ user: who }) => changes.push(who));
  service.handlers.refreshSession = () => ({ status: 200, body: session(user(), 't2') });
  most = 2_000;
  sizes.set('what the page has', 1_000);
  await service.clock.pass(880_000);
  await first.http.getMe();
  await settled();
  expect(changes).not.toContain(null);
});

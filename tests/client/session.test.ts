import { isLiveSupportError, localLocks, memoryStorage } from '../../client/src/index.ts';
import { FakeService, problem, session, settled, sharedStorage, user } from './support/fakes.ts';

/** Who is signed in: one refresh at a time, repeated while that is safe, and never after. */

let service: FakeService;
beforeEach(() => {
  service = new FakeService();
});
afterEach(() => service.close());

const renewed = (token = 't2') => ({ status: 200, body: session(user(), token) });
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
    const [one, other] = [shared.tab(), shared.tab()].map((storage) => service.client({ storage, locks }));
    if (!one || !other) throw new Error('two clients are needed');
    await one.session.use(session());
    await service.clock.pass(880_000);
    // A visitor who has become a customer: the session of before is over.
    service.handlers.refreshSession = () => {
      void other.session.use(session(user('ada'), 't9'));
      return problem(401, 'INVALID_TOKEN');
    };
    expect(await one.session.accessToken()).toBe('t9');
    expect([one.session.user?.id, other.session.user?.id]).toEqual(['ada', 'ada']);
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

describe('a session that has ended', () => {
  it('signs out', async () => {
    const client = service.client();
    const heard: unknown[] = [];
    client.session.on('change', ({ user: who, reason }) => heard.push([who?.id ?? null, reason]));
    await client.session.use(session(user(), 't1', 0));
    service.handlers.refreshSession = () => problem(401, 'INVALID_TOKEN');
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

describe('what is kept', () => {
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
  });

  it('that is no session is none', async () => {
    const storage = memoryStorage();
    for (const text of ['', '{', 'null', '{"session":null}', '[]']) {
      await storage.set('live-support:session', text);
      expect(await service.client({ storage }).session.restore()).toBeNull();
    }
  });
});

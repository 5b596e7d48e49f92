import { type Operation, roleMay } from '../../lib/domain/permissions.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Desk, Person } from '../support/system.ts';
import { allRoutes, expectRefused, fill, state } from './attack.ts';
import { countHashes } from './hashes.ts';

let system: InProcess;
let desk: Desk;
let people: Record<'admin' | 'supervisor' | 'agent' | 'candidate', Person>;
let conversationId: string;
beforeAll(async () => {
  ({ system, desk } = await startDesk());
  const { conversation, ...rest } = await desk.assigned('hello');
  people = { admin: desk.admin, ...rest };
  conversationId = conversation.id;
});
afterAll(() => system.stop());

const OPERATORS: readonly unknown[] = [
  { $gt: '' },
  { $ne: null },
  { $regex: '.*' },
  { $where: 'sleep(1000)' },
  ['x'],
  { toString: 'x' },
];
const bodied = allRoutes.filter((route) => route.body);
const fieldsOf = (route: (typeof bodied)[number]) =>
  Object.keys((route.body as unknown as { shape: Record<string, unknown> }).shape);

/** Whoever gets furthest on this route. */
const tokenFor = ({ operation }: { operation: Operation }) =>
  people[(['admin', 'supervisor', 'candidate'] as const).find((role) => roleMay(operation, role)) ?? 'admin'].token;

/** Without any field a visitor comes without a name, and the others change nothing. */
const MAY_BE_EMPTY: readonly Operation[] = ['createVisitor', 'updateUser', 'editConversation', 'updateReply'];

describe.each(bodied.map((route) => [route.operation, route] as const))(
  '%s, sent what it should not be',
  (_, route) => {
    const send = (request: { body?: unknown; raw?: string; headers?: Record<string, string> }) =>
      system.http({ method: route.method, path: fill(route.path, conversationId), token: tokenFor(route), ...request });

    it('takes no operator, array or object for a string, and no field for granted', async () => {
      const before = await state();
      for (const operator of OPERATORS) {
        const body = Object.fromEntries(fieldsOf(route).map((field) => [field, operator]));
        expectRefused(await send({ body }), 'VALIDATION_FAILED');
      }
      if (!MAY_BE_EMPTY.includes(route.operation)) expectRefused(await send({ body: {} }), 'VALIDATION_FAILED');
      expect(await state()).toEqual(before);
    });

    it('takes no field that is not its own', async () => {
      const before = await state();
      for (const field of ['id', '_id', '__v', 'passwordHash', 'emailKey', 'createdAt', '$set', 'admissions']) {
        const { status, body } = await send({ body: { [field]: 'x' } });
        expect(status).toBe(400);
        expect(body.errors).toContainEqual({ pointer: `/body/${field}`, detail: 'is not a known field' });
      }
      expect(await state()).toEqual(before);
    });

    it.each([
      ['nothing', { headers: { 'content-type': 'application/json' } }, 'MALFORMED_JSON'],
      ['an empty body', { raw: '' }, 'MALFORMED_JSON'],
      ['half an object', { raw: '{"email":' }, 'MALFORMED_JSON'],
      ['no JSON', { raw: 'email=a&password=b' }, 'MALFORMED_JSON'],
      ['null', { raw: 'null' }, 'MALFORMED_JSON'],
      ['an array', { raw: '[{}]' }, 'MALFORMED_JSON'],
      ['a string', { raw: '"x"' }, 'MALFORMED_JSON'],
      ['a __proto__', { raw: '{"__proto__":{"role":"admin"}}' }, 'VALIDATION_FAILED'],
      ['a deep __proto__', { raw: '{"x":[{"__proto__":{}}]}' }, 'VALIDATION_FAILED'],
      ['a constructor', { raw: '{"constructor":{"prototype":{"role":"admin"}}}' }, 'VALIDATION_FAILED'],
      ['a constructor of another kind', { raw: '{"constructor":"x"}' }, 'VALIDATION_FAILED'],
      ['30,000 levels', { raw: `{"x":${'['.repeat(30_000)}${']'.repeat(30_000)}}` }, 'any'],
      ['a megabyte', { raw: JSON.stringify({ email: 'x'.repeat(1024 * 1024) }) }, 'PAYLOAD_TOO_LARGE'],
      ['a 100 KB password', { raw: JSON.stringify({ password: 'x'.repeat(100 * 1024) }) }, 'PAYLOAD_TOO_LARGE'],
      [
        'a form',
        { raw: '{}', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
        'UNSUPPORTED_MEDIA_TYPE',
      ],
      ['text', { raw: '{}', headers: { 'content-type': 'text/plain' } }, 'UNSUPPORTED_MEDIA_TYPE'],
    ] as const)('refuses %s', async (_, request, code) => {
      const before = await state();
      expectRefused(await send(request), ...(code === 'any' ? [] : [code]));
      expect(await state()).toEqual(before);
      expect(({} as Record<string, unknown>)['role']).toBeUndefined();
    });
  },
);

describe('registering', () => {
  it.each([
    ['a role', { role: 'admin' }],
    ['an id', { id: 'mine' }],
    ['a version', { __v: 7 }],
    ['a supervisor', { supervisorId: 'x' }],
    ['a state', { active: true }],
  ])('does not let one choose %s', async (_, extra) => {
    const before = await state();
    const body = { name: 'Eve', email: 'eve@example.com', password: 'a long pass phrase', ...extra };
    expectRefused(await desk.call('POST', '/auth/register', undefined, body), 'VALIDATION_FAILED');
    expect(await state()).toEqual(before);
  });

  it('takes the same address in other letters for the same', async () => {
    const { email } = people.candidate;
    const body = { name: 'Eve', email: email.toUpperCase(), password: 'a long pass phrase' };
    expectRefused(await desk.call('POST', '/auth/register', undefined, body), 'EMAIL_TAKEN');
  });

  it.each(['ki\u0307m@example.com', 'kım@example.com', 'kim@exаmple.com', 'kim@example.com\u200b'])(
    'takes no address that only looks like another: %j',
    async (email) => {
      const body = { name: 'Eve', email, password: 'a long pass phrase' };
      expectRefused(await desk.call('POST', '/auth/register', undefined, body), 'VALIDATION_FAILED');
    },
  );
});

describe('a password far too long', () => {
  it.each(['/auth/login', '/auth/register'])('is refused by %s before any hashing', async (path) => {
    const email = people.candidate.email;
    const body = { ...(path === '/auth/register' && { name: 'Eve' }), email, password: 'x'.repeat(60_000) };
    const hashes = await countHashes(async () =>
      expectRefused(await desk.call('POST', path, undefined, body), 'VALIDATION_FAILED'),
    );
    expect(hashes).toBe(0);
  });
});

describe('queries', () => {
  it.each([
    'limit=-1',
    'limit=0',
    'limit=1000000000',
    'limit=1e9',
    'limit=101',
    'limit=%205',
    'limit=0x10',
    'limit=1&limit=2',
    'limit[$gt]=1',
    'limit=NaN',
    'cursor[$gt]=',
    'cursor=%7B%22%24gt%22%3A%22%22%7D',
    'cursor=x',
    'cursor=',
    `cursor=${'a'.repeat(600)}`,
    `cursor=${Buffer.from('{"$gt":""}').toString('base64url')}`,
    `cursor=${Buffer.from('99999999999999999999.x').toString('base64url')}`,
    `cursor=${Buffer.from('1.x\n').toString('base64url')}`,
    'status=anything',
    'status=open&status=closed',
    'agentId[$ne]=x',
    'agentId=%24ne',
    'agentId=..%2F..%2Fx',
    '__proto__=x',
    'constructor=x',
    'token=x',
  ])('refuses ?%s', async (query) => {
    for (const [path, token] of [
      ['/conversations', people.candidate.token],
      ['/users', people.admin.token],
      ['/audit', people.admin.token],
    ]) {
      expectRefused(await desk.call('GET', `${path}?${query}`, token), 'VALIDATION_FAILED');
    }
  });

  it('grants nothing by a cursor, another’s or an edited one', async () => {
    const rich = await desk.candidate();
    for (let index = 0; index < 3; index += 1) await desk.conversation(rich);
    const { nextCursor } = await desk.ok('GET', '/conversations?limit=1', rich.token);
    const poor = await desk.candidate();
    const own = await desk.conversation(poor);
    const forged = Buffer.from(`${Date.now() + 3600_000}.zzzz`).toString('base64url');
    for (const [cursor, seen] of [
      [nextCursor, []],
      [forged, [own.id]],
    ]) {
      const { items } = await desk.ok('GET', `/conversations?cursor=${cursor}`, poor.token);
      expect(items.map(({ id }: { id: string }) => id)).toEqual(seen);
    }
  });

  it.each([
    '%24ne',
    '..%2F..%2Fetc%2Fpasswd',
    '%00',
    'a%20b',
    "'%20or%201=1",
    'x'.repeat(65),
    '%7B%22%24gt%22%3A%22%22%7D',
  ])('takes no %s for an id', async (id) => {
    for (const route of allRoutes.filter(({ path }) => path.includes('{'))) {
      const { method, path } = route;
      const result = await system.http({ method, path: fill(path, id), token: tokenFor(route), body: {} });
      expectRefused(result, 'VALIDATION_FAILED', 'NOT_FOUND');
    }
  });
});

describe('the dispatcher', () => {
  const change = { conversationId: 'c', reason: 'opened', formerly: null };
  it.each([
    ['nothing', undefined],
    ['no field', {}],
    ['a request of the gateway', { routeKey: 'POST /dispatch', body: '{"tick":true}' }],
    ['a tick with something else', { tick: true, changes: [], agents: [] }],
    ['no tick', { tick: false }],
    ['a field more', { changes: [], agents: [], frames: [] }],
    ['an operator for an id', { changes: [{ ...change, conversationId: { $gt: '' } }], agents: [] }],
    ['a reason that is none', { changes: [{ ...change, reason: 'erased' }], agents: [] }],
    ['a frame of its own', { changes: [{ ...change, conversation: { subject: 'x' } }], agents: [] }],
    ['an operator for an agent', { changes: [], agents: [{ $gt: '' }] }],
  ])('is told by nothing but its own events: not %s', async (_, event) => {
    const before = await state();
    await expect(system.carrier('dispatch', event)).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    expect(await state()).toEqual(before);
  });
});

import { sweep } from '../../lib/services/operations/sweep.ts';
import { auditModel } from '../../lib/store/audit.ts';
import { trusted } from '../../lib/store/database.ts';
import { sessionModel } from '../../lib/store/sessions.ts';
import { userModel } from '../../lib/store/users.ts';
import { siteToken } from '../support/identity.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { type Desk, type HttpResult, PASSWORD, type Person } from '../support/system.ts';

/** Customers who come from the company's own site, and visitors. */

let system: InProcess;
let desk: Desk;
let serial = 0;
beforeAll(async () => ({ system, desk } = await startDesk()));
afterAll(() => system.stop());

/** A `sub` that nobody else has. */
const newSub = () => {
  serial += 1;
  return `customer-${serial}`;
};
const exchange = (claims: Readonly<Record<string, unknown>>, visitorToken?: string): Promise<HttpResult> =>
  desk.call('POST', '/auth/exchange', undefined, { token: siteToken(claims), ...(visitorToken && { visitorToken }) });
const asPerson = ({ status, body }: HttpResult): Person => {
  if (status >= 400) throw new Error(`refused: ${status} ${JSON.stringify(body)}`);
  return { user: body.user, token: body.accessToken, session: body, email: '', password: '' };
};
const customer = async (claims: Readonly<Record<string, unknown>> = { sub: newSub() }, visitorToken?: string) =>
  asPerson(await exchange(claims, visitorToken));
const visitor = async (name?: string) =>
  asPerson(await desk.call('POST', '/auth/visitor', undefined, { ...(name && { name }) }));
const me = (person: Person) => desk.call('GET', '/auth/me', person.token);

describe('a customer of the company’s', () => {
  it('is one candidate, however often and at once they come', async () => {
    const sub = newSub();
    const people = await Promise.all(Array.from({ length: 8 }, () => customer({ sub, name: 'Ada' })));
    expect(new Set(people.map(({ user }) => user.id)).size).toBe(1);
    expect(people[0]?.user).toMatchObject({ name: 'Ada', email: null, role: 'candidate', active: true });
    for (const person of people) expect((await me(person)).body).toMatchObject({ id: people[0]?.user.id });
    expect((await customer({ sub: `${sub} ` })).user.id).not.toBe(people[0]?.user.id);
    expect((await customer({ sub: sub.toUpperCase() })).user.id).not.toBe(people[0]?.user.id);
  });

  it('has the name and the address that the company gives; what it leaves out stays', async () => {
    const sub = newSub();
    const first = await customer({ sub });
    expect(first.user).toMatchObject({ name: 'Customer', email: null });
    const { id: conversationId } = await desk.conversation(first, 'hello');
    const socket = await desk.join(first, conversationId);
    expect((await customer({ sub, name: 'Ada', email: 'Ada@example.com' })).user).toMatchObject({
      id: first.user.id,
      name: 'Ada',
      email: 'Ada@example.com',
    });
    expect((await customer({ sub, unknown: { claim: true } })).user).toMatchObject({
      name: 'Ada',
      email: 'Ada@example.com',
    });
    const supervisor = await desk.supervisor();
    expect(await desk.ok('GET', `/conversations/${conversationId}`, supervisor.token)).toMatchObject({
      candidate: { id: first.user.id, name: 'Ada', email: 'Ada@example.com' },
    });
    // The socket that was open before speaks under the new name.
    await socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'it is me' });
    expect(await socket.next('NEW_MESSAGE', ({ seq }) => seq === 2)).toMatchObject({ data: { senderName: 'Ada' } });
  });

  it.each([
    ['name', ''],
    ['name', 'x'.repeat(101)],
    ['name', 'two\nlines'],
    ['name', 42],
    ['name', null],
    ['email', 'no address'],
    ['email', { $ne: '' }],
  ])('is not let in with %s %j, and the token is named', async (claim, value) => {
    const sub = newSub();
    const { status, body } = await exchange({ sub, [claim]: value });
    expect([status, body.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(new Set(body.errors.map(({ pointer }: { pointer: string }) => pointer))).toEqual(new Set(['/body/token']));
    expect(body.errors[0].detail).toMatch(new RegExp(`^has a claim \`${claim}\` that (must|is) `));
    expect(await userModel().exists({ identitySub: sub })).toBeNull();
  });

  it('has an address that is a label: nobody’s account, and in nobody’s way', async () => {
    const owner = await desk.candidate();
    const labelled = await customer({ sub: newSub(), email: owner.email });
    const again = await customer({ sub: newSub(), email: owner.email });
    expect(labelled.user).toMatchObject({ email: owner.email });
    expect(new Set([owner, labelled, again].map(({ user }) => user.id)).size).toBe(3);
    expect((await desk.login(owner.email)).user.id).toBe(owner.user.id);

    // Who comes later with the address as their own is not in the way either.
    const email = `label-${newSub()}@example.com`;
    const early = await customer({ sub: newSub(), email });
    const late = await desk.call('POST', '/auth/register', undefined, { name: 'Late', email, password: PASSWORD });
    expect(late.status).toBe(201);
    expect(late.body.user.id).not.toBe(early.user.id);

    // An admin changes a label to a label.
    const other = `label-${newSub()}@example.com`;
    await desk.ok('PATCH', `/users/${early.user.id}`, desk.admin.token, { email: other, active: true });
    const login = await desk.call('POST', '/auth/login', undefined, { email: other, password: PASSWORD });
    expect(login.body.code).toBe('INVALID_CREDENTIALS');
    expect(
      (await desk.call('POST', '/auth/register', undefined, { name: 'Owner', email: other, password: PASSWORD }))
        .status,
    ).toBe(201);
  });

  it('has no password to change', async () => {
    for (const person of [await customer(), await visitor()]) {
      const change = { currentPassword: PASSWORD, newPassword: 'another good one' };
      const { status, body } = await desk.call('PUT', '/auth/password', person.token, change);
      expect([status, body.code]).toEqual([401, 'INVALID_CREDENTIALS']);
      expect((await me(person)).status).toBe(200);
    }
  });

  it('stays out while inactive, and comes back the same', async () => {
    const sub = newSub();
    const { user } = await customer({ sub, name: 'Ada' });
    await desk.ok('PATCH', `/users/${user.id}`, desk.admin.token, { active: false });
    const refused = await exchange({ sub, name: 'Another' });
    expect([refused.status, refused.body.code]).toEqual([401, 'INVALID_TOKEN']);
    expect(await desk.ok('GET', `/users/${user.id}`, desk.admin.token)).toMatchObject({ name: 'Ada', active: false });
    await desk.ok('PATCH', `/users/${user.id}`, desk.admin.token, { active: true });
    expect((await customer({ sub })).user.id).toBe(user.id);
  });

  it('is somebody new once they are erased', async () => {
    const sub = newSub();
    const { user } = await customer({ sub, name: 'Ada', email: 'ada@example.com' });
    await desk.ok('POST', `/users/${user.id}/erase`, desk.admin.token);
    const record = await userModel().findById(user.id).lean();
    expect(record).toMatchObject({ name: 'Erased', email: null });
    expect(record?.identitySub).toBeUndefined();
    expect((await customer({ sub })).user.id).not.toBe(user.id);
  });

  it('is on record: who came, by what, and what the company changed', async () => {
    const sub = newSub();
    const { user } = await customer({ sub });
    await customer({ sub, name: 'Ada' });
    const entries = await auditModel().find({ targetId: user.id }).sort({ createdAt: 1, action: 1 }).lean();
    expect(entries.map(({ action, details }) => [action, details])).toEqual(
      expect.arrayContaining([
        ['registered', { by: 'identity' }],
        ['signed_in', { by: 'identity' }],
        ['user_updated', { name: 'changed' }],
      ]),
    );
    expect(entries).toHaveLength(3);
  });
});

describe('a visitor', () => {
  it('is a candidate without address, called Visitor unless they say otherwise', async () => {
    expect((await visitor()).user).toMatchObject({ name: 'Visitor', email: null, role: 'candidate' });
    const named = await visitor('Grace');
    expect(named.user.name).toBe('Grace');
    const { id } = await desk.conversation(named, 'hello');
    const supervisor = await desk.supervisor();
    expect(await desk.ok('GET', `/conversations/${id}`, supervisor.token)).toMatchObject({
      candidate: { name: 'Grace', email: null },
    });
    const socket = await desk.join(named, id);
    await socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId: id, content: 'again' });
  });

  it('without a conversation goes when they sign out; with one they stay', async () => {
    const [idle, busy] = [await visitor(), await visitor()];
    await desk.conversation(busy);
    for (const { token } of [idle, busy]) await desk.ok('POST', '/auth/logout', token);
    expect(await userModel().exists({ _id: idle.user.id })).toBeNull();
    expect(await userModel().exists({ _id: busy.user.id })).not.toBeNull();
    expect(await auditModel().exists({ actorId: idle.user.id })).toBeNull();
  });

  it('without a conversation goes when their session has ended, and not before', async () => {
    const [gone, renewed, busy] = [await visitor(), await visitor(), await visitor()];
    await desk.conversation(busy);
    const ids = [gone, renewed, busy].map(({ user }) => user.id);
    const past = new Date(Date.now() - 1);
    const lapsed = { _id: { $in: ids }, visitorUntil: { $exists: true } };
    await userModel().updateMany(trusted(lapsed), { visitorUntil: past });
    const ended = { userId: { $in: [gone.user.id, busy.user.id] } };
    await sessionModel().updateMany(trusted(ended), { expiresAt: past });
    expect((await sweep(Date.now() + 10_000)).gone).toBe(1);
    const left = await userModel()
      .find(trusted({ _id: { $in: ids } }), { visitorUntil: 1 })
      .lean();
    expect(left.map(({ _id }) => _id).sort()).toEqual([renewed.user.id, busy.user.id].sort());
    expect(left.find(({ _id }) => _id === renewed.user.id)?.visitorUntil?.getTime()).toBeGreaterThan(Date.now());
    expect((await me(renewed)).status).toBe(200);
  });

  it('goes with a session that a stolen refresh token has ended', async () => {
    const { user, session } = await visitor();
    const renewed = await desk.ok('POST', '/auth/refresh', undefined, { refreshToken: session.refreshToken });
    await desk.ok('POST', '/auth/refresh', undefined, { refreshToken: renewed.refreshToken });
    await desk.call('POST', '/auth/refresh', undefined, { refreshToken: session.refreshToken });
    expect(await userModel().exists({ _id: user.id })).toBeNull();
  });
});

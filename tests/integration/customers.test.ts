import { jest } from '@jest/globals';
import { authenticate } from '../../lib/auth/authenticate.ts';
import type { Message } from '../../lib/protocol/objects/conversations.ts';
import { exchangeIdentity } from '../../lib/services/auth/exchangeIdentity.ts';
import { finishMerging } from '../../lib/services/auth/mergeVisitor.ts';
import { removeLapsedVisitors } from '../../lib/services/auth/removeLapsedVisitors.ts';
import { createConversation } from '../../lib/services/conversations/createConversation.ts';
import { sweep } from '../../lib/services/operations/sweep.ts';
import { eraseUser } from '../../lib/services/users/eraseUser.ts';
import { finishErasing } from '../../lib/services/users/finishErasing.ts';
import { auditModel } from '../../lib/store/audit.ts';
import { conversationModel, insertConversation } from '../../lib/store/conversations.ts';
import { trusted } from '../../lib/store/database.ts';
import { readModel } from '../../lib/store/reads.ts';
import { sessionModel } from '../../lib/store/sessions.ts';
import { userModel } from '../../lib/store/users.ts';
import { everything } from '../support/everything.ts';
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
    expect((await sweep(Date.now() + 10_000)).visitorsRemoved).toBe(1);
    const left = await userModel()
      .find(trusted({ _id: { $in: ids } }), { visitorUntil: 1 })
      .lean();
    expect(left.map(({ _id }) => _id).sort()).toEqual([renewed.user.id, busy.user.id].sort());
    expect(left.find(({ _id }) => _id === renewed.user.id)?.visitorUntil?.getTime()).toBeGreaterThan(Date.now());
    expect((await me(renewed)).status).toBe(200);
  });

  it('stays with a conversation that they open at the moment at which they would go', async () => {
    const guest = await visitor();
    const caller = await authenticate(guest.token, null);
    const past = new Date(Date.now() - 1);
    await userModel().updateOne({ _id: guest.user.id }, { visitorUntil: past });
    await sessionModel().updateOne({ userId: guest.user.id }, { expiresAt: past });
    const find = sessionModel().find.bind(sessionModel());
    const spy = jest.spyOn(sessionModel(), 'find').mockImplementationOnce(((...given: Parameters<typeof find>) => ({
      lean: async () => {
        spy.mockRestore();
        await createConversation(caller, { subject: 'Just in time' });
        return find(...given).lean();
      },
    })) as never);
    expect(await removeLapsedVisitors(Date.now() + 10_000)).toBe(0);
    expect(await userModel().findById(guest.user.id).lean()).toMatchObject({ active: true, visitor: true });
  });

  it('goes with a session that a stolen refresh token has ended', async () => {
    const { user, session } = await visitor();
    const renewed = await desk.ok('POST', '/auth/refresh', undefined, { refreshToken: session.refreshToken });
    await desk.ok('POST', '/auth/refresh', undefined, { refreshToken: renewed.refreshToken });
    await desk.call('POST', '/auth/refresh', undefined, { refreshToken: session.refreshToken });
    expect(await userModel().exists({ _id: user.id })).toBeNull();
  });
});

/** Somebody whom the company names. */
interface Identified {
  readonly sub: string;
  readonly name: string;
  readonly id: string;
  readonly visitor: string | undefined;
}
const renamedByAdmin = ({ id, name }: Identified) => desk.ok('PATCH', `/users/${id}`, desk.admin.token, { name });

/** Has something happen just before the next write of a user that returns the user. */
function whileFinding(happens: () => Promise<unknown>): void {
  const find = userModel().findOneAndUpdate.bind(userModel());
  const spy = jest.spyOn(userModel(), 'findOneAndUpdate').mockImplementationOnce(((
    ...given: Parameters<typeof find>
  ) => ({
    lean: async () => {
      spy.mockRestore();
      await happens();
      return find(...given).lean();
    },
  })) as never);
}

describe('a visitor who turns out to be a customer', () => {
  /** A visitor in a conversation with an agent, each with two messages, of which the visitor has read the agent's first. */
  async function talking(name = 'Vic') {
    const guest = await visitor(name);
    const supervisor = await desk.supervisor();
    const agent = await desk.agent(supervisor);
    const { id } = await desk.ok('POST', '/conversations', guest.token, {
      subject: 'It does not work',
      clientConversationId: 'mine',
    });
    await desk.assign(supervisor, id, agent);
    const [v, a] = [await desk.join(guest, id), await desk.join(agent, id)];
    const say = (socket: typeof v, content: string) =>
      socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId: id, content, clientMessageId: content });
    for (const [socket, content] of [
      [v, 'v1'],
      [a, 'a1'],
      [v, 'v2'],
      [a, 'a2'],
    ] as const)
      await say(socket, content);
    await v.expect('MESSAGES_READ', 'MARK_READ', { conversationId: id, seq: 2 });
    return { guest, supervisor, agent, id, v, a, say };
  }

  const unread = async (person: Person, id: string) =>
    (await desk.ok('GET', `/conversations/${id}`, person.token)).unread as number;

  it('is that customer from now on, where the company names one for the first time', async () => {
    const { guest, agent, id, v, a, say } = await talking();
    const known = await customer({ sub: newSub(), name: 'Ada', email: 'ada@example.com' }, guest.token);
    expect(known.user).toMatchObject({ id: guest.user.id, name: 'Ada', email: 'ada@example.com', active: true });
    expect(await v.closed).toBeDefined();
    expect((await me(guest)).status).toBe(401);
    const { refreshToken } = guest.session;
    expect((await desk.call('POST', '/auth/refresh', undefined, { refreshToken })).status).toBe(401);
    expect(await unread(known, id)).toBe(1);
    expect(await desk.ok('GET', `/conversations/${id}`, agent.token)).toMatchObject({
      candidate: { id: guest.user.id, name: 'Ada', email: 'ada@example.com' },
      unread: 2,
    });
    const again = { subject: 'It does not work', clientConversationId: 'mine' };
    expect((await desk.call('POST', '/conversations', known.token, again)).body).toMatchObject({ id });
    await say(await desk.join(known, id), 'v3');
    expect((await a.next('NEW_MESSAGE', ({ seq }) => seq === 5)).data).toMatchObject({ senderName: 'Ada' });
  });

  it.each([
    [
      'a visitor who turns out to be somebody new',
      'Visitor',
      ({ sub, name, visitor: token }: Identified) => customer({ sub, name }, token),
    ],
    ['a customer of whom the company says another name', 'Vic', ({ sub, name }: Identified) => customer({ sub, name })],
    ['a customer whom an admin calls otherwise', 'Vic', renamedByAdmin],
  ])('is called so at once by the staff who watch, and by the agent: %s', async (_, before, rename) => {
    const sub = newSub();
    const person = before === 'Visitor' ? await visitor() : await customer({ sub, name: before });
    const supervisor = await desk.supervisor();
    const agent = await desk.agent(supervisor);
    const waiting = await desk.conversation(person);
    const held = await desk.conversation(person);
    await desk.assign(supervisor, held.id, agent);
    const [watcher, a] = [await desk.connect(supervisor), await desk.connect(agent)];
    await watcher.expect('QUEUE_WATCHED', 'WATCH_QUEUE', {});
    await rename({ sub, name: 'Ada', id: person.user.id, visitor: before === 'Visitor' ? person.token : undefined });
    const renamed =
      (id: string) => (data: { reason: string; conversation: { id: string; candidate: { name: string } } }) =>
        data.conversation.id === id && data.reason === 'edited' && data.conversation.candidate.name === 'Ada';
    await watcher.next('QUEUE_CHANGED', renamed(waiting.id));
    await watcher.next('QUEUE_CHANGED', renamed(held.id));
    await a.next('QUEUE_CHANGED', renamed(held.id));
  });

  it('keeps their own name where the company says none', async () => {
    expect((await customer({ sub: newSub() }, (await visitor('Vic')).token)).user.name).toBe('Vic');
  });

  it('leaves their conversations to a customer who is known, whole, and is inactive', async () => {
    const sub = newSub();
    const known = await customer({ sub, name: 'Ada' });
    const own = await desk.ok('POST', '/conversations', known.token, { subject: 'Mine', clientConversationId: 'mine' });
    const { guest, supervisor, agent, id, v, a, say } = await talking();
    const watcher = await desk.connect(supervisor);
    await watcher.expect('QUEUE_WATCHED', 'WATCH_QUEUE', {});
    const before = await desk.ok('GET', `/conversations/${id}`, agent.token);

    const merged = await customer({ sub }, guest.token);
    expect(merged.user.id).toBe(known.user.id);
    expect(await v.closed).toBeDefined();
    expect((await me(guest)).status).toBe(401);
    expect(await desk.ok('GET', `/users/${guest.user.id}`, desk.admin.token)).toMatchObject({ active: false });
    const { items } = await desk.ok('GET', '/conversations', known.token);
    expect(items.map((item: { id: string }) => item.id).sort()).toEqual([own.id, id].sort());

    // The agent and those who watch hear whose it is now.
    const told = ({ reason, conversation }: { reason: string; conversation: { candidateId: string } }) =>
      reason === 'edited' && conversation.candidateId === known.user.id;
    for (const socket of [watcher, a]) await socket.next('QUEUE_CHANGED', told);
    const seen = await desk.ok('GET', `/conversations/${id}`, agent.token);
    expect(seen).toEqual({
      ...before,
      candidateId: known.user.id,
      candidate: { id: known.user.id, name: 'Ada', email: null },
      revision: before.revision + 1,
    });
    expect(seen.unread).toBe(2);
    expect(await unread(known, id)).toBe(1);

    // Messages are whose they were, and are known again when they are sent again.
    const k = await desk.connect(known);
    const joined = await k.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', { conversationId: id });
    expect(joined.readSeqs).toEqual({ [known.user.id]: 2, [agent.user.id]: 0 });
    expect(new Set(joined.present)).toEqual(new Set([known.user.id, agent.user.id]));
    const senders = joined.messages.map(({ senderId, senderName }: Message) => [senderId, senderName]);
    expect(senders.slice(0, 2)).toEqual([
      [guest.user.id, 'Vic'],
      [agent.user.id, 'Alex Agent'],
    ]);
    expect(await say(k, 'v1')).toMatchObject({ seq: 1, duplicate: true });
    const next = { conversationId: id, content: 'v3', clientMessageId: 'v3', after: 'v2' };
    expect(await k.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', next)).toMatchObject({ seq: 5, duplicate: false });
    // An agent's name for a message is nobody else's.
    expect(await say(k, 'a1')).toMatchObject({ seq: 6, duplicate: false });
    expect(await say(a, 'v1')).toMatchObject({ seq: 7, duplicate: false });
    expect(await unread(agent, id)).toBe(4);
    expect(await unread(known, id)).toBe(2);
    await a.expect('MESSAGES_READ', 'MARK_READ', { conversationId: id, seq: 3 });
    expect(await unread(agent, id)).toBe(2);
    await k.expect('MESSAGES_READ', 'MARK_READ', { conversationId: id, seq: 4 });
    expect(await unread(known, id)).toBe(1);

    // What the visitor called it is forgotten: the customer's own is another.
    const repeat = { subject: 'Mine', clientConversationId: 'mine' };
    expect((await desk.call('POST', '/conversations', known.token, repeat)).body).toMatchObject({ id: own.id });
    await desk.ok('POST', `/conversations/${id}/close`, agent.token);
    await system.gateway.idle();
    expect(await say(k, 'v2')).toMatchObject({ seq: 3, duplicate: true });
    expect((await k.ask('SEND_MESSAGE', { ...next, clientMessageId: 'v9' })).data).toMatchObject({
      code: 'CONVERSATION_CLOSED',
    });
    expect(await desk.ok('GET', `/conversations/${id}/transcript`, known.token)).toContain('] Vic (candidate):\n  v1');
    await desk.ok('PUT', `/conversations/${id}/rating`, known.token, { score: 5 });
    expect(await auditModel().find({ action: 'visitor_merged', targetId: guest.user.id }).lean()).toMatchObject([
      { actorId: known.user.id, details: { into: known.user.id } },
    ]);
  });

  it('is merged once, and is no visitor any more', async () => {
    const guest = await visitor();
    await desk.conversation(guest);
    const subs = [newSub(), newSub(), newSub()];
    const known = await Promise.all(subs.map((sub) => customer({ sub })));
    const merged = await Promise.all(subs.map((sub) => customer({ sub }, guest.token)));
    expect(merged.map(({ user }) => user.id)).toEqual(known.map(({ user }) => user.id));
    const counts = await Promise.all(
      known.map(async ({ token }) => (await desk.ok('GET', '/conversations', token)).items.length),
    );
    expect(counts.toSorted()).toEqual([0, 0, 1]);
  });

  it.each([
    ['somebody who is known', async (token: string, sub: string) => void (await customer({ sub }, token))],
    ['somebody new', async (token: string) => void (await customer({ sub: newSub() }, token))],
    ['nobody, and signs out', (token: string) => desk.ok('POST', '/auth/logout', token)],
  ])('opens no conversation by a request that was let in before: %s', async (_, happens) => {
    const sub = newSub();
    await customer({ sub });
    const guest = await visitor();
    const caller = await authenticate(guest.token, null);
    await happens(guest.token, sub);
    await expect(createConversation(caller, { subject: 'Too late' })).rejects.toMatchObject({ code: 'INVALID_TOKEN' });
    expect(await conversationModel().countDocuments({ candidateId: guest.user.id })).toBe(0);
  });

  it.each(['somebody who is known', 'somebody new'])(
    'is nobody’s who signs out at the same moment: %s',
    async (who) => {
      const sub = newSub();
      if (who === 'somebody who is known') await customer({ sub });
      const guest = await visitor();
      const { id } = await desk.conversation(guest);
      // Signed in when their token is looked at, and signed out when the customer is let in.
      whileFinding(() => desk.ok('POST', '/auth/logout', guest.token));
      const { user } = await customer({ sub }, guest.token);
      expect(user.id).not.toBe(guest.user.id);
      expect(await userModel().findById(guest.user.id).lean()).toMatchObject({ active: true, visitor: true });
      expect(await conversationModel().findById(id).lean()).toMatchObject({ candidateId: guest.user.id });
    },
  );

  it('is erased with the customer and not alone, where an erasure has found them a visitor still', async () => {
    const sub = newSub();
    const known = await customer({ sub });
    const guest = await visitor('Vic');
    const caller = await authenticate(desk.admin.token, null);
    whileFinding(() => customer({ sub }, guest.token));
    await expect(eraseUser(caller, guest.user.id)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await userModel().findById(guest.user.id).lean()).toMatchObject({ name: 'Vic', mergedInto: known.user.id });
  });

  it('does not go with the visitor’s session, though they have opened no conversation', async () => {
    const sub = newSub();
    await customer({ sub });
    const [merged, became, erased, gone] = [await visitor(), await visitor(), await visitor(), await visitor()];
    await customer({ sub }, merged.token);
    await customer({ sub: newSub() }, became.token);
    await desk.ok('POST', `/users/${erased.user.id}/erase`, desk.admin.token);
    const ids = [merged, became, erased, gone].map(({ user }) => user.id);
    const past = new Date(Date.now() - 1);
    await userModel().updateMany(trusted({ _id: { $in: ids }, visitorUntil: { $exists: true } }), {
      visitorUntil: past,
    });
    await sessionModel().updateMany(trusted({ userId: { $in: ids } }), { expiresAt: past });
    await sweep(Date.now() + 10_000);
    const left = await userModel()
      .find(trusted({ _id: { $in: ids } }), { _id: 1 })
      .lean();
    expect(left.map(({ _id }) => _id).toSorted()).toEqual(ids.slice(0, 3).toSorted());
  });

  it('has all their conversations follow, however many, and those of before their read marks', async () => {
    const sub = newSub();
    const known = await customer({ sub });
    const guest = await visitor();
    const first = await desk.conversation(guest, 'hello');
    await desk.ok('PUT', `/conversations/${first.id}/read`, guest.token, { seq: 1 });
    for (let index = 0; index < 230; index += 1) {
      await insertConversation({ id: `many-${sub}-${index}`, candidateId: guest.user.id, subject: 'One of many' });
    }
    await customer({ sub }, guest.token);
    await system.gateway.idle();
    // On a machine with much else to do the handler may have run out of time.
    expect(await finishMerging(guest.user.id, Date.now() + 60_000)).toBe(true);
    expect(await conversationModel().countDocuments({ candidateId: known.user.id })).toBe(231);
    expect(await conversationModel().countDocuments({ candidateId: guest.user.id })).toBe(0);
    expect((await userModel().findById(guest.user.id).lean())?.mergingSince).toBeUndefined();
    expect(await readModel().find({ conversationId: first.id }).lean()).toMatchObject([
      { userId: known.user.id, seq: 1 },
    ]);
  });

  it('is finished by the sweep where the handler was not to', async () => {
    const sub = newSub();
    const known = await customer({ sub });
    const guest = await visitor();
    await desk.conversation(guest);
    for (let index = 0; index < 120; index += 1) {
      await insertConversation({ id: `rest-${sub}-${index}`, candidateId: guest.user.id, subject: 'One of many' });
    }
    await exchangeIdentity({ token: siteToken({ sub }), visitorToken: guest.token }, '203.0.113.7');
    expect(await conversationModel().countDocuments({ candidateId: guest.user.id })).toBe(21);
    expect(await sweep(Date.now() + 10_000, 0)).toMatchObject({ merged: 1, failed: 0 });
    expect(await conversationModel().countDocuments({ candidateId: known.user.id })).toBe(121);
  });

  it('is finished by an erasure of the customer, which reaches what was still to follow', async () => {
    const sub = newSub();
    const known = await customer({ sub });
    const guest = await visitor();
    await desk.conversation(guest);
    for (let index = 0; index < 102; index += 1) {
      await insertConversation({ id: `late-${sub}-${index}`, candidateId: guest.user.id, subject: 'One of many' });
    }
    await exchangeIdentity({ token: siteToken({ sub }), visitorToken: guest.token }, '203.0.113.7');
    expect(await conversationModel().countDocuments({ candidateId: guest.user.id })).toBe(3);
    // Of the others it is shown elsewhere, and erasing them takes long.
    await conversationModel().updateMany({ candidateId: known.user.id }, { erasedAt: new Date() });
    await desk.ok('POST', `/users/${known.user.id}/erase`, desk.admin.token);
    await finishErasing(known.user.id, Date.now() + 60_000);
    expect(await conversationModel().countDocuments({ candidateId: guest.user.id })).toBe(0);
    const left = await conversationModel().find(trusted({ candidateId: known.user.id, erasedAt: { $exists: false } }));
    expect(left).toEqual([]);
    expect(await userModel().findById(guest.user.id).lean()).toMatchObject({ name: 'Erased' });
  });

  it('stays inactive, and is changed no more', async () => {
    const sub = newSub();
    const known = await customer({ sub });
    const guest = await visitor();
    await customer({ sub }, guest.token);
    for (const change of [{ active: true }, { email: 'ghost@example.com' }, { name: 'Ghost' }]) {
      const { status, body } = await desk.call('PATCH', `/users/${guest.user.id}`, desk.admin.token, change);
      expect([status, body.code]).toEqual([409, 'CONFLICT']);
      expect(body.detail).toContain(known.user.id);
    }
    expect(await userModel().findById(guest.user.id).lean()).toMatchObject({ active: false, email: null });
  });

  it('goes with the customer when the customer is erased, and not alone', async () => {
    const sub = newSub();
    const known = await customer({ sub, name: 'Ada' });
    const { guest, agent, id } = await talking('Victoria');
    await desk.ok('PATCH', `/users/${guest.user.id}`, desk.admin.token, { email: 'victoria@example.com' });
    await customer({ sub }, guest.token);
    const alone = await desk.call('POST', `/users/${guest.user.id}/erase`, desk.admin.token);
    expect([alone.status, alone.body.code]).toEqual([409, 'CONFLICT']);
    expect(alone.body.detail).toContain(known.user.id);
    await desk.ok('POST', `/users/${known.user.id}/erase`, desk.admin.token);
    await system.gateway.idle();
    const { items } = await desk.ok('GET', `/conversations/${id}/messages`, agent.token);
    expect(items.map(({ content, senderName }: Message) => [content, senderName])).toEqual([
      ['(erased)', 'Erased'],
      ['(erased)', 'Alex Agent'],
      ['(erased)', 'Erased'],
      ['(erased)', 'Alex Agent'],
    ]);
    expect(await userModel().findById(guest.user.id).lean()).toMatchObject({ name: 'Erased', active: false });
    const left = await auditModel()
      .find(trusted({ actorId: { $in: [guest.user.id, known.user.id] } }))
      .lean();
    expect(left.flatMap(({ sourceIp }) => sourceIp ?? [])).toEqual([]);
    expect(await readModel().countDocuments({ userId: guest.user.id })).toBe(0);
    expect(await everything()).not.toMatch(/victoria/i);
  });
});

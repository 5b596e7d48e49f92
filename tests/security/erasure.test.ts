import { createHash } from 'node:crypto';
import { jest } from '@jest/globals';
import mongoose from 'mongoose';
import { addressKey } from '../../lib/limits/address.ts';
import { resetConfig } from '../../lib/runtime/config.ts';
import { expireTexts } from '../../lib/services/conversations/expireTexts.ts';
import { sweep } from '../../lib/services/operations/sweep.ts';
import { finishErasing } from '../../lib/services/users/finishErasing.ts';
import { auditModel } from '../../lib/store/audit.ts';
import { conversationModel } from '../../lib/store/conversations.ts';
import { activeMessageModel, messageModel } from '../../lib/store/messages.ts';
import { insertNote, noteModel } from '../../lib/store/notes.ts';
import { userModel } from '../../lib/store/users.ts';
import { atOneMoment } from '../support/clock.ts';
import { eventually } from '../support/deadline.ts';
import { everything } from '../support/everything.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { type Desk, PASSWORD } from '../support/system.ts';

const DAY_MS = 24 * 3600_000;

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk({ ACTIVE_MESSAGE_TTL_SECONDS: '3600' })));
afterAll(() => system.stop());

/** What `text` holds of somebody: their own words and addresses, or what anybody can make of them without a secret. */
function tracesOf(personal: readonly string[], addresses: readonly string[], text: string): string[] {
  const spelt = [...personal, ...addresses, ...addresses.map(addressKey)].flatMap((value) =>
    ['NFC', 'NFD'].flatMap((form) => [value.normalize(form), value.normalize(form).toLowerCase()]),
  );
  const joined = spelt.flatMap((value) =>
    addresses.flatMap((address) => ['', '@', '/', ':'].flatMap((by) => [value + by + address, address + by + value])),
  );
  const all = [...new Set([...spelt, ...joined])];
  const hashed = all.flatMap((value) =>
    ['sha256', 'sha1', 'md5'].flatMap((algorithm) => {
      const digest = createHash(algorithm).update(value).digest();
      // Without padding, for what comes after a hash may be anything.
      return [digest.toString('hex'), digest.toString('base64url'), digest.toString('base64').replace(/=+$/, '')];
    }),
  );
  const folded = text.toLowerCase();
  return [...spelt.filter((value) => folded.includes(value.toLowerCase())), ...hashed.filter((h) => text.includes(h))];
}

describe('erasing a candidate', () => {
  it('leaves nothing of theirs in any collection, and the counts as they were', async () => {
    const { candidate, supervisor, agent, conversation } = await desk.assigned('my secret number is 4711');
    const c = await desk.join(candidate, conversation.id);
    const a = await desk.join(agent, conversation.id);
    await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', {
      conversationId: conversation.id,
      content: 'secret-of-mine',
      clientMessageId: 'secret-client-id',
    });
    await a.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId: conversation.id, content: 'secret-repeated' });
    await desk.ok('POST', `/conversations/${conversation.id}/close`, agent.token);
    const running = await desk.conversation(candidate, 'secret-still-open');
    const before = await desk.ok('GET', '/analytics/supervisors', desk.admin.token);

    const erased = await desk.ok('POST', `/users/${candidate.user.id}/erase`, desk.admin.token);
    expect(erased).toMatchObject({ id: candidate.user.id, active: false, name: 'Erased' });
    const left = await everything();
    for (const personal of ['is 4711', 'secret', candidate.email, 'Kim Candidate', 'It does not work']) {
      expect(left).not.toContain(personal);
    }
    expect(await desk.ok('GET', '/analytics/supervisors', desk.admin.token)).toEqual(before);
    const transcript = await desk.ok('GET', `/conversations/${conversation.id}/messages`, agent.token);
    expect(transcript.items.map(({ seq, content }: { seq: number; content: string }) => [seq, content])).toEqual([
      [1, '(erased)'],
      [2, '(erased)'],
      [3, '(erased)'],
    ]);
    expect(await desk.ok('GET', `/conversations/${running.id}`, desk.admin.token)).toMatchObject({ status: 'closed' });
    expect(await c.closed).toBeDefined();
    expect((await desk.call('GET', '/auth/me', candidate.token)).status).toBe(401);
    expect(
      (await desk.call('POST', '/auth/login', undefined, { email: candidate.email, password: candidate.password }))
        .status,
    ).toBe(401);
    expect(supervisor.user.active).toBe(true);
  });

  it('takes their addresses out of the audit trail, though one of their conversations can not be erased', async () => {
    const { candidate, agent, conversation } = await desk.assigned('a message');
    await desk.ok('POST', `/conversations/${conversation.id}/close`, agent.token);
    const damaged = { closing: { step: 'archive', through: 0, since: new Date() }, lastSeq: 7 };
    await conversationModel().updateOne({ _id: conversation.id }, { $set: damaged });
    await desk.ok('POST', `/users/${candidate.user.id}/erase`, desk.admin.token);
    await system.gateway.idle();
    const entries = await auditModel().find({ actorId: candidate.user.id }).lean();
    expect(entries.length).toBeGreaterThan(0);
    expect(entries.flatMap(({ sourceIp }) => sourceIp ?? [])).toEqual([]);
    // For the tests after this one.
    await conversationModel().deleteOne({ _id: conversation.id });
  });

  it('leaves nothing that can be tied to them, after all they and others did with their account', async () => {
    process.env['RATE_LIMITS'] = 'on';
    resetConfig();
    const person = { name: 'Zoë Quill', email: 'Zoe.Quill@Example.COM', password: PASSWORD };
    const [home, office, guesser] = ['198.51.100.71', '2001:db8:71::1', '198.51.100.72'];
    const from = async (sourceIp: string, method: string, path: string, body?: unknown, token?: string) =>
      system.http({ method, path, body, token, sourceIp });
    const login = (sourceIp: string, password: string) =>
      from(sourceIp, 'POST', '/auth/login', { email: person.email, password });

    // Before they have an account, and when they have one.
    await login(home, 'wrong password');
    const { body: session } = await from(home, 'POST', '/auth/register', person);
    await login(home, 'wrong password');
    for (let guess = 0; guess < 12; guess += 1) await login(guesser, 'wrong password');
    const { body: second } = await login(office, PASSWORD);
    const change = (currentPassword: string) =>
      from(office, 'PUT', '/auth/password', { currentPassword, newPassword: 'another password' }, second.accessToken);
    expect((await change('wrong password')).status).toBe(401);
    expect((await change(PASSWORD)).status).toBe(204);
    const { body: third } = await login(office, 'another password');
    const refresh = () => from(office, 'POST', '/auth/refresh', { refreshToken: third.refreshToken });
    const { body: fresh } = await refresh();
    await from(office, 'POST', '/auth/refresh', { refreshToken: fresh.refreshToken });
    await refresh();

    const again = (await login(home, 'another password')).body;
    const candidate = { ...person, user: again.user, token: again.accessToken, session: again };
    const conversation = await desk.conversation(candidate, 'quill-message');
    const supervisor = await desk.supervisor();
    const agent = await desk.agent(supervisor);
    await desk.assign(supervisor, conversation.id, agent);
    const socket = await desk.join(candidate, conversation.id);
    await socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', {
      conversationId: conversation.id,
      content: 'quill-message',
      clientMessageId: 'quill-id',
    });
    await desk.ok('POST', `/conversations/${conversation.id}/close`, agent.token);
    await desk.conversation(candidate, 'quill-message');
    process.env['RATE_LIMITS'] = 'off';
    resetConfig();

    const addresses = [home, office, guesser];
    const before = await everything();
    for (const there of [person.name, person.email, 'quill-message', 'quill-id', ...addresses]) {
      expect(before).toContain(there);
    }
    await desk.ok('POST', `/users/${session.user.id}/erase`, desk.admin.token);
    await system.gateway.idle();
    const after = await everything();
    expect(tracesOf([person.name, person.email, 'quill-message', 'quill-id'], addresses, after)).toEqual([]);
    // What stands for somebody is made with a salt of their own.
    expect(await userModel().findById(session.user.id).lean()).not.toHaveProperty('salt');
    // That somebody guessed is still on record.
    const failures = (await desk.ok('GET', '/audit?action=sign_in_failed&limit=100', desk.admin.token)).items;
    const nameless = { actorId: null, sourceIp: null, targetId: null };
    expect(failures.slice(0, 10)).toEqual(Array(10).fill(expect.objectContaining(nameless)));
  });

  it('is looked for in every form a person may be left in', () => {
    const hash = createHash('sha256').update('kim@example.com').digest('base64url');
    for (const left of [
      'Kim@Example.com',
      'kim@example.com',
      `${hash}@198.51.100.1`,
      createHash('md5').update('198.51.100.1').digest('hex'),
      createHash('sha1').update('kim@example.com@198.51.100.1').digest('base64'),
    ]) {
      expect(tracesOf(['Kim@Example.com'], ['198.51.100.1'], JSON.stringify({ left }))).not.toEqual([]);
    }
    expect(tracesOf(['Kim@Example.com'], ['198.51.100.1'], 'nothing')).toEqual([]);
  });

  it('erases what a command under way at the erasure left behind', async () => {
    const candidate = await desk.candidate();
    await desk.ok('POST', `/users/${candidate.user.id}/erase`, desk.admin.token);
    // A create that was admitted before the erasure and commits after it.
    const { createConversation } = await import('../../lib/services/conversations/createConversation.ts');
    await createConversation(
      { ...candidate.session.user, userId: candidate.user.id, sessionId: 'x', sourceIp: null },
      { subject: 'late-secret', message: 'late-secret' },
    );
    await userModel().updateOne(
      { _id: candidate.user.id },
      { $set: { erasingSince: new Date(Date.now() - 3600_000) } },
    );
    await sweep(Date.now() + 20_000, 0);
    expect(await everything()).not.toContain('late-secret');
    expect((await userModel().findById(candidate.user.id).lean())?.erasingSince).toBeUndefined();
  });

  it.each(['before the notes are deleted', 'after the conversation is noted as erased'])(
    'keeps no note that was under way, and came %s',
    async (when) => {
      const { candidate, agent, conversation } = await desk.assigned('hello');
      const erase = () => desk.ok('POST', `/users/${candidate.user.id}/erase`, desk.admin.token);
      const erased = () =>
        eventually(
          'the erasure of the conversation',
          async () => (await conversationModel().findById(conversation.id).lean())?.erasedAt,
        );
      const insert = noteModel().findOneAndUpdate.bind(noteModel());
      jest.spyOn(noteModel(), 'findOneAndUpdate').mockImplementationOnce(((...given: Parameters<typeof insert>) => ({
        lean: async () => {
          if (when.startsWith('before')) {
            const record = await insert(...given).lean();
            await Promise.all([erase(), erased()]);
            return record;
          }
          await Promise.all([erase(), erased()]);
          return insert(...given).lean();
        },
      })) as never);
      const path = `/conversations/${conversation.id}/notes`;
      const { status } = await desk.call('POST', path, agent.token, { content: 'late-secret' });
      jest.restoreAllMocks();
      expect(status).toBe(409);
      expect(await everything()).not.toContain('late-secret');
    },
  );

  it('comes to its end however much the person piled up, each step as small as another', async () => {
    const candidate = await desk.candidate();
    const { id: userId } = candidate.user;
    const entries = 3_500;
    const address = (index: number) => `2001:db8::${index.toString(16)}`;
    const entry = { createdAt: new Date(), expiresAt: new Date(Date.now() + DAY_MS), details: {}, actorRole: null };
    const theirs = Array.from({ length: entries }, (_, index) => ({
      ...{ ...entry, _id: `theirs-${index}`, action: 'signed_in', sourceIp: address(index) },
      ...(index % 2 === 0 ? { actorId: userId, targetId: userId } : { actorId: null, targetId: userId }),
    }));
    // Attempts at accounts there are none: from all of these addresses, and from one of them over and over.
    const nameless = Array.from({ length: entries }, (_, index) => ({
      ...{ ...entry, _id: `nameless-${index}`, action: 'sign_in_failed', actorId: null, targetId: null },
      sourceIp: address(index < 2_000 ? 0 : index),
    }));
    await auditModel().collection.insertMany([...theirs, ...nameless] as never[]);
    const left = () =>
      auditModel().collection.countDocuments({ _id: /^(theirs|nameless)-/ as never, sourceIp: { $ne: null } });

    // Where it is stopped again and again, it goes on from there.
    const update = auditModel().updateMany.bind(auditModel());
    const stops = jest.spyOn(auditModel(), 'updateMany');
    const before = await left();
    stops.mockImplementationOnce(update).mockImplementationOnce(() => {
      throw new Error('stopped');
    });
    await expect(finishErasing(userId, Date.now() + 60_000)).rejects.toThrow('stopped');
    stops.mockRestore();
    const stopped = await left();
    expect(stopped).toBeLessThan(before);
    expect(stopped).toBeGreaterThan(entries);

    const db = mongoose.connection.db;
    await db?.command({ profile: 2 });
    await finishErasing(userId, Date.now() + 60_000);
    await db?.command({ profile: 0 });
    expect(await left()).toBe(0);
    expect(await auditModel().countDocuments({ _id: /^theirs-/, actorId: null, targetId: userId })).toBe(0);
    const operations = await db
      ?.collection('system.profile')
      .find({ ns: /\.audit$/, ts: { $gte: new Date(0) } })
      .toArray();
    expect(operations?.length).toBeGreaterThan(0);
    const large = (operations ?? []).filter(({ docsExamined = 0 }) => docsExamined > 1_000);
    expect(large.map(({ command, planSummary, docsExamined }) => ({ command, planSummary, docsExamined }))).toEqual([]);
    await db?.dropCollection('system.profile');
    await auditModel().deleteMany({ _id: /^(theirs|nameless)-/ });
  });

  it('goes on where it stopped in a conversation of any length', async () => {
    const candidate = await desk.candidate();
    const { id: conversationId } = await desk.conversation(candidate, 'first');
    const lastSeq = 5_000;
    const message = { conversationId, senderId: candidate.user.id, senderRole: 'candidate', senderName: 'Kim' };
    const rest = Array.from({ length: lastSeq - 1 }, (_, index) => ({
      ...{ ...message, _id: `${conversationId}-${index}`, seq: index + 2, content: 'long-story', sentAt: new Date() },
      clientMessageId: null,
    }));
    await activeMessageModel().collection.insertMany(rest as never[]);
    await conversationModel().updateOne({ _id: conversationId }, { $set: { lastSeq } });
    const update = messageModel().updateMany.bind(messageModel());
    const erasing = jest.spyOn(messageModel(), 'updateMany');
    erasing.mockImplementationOnce(update).mockImplementation(() => {
      throw new Error('stopped');
    });
    // The handler's three seconds don't pass, on however busy a machine.
    await atOneMoment(async () => {
      await desk.ok('POST', `/users/${candidate.user.id}/erase`, desk.admin.token);
      await system.gateway.idle();
    });
    expect(await messageModel().countDocuments({ conversationId, content: 'long-story' })).toBe(3_000);
    erasing.mockReset().mockImplementation(update);
    // Out of time before it began: nothing is begun.
    expect(await finishErasing(candidate.user.id, Date.now() - 1)).toBe(false);
    expect(erasing).not.toHaveBeenCalled();
    await finishErasing(candidate.user.id, Date.now() + 60_000);
    expect(erasing.mock.calls[0]?.[0]).toMatchObject({ seq: { $gt: 2_000, $lte: 4_000 } });
    erasing.mockRestore();
    expect(await everything()).not.toContain('long-story');
    expect(await conversationModel().findById(conversationId).lean()).toMatchObject({ erasedAt: expect.any(Date) });
  });

  it('can’t be prevented by taking an address', async () => {
    const [first, second] = await Promise.all([desk.candidate(), desk.candidate()]);
    for (const local of [`erased-${first.user.id}`, `erased-${second.user.id}`]) {
      await desk.ok('POST', '/auth/register', undefined, {
        name: 'Kim',
        email: `${local}@erased.invalid`,
        password: first.password,
      });
    }
    for (const { user } of [first, second]) {
      const erased = await desk.ok('POST', `/users/${user.id}/erase`, desk.admin.token);
      expect(erased).toMatchObject({ name: 'Erased', email: null, active: false });
      expect(await desk.ok('GET', `/users/${user.id}`, desk.admin.token)).toEqual(erased);
      expect(await userModel().findById(user.id).lean()).toMatchObject({ erasedAt: expect.any(Date) });
    }
    // The address is free again.
    const again = { name: 'Kim', email: first.email, password: first.password };
    expect((await desk.ok('POST', '/auth/register', undefined, again)).user.id).not.toBe(first.user.id);
  });

  it('is an admin’s, and for candidates only', async () => {
    const { candidate, supervisor, agent } = await desk.assigned();
    for (const person of [candidate, supervisor, agent]) {
      expect((await desk.call('POST', `/users/${candidate.user.id}/erase`, person.token)).status).toBe(403);
    }
    expect((await desk.call('POST', `/users/${agent.user.id}/erase`, desk.admin.token)).status).toBe(404);
    expect((await desk.call('POST', '/users/nobody/erase', desk.admin.token)).status).toBe(404);
  });
});

describe('retention', () => {
  const setRetention = (days: number) => {
    process.env['MESSAGE_RETENTION_DAYS'] = String(days);
    resetConfig();
  };
  afterEach(() => setRetention(0));

  const stored = (id: string) => conversationModel().findById(id).lean();
  const runSweep = () => sweep(Date.now() + 20_000, 0);
  const letTimePass = (id: string) =>
    conversationModel().updateOne({ _id: id }, { $set: { messagesExpireAt: new Date(0) } });

  async function closed(subject: string) {
    const [candidate, supervisor] = await Promise.all([desk.candidate(), desk.supervisor()]);
    const agent = await desk.agent(supervisor);
    const { id } = await desk.ok('POST', '/conversations', candidate.token, { subject, message: `${subject} said` });
    await desk.assign(supervisor, id, agent);
    await desk.ok('POST', `/conversations/${id}/close`, agent.token);
    const closedAt = (await stored(id))?.closedAt?.getTime() ?? 0;
    return { candidate, agent, id, path: `/conversations/${id}`, closedAt };
  }

  it('hides and then deletes the messages and the subject of a closed conversation, all at once', async () => {
    setRetention(30);
    const { candidate, id, path, closedAt } = await closed('kept for a while');
    expect((await desk.ok('GET', `${path}/messages`, candidate.token)).items).toHaveLength(1);
    expect((await stored(id))?.messagesExpireAt?.getTime()).toBe(closedAt + 30 * DAY_MS);
    const before = await desk.ok('GET', '/analytics/supervisors', desk.admin.token);

    await letTimePass(id);
    const hidden = await desk.ok('GET', path, candidate.token);
    expect(hidden).toMatchObject({ subject: '(erased)', status: 'closed', lastSeq: 1 });
    expect(await desk.ok('GET', `${path}/messages`, candidate.token)).toEqual({ items: [], nextAfterSeq: null });
    expect((await runSweep()).expired).toBe(1);
    expect(await everything()).not.toContain('kept for a while');
    expect(await desk.ok('GET', path, candidate.token)).toEqual({ ...hidden, revision: hidden.revision + 1 });
    expect(await desk.ok('GET', `${path}/messages`, candidate.token)).toEqual({ items: [], nextAfterSeq: null });
    expect(await desk.ok('GET', '/analytics/supervisors', desk.admin.token)).toEqual(before);
    expect((await runSweep()).expired).toBe(0);
  });

  it('takes what the client called the conversation along; a repeat opens another one from then on', async () => {
    setRetention(30);
    const candidate = await desk.candidate();
    const open = (clientConversationId: string) =>
      desk.call('POST', '/conversations', candidate.token, { subject: 'Order 4711', clientConversationId });
    const [one, running] = [(await open('kim-and-the-order')).body, (await open('kim-still-waits')).body];
    const supervisor = await desk.supervisor();
    await desk.ok('POST', `/conversations/${one.id}/close`, supervisor.token);
    expect(await open('kim-and-the-order')).toMatchObject({ status: 200, body: { id: one.id } });
    await letTimePass(one.id);
    expect((await runSweep()).expired).toBe(1);
    expect(await everything()).not.toContain('kim-and-the-order');
    const again = await open('kim-and-the-order');
    expect(again.status).toBe(201);
    expect(again.body.id).not.toBe(one.id);
    expect(await open('kim-still-waits')).toMatchObject({ status: 200, body: { id: running.id } });
  });

  it('reaches what is archived already, whenever it is switched on, changed or switched off', async () => {
    const { id, path, candidate, closedAt } = await closed('archived before');
    expect(await stored(id)).toMatchObject({ retentionDays: 0 });
    expect(await stored(id)).not.toHaveProperty('messagesExpireAt');
    for (const days of [30, 7, 365]) {
      setRetention(days);
      await runSweep();
      expect((await stored(id))?.messagesExpireAt?.getTime()).toBe(closedAt + days * DAY_MS);
    }
    setRetention(0);
    await runSweep();
    expect(await stored(id)).not.toHaveProperty('messagesExpireAt');
    expect((await desk.ok('GET', `${path}/messages`, candidate.token)).items).toHaveLength(1);
    // Closed 40 days ago, it goes as soon as 30 are said to be enough.
    await conversationModel().updateOne({ _id: id }, { $set: { closedAt: new Date(Date.now() - 40 * DAY_MS) } });
    setRetention(30);
    expect((await runSweep()).expired).toBe(1);
    expect(await everything()).not.toContain('archived before');
  });

  it('brings nothing back that has had its time', async () => {
    setRetention(30);
    const { id, path, candidate } = await closed('not to come back');
    await letTimePass(id);
    setRetention(0);
    expect((await runSweep()).expired).toBe(1);
    expect(await stored(id)).toMatchObject({ subject: '(erased)', messagesExpireAt: new Date(0) });
    expect(await desk.ok('GET', `${path}/messages`, candidate.token)).toEqual({ items: [], nextAfterSeq: null });
  });

  it('keeps no text that comes when its time is over: no comment, and no note', async () => {
    setRetention(7);
    const { candidate, agent, id, path } = await closed('over');
    await letTimePass(id);
    const note = () => desk.call('POST', `${path}/notes`, agent.token, { content: 'late-secret' });
    expect(await note()).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    expect((await runSweep()).expired).toBe(1);
    const rate = (score: number, comment: string) =>
      desk.call('PUT', `${path}/rating`, candidate.token, { score, comment });
    const rated = await rate(1, 'late-secret');
    expect(rated).toMatchObject({ status: 200, body: { score: 1, comment: null } });
    expect((await note()).status).toBe(409);
    expect(await everything()).not.toContain('late-secret');
    expect(await rate(1, 'late-secret')).toMatchObject({ status: 200, body: rated.body });
    expect((await rate(2, 'late-secret')).body.code).toBe('ALREADY_RATED');
  });

  it('lets an equal rating be sent again, though the comment has had its time', async () => {
    setRetention(7);
    const { candidate, id, path } = await closed('rated in time');
    const rate = () => desk.call('PUT', `${path}/rating`, candidate.token, { score: 5, comment: 'Thank you' });
    expect((await rate()).body).toMatchObject({ score: 5, comment: 'Thank you' });
    await letTimePass(id);
    expect(await rate()).toMatchObject({ status: 200, body: { score: 5, comment: null } });
    expect((await runSweep()).expired).toBe(1);
  });

  it('leaves for the next run what there is no time for', async () => {
    setRetention(30);
    const { id } = await closed('next time');
    await letTimePass(id);
    expect(await expireTexts(Date.now() - 1)).toBe(0);
    expect(await expireTexts(Date.now() + 20_000)).toBe(1);
  });

  it('takes no work that grows, where there is nothing to do', async () => {
    setRetention(30);
    const now = new Date();
    const fields = { status: 'closed', candidateId: 'x', lastSeq: 1, subject: 'x', createdAt: now, closedAt: now };
    await conversationModel().insertMany(
      Array.from({ length: 200 }, (_, index) => ({
        ...fields,
        _id: `many-${index}`,
        archivedAt: now,
        ...(index % 2 === 0 && { retentionDays: 30, messagesExpireAt: new Date(now.getTime() + 30 * DAY_MS) }),
      })),
    );
    await runSweep();
    const db = mongoose.connection.db;
    await db?.command({ profile: 2 });
    expect(await expireTexts(Date.now() + 20_000)).toBe(0);
    await db?.command({ profile: 0 });
    const profiled = await db
      ?.collection('system.profile')
      .find({ ns: /\.conversations$/ })
      .toArray();
    expect(profiled).toHaveLength(2);
    for (const { keysExamined, docsExamined } of profiled ?? []) {
      expect({ keysExamined, docsExamined }).toEqual({ keysExamined: expect.any(Number), docsExamined: 0 });
      expect(keysExamined).toBeLessThan(5);
    }
    await conversationModel().deleteMany({ candidateId: 'x' });
  });
});

describe('what comes beside an erasure', () => {
  it('is gone too: a note whose handler died after it was stored', async () => {
    const { candidate, agent, conversation } = await desk.assigned('hello');
    await desk.ok('POST', `/users/${candidate.user.id}/erase`, desk.admin.token);
    await system.gateway.idle();
    const { id: conversationId } = conversation;
    const left = { id: `left-${conversationId}`, conversationId, authorId: agent.user.id, authorName: 'Alex' };
    await insertNote({ ...left, content: 'Kim is ill', clientNoteId: null });
    await userModel().updateOne({ _id: candidate.user.id }, { erasingSince: new Date(Date.now() - 120_000) });
    await sweep(Date.now() + 60_000, 0);
    expect((await userModel().findById(candidate.user.id).lean())?.erasingSince).toBeUndefined();
    expect(await noteModel().countDocuments({ conversationId })).toBe(0);
  });

  it('is refused: a tag, which nobody would take away', async () => {
    const { candidate, agent, supervisor, conversation } = await desk.assigned('hello');
    const path = `/conversations/${conversation.id}`;
    await desk.ok('PATCH', path, agent.token, { addTags: ['kim'] });
    await desk.ok('POST', `/users/${candidate.user.id}/erase`, desk.admin.token);
    await system.gateway.idle();
    expect((await desk.ok('GET', path, supervisor.token)).tags).toEqual([]);
    const { status, body } = await desk.call('PATCH', path, agent.token, { addTags: ['kim-candidate'] });
    expect([status, body.code]).toEqual([409, 'CONFLICT']);
    expect((await desk.call('PATCH', path, agent.token, { priority: 'low' })).status).toBe(200);
  });
});

import { createHash } from 'node:crypto';
import { jest } from '@jest/globals';
import mongoose from 'mongoose';
import { unseal } from '../../lib/auth/refreshTokens.ts';
import { PERMISSIONS } from '../../lib/domain/permissions.ts';
import { firstReleaseTokenModel, sessionModel, spentTokenModel } from '../../lib/store/sessions.ts';
import { userModel } from '../../lib/store/users.ts';
import { eventually, within } from '../support/deadline.ts';
import { everything } from '../support/everything.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { hashInFull } from '../support/lightHashes.ts';
import { type Desk, type HttpResult, PASSWORD, type Person, UpgradeRefused } from '../support/system.ts';
import { allRoutes, decoded, expectRefused, fill } from './attack.ts';

// What races a sign-in has as long as a hash takes.
hashInFull();

/** All that a test may put a clock on, but the date. */
const NOT_THE_DATE = [
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const;

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk({ MAX_CONNECTIONS_PER_USER: '100' })));
afterAll(() => system.stop());

const refresh = (refreshToken: string) => desk.call('POST', '/auth/refresh', undefined, { refreshToken });
const login = (email: string, password = PASSWORD) => desk.call('POST', '/auth/login', undefined, { email, password });
/** As a client does that may repeat a command: on a busy machine one that races many others can be told to try again. */
const untilAvailable = (what: string, ask: () => Promise<HttpResult>) =>
  eventually(`${what} to be answered`, async () => {
    const answer = await ask();
    return answer.status === 503 ? undefined : answer;
  });
const deactivate = async (person: Person) => {
  const ask = () => desk.call('PATCH', `/users/${person.user.id}`, desk.admin.token, { active: false });
  expect(await untilAvailable('a deactivation', ask)).toMatchObject({ status: 200 });
};
const reactivate = (person: Person) => desk.ok('PATCH', `/users/${person.user.id}`, desk.admin.token, { active: true });
const connect = (token: string) =>
  system.connect({ token }).catch((error: unknown) => {
    if (error instanceof UpgradeRefused) return error.status;
    throw error;
  });
const times = <T>(count: number, attempt: () => Promise<T>) => Promise.all(Array.from({ length: count }, attempt));

/** Nothing this user holds is worth anything: no token, no socket, no record of either. */
async function expectNothingLive(userId: string, tokens: { access?: string[]; refresh?: string[] } = {}) {
  const sessions = (await sessionModel().find({ userId }, { _id: 1 }).lean()).map(({ _id }) => _id);
  expect(sessions).toEqual([]);
  expect(await mongoose.connection.collection('connections').countDocuments({ userId })).toBe(0);
  for (const token of tokens.access ?? []) expectRefused(await desk.call('GET', '/auth/me', token), 'INVALID_TOKEN');
  for (const token of tokens.refresh ?? []) expectRefused(await refresh(token), 'INVALID_TOKEN');
}

const trail = async (person: Person, action: string) =>
  (await desk.ok('GET', `/audit?targetId=${person.user.id}&action=${action}`, desk.admin.token)).items;

/** The 30 seconds in which a spent token may be repeated are over. */
const afterTheRepeats = (person: Person) =>
  spentTokenModel().updateOne(
    { _id: String(decoded(person.token).claims['sid']) },
    { $set: { expiresAt: new Date(Date.now() - 1) } },
  );

/** A session as the first release left it, with this token and some that it spent before. */
async function asOfTheFirstRelease(person: Person, token: string, ...spent: string[]): Promise<void> {
  const sessionId = String(decoded(person.token).claims['sid']);
  await sessionModel().updateOne({ _id: sessionId }, { $unset: { tokenHash: 1, familyHash: 1, usedAt: 1 } });
  const hash = (text: string) => createHash('sha256').update(text).digest('base64url');
  const expiresAt = new Date(Date.now() + 3600_000);
  await firstReleaseTokenModel().create({ _id: hash(token), sessionId, spentAt: null, expiresAt });
  for (const text of spent) {
    await firstReleaseTokenModel().create({ _id: hash(text), sessionId, spentAt: new Date(), expiresAt });
  }
}

describe('a refresh token', () => {
  it('used again once its successor is spent ends the whole session: successors, access tokens and sockets, of this session alone', async () => {
    const candidate = await desk.candidate();
    const elsewhere = await desk.login(candidate.email);
    const socket = await desk.connect(candidate);
    const second = (await refresh(candidate.session.refreshToken)).body;
    const third = (await refresh(second.refreshToken)).body;
    expect(new Set([candidate.session.refreshToken, second.refreshToken, third.refreshToken]).size).toBe(3);

    expectRefused(await refresh(candidate.session.refreshToken), 'INVALID_TOKEN');
    expectRefused(await refresh(third.refreshToken), 'INVALID_TOKEN');
    for (const token of [candidate.token, second.accessToken, third.accessToken]) {
      expectRefused(await desk.call('GET', '/auth/me', token), 'INVALID_TOKEN');
      expect(await connect(token)).toBe(401);
    }
    await within('the socket to be cut', socket.closed);
    expect((await desk.call('GET', '/auth/me', elsewhere.token)).status).toBe(200);
    expect(await trail(candidate, 'refresh_token_reused')).toHaveLength(1);
  });

  it('of any age is known again: the first of five ends the session', async () => {
    const candidate = await desk.candidate();
    let last = candidate.session.refreshToken;
    for (let turn = 0; turn < 4; turn += 1) last = (await refresh(last)).body.refreshToken;
    expectRefused(await refresh(candidate.session.refreshToken), 'INVALID_TOKEN');
    await expectNothingLive(candidate.user.id, { access: [candidate.token], refresh: [last] });
  });

  it('used twenty times at once has one successor, and all twenty get it', async () => {
    const candidate = await desk.candidate();
    const answers = await times(20, () => refresh(candidate.session.refreshToken));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => body.refreshToken)).size).toBe(1);
    expect((await desk.call('GET', '/auth/me', answers[0]?.body.accessToken)).status).toBe(200);
    expect(await trail(candidate, 'refresh_token_repeated')).toHaveLength(1);
    expect((await refresh(answers[0]?.body.refreshToken)).status).toBe(200);
  });

  it('repeated is answered with the same successor, extends nothing, and is on record', async () => {
    const candidate = await desk.candidate();
    const first = await refresh(candidate.session.refreshToken);
    const session = await sessionModel().findOne({ userId: candidate.user.id }).lean();
    const spent = await spentTokenModel().findById(session?._id).lean();
    const again = await refresh(candidate.session.refreshToken);
    expect(again).toMatchObject({ status: 200, body: { refreshToken: first.body.refreshToken, user: candidate.user } });
    expect((await desk.call('GET', '/auth/me', again.body.accessToken)).status).toBe(200);
    expect(await sessionModel().findOne({ userId: candidate.user.id }).lean()).toEqual(session);
    expect(await spentTokenModel().findById(session?._id).lean()).toEqual({ ...spent, repeatMarked: true });
    expect(await trail(candidate, 'refresh_token_repeated')).toMatchObject([
      { actorId: null, sourceIp: '127.0.0.1', details: { sessionId: session?._id } },
    ]);
  });

  it('repeated over and over is on record once; its successor, repeated, once more', async () => {
    const candidate = await desk.candidate();
    let { refreshToken } = candidate.session;
    for (const entries of [1, 2]) {
      const next = (await refresh(refreshToken)).body.refreshToken;
      // All at once, so that each finds that none is on record yet; and one later.
      const repeats = await times(10, () => refresh(refreshToken));
      repeats.push(await refresh(refreshToken));
      expect(new Set(repeats.map(({ body }) => body.refreshToken))).toEqual(new Set([next]));
      expect(await trail(candidate, 'refresh_token_repeated')).toHaveLength(entries);
      refreshToken = next;
    }
  });

  it('reused by many at once, or given up by many at once, is on record once', async () => {
    const [stolen, leaving] = await Promise.all([desk.candidate(), desk.candidate()]);
    const next = (await refresh(stolen.session.refreshToken)).body.refreshToken;
    await refresh(next);
    const answers = await times(10, () => untilAvailable('a reuse', () => refresh(stolen.session.refreshToken)));
    for (const answer of answers) expectRefused(answer, 'INVALID_TOKEN');
    expect(await trail(stolen, 'refresh_token_reused')).toHaveLength(1);
    const logout = () => untilAvailable('a logout', () => desk.call('POST', '/auth/logout', leaving.token));
    // Those that come when the session has ended are told so.
    for (const { status } of await times(10, logout)) expect([204, 401]).toContain(status);
    expect(await trail(leaving, 'signed_out')).toHaveLength(1);
  });

  it('repeated after its time, by the database’s clock, ends the session', async () => {
    const candidate = await desk.candidate();
    const { refreshToken } = (await refresh(candidate.session.refreshToken)).body;
    const sessionId = String(decoded(candidate.token).claims['sid']);
    const [{ left } = { left: 0 }] = await spentTokenModel().aggregate<{ left: number }>([
      { $match: { _id: sessionId } },
      { $project: { left: { $subtract: ['$expiresAt', '$$NOW'] } } },
    ]);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(30_000);
    // This machine's clock is an hour ahead, and then an hour behind: it has no say.
    for (const hours of [1, -1]) {
      const now = Date.now() + hours * 3600_000;
      jest.useFakeTimers({ now, advanceTimers: true, doNotFake: [...NOT_THE_DATE] });
      const repeated = await refresh(candidate.session.refreshToken).finally(() => jest.useRealTimers());
      expect(repeated.body).toMatchObject({ refreshToken });
    }
    await afterTheRepeats(candidate);
    expectRefused(await refresh(candidate.session.refreshToken), 'INVALID_TOKEN');
    await expectNothingLive(candidate.user.id, { access: [candidate.token], refresh: [refreshToken] });
    expect(await trail(candidate, 'refresh_token_reused')).toHaveLength(1);
  });

  it('repeated after the session’s end is worth nothing', async () => {
    const candidate = await desk.candidate();
    const { accessToken } = (await refresh(candidate.session.refreshToken)).body;
    await desk.ok('POST', '/auth/logout', accessToken);
    expectRefused(await refresh(candidate.session.refreshToken), 'INVALID_TOKEN');
    expect(await trail(candidate, 'refresh_token_reused')).toEqual([]);
  });

  it('has a successor that nobody reads from the database, and that is gone when it is spent', async () => {
    const candidate = await desk.candidate();
    const { refreshToken } = (await refresh(candidate.session.refreshToken)).body;
    const stored = await everything();
    for (const token of [candidate.session.refreshToken, refreshToken]) {
      for (const secret of token.split('.').slice(1)) expect(stored).not.toContain(secret);
    }
    const sessionId = String(decoded(candidate.token).claims['sid']);
    const record = await spentTokenModel().findById(sessionId).lean();
    const session = await sessionModel().findById(sessionId).lean();
    if (!record) throw new Error('no successor is kept');
    for (const encoding of ['base64url', 'hex', 'utf8'] as const) {
      expect(Buffer.from(record.sealedSuccessor, encoding).toString('latin1')).not.toContain(sessionId);
    }
    const spent = { text: candidate.session.refreshToken, hash: record.hash, family: null };
    expect(unseal(record.sealedSuccessor, spent)).toBe(refreshToken);
    // Nothing that the database holds is a key to it.
    for (const text of [record.hash, sessionId, `${session?.tokenHash}`, `${session?.familyHash}`, '']) {
      expect(() => unseal(record.sealedSuccessor, { ...spent, text })).toThrow();
    }
    await refresh(refreshToken);
    const next = await spentTokenModel().find({ _id: sessionId }).lean();
    expect(next).toHaveLength(1);
    expect(() => unseal(next[0]?.sealedSuccessor ?? '', spent)).toThrow();
    // What isn't spent goes by itself.
    expect(await spentTokenModel().collection.indexes()).toContainEqual(
      expect.objectContaining({ key: { expiresAt: 1 }, expireAfterSeconds: 0 }),
    );
  });

  it('made up by somebody who knows the session’s id ends nothing', async () => {
    const candidate = await desk.candidate();
    const [sessionId, family, own] = candidate.session.refreshToken.split('.');
    const secret = 'x'.repeat(43);
    for (const token of [`${sessionId}.${secret}.${secret}`, `${sessionId}.${secret}.${own}`, `${sessionId}`]) {
      expectRefused(await refresh(token), 'INVALID_TOKEN');
    }
    expect(await trail(candidate, 'refresh_token_reused')).toEqual([]);
    expect((await refresh(`${sessionId}.${family}.${own}`)).status).toBe(200);
  });

  it('of the first release is taken, repeated and known again like any other', async () => {
    const [old, older] = ['o'.repeat(43), 'e'.repeat(43)];
    const candidate = await desk.candidate();
    await asOfTheFirstRelease(candidate, old, older);
    const answers = await times(5, () => refresh(old));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => body.refreshToken)).size).toBe(1);
    const next = await refresh(answers[0]?.body.refreshToken);
    expect(next.status).toBe(200);
    expectRefused(await refresh(old), 'INVALID_TOKEN');
    await expectNothingLive(candidate.user.id, { access: [candidate.token], refresh: [next.body.refreshToken] });

    const another = await desk.candidate();
    const [oldToo, olderToo] = ['a'.repeat(43), 'b'.repeat(43)];
    await asOfTheFirstRelease(another, oldToo, olderToo);
    expectRefused(await refresh(olderToo), 'INVALID_TOKEN');
    await expectNothingLive(another.user.id, { access: [another.token], refresh: [oldToo] });
    expect(await trail(another, 'refresh_token_reused')).toHaveLength(1);
  });

  it('extends its session, but not beyond the longest a session may last', async () => {
    const candidate = await desk.candidate();
    const [{ _id, expiresAt } = { _id: '', expiresAt: new Date(0) }] = await sessionModel()
      .find({ userId: candidate.user.id })
      .lean();
    const days = (count: number) => count * 24 * 3600 * 1000;
    await sessionModel().updateOne({ _id }, { $set: { createdAt: new Date(Date.now() - days(80)) } });
    const renewed = await refresh(candidate.session.refreshToken);
    expect(renewed.status).toBe(200);
    const extended = await sessionModel().findById(_id).lean();
    expect(extended?.expiresAt.getTime()).toBe((extended?.createdAt.getTime() ?? 0) + days(90));
    expect(extended?.expiresAt.getTime()).toBeLessThan(expiresAt.getTime());
    await sessionModel().updateOne({ _id }, { $set: { createdAt: new Date(Date.now() - days(91)) } });
    expect((await refresh(renewed.body.refreshToken)).status).toBe(200);
    // The one that would have outlived it is worth nothing.
    expectRefused(await desk.call('GET', '/auth/me', renewed.body.accessToken), 'INVALID_TOKEN');
  });

  it.each(['', 'x', 'x'.repeat(512), '../../x', '$ne'])('is not guessed: %s', async (token) => {
    expectRefused(await refresh(token), 'INVALID_TOKEN', 'VALIDATION_FAILED');
  });
});

describe('after logout', () => {
  it('the session’s tokens open no route and no socket, and its sockets are cut; another session lives on', async () => {
    const { candidate, conversation } = await desk.assigned();
    const elsewhere = await desk.login(candidate.email);
    const [socket, other] = [await desk.join(candidate, conversation.id), await desk.join(elsewhere, conversation.id)];
    await desk.ok('POST', '/auth/logout', candidate.token);
    await within('the socket to be cut', socket.closed);
    for (const route of allRoutes.filter(({ operation }) => PERMISSIONS[operation] !== 'anyone')) {
      const path = fill(route.path, conversation.id);
      expectRefused(await desk.call(route.method, path, candidate.token, {}), 'INVALID_TOKEN');
    }
    expectRefused(await refresh(candidate.session.refreshToken), 'INVALID_TOKEN');
    expect(await connect(candidate.token)).toBe(401);
    await other.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId: conversation.id, content: 'still here' });
    expect((await desk.call('GET', '/auth/me', elsewhere.token)).status).toBe(200);
  });

  it('a socket the gateway could not cut is deaf and dumb', async () => {
    const { candidate, agent, conversation } = await desk.assigned();
    const [socket, a] = [await desk.join(candidate, conversation.id), await desk.join(agent, conversation.id)];
    // The socket stays up: the gateway refuses to cut it.
    system.gateway.fault(socket, 'error');
    await desk.ok('POST', '/auth/logout', candidate.token);
    system.gateway.fault(socket, undefined);
    expect(socket.isClosed).toBe(false);
    await a.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId: conversation.id, content: 'not for you' });
    for (const [event, data] of [
      ['SEND_MESSAGE', { conversationId: conversation.id, content: 'me again' }],
      ['JOIN_CONVERSATION', { conversationId: conversation.id }],
      ['LEAVE_CONVERSATION', { conversationId: conversation.id }],
    ] as const) {
      expect(await socket.refused(event, data)).toMatchObject({ code: 'INVALID_TOKEN' });
    }
    await system.gateway.idle();
    expect(socket.frames('NEW_MESSAGE')).toEqual([]);
  });
});

describe('a change of who somebody is', () => {
  it('of their role counts from the next request on', async () => {
    const agent = await desk.agent(await desk.supervisor());
    const become = (role: string) => userModel().updateOne({ _id: agent.user.id }, { $set: { role } });
    const audit = () => desk.call('GET', '/audit', agent.token);
    expectRefused(await audit(), 'FORBIDDEN');
    await become('admin');
    expect((await audit()).status).toBe(200);
    await become('agent');
    expectRefused(await audit(), 'FORBIDDEN');
  });

  it('of their name counts from the next frame on, through sockets that were open before', async () => {
    const { candidate, agent, conversation } = await desk.assigned();
    const [c, a] = [await desk.join(candidate, conversation.id), await desk.join(agent, conversation.id)];
    await desk.ok('PATCH', `/users/${candidate.user.id}`, desk.admin.token, { name: 'Kim Newname' });
    await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId: conversation.id, content: 'it is me' });
    const { data } = await a.next('NEW_MESSAGE', ({ content }) => content === 'it is me');
    expect(data.senderName).toBe('Kim Newname');
  });

  it('of their being active, too, even where no session was ended', async () => {
    const candidate = await desk.candidate();
    await userModel().updateOne({ _id: candidate.user.id }, { $set: { active: false } });
    expectRefused(await desk.call('GET', '/auth/me', candidate.token), 'INVALID_TOKEN');
    expectRefused(await refresh(candidate.session.refreshToken), 'INVALID_TOKEN');
    expectRefused(await login(candidate.email), 'INVALID_CREDENTIALS');
    expect(await connect(candidate.token)).toBe(401);
  });

  it('brings back nothing when it is taken back', async () => {
    const candidate = await desk.candidate();
    await deactivate(candidate);
    await reactivate(candidate);
    await expectNothingLive(candidate.user.id, {
      access: [candidate.token],
      refresh: [candidate.session.refreshToken],
    });
  });
});

describe('racing a deactivation', () => {
  const isRefusal = ({ status }: HttpResult) => ![200, 503].includes(status);

  it('twenty sign-ins leave nothing live, not even for when the user is active again', async () => {
    const candidate = await desk.candidate();
    const [answers] = await Promise.all([times(20, () => login(candidate.email)), deactivate(candidate)]);
    const granted = answers.filter(({ status }) => status === 200).map(({ body }) => body);
    for (const refused of answers.filter(isRefusal)) expectRefused(refused, 'INVALID_CREDENTIALS');
    await reactivate(candidate);
    await expectNothingLive(candidate.user.id, {
      access: granted.map(({ accessToken }) => accessToken),
      refresh: granted.map(({ refreshToken }) => refreshToken),
    });
  });

  it('twenty refreshes leave nothing live', async () => {
    const candidate = await desk.candidate();
    const sessions: Person[] = [];
    while (sessions.length < 20) sessions.push(...(await times(5, () => desk.login(candidate.email))));
    const [answers] = await Promise.all([
      Promise.all(sessions.map(({ session }) => refresh(session.refreshToken))),
      deactivate(candidate),
    ]);
    const granted = answers.filter(({ status }) => status === 200).map(({ body }) => body);
    for (const refused of answers.filter(isRefusal)) expectRefused(refused, 'INVALID_TOKEN');
    await reactivate(candidate);
    await expectNothingLive(candidate.user.id, {
      access: granted.map(({ accessToken }) => accessToken),
      refresh: granted.map(({ refreshToken }) => refreshToken),
    });
  });

  it('twenty upgrades leave nothing live', async () => {
    const candidate = await desk.candidate();
    const [outcomes] = await Promise.all([times(20, () => connect(candidate.token)), deactivate(candidate)]);
    for (const outcome of outcomes) if (typeof outcome === 'number') expect([401, 503]).toContain(outcome);
    await expectNothingLive(candidate.user.id, { access: [candidate.token] });
  });
});

describe('a change of password', () => {
  const change = (person: Person, newPassword: string) =>
    desk.call('PUT', '/auth/password', person.token, { currentPassword: PASSWORD, newPassword });

  it('ends the other sessions and their sockets, and no sign-in with the old one slips through meanwhile', async () => {
    const candidate = await desk.candidate();
    const elsewhere = await desk.login(candidate.email);
    const socket = await desk.connect(elsewhere);
    let changing = true;
    const signIn = async () => {
      while (changing) await login(candidate.email);
    };
    const signingIn = times(6, signIn);
    const changed = await untilAvailable('a change of password', () => change(candidate, 'another pass phrase'));
    changing = false;
    await signingIn;
    expect(changed.status).toBe(204);
    await within('the socket to be cut', socket.closed);
    const left = await sessionModel().find({ userId: candidate.user.id }).lean();
    expect(left.map(({ _id }) => _id)).toEqual([decoded(candidate.token).claims['sid']]);
    expectRefused(await login(candidate.email), 'INVALID_CREDENTIALS');
    expect((await login(candidate.email, 'another pass phrase')).status).toBe(200);
  });

  it('repeated is answered alike, ends nothing, and counts as an attempt', async () => {
    const candidate = await desk.candidate();
    expect((await change(candidate, 'another pass phrase')).status).toBe(204);
    const elsewhere = await desk.login(candidate.email, 'another pass phrase');
    const before = await sessionModel().find({ userId: candidate.user.id }).lean();
    expect((await change(candidate, 'another pass phrase')).status).toBe(204);
    const noChange = { currentPassword: 'another pass phrase', newPassword: 'another pass phrase' };
    expect((await desk.call('PUT', '/auth/password', candidate.token, noChange)).status).toBe(204);
    expect(await sessionModel().find({ userId: candidate.user.id }).lean()).toEqual(before);
    expect((await desk.call('GET', '/auth/me', elsewhere.token)).status).toBe(200);
    expect(await trail(candidate, 'password_changed')).toHaveLength(1);
    expectRefused(await change(candidate, 'a third pass phrase'), 'INVALID_CREDENTIALS');
  });

  it('sent twice at once is one change, and both are told so', async () => {
    const candidate = await desk.candidate();
    const answers = await times(2, () => change(candidate, 'another pass phrase'));
    expect(answers.map(({ status }) => status)).toEqual([204, 204]);
    expect(await trail(candidate, 'password_changed')).toHaveLength(1);
  });

  it('of two at once one wins', async () => {
    const candidate = await desk.candidate();
    const thief = await desk.login(candidate.email);
    const answers = await Promise.all([change(candidate, 'the owner’s choice'), change(thief, 'the thief’s choice')]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 401]);
    const [mine, theirs] = [
      await login(candidate.email, 'the owner’s choice'),
      await login(candidate.email, 'the thief’s choice'),
    ];
    expect([mine.status, theirs.status].toSorted()).toEqual([200, 401]);
    expect(mine.status === 200).toBe(answers[0]?.status === 204);
  });
});

import mongoose from 'mongoose';
import { PERMISSIONS } from '../../lib/domain/permissions.ts';
import { refreshTokenModel, sessionModel } from '../../lib/store/sessions.ts';
import { userModel } from '../../lib/store/users.ts';
import { within } from '../support/deadline.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { type Desk, PASSWORD, type Person, UpgradeRefused } from '../support/system.ts';
import { allRoutes, decoded, expectRefused, fill } from './attack.ts';

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk({ MAX_CONNECTIONS_PER_USER: '100' })));
afterAll(() => system.stop());

const refresh = (refreshToken: string) => desk.call('POST', '/auth/refresh', undefined, { refreshToken });
const login = (email: string, password = PASSWORD) => desk.call('POST', '/auth/login', undefined, { email, password });
const deactivate = (person: Person) =>
  desk.ok('PATCH', `/users/${person.user.id}`, desk.admin.token, { active: false });
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

describe('a refresh token', () => {
  it('used again ends the whole session: successors, access tokens and sockets, of this session alone', async () => {
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
  });

  it('used twenty times at once has one successor at most, and that one dies with the session', async () => {
    const candidate = await desk.candidate();
    const answers = await times(20, () => refresh(candidate.session.refreshToken));
    const granted = answers.filter(({ status }) => status === 200);
    expect(granted.length).toBeLessThanOrEqual(1);
    for (const refused of answers.filter(({ status }) => status !== 200)) expectRefused(refused, 'INVALID_TOKEN');
    await expectNothingLive(candidate.user.id, {
      access: [candidate.token, ...granted.map(({ body }) => body.accessToken)],
      refresh: granted.map(({ body }) => body.refreshToken),
    });
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

  it('is stored as a hash only', async () => {
    const candidate = await desk.candidate();
    const stored = JSON.stringify(await refreshTokenModel().find().lean());
    expect(stored).toContain(decoded(candidate.token).claims['sid']);
    expect(stored).not.toContain(candidate.session.refreshToken);
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
  it('of their role counts from the next request and the next frame on', async () => {
    const { candidate, conversation } = await desk.assigned();
    const socket = await desk.join(candidate, conversation.id);
    const become = (role: string) => userModel().updateOne({ _id: candidate.user.id }, { $set: { role } });
    const audit = () => desk.call('GET', '/audit', candidate.token);
    const say = () => socket.ask('SEND_MESSAGE', { conversationId: conversation.id, content: 'x' });
    expectRefused(await audit(), 'FORBIDDEN');
    expect((await say()).event).toBe('MESSAGE_ACCEPTED');
    await become('admin');
    expect((await audit()).status).toBe(200);
    expect((await say()).data).toMatchObject({ code: 'FORBIDDEN' });
    await become('candidate');
    expectRefused(await audit(), 'FORBIDDEN');
  });

  it('of their being active, too, even where no session was ended', async () => {
    const { candidate, conversation } = await desk.assigned();
    const socket = await desk.join(candidate, conversation.id);
    await userModel().updateOne({ _id: candidate.user.id }, { $set: { active: false } });
    expectRefused(await desk.call('GET', '/auth/me', candidate.token), 'INVALID_TOKEN');
    expectRefused(await refresh(candidate.session.refreshToken), 'INVALID_TOKEN');
    expectRefused(await login(candidate.email), 'INVALID_CREDENTIALS');
    expect(await connect(candidate.token)).toBe(401);
    expect(await socket.refused('JOIN_CONVERSATION', { conversationId: conversation.id })).toMatchObject({
      code: 'INVALID_TOKEN',
    });
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
  it('twenty sign-ins leave nothing live, not even for when the user is active again', async () => {
    const candidate = await desk.candidate();
    const [answers] = await Promise.all([times(20, () => login(candidate.email)), deactivate(candidate)]);
    const granted = answers.filter(({ status }) => status === 200).map(({ body }) => body);
    for (const refused of answers.filter(({ status }) => status !== 200)) expectRefused(refused, 'INVALID_CREDENTIALS');
    await reactivate(candidate);
    await expectNothingLive(candidate.user.id, {
      access: granted.map(({ accessToken }) => accessToken),
      refresh: granted.map(({ refreshToken }) => refreshToken),
    });
  });

  it('twenty refreshes leave nothing live', async () => {
    const candidate = await desk.candidate();
    const sessions = await times(20, () => desk.login(candidate.email));
    const [answers] = await Promise.all([
      Promise.all(sessions.map(({ session }) => refresh(session.refreshToken))),
      deactivate(candidate),
    ]);
    const granted = answers.filter(({ status }) => status === 200).map(({ body }) => body);
    for (const refused of answers.filter(({ status }) => status !== 200)) expectRefused(refused, 'INVALID_TOKEN');
    await reactivate(candidate);
    await expectNothingLive(candidate.user.id, {
      access: granted.map(({ accessToken }) => accessToken),
      refresh: granted.map(({ refreshToken }) => refreshToken),
    });
  });

  it('twenty upgrades leave nothing live', async () => {
    const candidate = await desk.candidate();
    const [outcomes] = await Promise.all([times(20, () => connect(candidate.token)), deactivate(candidate)]);
    for (const outcome of outcomes) if (typeof outcome === 'number') expect(outcome).toBe(401);
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
    const changed = await change(candidate, 'another pass phrase');
    changing = false;
    await signingIn;
    expect(changed.status).toBe(204);
    await within('the socket to be cut', socket.closed);
    const left = await sessionModel().find({ userId: candidate.user.id }).lean();
    expect(left.map(({ _id }) => _id)).toEqual([decoded(candidate.token).claims['sid']]);
    expectRefused(await login(candidate.email), 'INVALID_CREDENTIALS');
    expect((await login(candidate.email, 'another pass phrase')).status).toBe(200);
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

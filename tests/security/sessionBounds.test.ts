import { createHash } from 'node:crypto';
import mongoose from 'mongoose';
import { signAccessToken } from '../../lib/auth/tokens.ts';
import { connectionModel } from '../../lib/store/connections.ts';
import { newId } from '../../lib/store/ids.ts';
import { migrate } from '../../lib/store/migrations.ts';
import { rateLimitModel } from '../../lib/store/rateLimits.ts';
import { firstReleaseTokenModel, sessionModel } from '../../lib/store/sessions.ts';
import { loginAttemptsModel } from '../../lib/store/signInAttempts.ts';
import { type Listener, listening, nameOf, WATCHED } from '../support/commands.ts';
import { within } from '../support/deadline.ts';
import { inFull } from '../support/inFull.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { type Desk, PASSWORD, type Person } from '../support/system.ts';
import { decoded, expectRefused } from './attack.ts';

/** What a user can pile up, and what is to be done about it, are of a known size. */

const SESSIONS = 5;
const REFRESHES = 3;
const SIGN_INS = 15;
const STAFF_WRITES = 20;

let system: InProcess;
let desk: Desk;
beforeAll(async () => {
  ({ system, desk } = await startDesk({
    ...WATCHED,
    MAX_SESSIONS_PER_USER: String(SESSIONS),
    RATE_LIMITS: 'on',
    RATE_LIMIT_REFRESHES_PER_MINUTE: String(REFRESHES),
    RATE_LIMIT_SIGN_INS_PER_HOUR: String(SIGN_INS),
    RATE_LIMIT_STAFF_WRITES_PER_MINUTE: String(STAFF_WRITES),
    RATE_LIMIT_FAILED_LOGINS: '1000',
  }));
});
afterAll(() => system.stop());

const refresh = (refreshToken: string) => desk.call('POST', '/auth/refresh', undefined, { refreshToken });
const sessionOf = (person: Person) => String(decoded(person.token).claims['sid']);
const sessionsOf = async (person: Person) =>
  (await sessionModel().find({ userId: person.user.id }, { _id: 1 }).lean()).map(({ _id }) => _id);
const hour = 3600_000;

interface Work {
  /** The database's commands and collections, how often each. */
  readonly commands: Record<string, number>;
  /** Documents written. */
  readonly written: number;
}

/** What some work asks of the database. */
async function workOf(work: () => Promise<unknown>): Promise<Work> {
  const commands: Record<string, number> = {};
  let written = 0;
  const listener: Listener = {
    started: (event) => {
      const name = nameOf(event);
      commands[name] = (commands[name] ?? 0) + 1;
    },
    succeeded: ({ commandName, reply }) => {
      if (['insert', 'update', 'delete'].includes(commandName)) written += (reply as { n: number }).n;
    },
  };
  await listening(listener, async () => {
    await work();
    await system.gateway.idle();
  });
  return { commands, written };
}

interface Pile {
  readonly person: Person;
  /** One of the tokens spent. */
  readonly used: string;
  /** Puts the session back: answers an access token. */
  open(): Promise<string>;
  isOpen(): Promise<boolean>;
}

/** A user with one session that has spent so many refresh tokens of the first release, and that can be ended over and over. */
async function pile(spent: number): Promise<Pile> {
  const person = await desk.candidate();
  const { id: userId, role } = person.user;
  const sessionId = newId();
  const expiresAt = new Date(Date.now() + hour);
  const used = 'u'.repeat(40) + String(spent).slice(0, 3).padEnd(3, '-');
  const hash = createHash('sha256').update(used).digest('base64url');
  await firstReleaseTokenModel().create({ _id: hash, sessionId, spentAt: new Date(), expiresAt });
  for (let done = 0; done < spent; done += 10_000) {
    const tokens = Array.from({ length: 10_000 }, (_, index) => ({
      _id: `${userId}-${done + index}`,
      ...{ sessionId, spentAt: new Date(), expiresAt },
    }));
    await firstReleaseTokenModel().collection.insertMany(tokens as never, { ordered: false });
  }
  return {
    person,
    used,
    open: async () => {
      await sessionModel().create({ _id: sessionId, userId, createdAt: new Date(), expiresAt });
      return signAccessToken({ userId, sessionId, role });
    },
    isOpen: async () => (await sessionModel().exists({ _id: sessionId })) !== null,
  };
}

describe('ending the session of a user who has spent many refresh tokens (100,000 with SOAK=1)', () => {
  it('is the same work as if they had spent one', async () => {
    const endings: Record<string, (piled: Pile, token: string) => Promise<unknown>> = {
      logout: (_, token) => desk.ok('POST', '/auth/logout', token),
      reuse: async ({ used }) => expectRefused(await refresh(used), 'INVALID_TOKEN'),
      'a change of password': async ({ person }) => {
        const elsewhere = await desk.login(person.email);
        const change = { currentPassword: PASSWORD, newPassword: 'another pass phrase' };
        await desk.ok('PUT', '/auth/password', elsewhere.token, change);
      },
      deactivation: ({ person }) => desk.ok('PATCH', `/users/${person.user.id}`, desk.admin.token, { active: false }),
      erasure: ({ person }) => desk.ok('POST', `/users/${person.user.id}/erase`, desk.admin.token),
    };
    const [one, many] = [await pile(0), await pile(inFull ? 100_000 : 10_000)];
    for (const [name, end] of Object.entries(endings)) {
      const work: Work[] = [];
      for (const piled of [one, many]) {
        const token = await piled.open();
        work.push(await workOf(() => end(piled, token)));
        expect({ name, isOpen: await piled.isOpen() }).toEqual({ name, isOpen: false });
      }
      expect({ name, work: work[1] }).toEqual({ name, work: work[0] });
    }
    // What is left of them expires by itself, and is worth nothing.
    expect(await firstReleaseTokenModel().collection.indexes()).toContainEqual(
      expect.objectContaining({ key: { expiresAt: 1 }, expireAfterSeconds: 0 }),
    );
  });

  it('leaves no trace in the database that grows: a refresh adds no document', async () => {
    const candidate = await desk.candidate();
    let { refreshToken } = (await refresh(candidate.session.refreshToken)).body;
    const count = async () => {
      const names = ['sessions', 'spent_refresh_tokens', 'refresh_tokens', 'audit'];
      return Promise.all(names.map((name) => mongoose.connection.collection(name).countDocuments()));
    };
    const before = await count();
    ({ refreshToken } = (await refresh(refreshToken)).body);
    expect(refreshToken).toBeDefined();
    expect(await count()).toEqual(before);
  });
});

describe('refreshing', () => {
  it('is so many times a minute for a session, and says how long to wait; reuse ends the session all the same', async () => {
    const candidate = await desk.candidate();
    const elsewhere = await desk.login(candidate.email);
    let token = candidate.session.refreshToken;
    let answer = await refresh(token);
    // A minute may end on the way.
    for (let tries = 1; answer.status === 200 && tries < 2 * REFRESHES + 2; tries += 1) {
      token = answer.body.refreshToken;
      answer = await refresh(token);
    }
    expectRefused(answer, 'RATE_LIMITED');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect((await refresh(elsewhere.session.refreshToken)).status).toBe(200);
    expectRefused(await refresh(candidate.session.refreshToken), 'INVALID_TOKEN');
    expect(await sessionsOf(candidate)).toEqual([sessionOf(elsewhere)]);
  });

  it('is not used up by somebody who only knows the session’s id', async () => {
    const candidate = await desk.candidate();
    const forged = `${sessionOf(candidate)}.${'x'.repeat(43)}.${'x'.repeat(43)}`;
    for (let tries = 0; tries < 2 * REFRESHES; tries += 1) expectRefused(await refresh(forged), 'INVALID_TOKEN');
    expect((await refresh(candidate.session.refreshToken)).status).toBe(200);
  });
});

describe('a right password', () => {
  it('is taken so many times an hour of a user, to sign in or to change it; one more counts as a wrong one', async () => {
    const candidate = await desk.candidate();
    const login = (password: string) =>
      desk.call('POST', '/auth/login', undefined, { email: candidate.email, password });
    // Wrong ones are another limit's.
    for (let time = 0; time < 3; time += 1) expectRefused(await login('wrong password'), 'INVALID_CREDENTIALS');
    const counts = () =>
      rateLimitModel()
        .find({ _id: new RegExp(`^sign-ins/${candidate.user.id}/`) })
        .lean();
    expect(await counts()).toEqual([]);
    let answer = await login(PASSWORD);
    // An hour may end on the way.
    for (let tries = 1; answer.status === 200 && tries < 2 * SIGN_INS + 2; tries += 1) answer = await login(PASSWORD);
    expectRefused(answer, 'RATE_LIMITED');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    const { items } = await desk.ok('GET', `/audit?actorId=${candidate.user.id}&limit=100`, desk.admin.token);
    expect(items.length).toBeLessThanOrEqual(3 * (2 * SIGN_INS + 2));
    expect(await loginAttemptsModel().collection.countDocuments({ failures: { $gt: 0 } })).toBeGreaterThan(0);

    const open = await sessionModel().findOne({ userId: candidate.user.id }).sort({ createdAt: -1 }).lean();
    const session = { userId: candidate.user.id, sessionId: open?._id ?? '', role: candidate.user.role };
    const token = await signAccessToken(session);
    const change = { currentPassword: PASSWORD, newPassword: 'another pass phrase' };
    expectRefused(await desk.call('PUT', '/auth/password', token, change), 'RATE_LIMITED');
    expectRefused(await login('another pass phrase'), 'INVALID_CREDENTIALS');
    // It is this user's alone.
    await desk.login((await desk.candidate()).email);
  });
});

describe('giving a conversation to and fro', () => {
  it('is so many times a minute of a supervisor: the audit trail grows no faster', async () => {
    const { supervisor, agent, conversation } = await desk.assigned();
    const second = await desk.agent(supervisor);
    const give = ({ user }: Person) =>
      desk.call('POST', `/conversations/${conversation.id}/assign`, supervisor.token, { agentId: user.id });
    let answer = await give(second);
    // A minute may end on the way.
    for (let tries = 1; answer.status === 200 && tries < 2 * STAFF_WRITES + 2; tries += 1) {
      answer = await give(tries % 2 === 0 ? second : agent);
    }
    expectRefused(answer, 'RATE_LIMITED');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    // Another's count is their own.
    await desk.ok('POST', `/conversations/${conversation.id}/requeue`, desk.admin.token);
  });
});

describe('one session too many', () => {
  it('ends the one longest unused, with its sockets, and no other', async () => {
    const first = await desk.candidate();
    const people = [first];
    while (people.length < SESSIONS) people.push(await desk.login(first.email));
    const [, second, third, fourth] = people as [Person, Person, Person, Person];
    // The first two were opened first, but used since: one is refreshed, the other opens a socket.
    const fourths = await desk.connect(fourth);
    await sessionModel().updateOne({ _id: sessionOf(fourth) }, { $set: { usedAt: new Date(0) } });
    expect((await refresh(first.session.refreshToken)).status).toBe(200);
    const seconds = await desk.connect(second);

    const newest = await desk.login(first.email);
    await within('the socket of the session that ended to be cut', fourths.closed);
    const expected = [...people.filter((person) => person !== fourth), newest].map(sessionOf);
    expect((await sessionsOf(first)).toSorted()).toEqual(expected.toSorted());
    expectRefused(await refresh(fourth.session.refreshToken), 'INVALID_TOKEN');
    await seconds.settle();
    const { items } = await desk.ok(
      'GET',
      `/audit?targetId=${first.user.id}&action=sessions_displaced`,
      desk.admin.token,
    );
    expect(items).toMatchObject([{ actorId: first.user.id, details: { sessions: '1' } }]);

    // Now it is the third's turn: nothing was done with it since it was opened.
    await desk.login(first.email);
    expect(await sessionsOf(first)).not.toContain(sessionOf(third));
  });

  it('is never had, however many sign in at once', async () => {
    const candidate = await desk.candidate();
    const credentials = { email: candidate.email, password: PASSWORD };
    const signIn = () => desk.call('POST', '/auth/login', undefined, credentials);
    const answers = await Promise.all(Array.from({ length: 2 * SESSIONS }, signIn));
    // On a busy machine one or another may lose the race too often, and be told to try again.
    const granted = answers.filter(({ status }) => status === 200);
    expect(granted.length).toBeGreaterThan(SESSIONS);
    expect(await sessionsOf(candidate)).toHaveLength(SESSIONS);
    const working = await Promise.all(granted.map(({ body }) => desk.call('GET', '/auth/me', body.accessToken)));
    expect(working.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(SESSIONS);
  });

  it('ends so many at a time where a user of the first release has thousands, and migrating ends the rest', async () => {
    const candidate = await desk.candidate();
    const userId = candidate.user.id;
    const crowd = Array.from({ length: 3_000 }, (_, index) => ({
      _id: `old-${userId}-${index}`,
      ...{ userId, createdAt: new Date(0), expiresAt: new Date(Date.now() + hour + index), socketsOpened: 0 },
    }));
    await sessionModel().collection.insertMany(crowd as never);
    const doc = { userId, rooms: [], connectedAt: new Date(0), expiresAt: new Date(Date.now() + hour) };
    await connectionModel().create({ _id: 'of-the-oldest', sessionId: `old-${userId}-0`, ...doc });
    await connectionModel().create({ _id: 'of-the-newest', sessionId: `old-${userId}-2999`, ...doc });
    const { written } = await workOf(() => desk.login(candidate.email));
    expect(written).toBeLessThan(150);
    const left = await sessionsOf(candidate);
    expect(left).toHaveLength(3_000 + 1 - 100 + 1);
    expect(left).not.toContain(crowd[99]?._id);
    expect(left).toContain(crowd[100]?._id);

    await sessionModel().db.collection('migrations').deleteMany({});
    await migrate();
    // The two opened today, and of the old ones those that were refreshed last.
    const kept = await sessionsOf(candidate);
    expect(kept).toHaveLength(SESSIONS);
    expect(kept).toEqual(expect.arrayContaining([sessionOf(candidate), ...crowd.slice(-3).map(({ _id }) => _id)]));
    expect(await connectionModel().find({ userId }, { _id: 1 }).lean()).toEqual([{ _id: 'of-the-newest' }]);
    await desk.ok('PATCH', `/users/${userId}`, desk.admin.token, { active: false });
    expect(await sessionsOf(candidate)).toEqual([]);
  });
});

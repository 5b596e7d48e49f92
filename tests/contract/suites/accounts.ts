import { asTheRoomSees, type Desk, PASSWORD, type Person } from '../../support/system.ts';
import type { Start, Started } from './start.ts';

/** Sessions, passwords, and people coming and going. */
export function accountSuite(start: Start): void {
  describe('accounts', () => {
    let system: Started['system'];
    let desk: Desk;
    beforeAll(async () => {
      ({ system, desk } = await start());
    });

    const code = async (method: string, path: string, token?: string, body?: unknown): Promise<string> => {
      const result = await desk.call(method, path, token, body);
      return result.status < 400 ? String(result.status) : `${result.status} ${result.body.code}`;
    };
    const me = (token: string) => code('GET', '/auth/me', token);
    const refresh = (refreshToken: string) => code('POST', '/auth/refresh', undefined, { refreshToken });
    const login = (email: string, password: string) => code('POST', '/auth/login', undefined, { email, password });
    const setActive = (person: Person, active: boolean, by = desk.admin) =>
      code('PATCH', `/users/${person.user.id}`, by.token, { active });

    it('rotates the refresh token, repeats itself, and ends the session, sockets too, when one spent before comes back', async () => {
      const person = await desk.candidate();
      const other = await desk.login(person.email);
      const socket = await desk.connect(person);
      const rotated = await desk.ok('POST', '/auth/refresh', undefined, { refreshToken: person.session.refreshToken });
      expect(rotated).toMatchObject({ user: person.user, tokenType: 'Bearer', expiresIn: person.session.expiresIn });
      expect(rotated.refreshToken).not.toBe(person.session.refreshToken);
      expect(await me(rotated.accessToken)).toBe('200');
      await socket.settle();
      const repeated = await desk.ok('POST', '/auth/refresh', undefined, { refreshToken: person.session.refreshToken });
      expect(repeated.refreshToken).toBe(rotated.refreshToken);
      const next = await desk.ok('POST', '/auth/refresh', undefined, { refreshToken: rotated.refreshToken });
      await socket.settle();
      expect(await refresh(person.session.refreshToken)).toBe('401 INVALID_TOKEN');
      await socket.closed;
      expect(await refresh(next.refreshToken)).toBe('401 INVALID_TOKEN');
      expect(await me(rotated.accessToken)).toBe('401 INVALID_TOKEN');
      expect(await me(person.token)).toBe('401 INVALID_TOKEN');
      expect(await me(other.token)).toBe('200');
      expect(await refresh(other.session.refreshToken)).toBe('200');
    });

    it('answers two simultaneous refreshes with the same successor', async () => {
      const { session } = await desk.candidate();
      const { refreshToken } = session;
      const both = await Promise.all([1, 2].map(() => desk.ok('POST', '/auth/refresh', undefined, { refreshToken })));
      expect(both[0].refreshToken).toBe(both[1].refreshToken);
      for (const { accessToken } of both) expect(await me(accessToken)).toBe('200');
    });

    it('logs out one session: its tokens and sockets, not the others', async () => {
      const person = await desk.candidate();
      const other = await desk.login(person.email);
      const [ending, staying] = await Promise.all([desk.connect(person), desk.connect(other)]);
      expect(await code('POST', '/auth/logout', person.token)).toBe('204');
      await ending.closed;
      await staying.settle();
      expect(await me(person.token)).toBe('401 INVALID_TOKEN');
      expect(await refresh(person.session.refreshToken)).toBe('401 INVALID_TOKEN');
      await expect(system.connect({ token: person.token })).rejects.toMatchObject({ status: 401 });
      expect(await me(other.token)).toBe('200');
    });

    it('changes a password and ends the other sessions, not the one it was changed in', async () => {
      const person = await desk.candidate();
      const other = await desk.login(person.email);
      const [staying, ending] = await Promise.all([desk.connect(person), desk.connect(other)]);
      const change = (currentPassword: string, newPassword: string) =>
        code('PUT', '/auth/password', person.token, { currentPassword, newPassword });
      expect(await change('not this one', 'a better password')).toBe('401 INVALID_CREDENTIALS');
      await ending.settle();
      expect(await change(PASSWORD, 'a better password')).toBe('204');
      await ending.closed;
      await staying.settle();
      expect(await me(other.token)).toBe('401 INVALID_TOKEN');
      expect(await refresh(other.session.refreshToken)).toBe('401 INVALID_TOKEN');
      expect(await me(person.token)).toBe('200');
      expect(await refresh(person.session.refreshToken)).toBe('200');
      expect(await login(person.email, PASSWORD)).toBe('401 INVALID_CREDENTIALS');
      expect(await login(person.email, 'a better password')).toBe('200');
    });

    it('takes an e-mail address in any case for the same', async () => {
      const person = await desk.candidate();
      expect(await login(person.email.toUpperCase(), PASSWORD)).toBe('200');
      const again = { name: 'Again', email: person.email.toUpperCase(), password: PASSWORD };
      expect(await code('POST', '/auth/register', undefined, again)).toBe('409 EMAIL_TAKEN');
      expect(await code('POST', '/users', desk.admin.token, { ...again, role: 'supervisor' })).toBe('409 EMAIL_TAKEN');
    });

    it('registers one of several who want the same address at once', async () => {
      const outcomes = await Promise.all(
        ['racer@Example.com', 'RACER@example.com', 'racer@example.com'].map((email) =>
          code('POST', '/auth/register', undefined, { name: 'Racer', email, password: PASSWORD }),
        ),
      );
      expect(outcomes.toSorted()).toEqual(['201', '409 EMAIL_TAKEN', '409 EMAIL_TAKEN']);
    });

    it('says the same of an unknown address, a wrong password and an inactive user', async () => {
      const [active, inactive] = [await desk.candidate(), await desk.candidate()];
      await setActive(inactive, false);
      const answers = await Promise.all(
        [
          { email: 'nobody@example.com', password: PASSWORD },
          { email: active.email, password: 'wrong password' },
          { email: inactive.email, password: PASSWORD },
        ].map(async (body) => {
          const answer = await desk.call('POST', '/auth/login', undefined, body);
          return { ...answer.body, requestId: '' };
        }),
      );
      expect(answers[0].code).toBe('INVALID_CREDENTIALS');
      expect(answers[1]).toEqual(answers[0]);
      expect(answers[2]).toEqual(answers[0]);
    });

    it('ends the sessions of one made inactive, cuts the sockets, and lets them sign in anew once active again', async () => {
      const { candidate, agent, conversation } = await desk.assigned();
      const [a, c] = await Promise.all([desk.join(agent, conversation.id), desk.join(candidate, conversation.id)]);
      expect(await setActive(agent, false)).toBe('200');
      await a.closed;
      expect(await me(agent.token)).toBe('401 INVALID_TOKEN');
      expect(await refresh(agent.session.refreshToken)).toBe('401 INVALID_TOKEN');
      await c.settle();
      expect(await setActive(agent, true)).toBe('200');
      expect(await me(agent.token)).toBe('401 INVALID_TOKEN');
      expect(await login(agent.email, PASSWORD)).toBe('200');
    });

    it('gives nothing to an inactive agent, nor a new agent to an inactive supervisor', async () => {
      const supervisor = await desk.supervisor();
      const agent = await desk.agent(supervisor);
      const { id } = await desk.conversation(await desk.candidate());
      await setActive(agent, false);
      const assign = { agentId: agent.user.id };
      expect(await code('POST', `/conversations/${id}/assign`, supervisor.token, assign)).toBe(
        '422 AGENT_NOT_AVAILABLE',
      );
      expect(await setActive(supervisor, false)).toBe('200');
      const email = 'new-agent@example.com';
      const staff = { name: 'New', email, password: PASSWORD, role: 'agent', supervisorId: supervisor.user.id };
      expect(await code('POST', '/users', desk.admin.token, staff)).toBe('400 VALIDATION_FAILED');
    });

    it('keeps a supervisor with active agents', async () => {
      const [supervisor, other] = await Promise.all([desk.supervisor(), desk.supervisor()]);
      const [one, two] = await Promise.all([desk.agent(supervisor), desk.agent(supervisor)]);
      expect(await setActive(supervisor, false)).toBe('409 HAS_TEAM');
      expect(await setActive(one, false)).toBe('200');
      expect(await setActive(supervisor, false)).toBe('409 HAS_TEAM');
      expect(await me(supervisor.token)).toBe('200');
      await desk.ok('PATCH', `/users/${two.user.id}`, desk.admin.token, { supervisorId: other.user.id });
      expect(await setActive(supervisor, false)).toBe('200');
      // An agent of theirs comes back under somebody who is there.
      const path = `/users/${one.user.id}`;
      expect(await code('PATCH', path, desk.admin.token, { active: true })).toBe('400 VALIDATION_FAILED');
      const back = { active: true, supervisorId: supervisor.user.id };
      expect(await code('PATCH', path, desk.admin.token, back)).toBe('400 VALIDATION_FAILED');
      expect(await desk.ok('PATCH', path, desk.admin.token, { ...back, supervisorId: other.user.id })).toMatchObject({
        active: true,
        supervisorId: other.user.id,
      });
      expect(await setActive(other, false)).toBe('409 HAS_TEAM');
    });

    it('takes back what an agent has who is made inactive, and tells the room', async () => {
      const { candidate, supervisor, agent, conversation } = await desk.assigned('m1');
      const others = await Promise.all([desk.conversation(candidate), desk.conversation(candidate)]);
      for (const { id } of others) await desk.assign(supervisor, id, agent);
      const closed = await desk.conversation(candidate);
      await desk.assign(supervisor, closed.id, agent);
      await desk.ok('POST', `/conversations/${closed.id}/close`, agent.token);
      const c = await desk.join(candidate, conversation.id);
      expect(await setActive(agent, false)).toBe('200');
      const read = async (id: string) => desk.ok('GET', `/conversations/${id}`, supervisor.token);
      for (const { id } of [conversation, ...others]) {
        const now = await read(id);
        expect(now).toMatchObject({ status: 'open', agentId: null, agent: null, supervisorId: null, assignedAt: null });
        if (id !== conversation.id) continue;
        expect((await c.next('CONVERSATION_REQUEUED')).data).toEqual({ conversation: asTheRoomSees(now) });
      }
      expect(await read(closed.id)).toMatchObject({ status: 'closed', agentId: agent.user.id });
      const audited = await desk.ok('GET', `/audit?targetId=${conversation.id}`, desk.admin.token);
      expect(audited.items[0]).toMatchObject({
        action: 'conversation_requeued',
        actorId: null,
        details: { agentId: agent.user.id, reason: 'agent_inactive' },
      });
      expect(await setActive(agent, true)).toBe('200');
      expect(await desk.assign(supervisor, conversation.id, agent)).toMatchObject({ agentId: agent.user.id });
    });

    it('moves what an agent has along with them, but for what is closed', async () => {
      const { candidate, supervisor, agent, conversation } = await desk.assigned('m1');
      const closed = await desk.conversation(candidate);
      await desk.assign(supervisor, closed.id, agent);
      await desk.ok('POST', `/conversations/${closed.id}/close`, agent.token);
      const to = await desk.supervisor();
      const a = await desk.join(agent, conversation.id);
      await desk.ok('PATCH', `/users/${agent.user.id}`, desk.admin.token, { supervisorId: to.user.id });
      const path = `/conversations/${conversation.id}`;
      expect(await desk.ok('GET', path, to.token)).toEqual({
        ...conversation,
        supervisorId: to.user.id,
        revision: conversation.revision + 1,
      });
      expect(await code('GET', path, supervisor.token)).toBe('404 NOT_FOUND');
      expect(await desk.ok('GET', `/conversations/${closed.id}`, supervisor.token)).toMatchObject({
        supervisorId: supervisor.user.id,
      });
      // Who talks goes on talking.
      await a.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId: conversation.id, content: 'still here' });
      expect(await code('POST', `${path}/requeue`, supervisor.token)).toBe('404 NOT_FOUND');
      expect(await code('POST', `${path}/requeue`, to.token)).toBe('200');
    });

    it('gives somebody another address, to sign in with from then on', async () => {
      const [candidate, other] = await Promise.all([desk.candidate(), desk.candidate()]);
      const path = `/users/${candidate.user.id}`;
      const email = `Moved-${candidate.email}`;
      expect(await code('PATCH', path, desk.admin.token, { email: other.email.toUpperCase() })).toBe('409 EMAIL_TAKEN');
      expect(await login(candidate.email, PASSWORD)).toBe('200');
      expect(await desk.ok('PATCH', path, desk.admin.token, { email })).toEqual({ ...candidate.user, email });
      expect(await login(candidate.email, PASSWORD)).toBe('401 INVALID_CREDENTIALS');
      expect(await login(email.toLowerCase(), PASSWORD)).toBe('200');
      const audited = await desk.ok('GET', `/audit?targetId=${candidate.user.id}`, desk.admin.token);
      const changes = audited.items.filter(({ action }: { action: string }) => action === 'user_updated');
      expect(changes).toMatchObject([{ details: { email: 'changed' } }]);
      expect(JSON.stringify(changes).toLowerCase()).not.toContain(email.toLowerCase());
    });

    it('leaves the erased as they are', async () => {
      const candidate = await desk.candidate();
      await desk.ok('POST', `/users/${candidate.user.id}/erase`, desk.admin.token);
      const path = `/users/${candidate.user.id}`;
      for (const change of [{ active: true }, { name: 'Back' }, { email: 'back@example.com' }, {}]) {
        expect(await code('PATCH', path, desk.admin.token, change)).toBe('404 NOT_FOUND');
      }
      expect(await desk.ok('GET', path, desk.admin.token)).toMatchObject({ name: 'Erased', active: false });
    });

    it('moves an agent to another supervisor, who may then assign to them; the former may not', async () => {
      const [from, to] = await Promise.all([desk.supervisor(), desk.supervisor()]);
      const agent = await desk.agent(from);
      const path = `/users/${agent.user.id}`;
      expect(await desk.ok('PATCH', path, desk.admin.token, { supervisorId: to.user.id, name: 'Moved' })).toEqual({
        ...agent.user,
        supervisorId: to.user.id,
        name: 'Moved',
      });
      const { id } = await desk.conversation(await desk.candidate());
      const assign = { agentId: agent.user.id };
      expect(await code('GET', path, from.token)).toBe('404 NOT_FOUND');
      expect(await code('POST', `/conversations/${id}/assign`, from.token, assign)).toBe('422 AGENT_NOT_AVAILABLE');
      expect(await desk.assign(to, id, agent)).toMatchObject({ supervisorId: to.user.id });
      expect(await code('PATCH', path, desk.admin.token, { supervisorId: agent.user.id })).toBe(
        '400 VALIDATION_FAILED',
      );
      expect(await code('PATCH', `/users/${to.user.id}`, desk.admin.token, { supervisorId: from.user.id })).toBe(
        '400 VALIDATION_FAILED',
      );
    });
  });
}

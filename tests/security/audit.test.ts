import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Desk } from '../support/system.ts';

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk()));
afterAll(() => system.stop());

const trail = async (query: string) => (await desk.ok('GET', `/audit?${query}`, desk.admin.token)).items;

describe('the audit trail', () => {
  it('says who assigned and closed a conversation', async () => {
    const { supervisor, agent, conversation } = await desk.assigned('hello');
    await desk.ok('POST', `/conversations/${conversation.id}/close`, agent.token);
    expect(await trail(`targetId=${conversation.id}`)).toEqual([
      expect.objectContaining({
        action: 'conversation_closed',
        actorId: agent.user.id,
        actorRole: 'agent',
        sourceIp: '127.0.0.1',
      }),
      expect.objectContaining({
        action: 'conversation_assigned',
        actorId: supervisor.user.id,
        actorRole: 'supervisor',
        details: { agentId: agent.user.id },
      }),
    ]);
  });

  it('records what became of a person, without what is personal', async () => {
    const supervisor = await desk.supervisor();
    const agent = await desk.agent(supervisor);
    const other = await desk.supervisor();
    await desk.ok('PATCH', `/users/${agent.user.id}`, desk.admin.token, {
      name: 'Renamed',
      supervisorId: other.user.id,
    });
    await desk.ok('PUT', '/auth/password', agent.token, {
      currentPassword: agent.password,
      newPassword: 'another password',
    });
    await desk.ok('POST', '/auth/logout', agent.token);
    await desk.call('POST', '/auth/login', undefined, { email: agent.email, password: 'wrong password' });
    await desk.ok('PATCH', `/users/${agent.user.id}`, desk.admin.token, { active: false });
    const entries = await trail(`targetId=${agent.user.id}`);
    expect(entries.map(({ action }: { action: string }) => action)).toEqual([
      'user_updated',
      'sign_in_failed',
      'signed_out',
      'password_changed',
      'user_updated',
      'signed_in',
      'user_created',
    ]);
    expect(entries[4].details).toEqual({ name: 'changed', supervisorId: other.user.id });
    const text = JSON.stringify(entries);
    for (const personal of [agent.email, 'Renamed', agent.password, 'another password'])
      expect(text).not.toContain(personal);
  });

  it('says who has edited a conversation, and who has decided about an agent and a team', async () => {
    const { supervisor, agent, conversation } = await desk.assigned();
    const path = `/conversations/${conversation.id}`;
    await desk.ok('PATCH', path, agent.token, { priority: 'high', addTags: ['billing', 'vip'], removeTags: ['none'] });
    await desk.ok('PATCH', path, agent.token, { priority: 'high', addTags: ['vip'] });
    const routing = { mode: 'automatic', requeueAfterSeconds: 300, answerWithinSeconds: null };
    await desk.ok('PUT', '/routing', supervisor.token, routing);
    await desk.ok('PUT', `/users/${agent.user.id}/capacity`, desk.admin.token, { maxConversations: 3 });
    const socket = await desk.connect(agent);
    await socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'available' });
    await desk.ok('PUT', `/users/${agent.user.id}/availability`, supervisor.token, { status: 'away' });
    const [edited, ...others] = await trail(`targetId=${conversation.id}`);
    expect(edited).toMatchObject({
      action: 'conversation_edited',
      actorId: agent.user.id,
      details: { priority: 'high', addTags: 'billing vip', removeTags: 'none' },
    });
    // An edit that changed nothing is none.
    expect(others).toMatchObject([{ action: 'conversation_assigned' }]);
    expect((await trail(`targetId=${agent.user.id}`)).slice(0, 2)).toMatchObject([
      { action: 'agent_sent_away', actorId: supervisor.user.id, details: {} },
      { action: 'capacity_set', actorId: desk.admin.user.id, details: { maxConversations: '3' } },
    ]);
    expect(await trail(`actorId=${supervisor.user.id}&action=routing_set`)).toMatchObject([
      { details: { mode: 'automatic', requeueAfterSeconds: '300', answerWithinSeconds: 'null' } },
    ]);
  });

  it('records the reuse of a refresh token', async () => {
    const candidate = await desk.candidate();
    const { refreshToken } = candidate.session;
    const next = await desk.ok('POST', '/auth/refresh', undefined, { refreshToken });
    await desk.ok('POST', '/auth/refresh', undefined, { refreshToken: next.refreshToken });
    expect((await desk.call('POST', '/auth/refresh', undefined, { refreshToken })).status).toBe(401);
    expect((await trail(`targetId=${candidate.user.id}`))[0]).toMatchObject({ action: 'refresh_token_reused' });
  });

  it('records nothing of what was refused', async () => {
    const { agent, conversation } = await desk.assigned();
    await desk.ok('POST', `/conversations/${conversation.id}/close`, agent.token);
    await desk.call('POST', `/conversations/${conversation.id}/close`, agent.token);
    expect(await trail(`targetId=${conversation.id}&action=conversation_closed`)).toHaveLength(1);
  });

  it.each(['supervisor', 'agent', 'candidate'] as const)('is closed to a %s', async (role) => {
    const { [role]: person } = await desk.assigned();
    expect(await desk.call('GET', '/audit', person.token)).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
  });
});

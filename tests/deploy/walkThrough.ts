import type { Message } from '../../lib/protocol/objects/conversations.ts';
import { corsOf } from '../support/cors.ts';
import { eventually } from '../support/deadline.ts';
import { httpFunctions, socketFunctions } from '../support/handlers.ts';
import { siteToken } from '../support/identity.ts';
import { linkIn } from '../support/ses.ts';
import type { Deployed } from './deployed.ts';
import { startPackagedDesk } from './packaged.ts';
import { PAGE_PATHS } from './pages.ts';
import type { FleetOptions } from './runtime/fleet.ts';
import { rights } from './service.ts';
import { smokeTest } from './smoke.ts';

/** Every function there is, in the order of a support desk's day. Each runs in its package, with its role's rights alone. */
export async function walkThrough(deployed: Deployed, reuse?: FleetOptions['reuse']): Promise<void> {
  const { system, desk } = await startPackagedDesk(deployed, reuse);
  try {
    expect(
      await system.operate('createFirstAdmin', { name: 'Eve', email: 'eve@example.com', password: 'let me in please' }),
    ).toMatchObject({
      created: false,
    });
    expect(await desk.ok('GET', '/health')).toMatchObject({ status: 'ok' });
    expect(await desk.call('GET', '/nowhere')).toMatchObject({ status: 404 });
    // The pages are switched off unless the stage says otherwise.
    for (const path of PAGE_PATHS) expect([path, await desk.call('GET', path)]).toMatchObject([path, { status: 404 }]);
    for (const origin of corsOf('prod').allowedOrigins) {
      expect(await smokeTest((question) => system.http(question), origin)).toEqual([]);
    }

    const { candidate, supervisor, agent, conversation } = await desk.assigned('m1');
    const { id: conversationId } = conversation;
    const path = `/conversations/${conversationId}`;
    expect((await desk.ok('GET', '/conversations', agent.token)).items).toHaveLength(1);
    // What is unread is told to those who take part.
    expect(await desk.ok('GET', path, agent.token)).toEqual({ ...conversation, unread: 1 });
    expect((await desk.ok('GET', '/users', desk.admin.token)).items).toHaveLength(4);
    expect(await desk.ok('GET', `/users/${agent.user.id}`, supervisor.token)).toMatchObject({ id: agent.user.id });
    expect(await desk.ok('GET', '/auth/me', candidate.token)).toMatchObject({ id: candidate.user.id });

    const [c, a] = await Promise.all([desk.join(candidate, conversationId), desk.join(agent, conversationId)]);
    const say = { conversationId, content: 'm2', clientMessageId: 'only-once' };
    expect(await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', say)).toMatchObject({ seq: 2, duplicate: false });
    expect(await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', say)).toMatchObject({ seq: 2, duplicate: true });
    await a.next('NEW_MESSAGE', ({ content }) => content === 'm2');
    expect(await c.refused('DANCE', {})).toMatchObject({ code: 'UNKNOWN_EVENT' });
    c.close();
    await a.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'm3' });
    const back = await desk.connect(candidate);
    const missed = await back.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', { conversationId, afterSeq: 2 });
    expect(missed.messages.map(({ content }: Message) => content)).toEqual(['m3']);
    await back.expect('CONVERSATION_LEFT', 'LEAVE_CONVERSATION', { conversationId });
    await back.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', { conversationId });
    await back.settle();
    const transcript = await desk.ok('GET', `/conversations/${conversationId}/messages`, candidate.token);

    await a.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', { conversationId });
    expect(await back.next('CONVERSATION_CLOSED')).toMatchObject({ data: { lastSeq: 3 } });
    await system.operate('sweep');
    await eventually('the archive alone to hold the transcript', async () => {
      const { archivedAt } = await desk.ok('GET', path, candidate.token);
      return archivedAt !== null;
    });
    expect(await desk.ok('GET', `/conversations/${conversationId}/messages`, candidate.token)).toEqual(transcript);
    expect((await desk.ok('GET', '/analytics/supervisors', desk.admin.token)).totals).toMatchObject({
      closedConversations: 1,
    });
    const second = await desk.conversation(candidate);
    await desk.assign(supervisor, second.id, agent);
    await desk.ok('POST', `/conversations/${second.id}/requeue`, agent.token);
    await desk.assign(supervisor, second.id, agent);

    // While they talk, and after.
    await desk.ok('PUT', `/conversations/${conversationId}/read`, candidate.token, { seq: 2 });
    await back.expect('MESSAGES_READ', 'MARK_READ', { conversationId, seq: 2 });
    expect(await desk.ok('GET', `/conversations/${conversationId}/transcript`, candidate.token)).toContain('m1');
    await desk.ok('PUT', `/conversations/${conversationId}/rating`, candidate.token, { score: 5, comment: 'Thanks.' });
    await desk.ok('POST', `/conversations/${conversationId}/notes`, agent.token, { content: 'A friend of the house.' });
    expect((await desk.ok('GET', `/conversations/${conversationId}/notes`, agent.token)).items).toHaveLength(1);
    const canned = { scope: 'own', shortcut: 'hello', title: 'Hello', content: 'Hello, how can I help?' };
    const { id: replyId } = await desk.ok('POST', '/replies', agent.token, canned);
    await desk.ok('PATCH', `/replies/${replyId}`, agent.token, { title: 'A greeting' });
    expect((await desk.ok('GET', '/replies', agent.token)).items).toHaveLength(1);
    await desk.ok('DELETE', `/replies/${replyId}`, agent.token);
    const [from, to] = [new Date(Date.now() - 3_600_000), new Date(Date.now() + 1_000)].map((at) => at.toISOString());
    const timeline = await desk.ok('GET', `/analytics/timeline?from=${from}&to=${to}`, desk.admin.token);
    expect(timeline.days).not.toEqual([]);
    const typist = await desk.join(candidate, second.id);
    typist.send('TYPING', { conversationId: second.id, typing: true });
    await typist.settle();
    await desk.ok('POST', `/conversations/${second.id}/close`, agent.token);

    // A supervisor watches, and what is opened goes to an agent who is available.
    const watcher = await desk.connect(supervisor);
    await watcher.expect('QUEUE_WATCHED', 'WATCH_QUEUE', {});
    const routing = { mode: 'automatic', requeueAfterSeconds: 300, answerWithinSeconds: null };
    await desk.ok('PUT', '/routing', supervisor.token, routing);
    expect(await desk.ok('GET', '/routing', supervisor.token)).toEqual(routing);
    await desk.ok('PUT', `/users/${agent.user.id}/capacity`, supervisor.token, { maxConversations: 3 });
    await a.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'available' });
    expect(await desk.ok('GET', '/desk')).toEqual({ open: true });
    const third = await desk.conversation(candidate, 'm1');
    await a.next('CONVERSATION_ASSIGNED', ({ conversation: { id } }) => id === third.id);
    await watcher.next(
      'QUEUE_CHANGED',
      ({ reason, conversation: { id, status } }) => reason === 'assigned' && id === third.id && status === 'assigned',
    );
    await desk.ok('PATCH', `/conversations/${third.id}`, agent.token, { priority: 'high', addTags: ['billing'] });
    await watcher.next('QUEUE_CHANGED', ({ reason }) => reason === 'edited');
    await system.operate('dispatch', { tick: true });
    await desk.ok('PUT', `/users/${agent.user.id}/availability`, supervisor.token, { status: 'away' });
    await a.next('AVAILABILITY_SET', ({ status }) => status === 'away');
    await watcher.expect('QUEUE_UNWATCHED', 'UNWATCH_QUEUE', {});
    await desk.ok('POST', `/conversations/${third.id}/close`, agent.token);

    // A visitor turns out to be a customer of the company's.
    const visitor = await desk.ok('POST', '/auth/visitor', undefined, { name: 'Vic' });
    const { id: visited } = await desk.ok('POST', '/conversations', visitor.accessToken, { subject: 'Who am I?' });
    const vouched = { token: siteToken({ sub: '42', name: 'Ada' }), visitorToken: visitor.accessToken };
    const customer = await desk.ok('POST', '/auth/exchange', undefined, vouched);
    expect(customer.user).toMatchObject({ id: visitor.user.id, name: 'Ada' });
    expect(await desk.ok('GET', `/conversations/${visited}`, customer.accessToken)).toMatchObject({ status: 'open' });
    expect((await desk.call('GET', '/auth/me', visitor.accessToken)).status).toBe(401);

    const renewed = await desk.ok('POST', '/auth/refresh', undefined, { refreshToken: candidate.session.refreshToken });
    await desk.ok('PUT', '/auth/password', renewed.accessToken, {
      currentPassword: candidate.password,
      newPassword: 'another long password',
    });
    await desk.ok('POST', '/auth/password/forgot', undefined, { email: candidate.email });
    await system.gateway.idle();
    const { token } = linkIn(system.aws.ses.mails[0]?.text ?? '');
    const newPassword = 'a password not forgotten';
    await desk.ok('POST', '/auth/password/reset', undefined, { token, newPassword });
    const { url } = await desk.ok('POST', `/users/${candidate.user.id}/password-reset`, desk.admin.token);
    await desk.ok('POST', '/auth/password/reset', undefined, { token: linkIn(url).token, newPassword });
    const again = await desk.login(candidate.email, newPassword);
    await desk.ok('POST', '/auth/logout', again.token);
    await desk.ok('PATCH', `/users/${agent.user.id}`, desk.admin.token, { name: 'Alex Another' });
    await desk.ok('POST', `/users/${candidate.user.id}/erase`, desk.admin.token);
    expect((await desk.ok('GET', '/audit', desk.admin.token)).items).not.toEqual([]);
    await system.gateway.idle();

    expect([...system.fleet.invoked].sort()).toEqual(Object.keys(rights).sort());
    const known = new Set([...httpFunctions.keys(), ...socketFunctions.keys()]);
    expect([...system.fleet.routes].sort()).toEqual([...known].sort());
    expect(system.aws.refused).toEqual([]);
    // All a function needs, with one request.
    const needed = Object.entries(rights).filter(([, { secrets }]) => secrets.length > 0);
    expect([...new Set(system.aws.read)].sort()).toEqual(
      needed.map(([name, { secrets }]) => readBy(name, secrets)).sort(),
    );
    const lines = system.fleet.log.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
    expect(lines.filter(({ _aws }) => _aws !== undefined).flatMap(Object.keys)).toEqual(
      expect.arrayContaining(['MessagesAccepted', 'DeliveriesDelivered', 'ArchiveLagSeconds']),
    );
  } finally {
    await system.stop();
  }
}

const readBy = (name: string, secrets: readonly string[]): string =>
  `role-${name} ${secrets
    .map((secret) => `/live-support/prod/${secret}`)
    .toSorted()
    .join(' ')}`;

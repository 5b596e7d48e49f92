import { activeMessageModel, messageModel } from '../../lib/store/messages.ts';
import { eventually } from '../support/deadline.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Desk } from '../support/system.ts';

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk()));
afterAll(() => system.stop());

describe('a conversation from opening to archive', () => {
  it('keeps every message, in order, the same before and after', async () => {
    const { candidate, supervisor, agent, conversation } = await desk.assigned('$set: my bill is wrong');
    const conversationId = conversation.id;
    const c = await desk.join(candidate, conversationId);
    const a = await desk.join(agent, conversationId);
    for (let index = 0; index < 5; index += 1) {
      await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', {
        conversationId,
        content: `c${index}`,
        clientMessageId: `m${index}`,
      });
      await a.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: `a${index}` });
    }
    await a.next('NEW_MESSAGE', ({ content }) => content === 'c4');
    await c.next('NEW_MESSAGE', ({ content }) => content === 'a4');
    expect(
      c
        .frames('NEW_MESSAGE')
        .map(({ seq }) => seq)
        .toSorted((x, y) => x - y),
    ).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    const before = await desk.ok('GET', `/conversations/${conversationId}/messages`, candidate.token);
    const closed = await a.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', { conversationId });
    expect(closed).toMatchObject({ conversationId, closedBy: agent.user.id, lastSeq: 11 });
    expect((await c.next('CONVERSATION_CLOSED')).data).toEqual(closed);
    await system.gateway.idle();
    expect(await messageModel().countDocuments({ conversationId })).toBe(11);
    expect(await desk.ok('GET', `/conversations/${conversationId}/messages`, candidate.token)).toEqual(before);
    await eventually(
      'the active copies to expire',
      async () => (await activeMessageModel().countDocuments({ conversationId })) === 0,
    );
    expect(await desk.ok('GET', `/conversations/${conversationId}/messages`, candidate.token)).toEqual(before);
    const analytics = await desk.ok('GET', '/analytics/supervisors', desk.admin.token);
    expect(analytics.supervisors[0]).toMatchObject({
      supervisor: { id: supervisor.user.id },
      closedConversations: 1,
      agentCount: 1,
    });
  });
});

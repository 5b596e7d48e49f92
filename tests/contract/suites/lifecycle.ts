import type { Message } from '../../../lib/protocol/objects/conversations.ts';
import type { AuditEntry } from '../../../lib/protocol/objects/operations.ts';
import { asTheRoomSees, NOTHING_NOTED } from '../../support/system.ts';
import { quiet, type Start, type Started } from './start.ts';

/** Assigning, reassigning, closing, and what of it is said to whom. */
export function lifecycleSuite(start: Start): void {
  describe('the life of a conversation', () => {
    let system: Started['system'];
    let desk: Started['desk'];
    beforeAll(async () => {
      ({ system, desk } = await start());
    });

    const entries = async (action: string, targetId: string): Promise<AuditEntry[]> =>
      (await desk.ok('GET', `/audit?action=${action}&targetId=${targetId}`, desk.admin.token)).items;

    it('is told to the room and to every connection of the agent when it is assigned', async () => {
      const [candidate, supervisor] = await Promise.all([desk.candidate(), desk.supervisor()]);
      const agent = await desk.agent(supervisor);
      const open = await desk.conversation(candidate, 'waiting');
      const [c, a1, a2, stranger] = await Promise.all([
        desk.join(candidate, open.id),
        desk.connect(agent),
        desk.connect(agent),
        desk.connect(await desk.agent(supervisor)),
      ]);
      const conversation = await desk.assign(supervisor, open.id, agent);
      expect(conversation).toEqual({
        ...open,
        status: 'assigned',
        agentId: agent.user.id,
        supervisorId: supervisor.user.id,
        assignedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        candidate: { id: candidate.user.id, name: candidate.user.name, email: candidate.email },
        agent: { id: agent.user.id, name: agent.user.name },
        revision: open.revision + 1,
        ...NOTHING_NOTED,
        unread: null,
      });
      const told = { conversation: asTheRoomSees(conversation) };
      for (const socket of [c, a1, a2]) expect((await socket.next('CONVERSATION_ASSIGNED')).data).toEqual(told);
      await quiet(system, stranger);
      expect(stranger.frames('CONVERSATION_ASSIGNED')).toEqual([]);
    });

    it('goes on with another agent, and the former one hears that and nothing more', async () => {
      const { candidate, supervisor, agent, conversation } = await desk.assigned('m1');
      const { id: conversationId } = conversation;
      const next = await desk.agent(supervisor);
      const [c, inRoom, elsewhere, n] = await Promise.all([
        desk.join(candidate, conversationId),
        desk.join(agent, conversationId),
        desk.connect(agent),
        desk.connect(next),
      ]);
      const given = await desk.assign(supervisor, conversationId, next);
      const notices = await Promise.all(
        [c, inRoom, elsewhere, n].map(async (socket) => (await socket.next('CONVERSATION_ASSIGNED')).data),
      );
      expect(notices).toEqual(Array(4).fill({ conversation: asTheRoomSees(given) }));
      expect(await inRoom.refused('SEND_MESSAGE', { conversationId, content: 'me too' })).toMatchObject({
        code: 'NOT_FOUND',
      });
      await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'm2' });
      const seen = await n.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', { conversationId });
      expect(seen.messages.map(({ content }) => content)).toEqual(['m1', 'm2']);
      await n.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'm3' });
      await c.next('NEW_MESSAGE', ({ content }) => content === 'm3');
      await n.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', { conversationId });
      await c.next('CONVERSATION_CLOSED');
      await quiet(system, inRoom, elsewhere);
      // The two joined at once: each may have been told of the other.
      expect(inRoom.frames('PARTICIPANT_JOINED').filter(({ userId }) => userId !== candidate.user.id)).toEqual([]);
      const heard = (socket: typeof c) =>
        socket.received.map(({ event }) => event).filter((event) => !['PONG', 'PARTICIPANT_JOINED'].includes(event));
      expect(heard(inRoom)).toEqual(['CONVERSATION_JOINED', 'CONVERSATION_ASSIGNED', 'ERROR']);
      expect(heard(elsewhere)).toEqual(['CONVERSATION_ASSIGNED']);
    });

    it('comes back to an agent who had it before', async () => {
      const { candidate, supervisor, agent, conversation } = await desk.assigned();
      const { id: conversationId } = conversation;
      const a = await desk.join(agent, conversationId);
      await desk.assign(supervisor, conversationId, await desk.agent(supervisor));
      await desk.assign(supervisor, conversationId, agent);
      expect(await a.refused('SEND_MESSAGE', { conversationId, content: 'hi' })).toMatchObject({ code: 'NOT_JOINED' });
      await a.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', { conversationId });
      const c = await desk.join(candidate, conversationId);
      await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'welcome back' });
      await a.next('NEW_MESSAGE');
    });

    it('is assigned to the agent who has it: nothing changes, nobody is told, and it goes down nowhere', async () => {
      const { candidate, supervisor, agent, conversation } = await desk.assigned();
      const [c, a] = await Promise.all([desk.join(candidate, conversation.id), desk.connect(agent)]);
      const again = await Promise.all(Array.from({ length: 5 }, () => desk.assign(supervisor, conversation.id, agent)));
      expect(again).toEqual(Array(5).fill(conversation));
      await quiet(system, c, a);
      for (const socket of [c, a]) expect(socket.frames('CONVERSATION_ASSIGNED')).toEqual([]);
      expect(await entries('conversation_assigned', conversation.id)).toHaveLength(1);
      await c.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', { conversationId: conversation.id });
    });

    it('is assigned by equal ones at once: all are told so, one entry, one frame', async () => {
      const [candidate, supervisor] = await Promise.all([desk.candidate(), desk.supervisor()]);
      const agent = await desk.agent(supervisor);
      const { id } = await desk.conversation(candidate);
      const [c, a] = await Promise.all([desk.join(candidate, id), desk.connect(agent)]);
      const all = await Promise.all(Array.from({ length: 6 }, () => desk.assign(supervisor, id, agent)));
      expect(all).toEqual(Array(6).fill(all[0]));
      expect(all[0]).toMatchObject({ status: 'assigned', agentId: agent.user.id });
      await Promise.all([c.next('CONVERSATION_ASSIGNED'), a.next('CONVERSATION_ASSIGNED')]);
      await quiet(system, c, a);
      for (const socket of [c, a]) expect(socket.frames('CONVERSATION_ASSIGNED')).toHaveLength(1);
      expect(await entries('conversation_assigned', id)).toHaveLength(1);
    });

    it.each(['agent', 'supervisor', 'admin'] as const)('is open again when given back by its %s', async (by) => {
      const assigned = await desk.assigned('m1');
      const { candidate, supervisor, agent, conversation } = assigned;
      const { id: conversationId } = conversation;
      const [c, inRoom, elsewhere] = await Promise.all([
        desk.join(candidate, conversationId),
        desk.join(agent, conversationId),
        desk.connect(agent),
      ]);
      const { sentAt } = await inRoom.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'm2' });
      const { token } = { ...assigned, admin: desk.admin }[by];
      const requeued = await desk.ok('POST', `/conversations/${conversationId}/requeue`, token);
      expect(requeued).toEqual({
        ...conversation,
        status: 'open',
        agentId: null,
        agent: null,
        supervisorId: null,
        assignedAt: null,
        firstResponseAt: sentAt,
        lastMessageAt: sentAt,
        lastSeq: 2,
        revision: conversation.revision + 1,
        requeues: 1,
      });
      const notices = await Promise.all(
        [c, inRoom, elsewhere].map(async (socket) => (await socket.next('CONVERSATION_REQUEUED')).data),
      );
      expect(notices).toEqual(Array(3).fill({ conversation: asTheRoomSees(requeued) }));
      // Out of the room, and of the conversation.
      await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'm3' });
      await quiet(system, inRoom, elsewhere);
      expect(inRoom.frames('NEW_MESSAGE').map(({ content }) => content)).toEqual(['m2']);
      for (const [event, data] of [
        ['SEND_MESSAGE', { conversationId, content: 'me too' }],
        ['JOIN_CONVERSATION', { conversationId }],
        ['CLOSE_CONVERSATION', { conversationId }],
      ] as const) {
        expect(await inRoom.refused(event, data)).toMatchObject({ code: 'NOT_FOUND' });
      }
      expect((await desk.call('GET', `/conversations/${conversationId}`, agent.token)).status).toBe(404);
      // Any supervisor sees it, and gives it to whom they like; what was answered first stays so.
      const other = await desk.supervisor();
      const next = await desk.agent(other);
      const path = `/conversations/${conversationId}/requeue`;
      for (const person of [supervisor, other, desk.admin]) {
        expect((await desk.call('POST', path, person.token)).body).toMatchObject({ status: 409, code: 'CONFLICT' });
      }
      expect(await desk.assign(other, conversationId, next)).toMatchObject({
        agent: { id: next.user.id, name: next.user.name },
        supervisorId: other.user.id,
        firstResponseAt: sentAt,
      });
      expect(await entries('conversation_requeued', conversationId)).toMatchObject([
        { actorId: { ...assigned, admin: desk.admin }[by].user.id, details: { agentId: agent.user.id } },
      ]);
    });

    it('calls people what they are called now, and in what they wrote what they were called then', async () => {
      const { candidate, agent, conversation } = await desk.assigned('m1');
      const { id: conversationId } = conversation;
      const a = await desk.join(agent, conversationId);
      await a.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'm2' });
      await desk.ok('PATCH', `/users/${candidate.user.id}`, desk.admin.token, { name: 'Kim Newname' });
      await desk.ok('PATCH', `/users/${agent.user.id}`, desk.admin.token, { name: 'Alex Newname' });
      const expected = {
        candidate: { id: candidate.user.id, name: 'Kim Newname' },
        agent: { id: agent.user.id, name: 'Alex Newname' },
      };
      expect(await desk.ok('GET', `/conversations/${conversationId}`, agent.token)).toMatchObject(expected);
      const list = await desk.ok('GET', '/conversations', candidate.token);
      expect(list.items).toMatchObject([expected]);
      const joined = await a.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', { conversationId });
      expect(joined.conversation).toMatchObject(expected);
      await a.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'm3' });
      const names = ['Kim Candidate', 'Alex Agent', 'Alex Newname'];
      const read = async () =>
        (await desk.ok('GET', `/conversations/${conversationId}/messages`, candidate.token)).items.map(
          ({ senderName }: Message) => senderName,
        );
      expect(await read()).toEqual(names);
      expect(joined.messages.map(({ senderName }) => senderName)).toEqual(names.slice(0, 2));
      const { lastMessageAt } = await desk.ok('POST', `/conversations/${conversationId}/close`, agent.token);
      const { items } = await desk.ok('GET', `/conversations/${conversationId}/messages`, candidate.token);
      expect(lastMessageAt).toBe(items[2].sentAt);
      await system.gateway?.idle();
      expect(await read()).toEqual(names);
    });

    it.each([
      { who: 'a supervisor over HTTP, while open', assigned: false, by: 'supervisor', over: 'http' },
      { who: 'its agent over HTTP', assigned: true, by: 'agent', over: 'http' },
      { who: 'its agent over the socket, joined', assigned: true, by: 'agent', over: 'socket' },
      { who: 'its agent over the socket, not joined', assigned: true, by: 'agent', over: 'unjoined' },
    ] as const)('ends when closed by $who', async ({ assigned, by, over }) => {
      const [candidate, supervisor] = await Promise.all([desk.candidate(), desk.supervisor()]);
      const agent = await desk.agent(supervisor);
      const { id: conversationId } = await desk.conversation(candidate, 'm1');
      if (assigned) await desk.assign(supervisor, conversationId, agent);
      const [c1, c2] = await Promise.all([desk.join(candidate, conversationId), desk.join(candidate, conversationId)]);
      const closer = { supervisor, agent }[by];
      let answered: unknown;
      if (over === 'http') {
        const { id, closedAt, closedBy, lastSeq, status } = await desk.ok(
          'POST',
          `/conversations/${conversationId}/close`,
          closer.token,
        );
        expect(status).toBe('closed');
        answered = { conversationId: id, closedAt, closedBy, lastSeq };
      } else {
        const a = over === 'socket' ? await desk.join(agent, conversationId) : await desk.connect(agent);
        answered = await a.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', { conversationId });
        await quiet(system, a);
        expect(a.frames('CONVERSATION_CLOSED')).toHaveLength(1);
      }
      expect(answered).toEqual({
        conversationId,
        closedAt: expect.any(String),
        closedBy: closer.user.id,
        lastSeq: 1,
      });
      for (const socket of [c1, c2]) expect((await socket.next('CONVERSATION_CLOSED')).data).toEqual(answered);
      await quiet(system, c1, c2);
      for (const socket of [c1, c2]) expect(socket.frames('CONVERSATION_CLOSED')).toHaveLength(1);
      const refused = [
        await c1.refused('SEND_MESSAGE', { conversationId, content: 'one more thing' }),
        await c1.refused('JOIN_CONVERSATION', { conversationId }),
      ];
      expect(refused.map(({ code }) => code)).toEqual(['CONVERSATION_CLOSED', 'CONVERSATION_CLOSED']);
      expect(await c1.refused('LEAVE_CONVERSATION', { conversationId })).toMatchObject({ code: 'NOT_JOINED' });
      const { items } = await desk.ok('GET', `/conversations/${conversationId}/messages`, candidate.token);
      expect(items).toHaveLength(1);
    });

    it('may be closed with nobody there and nothing said', async () => {
      const { candidate, agent, conversation } = await desk.assigned();
      const closed = await desk.ok('POST', `/conversations/${conversation.id}/close`, agent.token);
      expect(closed).toMatchObject({ status: 'closed', lastSeq: 0, firstResponseAt: null, closedBy: agent.user.id });
      expect(await desk.ok('GET', `/conversations/${conversation.id}/messages`, candidate.token)).toEqual({
        items: [],
        nextAfterSeq: null,
      });
    });

    it('notes the first message of an agent as the first response, not a later one, nor the candidate’s', async () => {
      const { candidate, agent, conversation } = await desk.assigned('help');
      const { id: conversationId } = conversation;
      const [c, a] = await Promise.all([desk.join(candidate, conversationId), desk.join(agent, conversationId)]);
      const read = () => desk.ok('GET', `/conversations/${conversationId}`, candidate.token);
      await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'anybody?' });
      expect(await read()).toMatchObject({ firstResponseAt: null, lastSeq: 2 });
      const { sentAt } = await a.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'yes' });
      await a.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'what is it?' });
      expect(await read()).toMatchObject({ firstResponseAt: sentAt, lastSeq: 4 });
    });
  });

  describe('a message sent again', () => {
    let system: Started['system'];
    let desk: Started['desk'];
    beforeAll(async () => {
      ({ system, desk } = await start());
    });

    it('is stored once: one after the other, from another tab, and after the close', async () => {
      const { candidate, agent, conversation } = await desk.assigned();
      const { id: conversationId } = conversation;
      const [c, other, a] = await Promise.all([
        desk.join(candidate, conversationId),
        desk.join(candidate, conversationId),
        desk.join(agent, conversationId),
      ]);
      const draft = { conversationId, content: 'pay me', clientMessageId: 'k1' };
      const first = await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', draft);
      expect(first).toMatchObject({ seq: 1, clientMessageId: 'k1', duplicate: false });
      const again = { ...first, duplicate: true };
      expect(await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', draft)).toEqual(again);
      expect(await other.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', draft)).toEqual(again);
      expect(await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { ...draft, content: 'changed' })).toEqual(again);
      // The same word of another sender is another message.
      expect(await a.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', draft)).toMatchObject({ seq: 2, duplicate: false });
      await a.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', { conversationId });
      await c.next('CONVERSATION_CLOSED');
      expect(await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', draft)).toEqual(again);
      expect(await c.refused('SEND_MESSAGE', { ...draft, clientMessageId: 'k2' })).toMatchObject({
        code: 'CONVERSATION_CLOSED',
      });
      await quiet(system, c, other, a);
      for (const socket of [c, other, a]) {
        expect(
          socket
            .frames('NEW_MESSAGE')
            .map(({ seq }) => seq)
            .toSorted(),
        ).toEqual([1, 2]);
      }
      const { items } = await desk.ok('GET', `/conversations/${conversationId}/messages`, candidate.token);
      expect(items.map(({ content }: { content: string }) => content)).toEqual(['pay me', 'pay me']);
    });

    it('is stored once when ten arrive at the same time', async () => {
      const { candidate, agent, conversation } = await desk.assigned();
      const { id: conversationId } = conversation;
      const [c1, c2, a] = await Promise.all([
        desk.join(candidate, conversationId),
        desk.join(candidate, conversationId),
        desk.join(agent, conversationId),
      ]);
      const draft = { conversationId, content: 'now', clientMessageId: 'same' };
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          (index % 2 === 0 ? c1 : c2).expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', draft),
        ),
      );
      expect(answers.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
      expect(new Set(answers.map(({ messageId, seq, sentAt }) => `${messageId} ${seq} ${sentAt}`)).size).toBe(1);
      await a.next('NEW_MESSAGE');
      await quiet(system, a, c1, c2);
      for (const socket of [a, c1, c2]) expect(socket.frames('NEW_MESSAGE')).toHaveLength(1);
      expect(await desk.ok('GET', `/conversations/${conversationId}`, agent.token)).toMatchObject({ lastSeq: 1 });
    });
  });
}

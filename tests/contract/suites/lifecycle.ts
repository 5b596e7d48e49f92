import { quiet, type Start, type Started } from './start.ts';

/** Assigning, reassigning, closing, and what of it is said to whom. */
export function lifecycleSuite(start: Start): void {
  describe('the life of a conversation', () => {
    let system: Started['system'];
    let desk: Started['desk'];
    beforeAll(async () => {
      ({ system, desk } = await start());
    });

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
      });
      for (const socket of [c, a1, a2])
        expect((await socket.next('CONVERSATION_ASSIGNED')).data).toEqual({ conversation });
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
      expect(notices).toEqual(Array(4).fill({ conversation: given }));
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
      const heard = (socket: typeof c) => socket.received.map(({ event }) => event).filter((event) => event !== 'PONG');
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

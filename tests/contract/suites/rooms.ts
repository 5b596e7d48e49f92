import type { Socket } from '../../support/socket.ts';
import { quiet, type Start, type Started } from './start.ts';

const NOBODYS_ID = 'no-such-conversation';

/** Who hears what, and who doesn't. */
export function roomSuite(start: Start): void {
  describe('rooms', () => {
    let system: Started['system'];
    let desk: Started['desk'];
    beforeAll(async () => {
      ({ system, desk } = await start());
    });

    const say = (socket: Socket, conversationId: string, content: string) =>
      socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content });

    it('carries a message to every tab of both sides, the sending one included, once', async () => {
      const { candidate, agent, conversation } = await desk.assigned();
      const tabs = await Promise.all(
        [candidate, candidate, agent, agent].map((one) => desk.join(one, conversation.id)),
      );
      const [sender] = tabs as [Socket];
      const accepted = await say(sender, conversation.id, 'Hello $everyone 👋');
      const heard = await Promise.all(tabs.map(async (tab) => (await tab.next('NEW_MESSAGE')).data));
      await quiet(system, ...tabs);
      for (const message of heard) {
        expect(message).toEqual({
          id: accepted.messageId,
          conversationId: conversation.id,
          seq: 1,
          senderId: candidate.user.id,
          senderRole: 'candidate',
          senderName: 'Kim Candidate',
          content: 'Hello $everyone 👋',
          clientMessageId: null,
          sentAt: accepted.sentAt,
        });
      }
      for (const tab of tabs) expect(tab.frames('NEW_MESSAGE')).toHaveLength(1);
    });

    it('carries nothing to anybody else: strangers, colleagues, supervisors, a tab that has not joined', async () => {
      const { candidate, supervisor, agent, conversation } = await desk.assigned();
      const others = await Promise.all(
        [
          candidate,
          agent,
          supervisor,
          desk.admin,
          await desk.candidate(),
          await desk.agent(supervisor),
          await desk.supervisor(),
        ].map((person) => desk.connect(person)),
      );
      const [c, a] = await Promise.all([desk.join(candidate, conversation.id), desk.join(agent, conversation.id)]);
      await say(c, conversation.id, 'for you only');
      await a.next('NEW_MESSAGE');
      await a.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', { conversationId: conversation.id });
      await c.next('CONVERSATION_CLOSED');
      await quiet(system, ...others);
      for (const other of others) expect(other.received.map(({ event }) => event)).toEqual(['PONG']);
    });

    it('is not there for a candidate whose it is not', async () => {
      const conversation = await desk.conversation(await desk.candidate(), 'secret');
      const stranger = await desk.connect(await desk.candidate());
      const { id: conversationId } = conversation;
      const asked = [
        await stranger.refused('JOIN_CONVERSATION', { conversationId }),
        await stranger.refused('SEND_MESSAGE', { conversationId, content: 'let me in' }),
        await stranger.refused('LEAVE_CONVERSATION', { conversationId }),
      ];
      const absent = [
        await stranger.refused('JOIN_CONVERSATION', { conversationId: NOBODYS_ID }),
        await stranger.refused('SEND_MESSAGE', { conversationId: NOBODYS_ID, content: 'let me in' }),
        await stranger.refused('LEAVE_CONVERSATION', { conversationId: NOBODYS_ID }),
      ];
      expect(asked.map(({ code }) => code)).toEqual(['NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND']);
      expect(asked).toEqual(absent);
    });

    it('is left by one connection, and the others of the user stay', async () => {
      const { candidate, agent, conversation } = await desk.assigned();
      const { id: conversationId } = conversation;
      const [leaving, staying, a] = await Promise.all([
        desk.join(candidate, conversationId),
        desk.join(candidate, conversationId),
        desk.join(agent, conversationId),
      ]);
      expect(await leaving.expect('CONVERSATION_LEFT', 'LEAVE_CONVERSATION', { conversationId })).toEqual({
        conversationId,
      });
      await say(a, conversationId, 'still there?');
      await staying.next('NEW_MESSAGE');
      await quiet(system, leaving);
      expect(leaving.frames('NEW_MESSAGE')).toEqual([]);
      expect(await leaving.refused('SEND_MESSAGE', { conversationId, content: 'no' })).toMatchObject({
        code: 'NOT_JOINED',
        event: 'SEND_MESSAGE',
      });
      expect(await leaving.refused('LEAVE_CONVERSATION', { conversationId })).toMatchObject({ code: 'NOT_JOINED' });
      const back = await leaving.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', { conversationId });
      expect(back.messages.map(({ content }) => content)).toEqual(['still there?']);
    });

    it('may be joined twice by one connection and is heard once', async () => {
      const { candidate, conversation } = await desk.assigned();
      const { id: conversationId } = conversation;
      const c = await desk.join(candidate, conversationId);
      await c.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', { conversationId });
      await say(c, conversationId, 'once');
      await c.next('NEW_MESSAGE');
      await quiet(system, c);
      expect(c.frames('NEW_MESSAGE')).toHaveLength(1);
    });

    it('is one of several on one connection', async () => {
      const { candidate, supervisor, agent, conversation } = await desk.assigned();
      const second = await desk.conversation(await desk.candidate());
      await desk.assign(supervisor, second.id, agent);
      const a = await desk.join(agent, conversation.id);
      await a.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', { conversationId: second.id });
      const c = await desk.join(candidate, conversation.id);
      await say(a, conversation.id, 'to the first');
      await say(a, second.id, 'to the second');
      await say(c, conversation.id, 'from the first');
      await a.next('NEW_MESSAGE', ({ content }) => content === 'from the first');
      await c.next('NEW_MESSAGE', ({ content }) => content === 'to the first');
      await quiet(system, a, c);
      expect(
        a
          .frames('NEW_MESSAGE')
          .map((message) => `${message.conversationId} ${message.content}`)
          .toSorted(),
      ).toEqual(
        [
          `${conversation.id} to the first`,
          `${conversation.id} from the first`,
          `${second.id} to the second`,
        ].toSorted(),
      );
      expect(c.frames('NEW_MESSAGE').some((message) => message.conversationId === second.id)).toBe(false);
      await a.expect('CONVERSATION_LEFT', 'LEAVE_CONVERSATION', { conversationId: conversation.id });
      await say(a, second.id, 'still in the second');
    });

    it('repeats the requestId on an answer and on an error, and on nothing else', async () => {
      const { candidate, agent, conversation } = await desk.assigned();
      const { id: conversationId } = conversation;
      const [c, a] = await Promise.all([desk.connect(candidate), desk.join(agent, conversationId)]);
      c.send('JOIN_CONVERSATION', { conversationId }, 'é'.repeat(64));
      expect((await c.next('CONVERSATION_JOINED')).requestId).toBe('é'.repeat(64));
      c.send('SEND_MESSAGE', { conversationId, content: 'one' }, 'r1');
      expect((await c.next('MESSAGE_ACCEPTED')).requestId).toBe('r1');
      expect(await c.next('NEW_MESSAGE')).not.toHaveProperty('requestId');
      expect(await a.next('NEW_MESSAGE')).not.toHaveProperty('requestId');
      c.send('CLOSE_CONVERSATION', { conversationId }, 'r2');
      expect((await c.next('ERROR')).requestId).toBe('r2');
      c.send('NO_SUCH_EVENT', {}, 'r3');
      expect((await c.next('ERROR')).requestId).toBe('r3');
      c.send('PING', {});
      expect(await c.next('PONG')).not.toHaveProperty('requestId');
      a.send('CLOSE_CONVERSATION', { conversationId }, 'r4');
      expect((await a.next('CONVERSATION_CLOSED')).requestId).toBe('r4');
      expect(await c.next('CONVERSATION_CLOSED')).not.toHaveProperty('requestId');
    });
  });
}

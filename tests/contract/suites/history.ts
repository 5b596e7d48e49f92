import type { Message } from '../../../lib/protocol/objects/conversations.ts';
import type { Socket } from '../../support/socket.ts';
import type { Start, Started } from './start.ts';

/** What the gateway carries in one frame. */
const FRAME_BYTES = 32 * 1024;

/** What a joining connection is told of what was said before. */
export function historySuite(start: Start): void {
  describe('history', () => {
    let desk: Started['desk'];
    beforeAll(async () => {
      ({ desk } = await start());
    });

    const say = async (socket: Socket, conversationId: string, ...contents: string[]) => {
      for (const content of contents) {
        await socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content });
      }
    };

    it('is replayed from after afterSeq, exactly', async () => {
      const { candidate, agent, conversation } = await desk.assigned('m1');
      const { id: conversationId } = conversation;
      const [c, a] = await Promise.all([desk.join(candidate, conversationId), desk.join(agent, conversationId)]);
      await say(c, conversationId, 'm2', 'm3');
      await say(a, conversationId, 'm4', 'm5');
      const { items } = await desk.ok('GET', `/conversations/${conversationId}/messages`, agent.token);
      expect(items.map((message: Message) => `${message.seq} ${message.senderRole} ${message.content}`)).toEqual([
        '1 candidate m1',
        '2 candidate m2',
        '3 candidate m3',
        '4 agent m4',
        '5 agent m5',
      ]);
      const { unread, ...joined } = await desk.ok('GET', `/conversations/${conversationId}`, agent.token);
      expect(unread).toBe(3);
      for (const afterSeq of [undefined, 0, 1, 4, 5, 6, 1_000_000]) {
        const data = await a.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', { conversationId, afterSeq });
        const { present, readSeqs, ...rest } = data;
        expect(rest).toEqual({ conversation: joined, messages: items.slice(afterSeq ?? 0), nextAfterSeq: null });
        expect(present.toSorted()).toEqual([candidate.user.id, agent.user.id].toSorted());
        expect(readSeqs).toEqual({ [candidate.user.id]: 0, [agent.user.id]: 0 });
      }
    });

    it('is read over HTTP in pages that meet', async () => {
      const { candidate, conversation } = await desk.assigned('m1');
      const c = await desk.join(candidate, conversation.id);
      await say(c, conversation.id, 'm2', 'm3', 'm4', 'm5');
      const path = `/conversations/${conversation.id}/messages`;
      const page = async (query: string) => {
        const { items, nextAfterSeq } = await desk.ok('GET', path + query, candidate.token);
        return [items.map(({ seq }: Message) => seq), nextAfterSeq];
      };
      expect(await page('?limit=2')).toEqual([[1, 2], 2]);
      expect(await page('?limit=2&afterSeq=2')).toEqual([[3, 4], 4]);
      expect(await page('?limit=2&afterSeq=4')).toEqual([[5], null]);
      expect(await page('?limit=2&afterSeq=3')).toEqual([[4, 5], null]);
      expect(await page('?afterSeq=5')).toEqual([[], null]);
      expect(await page('?afterSeq=1000000')).toEqual([[], null]);
    });

    it('larger than a frame comes in frames that each fit', async () => {
      const { candidate, agent, conversation } = await desk.assigned();
      const { id: conversationId } = conversation;
      const c = await desk.join(candidate, conversationId);
      // The longest message there is: 4000 characters of four bytes each, and in JSON the widest: escaped quotes.
      const contents = ['😀'.repeat(4000), '"'.repeat(4000), '😀'.repeat(4000), 'short', '😀'.repeat(4000)];
      await say(c, conversationId, ...contents);
      const a = await desk.connect(agent);
      const messages: Message[] = [];
      const requestId = 'x'.repeat(64);
      for (let afterSeq: number | null = 0; afterSeq !== null; ) {
        a.send('JOIN_CONVERSATION', { conversationId, afterSeq }, requestId);
        const frame = await a.next('CONVERSATION_JOINED');
        expect(Buffer.byteLength(JSON.stringify(frame))).toBeLessThanOrEqual(FRAME_BYTES);
        expect(frame.data.messages.length).toBeGreaterThan(0);
        messages.push(...frame.data.messages);
        afterSeq = frame.data.nextAfterSeq;
      }
      expect(a.frames('CONVERSATION_JOINED').length).toBeGreaterThan(1);
      expect(messages.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
      expect(messages.map(({ content }) => content)).toEqual(contents);
    });
  });
}

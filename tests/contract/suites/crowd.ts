import type { ServerData } from '../../../lib/protocol/events.ts';
import type { Message } from '../../../lib/protocol/objects/conversations.ts';
import { eventually } from '../../support/deadline.ts';
import type { Socket } from '../../support/socket.ts';
import { asCandidateSees } from '../../support/system.ts';
import { quiet, Records, type Start, type Started } from './start.ts';

/** How many messages each side sends at once, and how many try what only one of them can do. */
export interface CrowdSize {
  readonly each: number;
  readonly rivals: number;
}

/** As a client does: where the database was too busy, it says it is safe to send again. */
async function sendUntilStored(
  socket: Socket,
  draft: { readonly conversationId: string; readonly content: string; readonly clientMessageId: string },
): Promise<ServerData<'MESSAGE_ACCEPTED'>> {
  for (let tries = 1; ; tries += 1) {
    const answer = await socket.ask('SEND_MESSAGE', draft);
    if (answer.event === 'MESSAGE_ACCEPTED') return answer.data;
    if (answer.event !== 'ERROR' || answer.data.code !== 'UNAVAILABLE' || tries === 5) {
      throw new Error(`try ${tries} was answered ${JSON.stringify(answer)}`);
    }
  }
}

/** Many at once: nothing lost, nothing twice, one winner. */
export function crowdSuite(start: Start, { each, rivals }: CrowdSize): void {
  describe('a crowd', () => {
    let system: Started['system'];
    let desk: Started['desk'];
    let records: Records;
    beforeAll(async () => {
      ({ system, desk } = await start());
      records = new Records(system.databaseUri);
    });
    afterAll(() => records.close());

    it(`sends ${each} messages from each side at once, and every one is kept`, async () => {
      const { candidate, agent, conversation } = await desk.assigned();
      const { id: conversationId } = conversation;
      const [c, a] = await Promise.all([desk.join(candidate, conversationId), desk.join(agent, conversationId)]);
      const contents = (side: string) => Array.from({ length: each }, (_, index) => `${side}${index}`);
      const sendAll = (socket: Socket, side: string) =>
        contents(side).map((content) => sendUntilStored(socket, { conversationId, content, clientMessageId: content }));
      const accepted = await Promise.all([...sendAll(c, 'c'), ...sendAll(a, 'a')]);
      const upTo = Array.from({ length: 2 * each }, (_, index) => index + 1);
      expect(accepted.map(({ seq }) => seq).toSorted((x, y) => x - y)).toEqual(upTo);
      const path = `/conversations/${conversationId}/messages?limit=200`;
      const before = await desk.ok('GET', path, candidate.token);
      expect(before.items.map(({ seq }: Message) => seq)).toEqual(upTo);
      expect(before.items.map(({ content }: Message) => content).toSorted()).toEqual(
        [...contents('c'), ...contents('a')].toSorted(),
      );
      // What was acknowledged is what is kept, under the same place.
      const kept = new Map(before.items.map((message: Message) => [message.id, message.seq]));
      for (const { messageId, seq } of accepted) expect(kept.get(messageId)).toBe(seq);
      for (const socket of [c, a]) {
        for (const seq of upTo) await socket.next('NEW_MESSAGE', (message) => message.seq === seq);
        await quiet(system, socket);
        // A busy machine may miss the answer to a post, and posts again: a frame twice is the same message twice.
        const heard = new Set(socket.frames('NEW_MESSAGE').map((message) => JSON.stringify(message)));
        expect(heard.size).toBe(upTo.length);
        expect(new Set(socket.frames('MESSAGE_ACCEPTED').map(({ seq }) => seq)).size).toBe(each);
      }
      expect(await a.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', { conversationId })).toMatchObject({
        lastSeq: 2 * each,
      });
      const archived = await eventually('the archive to be complete', async () => {
        const found = await records.all('messages', { conversationId });
        return found.length === upTo.length && found;
      });
      expect(archived).toHaveLength(upTo.length);
      expect(await desk.ok('GET', path, candidate.token)).toEqual(before);
    });

    it(`closes ${rivals} times at once, over both transports, and once in effect`, async () => {
      const { candidate, agent, conversation } = await desk.assigned('m1');
      const { id: conversationId } = conversation;
      const [c, joined, unjoined] = await Promise.all([
        desk.join(candidate, conversationId),
        desk.join(agent, conversationId),
        desk.connect(agent),
      ]);
      const overHttp = async () => {
        const { status, body } = await desk.call('POST', `/conversations/${conversationId}/close`, agent.token);
        return status === 200 ? 'won' : `${status} ${body.code}`;
      };
      const overSocket = (socket: Socket) => async () => {
        const answer = await socket.ask('CLOSE_CONVERSATION', { conversationId });
        return answer.event === 'ERROR' ? `409 ${answer.data.code}` : 'won';
      };
      const ways = [overHttp, overSocket(joined), overSocket(unjoined)] as const;
      const outcomes = await Promise.all(
        Array.from({ length: rivals }, (_, index) => (ways[index % ways.length] ?? overHttp)()),
      );
      expect(outcomes.toSorted()).toEqual([...Array(rivals - 1).fill('409 CONVERSATION_CLOSED'), 'won']);
      await c.next('CONVERSATION_CLOSED');
      await quiet(system, c, joined);
      expect(c.frames('CONVERSATION_CLOSED')).toHaveLength(1);
      expect(joined.frames('CONVERSATION_CLOSED')).toHaveLength(1);
      await eventually('the one message to be archived', async () => {
        return (await records.all('messages', { conversationId })).length === 1;
      });
    });

    it(`is taken by one of ${rivals} supervisors who assign it at once`, async () => {
      const candidate = await desk.candidate();
      const supervisors = await Promise.all(Array.from({ length: rivals }, () => desk.supervisor()));
      const agents = await Promise.all(supervisors.map((supervisor) => desk.agent(supervisor)));
      const { id } = await desk.conversation(candidate);
      const c = await desk.join(candidate, id);
      const sockets = await Promise.all(agents.map((agent) => desk.connect(agent)));
      const results = await Promise.all(
        supervisors.map(({ token }, index) =>
          desk.call('POST', `/conversations/${id}/assign`, token, { agentId: agents[index]?.user.id }),
        ),
      );
      const won = results.filter(({ status }) => status === 200);
      expect(won).toHaveLength(1);
      // Whoever looked too late doesn't see it any more; whoever looked in time lost a race.
      for (const { status, body } of results) {
        if (status !== 200) expect(['409 CONFLICT', '404 NOT_FOUND']).toContain(`${status} ${body.code}`);
      }
      expect(await desk.ok('GET', `/conversations/${id}`, candidate.token)).toEqual(asCandidateSees(won[0]?.body));
      await c.next('CONVERSATION_ASSIGNED');
      await quiet(system, c, ...sockets);
      expect(c.frames('CONVERSATION_ASSIGNED')).toHaveLength(1);
      expect(sockets.map((socket) => socket.frames('CONVERSATION_ASSIGNED').length).toSorted()).toEqual([
        ...Array(rivals - 1).fill(0),
        1,
      ]);
    });
  });
}

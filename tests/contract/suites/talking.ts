import { createClient, type LiveSupportClient, memoryStorage } from '../../../client/src/index.ts';
import type { Reach } from '../../client/support/carried.ts';
import { within } from '../../support/deadline.ts';
import type { Desk, Person, System } from '../../support/system.ts';

/** People work at the real service through the client package. */
export function talkingSuite(start: () => Promise<{ system: System; desk: Desk; reach: Reach }>): void {
  describe('through the client package', () => {
    let desk: Desk;
    let reach: Reach;
    const clients: LiveSupportClient[] = [];
    beforeAll(async () => {
      ({ desk, reach } = await start());
    });
    afterAll(() => {
      for (const client of clients) client.close();
    });

    async function clientOf(person: Person): Promise<LiveSupportClient> {
      const client = createClient({ ...reach, storage: memoryStorage() });
      clients.push(client);
      await client.session.use(person.session);
      return client;
    }

    it('two people talk, in order, until the agent closes', async () => {
      const { candidate, agent, conversation } = await desk.assigned('Hello?');
      const [kim, alex] = await Promise.all([clientOf(candidate), clientOf(agent)]);
      const [ofKim, ofAlex] = [kim.conversation(conversation.id), alex.conversation(conversation.id)];
      await Promise.all([ofKim.join(), ofAlex.join()]);
      const said = ['one', 'two', 'three', 'four', 'five', 'six'].map((content) => ofKim.send(content));
      const seqs = await Promise.all(said.map(({ accepted }) => accepted));
      expect(seqs.map(({ seq }) => seq)).toEqual([2, 3, 4, 5, 6, 7]);
      await until(ofAlex, ({ messages }) => messages.length === 7);
      ofAlex.markRead();
      await until(ofKim, ({ readSeqs }) => readSeqs[agent.user.id] === 7);
      ofAlex.typing();
      await until(ofKim, ({ typing, present }) => typing.includes(agent.user.id) && present.includes(agent.user.id));
      await ofAlex.send('I see').accepted;
      await ofAlex.close();
      const contents: string[] = [];
      for await (const { content } of ofKim.messages()) contents.push(content);
      expect(contents).toEqual(['Hello?', 'one', 'two', 'three', 'four', 'five', 'six', 'I see']);
      expect(ofKim.snapshot).toMatchObject({
        ...{ state: 'ended', reason: 'closed', outbox: [], unread: 1, typing: [] },
        conversation: { status: 'closed', closedBy: agent.user.id },
      });
      await expect(ofKim.send('too late').accepted).rejects.toMatchObject({ code: 'CONVERSATION_CLOSED' });
      const rating = await kim.http.rateConversation({
        params: { conversationId: conversation.id },
        body: { score: 5 },
      });
      expect(rating).toMatchObject({ score: 5, comment: null });
    });

    it('a supervisor sees what waits come and go, and an agent is told of what they get', async () => {
      const boss = await desk.supervisor();
      const agent = await desk.agent(boss);
      const [supervisor, worker, customer] = (await Promise.all(
        [boss, agent, await desk.candidate()].map(clientOf),
      )) as [LiveSupportClient, LiveSupportClient, LiveSupportClient];
      await supervisor.queue.watch();
      await worker.availability.set('available');
      const given = new Promise<string>((resolve) =>
        worker.on('CONVERSATION_ASSIGNED', ({ conversation }) => resolve(conversation.id)),
      );
      const view = await customer.open({ subject: 'Help', message: 'Please', context: { page: '/orders' } });
      await until(supervisor.queue, ({ conversations }) =>
        conversations.some(({ id, context }) => id === view.id && context?.['page'] === '/orders'),
      );
      await supervisor.http.assignConversation({
        params: { conversationId: view.id },
        body: { agentId: agent.user.id },
      });
      await until(supervisor.queue, ({ conversations }) => conversations.every(({ id }) => id !== view.id));
      expect(await given).toBe(view.id);
      const note = await worker.conversation(view.id).addNote('a regular');
      const { items } = await supervisor.http.listNotes({ params: { conversationId: view.id } });
      expect(items).toEqual([note]);
      expect(await worker.availability.set('away')).toEqual({ status: 'away', until: null });
    });

    it('a session is continued, and ended', async () => {
      const customer = await clientOf(await desk.candidate());
      const heard: unknown[] = [];
      customer.session.on('change', ({ user, reason }) => heard.push([user, reason]));
      customer.connection.connect();
      const me = await customer.http.getMe();
      await customer.http.logout();
      await expect(customer.http.getMe()).rejects.toMatchObject({ code: 'SIGNED_OUT' });
      expect(heard).toEqual([[null, 'ended']]);
      expect(customer.connection.status).toMatchObject({ state: 'closed', reason: 'signedOut' });
      expect(me.role).toBe('candidate');
    });
  });
}

/** Until a view is so. */
function until<S>(
  view: { readonly snapshot: S; on(name: 'change', listener: () => void): () => void },
  like: (snapshot: S) => boolean,
): Promise<void> {
  const come = new Promise<void>((resolve) => {
    const undo = view.on('change', () => look());
    const look = () => {
      if (!like(view.snapshot)) return;
      undo();
      resolve();
    };
    look();
  });
  return within(`a view that is so: ${like}`, come);
}

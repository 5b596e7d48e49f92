import { createClient, type LiveSupportClient, memoryStorage } from '../../client/src/index.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Desk, Person } from '../support/system.ts';
import { browserAt } from './support/browser.ts';

/** Two people talk through the client, at the real handlers. */

let system: InProcess;
let desk: Desk;
const clients: LiveSupportClient[] = [];
beforeAll(async () => {
  ({ system, desk } = await startDesk());
});
afterAll(async () => {
  for (const client of clients) client.close();
  await system.stop();
});

async function clientOf(person: Person): Promise<LiveSupportClient> {
  const client = createClient({
    httpUrl: 'http://localhost',
    websocketUrl: 'ws://localhost',
    storage: memoryStorage(),
    ...browserAt(system.gateway),
  });
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
  await Promise.all(said.map(({ accepted }) => accepted));
  await ofAlex.send('I see').accepted;
  await ofAlex.close();
  const contents: string[] = [];
  for await (const { content } of ofKim.messages()) contents.push(content);
  expect(contents).toEqual(['Hello?', 'one', 'two', 'three', 'four', 'five', 'six', 'I see']);
  expect(ofKim.snapshot).toMatchObject({
    state: 'ended',
    reason: 'closed',
    outbox: [],
    conversation: { status: 'closed' },
  });
});

it('a supervisor watches the queue', async () => {
  const supervisor = await clientOf(await desk.supervisor());
  const candidate = await clientOf(await desk.candidate());
  await supervisor.queue.watch();
  const view = await candidate.open({ subject: 'Help', message: 'Please' });
  while (!supervisor.queue.snapshot.conversations.some(({ id }) => id === view.id)) {
    await new Promise<void>((resolve) => supervisor.queue.on('change', () => resolve()));
  }
});

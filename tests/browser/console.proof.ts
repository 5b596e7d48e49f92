import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { BrowserContext, Page, WebSocketRoute } from 'playwright-core';
import {
  type AnyConversation,
  createClient,
  type LiveSupportClient,
  memoryStorage,
  type User,
} from '../../client/src/index.ts';
import { DEMO_PASSWORD } from '../../local/demoPeople.ts';
import { eventually } from '../support/deadline.ts';
import { siteToken } from '../support/identity.ts';
import { tellLongStory, withDatabase } from './support/longStory.ts';
import { expectInBothColours, type Person, picture, type Site, seriousBarriers, startSite } from './support/pages.ts';

/** The console as the staff use it: an agent, a supervisor and an admin at browsers of their own, customers by the client package. */

let site: Site;
const clients: LiveSupportClient[] = [];
const people: Person[] = [];

beforeAll(async () => {
  site = await startSite();
});
afterAll(async () => {
  for (const client of clients) client.close();
  await site?.stop();
});
afterEach(async () => {
  for (const person of people.splice(0)) {
    person.expectNoFaults();
    await person.leave();
  }
});

const client = (): LiveSupportClient => {
  const made = createClient({
    httpUrl: site.address,
    websocketUrl: `ws://localhost:${site.system.ports.webSocket}`,
    storage: memoryStorage(),
  });
  clients.push(made);
  return made;
};

/** A demo person, without a browser. */
async function staff(name: string): Promise<{ readonly api: LiveSupportClient; readonly user: User }> {
  const api = client();
  return { api, user: await api.signIn({ email: `${name}@example.com`, password: DEMO_PASSWORD }) };
}

let customers = 0;
async function customer(name: string) {
  customers += 1;
  const api = client();
  await api.register({ name, email: `customer${customers}@example.org`, password: DEMO_PASSWORD });
  return api;
}

interface Seat {
  readonly person: Person;
  readonly page: Page;
}

/** A demo person at a browser: `?as=` signs them in. */
async function seat(name: string, view = '', options: Parameters<Site['person']>[0] = {}): Promise<Seat> {
  const person = await site.person({ viewport: { width: 1440, height: 900 }, ...options });
  people.push(person);
  const page = await person.open(`/console${view}${view.includes('?') ? '&' : '?'}as=${name}`);
  await page.locator('#main').waitFor();
  return { person, page };
}

const rowOf = (page: Page, subject: string) => page.getByRole('listitem').filter({ hasText: subject });
const messageField = (page: Page) => page.getByRole('textbox', { name: /^Message to/ });

/** A conversation that agent 1 has, with what its customer has said. */
async function assigned(subject: string, agent = 'agent1', ...said: string[]) {
  const [api, { api: supervisor }, { user }] = await Promise.all([
    customer('Kim Miller'),
    staff('supervisor1'),
    staff(agent),
  ]);
  const view = await api.open({ subject, message: said[0] ?? 'Hello?' });
  await supervisor.http.assignConversation({ params: { conversationId: view.id }, body: { agentId: user.id } });
  await view.join();
  for (const text of said.slice(1)) await view.send(text).accepted;
  return view;
}

const MANY_MESSAGES = 10_000;
const MANY_CONVERSATIONS = 1_000;

/** Has closed conversations of the same customer's be there, put where the service keeps them. */
const closeMany = (id: string, agent: User, supervisor: User): Promise<void> =>
  withDatabase(site, async (database) => {
    const conversations = database.collection<{ _id: string }>('conversations');
    const { clientConversationId, closing, room, ...conversation } = (await conversations.findOne({
      _id: id,
    })) as Record<string, unknown>;
    const begun = Date.now() - 2 * MANY_CONVERSATIONS * 60_000;
    const closed = Array.from({ length: MANY_CONVERSATIONS }, (_, index) => ({
      ...conversation,
      _id: randomUUID(),
      subject: `Long ago ${index + 1}`,
      status: 'closed',
      supervisorId: supervisor.id,
      createdAt: new Date(begun + index * 60_000),
      closedAt: new Date(begun + index * 60_000 + 30_000),
      archivedAt: new Date(),
      closedBy: agent.id,
      lastSeq: 0,
    }));
    await conversations.insertMany(closed);
  });

it('the whole story of a desk: waits, is assigned by keys, answered, noted, closed', async () => {
  const supervisor = await seat('supervisor1', '/queue');
  const agent = await seat('agent1', '/inbox');
  await agent.page.getByText('Your inbox is empty').waitFor();
  const kim = await customer('Kim Miller');
  const view = await kim.open({
    subject: 'A broken bowl',
    message: 'It came in two pieces.',
    context: { order: '48213' },
  });

  await rowOf(supervisor.page, 'A broken bowl').waitFor();
  await supervisor.page.getByText('Agent One').waitFor();
  await supervisor.page.keyboard.press('j');
  await supervisor.page.keyboard.press('a');
  await supervisor.page.getByRole('combobox', { name: 'Search an agent' }).fill('one');
  await supervisor.page.keyboard.press('Enter');
  await supervisor.page.getByText('Nobody is waiting').waitFor();

  const row = rowOf(agent.page, 'A broken bowl');
  await row.getByText('1 unread message').waitFor();
  await eventually('the title to count', async () => (await agent.page.title()).startsWith('(1)'));
  await agent.page.keyboard.press('j');
  await agent.page.keyboard.press('Enter');
  await agent.page.getByRole('log').getByText('It came in two pieces.').waitFor();
  expect(new URL(agent.page.url()).pathname).toBe(`/console/inbox/${view.id}`);
  await eventually('the title to count no more', async () => (await agent.page.title()).startsWith('Inbox'));
  await agent.page.getByText('48213').waitFor();
  await view.join();
  await eventually('the customer to see it read', async () => Object.values(view.snapshot.readSeqs).includes(1));
  view.typing();
  await agent.page.getByRole('log').getByText('Kim Miller is typing').waitFor();

  // A canned reply, filled in before it is sent.
  await staff('admin').then(({ api }) =>
    api.http.createReply({
      body: { shortcut: 'sorry', title: 'We are sorry', content: 'We are sorry, {{customer.name}}.', scope: 'all' },
    }),
  );
  await agent.page.reload();
  await agent.page.getByRole('log').getByText('It came in two pieces.').waitFor();
  await agent.page.keyboard.press('/');
  await agent.page.keyboard.type('/sor');
  await agent.page.getByRole('option', { name: /sorry/ }).waitFor();
  await agent.page.keyboard.press('Enter');
  expect(await messageField(agent.page).inputValue()).toBe('We are sorry, Kim Miller.');
  await agent.page.keyboard.press('Shift+Enter');
  await agent.page.keyboard.type('A new one is on its way: https://shop.example.com/48213.');
  await agent.page.keyboard.press('Enter');
  await eventually('the customer to get it', async () => view.snapshot.messages.length === 2);
  expect(view.snapshot.messages[1]?.content).toBe(
    'We are sorry, Kim Miller.\nA new one is on its way: https://shop.example.com/48213.',
  );
  const link = agent.page.getByRole('log').getByRole('link', { name: 'https://shop.example.com/48213' });
  expect(await link.getAttribute('rel')).toBe('noopener noreferrer');
  view.markRead();
  await agent.page.getByRole('log').getByText('Read', { exact: true }).waitFor();

  // A note, which no customer gets; then the field is for replies again.
  await agent.page.locator('body').press('Escape');
  await messageField(agent.page).press('Escape');
  await agent.page.keyboard.press('n');
  await agent.page.keyboard.type('Offer a voucher.');
  await picture(agent.page, 'console-note');
  await agent.page.keyboard.press('Enter');
  await agent.page.getByRole('log').getByText('Offer a voucher.').waitFor();
  await messageField(agent.page).waitFor();
  await agent.page.getByRole('textbox', { name: 'Add a tag' }).fill('Damaged');
  await agent.page.keyboard.press('Enter');
  await agent.page.getByRole('button', { name: 'Remove the tag damaged' }).waitFor();
  await agent.page.getByRole('radio', { name: 'Urgent' }).check();
  await agent.page.getByTitle('Priority: Urgent').first().waitFor();
  expect(await seriousBarriers(agent.page)).toEqual([]);
  await picture(agent.page, 'console-inbox');

  // The supervisor reads it, and the note with it.
  await supervisor.page.keyboard.press('g');
  await supervisor.page.keyboard.press('i');
  await rowOf(supervisor.page, 'A broken bowl').getByRole('link').click();
  await supervisor.page.getByRole('log').getByText('Offer a voucher.').waitFor();
  expect(await seriousBarriers(supervisor.page)).toEqual([]);

  // Closed, asked once.
  await agent.page.locator('.conversation-title').click();
  await agent.page.keyboard.press('c');
  await agent.page.getByRole('dialog', { name: 'Close this conversation?' }).waitFor();
  await agent.page.keyboard.press('Enter');
  await agent.page.getByText('Nothing more can be said').waitFor();
  await eventually('the customer to be told', async () => view.snapshot.conversation?.status === 'closed');
  await kim.http.rateConversation({ params: { conversationId: view.id }, body: { score: 5, comment: 'Thank you!' } });
  expect(view.snapshot.messages.map(({ content }) => content)).not.toContain('Offer a voucher.');
  await agent.page.goBack();
  await agent.page.getByText('Your inbox is empty').waitFor();
  await agent.page.getByRole('link', { name: 'Closed' }).click();
  await rowOf(agent.page, 'A broken bowl').waitFor();
});

/** Between the page and the service: cuts every socket, and lets none through until it is mended. */
async function cuttable(context: BrowserContext) {
  const open = new Set<WebSocketRoute>();
  let isCut = false;
  await context.routeWebSocket(/localhost/, (route) => {
    if (isCut) return void route.close();
    open.add(route);
    const server = route.connectToServer();
    route.onMessage((text) => server.send(text));
    server.onMessage((text) => route.send(text));
  });
  return {
    cut: async () => {
      isCut = true;
      await Promise.all([...open].map((route) => route.close()));
      open.clear();
    },
    mend: () => {
      isCut = false;
    },
  };
}

it('a network cut in the middle of a sentence loses nothing, and says what waits; a reload keeps what was not sent', async () => {
  const view = await assigned('Cut in two', 'agent2', 'Are you there?');
  const person = await site.person({ viewport: { width: 1440, height: 900 } });
  people.push(person);
  person.tolerate(/WebSocket connection to/);
  const network = await cuttable(person.context);
  const page = await person.open(`/console/inbox/${view.id}?as=agent2`);
  await page.getByRole('log').getByText('Are you there?').waitFor();
  await messageField(page).fill('Yes, I am');
  const region = await page.locator('.shell > [role="status"]').elementHandle();
  const row = page.locator('.row').first();
  const before = await row.boundingBox();
  await network.cut();
  await page.locator('.connection-line').waitFor();
  // Read out: the region is the one that was there. And no row moves.
  expect(await region?.textContent()).toContain('No connection');
  expect(await row.boundingBox()).toEqual(before);
  await messageField(page).press('End');
  await page.keyboard.type(' here.');
  await page.keyboard.press('Enter');
  await page.getByRole('log').getByText('Sending …').waitFor();
  await page.getByText('1 message waits to be sent').waitFor();
  expect(await page.getByRole('switch', { name: 'Available' }).isDisabled()).toBe(true);
  await messageField(page).fill('Half a sent');
  await picture(page, 'console-offline');
  await page.reload();
  expect(await messageField(page).inputValue()).toBe('Half a sent');
  network.mend();
  await eventually('the customer to get it, once', async () => view.snapshot.messages.length >= 2);
  expect(view.snapshot.messages.map(({ content }) => content)).toEqual(['Are you there?', 'Yes, I am here.']);
  await page.getByRole('log').getByText('Yes, I am here.').waitFor();

  // A second tab of the same person has the same draft, and what is sent in one can't be sent again in the other.
  const second = await person.open(`/console/inbox/${view.id}?as=agent2`);
  expect(await messageField(second).inputValue()).toBe('Half a sent');
  await messageField(second).fill('From the other tab');
  await eventually('the draft', async () => (await messageField(page).inputValue()) === 'From the other tab');
  await second.keyboard.press('Enter');
  await page.getByRole('log').getByText('From the other tab').waitFor();
  await eventually('no draft', async () => (await messageField(page).inputValue()) === '');
});

it('what is under way is nobody’s surprise: replies, notes, and a close without a connection', async () => {
  const view = await assigned('A quick one');
  const person = await site.person({ viewport: { width: 1440, height: 900 } });
  people.push(person);
  person.tolerate(/WebSocket connection to/);
  const network = await cuttable(person.context);
  const page = await person.open(`/console/inbox/${view.id}?as=agent1`);
  const log = page.getByRole('log');
  await log.getByText('Hello?').waitFor();
  // What was to become a canned reply, and is none.
  await messageField(page).fill('/nosuch');
  await page.getByText(/No canned reply is called so|There are no canned replies yet/).waitFor();
  await page.keyboard.press('Enter');
  expect(await messageField(page).inputValue()).toBe('/nosuch');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Enter');
  await log.getByText('/nosuch').waitFor();
  expect(view.snapshot.messages.at(-1)?.content ?? '').not.toBe('');

  // What is written while a note is on its way stays, and stays a note.
  let letGo: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  await page.route('**/notes', async (route) => {
    if (route.request().method() === 'POST') await held;
    await route.continue();
  });
  await page.getByRole('button', { name: 'Note', exact: true }).click();
  const note = page.getByRole('textbox', { name: 'Note for your team' });
  await note.fill('The first');
  await page.keyboard.press('Enter');
  await note.fill('and a second');
  letGo();
  await log.getByText('The first').waitFor();
  expect(await note.inputValue()).toBe('and a second');
  await page.keyboard.press('Enter');
  await log.getByText('and a second').waitFor();
  await messageField(page).waitFor();

  // A close that can't be sent is not kept for later.
  await network.cut();
  await page.getByText('No connection').first().waitFor();
  await page.locator('body').press('Escape');
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  await page.getByRole('dialog').getByText('There is no connection. Try again when you are back.').waitFor();
  expect(await page.getByRole('button', { name: 'Close it' }).isDisabled()).toBe(true);
  await page.keyboard.press('Escape');
  network.mend();
  await messageField(page).fill('Still here');
  await page.keyboard.press('Enter');
  await eventually('the message', async () => view.snapshot.messages.at(-1)?.content === 'Still here');
  expect(view.snapshot.conversation?.status).toBe('assigned');
});

it('a view whose code doesn’t come says so, and comes when it can', async () => {
  const { page, person } = await seat('admin', '/queue');
  await page.getByRole('heading', { name: /^Queue/ }).waitFor();
  person.tolerate(/ERR_FAILED|Failed to fetch dynamically imported module/);
  await person.context.route('**/assets/**', (route) => route.abort());
  await page.getByRole('link', { name: 'Audit' }).click();
  await page.getByText('This part of the page didn’t load').waitFor();
  expect(await seriousBarriers(page)).toEqual([]);
  await picture(page, 'console-view-failed');
  await page.getByRole('link', { name: 'Queue' }).click();
  await page.getByRole('heading', { name: /^Queue/ }).waitFor();
  await person.context.unroute('**/assets/**');
  await page.getByRole('link', { name: 'Audit' }).click();
  await page.getByRole('heading', { name: /^Audit/ }).waitFor();
});

it('history loads upward without a jump, and the end stays where it was while somebody reads above', async () => {
  const said = Array.from({ length: 120 }, (_, index) => `Message number ${index + 1}`);
  const view = await assigned('A long story', 'agent1', ...said);
  const { page } = await seat('agent1', `/inbox/${view.id}`);
  const log = page.getByRole('log');
  const bubble = (text: string) => log.locator('.bubble').filter({ hasText: new RegExp(`${text}$`) });
  await bubble('Message number 120').waitFor();
  // Where a message stands does not change while earlier ones come in above.
  const anchor = bubble('Message number 75');
  await anchor.scrollIntoViewIfNeeded();
  const before = await anchor.boundingBox();
  await bubble('Message number 21').waitFor({ state: 'attached' });
  const after = await anchor.boundingBox();
  expect(Math.abs((after?.y ?? 0) - (before?.y ?? 1_000))).toBeLessThan(4);
  await view.send('And one more').accepted;
  await page.getByRole('button', { name: '1 new message' }).waitFor();
  expect(Math.abs(((await anchor.boundingBox())?.y ?? 0) - (before?.y ?? 1_000))).toBeLessThan(4);
  await page.getByRole('button', { name: '1 new message' }).click();
  await eventually('the end to be in sight', async () =>
    bubble('And one more').evaluate((element) => element.getBoundingClientRect().bottom < innerHeight),
  );
});

it('what a customer wrote as a visitor stays on their side, whatever way their name is written', async () => {
  const token = siteToken({ sub: 'console-1', name: 'محمد' });
  await client().exchange({ token });
  const api = client();
  const visitor = await api.http.createVisitor({ body: {} });
  await api.session.use(visitor);
  const { id } = await api.open({ subject: 'From the shop', message: 'Written as a visitor' });
  await api.exchange({ token, visitorToken: visitor.accessToken });
  const view = api.conversation(id);
  await view.join();
  await view.send('Written as a customer').accepted;
  const [{ api: supervisor }, { user }] = await Promise.all([staff('supervisor1'), staff('agent1')]);
  await supervisor.http.assignConversation({ params: { conversationId: id }, body: { agentId: user.id } });
  const { page } = await seat('agent1', `/inbox/${id}`);
  const log = page.getByRole('log');
  await log.getByText('Written as a customer').waitFor();
  expect(await log.locator('.theirs .bubble').allTextContents()).toEqual([
    expect.stringContaining('Written as a visitor'),
    expect.stringContaining('Written as a customer'),
  ]);
  const sides = await log
    .locator('.theirs .bubble')
    .evaluateAll((all) => all.map((one) => one.getBoundingClientRect().left));
  expect(new Set(sides).size).toBe(1);
});

it('ten thousand messages in a chat and a thousand conversations in a list: only what is in sight is drawn', async () => {
  const view = await assigned('The longest story');
  const [{ api: agent, user }, { user: boss }] = await Promise.all([staff('agent1'), staff('supervisor1')]);
  await tellLongStory(site, view.id, MANY_MESSAGES, user);
  await closeMany(view.id, user, boss);
  await agent.http.markRead({ params: { conversationId: view.id }, body: { seq: MANY_MESSAGES } });
  const { page } = await seat('agent1', `/inbox/${view.id}?show=closed`);

  const log = page.getByRole('log');
  await log.getByText(`Message number ${MANY_MESSAGES}`, { exact: true }).waitFor();
  // Up to the beginning, as somebody who holds the key down.
  await eventually('the beginning', () =>
    log.evaluate((element) => {
      element.scrollTop = 0;
      return element.querySelector('.history-edge') === null;
    }),
  );
  await log.getByText('Hello?', { exact: true }).waitFor();
  // What has come in is drawn once, to know how high it is.
  const fewAreDrawn = () =>
    eventually('what is out of sight to be undrawn', async () => (await log.locator('.bubble').count()) < 400);
  await fewAreDrawn();
  await messageField(page).fill('And one more');
  await page.keyboard.press('Enter');
  await log.getByText('And one more', { exact: true }).waitFor();
  await log.getByText(`Message number ${MANY_MESSAGES}`, { exact: true }).waitFor();
  await fewAreDrawn();

  const list = page.getByRole('list', { name: 'Conversations' });
  const rows = list.getByRole('listitem');
  // The oldest is the last, after everything that other tests have closed.
  await eventually('the end of the list', () =>
    list.evaluate((element) => {
      const scroller = element.parentElement as Element;
      scroller.scrollTop = scroller.scrollHeight;
      return /Long ago 1$/.test(element.lastElementChild?.textContent ?? '');
    }),
  );
  expect(await rows.count()).toBeLessThan(40);
  await picture(page, 'console-large');
});

describe('the queue', () => {
  it('with 200 waiting draws only what is in sight, is assigned by dragging, and says who has taken one', async () => {
    const api = await customer('Somebody who waits');
    const opened: AnyConversation[] = [];
    for (let index = 0; index < 200; index += 20) {
      const some = await Promise.all(
        Array.from({ length: 20 }, (_, at) =>
          api.http.createConversation({ body: { subject: `Waiting ${index + at}` } }),
        ),
      );
      opened.push(...some);
    }
    const supervisor = await seat('supervisor1', '/queue');
    const { page } = supervisor;
    await page.getByRole('heading', { name: 'Queue 200' }).waitFor();
    expect(await page.getByRole('list', { name: 'Waiting conversations' }).getByRole('listitem').count()).toBeLessThan(
      40,
    );
    expect(await seriousBarriers(page)).toEqual([]);
    await picture(page, 'console-queue');

    const first = page.getByRole('list', { name: 'Waiting conversations' }).getByRole('listitem').first();
    const subject = (await first.locator('.queue-subject').textContent()) ?? '';
    await page.getByRole('region', { name: 'Team', exact: true }).getByText('Agent Two').waitFor();
    await first.dragTo(page.getByRole('region', { name: 'Team', exact: true }).getByText('Agent Two'));
    await page.getByText(`“${subject}” is with Agent Two now.`).waitFor();

    // Enter opens the row that is marked, though the focus was on another.
    const rows = page.getByRole('list', { name: 'Waiting conversations' }).getByRole('listitem');
    await rows.nth(1).locator('.queue-subject').click();
    await page.getByRole('log').waitFor();
    const third = (await rows.nth(2).locator('.queue-subject').textContent()) ?? '';
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: third, exact: true }).waitFor();
    await page.keyboard.press('Escape');

    // Somebody else takes one that is in sight.
    const [other, theirs] = await Promise.all([staff('supervisor2'), staff('agent3')]);
    const taken = opened.find((one) => one.subject === 'Waiting 3');
    await page.mouse.move(0, 0);
    await other.api.http.assignConversation({
      params: { conversationId: taken?.id ?? '' },
      body: { agentId: theirs.user.id },
    });
    await page.getByText('Taken by another team').first().waitFor();
    await page.getByRole('heading', { name: 'Queue 198' }).waitFor();

    // The end of the queue, by the keys.
    for (let index = 0; index < 197; index += 1) await page.keyboard.press('j');
    await page.locator('.queue-row.current').waitFor();
    const { api: closer } = await staff('supervisor1');
    await eventually('all to be closed', async () => {
      const { items } = await closer.http.listConversations({ query: { status: 'open', limit: 20 } });
      await Promise.all(items.map(({ id }) => closer.http.closeConversation({ params: { conversationId: id } })));
      return items.length === 0;
    });
    await page.getByText('Nobody is waiting').waitFor();
  });

  it('gives to whoever was chosen, though another becomes available meanwhile', async () => {
    const api = await customer('Kim Miller');
    const opened = await api.open({ subject: 'For the first of them', message: 'Hello?' });
    const [{ page }, one, two] = await Promise.all([seat('supervisor1', '/queue'), staff('agent1'), staff('agent2')]);
    await rowOf(page, 'For the first of them').waitFor();
    await page.getByRole('region', { name: 'Team', exact: true }).getByText('Agent Two').waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('a');
    const options = page.getByRole('listbox', { name: 'Agents' }).getByRole('option');
    await options.nth(1).waitFor();
    const isFirst = ((await options.first().textContent()) ?? '').includes(one.user.name);
    const [first, other] = isFirst ? [one, two] : [two, one];
    // Who is available stands before who is not, but not while somebody chooses.
    await other.api.availability.set('available');
    await page.getByRole('listbox').getByText('Available', { exact: true }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByText(`“For the first of them” is with ${first.user.name} now.`).waitFor();
    expect((await api.http.getConversation({ params: { conversationId: opened.id } })).agentId).toBe(first.user.id);
    await other.api.availability.set('away');
  });

  it('has the team: availability, capacity, sending away, and the routing', async () => {
    const agent = await seat('agent1', '/inbox');
    const { page } = await seat('supervisor1', '/queue');
    await agent.page.getByRole('switch', { name: 'Available' }).click();
    await agent.page.getByText(/renewed while open/).waitFor();
    const team = page.getByRole('region', { name: 'Team', exact: true });
    await team.getByText('1 of 2 available').waitFor();
    await team.getByRole('button', { name: 'More about Agent One' }).click();
    await page.getByRole('menuitem', { name: 'Change the capacity' }).click();
    await page.getByLabel('Conversations at once').fill('eight');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('A whole number from 0 to 100.').waitFor();
    await page.getByLabel('Conversations at once').fill('8');
    await page.getByRole('button', { name: 'Save' }).click();
    await team.getByText(/\/8/).waitFor();
    await team.getByRole('button', { name: 'More about Agent One' }).click();
    await page.getByRole('menuitem', { name: 'Send away' }).click();
    await agent.page.getByText('You are away now').first().waitFor();
    await page.getByRole('button', { name: 'Change the routing' }).click();
    await page.getByLabel('Automatic').check();
    await page.getByLabel(/Minutes of absence/).fill('5');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText(/Automatic: available agents/).waitFor();
    await page.getByRole('button', { name: 'Change the routing' }).click();
    await page.getByLabel('By hand').check();
    await page.getByLabel(/Minutes of absence/).fill('');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText(/By hand: you give out/).waitFor();
  });
});

it('what goes on leaves hands and eyes where they are: rows, the way down a queue, what one writes', async () => {
  const api = await customer('Kim Miller');
  for (const at of [1, 2, 3, 4, 5]) await api.http.createConversation({ body: { subject: `In a row ${at}` } });
  const viewport = { width: 1100, height: 700 };
  const [{ page }, agent] = await Promise.all([
    seat('supervisor1', '/queue', { viewport }),
    seat('agent1', '/inbox', { viewport }),
  ]);
  await page.getByText('Agent One').first().waitFor();
  await rowOf(page, 'In a row 5').waitFor();

  // Down the queue by keys: the row that was given leaves, and the next one is under the keys at once.
  const current = page.locator('.queue-row.current');
  for (const _ of [1, 2]) await page.keyboard.press('j');
  const second = (await current.locator('.queue-subject').textContent()) ?? '';
  for (const at of [1, 2]) {
    await page.keyboard.press('a');
    await page.getByRole('combobox', { name: 'Search an agent' }).fill('one');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await eventually('the next row', async () => (await current.locator('.queue-subject').textContent()) !== second);
    // Two that come at once are one notice, which lies neither over the field nor in the way of a click.
    if (at === 1) {
      const id = (await agent.page.locator('.row').first().getAttribute('data-row')) ?? '';
      await agent.page.locator(`[data-row="${id}"]`).click();
      await messageField(agent.page).fill('In the middle of a');
    }
  }
  const notice = agent.page.locator('.notice').filter({ hasText: '2 new in your inbox' });
  await notice.waitFor();
  const [told, composer, chat] = await Promise.all(
    [notice, agent.page.locator('.composer'), agent.page.locator('.conversation')].map((one) => one.boundingBox()),
  );
  expect((told?.x ?? 0) + (told?.width ?? 0)).toBeLessThanOrEqual(composer?.x ?? 0);
  expect(await notice.evaluate((element) => getComputedStyle(element).pointerEvents)).toBe('none');
  expect(chat?.width ?? 0).toBeGreaterThanOrEqual(420);

  // A row under the pointer stays there, whatever comes and goes; and says why it leaves as long as it is shown.
  const rows = page.locator('.queue-row');
  await page.mouse.move(0, 0);
  await eventually('the given ones to be gone', async () => (await rows.count()) === 3);
  const hovered = rows.nth(1);
  await hovered.hover();
  const [before, subject] = [await hovered.boundingBox(), await hovered.locator('.queue-subject').textContent()];
  const { items } = await (await staff('supervisor1')).api.http.listConversations({ query: { status: 'open' } });
  const [{ api: supervisor }, { user }] = await Promise.all([staff('supervisor1'), staff('agent2')]);
  const taken = items.find((one) => one.subject === subject);
  await supervisor.http.assignConversation({ params: { conversationId: taken?.id ?? '' }, body: { agentId: user.id } });
  const last = items.find((one) => one.subject === 'In a row 5');
  await supervisor.http.editConversation({ params: { conversationId: last?.id ?? '' }, body: { priority: 'urgent' } });
  await page.getByText('The list has changed').waitFor();
  expect(await hovered.boundingBox()).toEqual(before);
  await picture(page, 'console-held');
  await page.waitForTimeout(5_500);
  expect(await hovered.locator('.farewell').textContent()).toBe('Given to Agent Two');
  expect(await hovered.boundingBox()).toEqual(before);
  for (const { id } of items.filter((one) => one.id !== taken?.id)) {
    await supervisor.http.closeConversation({ params: { conversationId: id } });
  }
});

it('in one column too the focus goes along, keys work beside choices, and a place is found again', async () => {
  const view = await assigned('Where was I?');
  const { page, person } = await seat('agent1', `/queue/${view.id}`, { viewport: { width: 320, height: 640 } });
  // What is under way when somebody signs out is refused.
  person.tolerate(/status of 401|already in CLOSING/);
  const focused = () => page.evaluate(() => document.activeElement?.textContent ?? '');
  // A supervisor's link leads an agent to the same conversation.
  await page.getByRole('log').getByText('Hello?').waitFor();
  expect(new URL(page.url()).pathname).toBe(`/console/inbox/${view.id}`);
  await page.getByRole('button', { name: 'Details' }).click();
  await page.getByRole('radio', { name: 'High' }).check();
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'Back to the list' }).press('Enter');
  await eventually('the row', async () => (await focused()).includes('Where was I?'));
  await page.keyboard.press('Enter');
  await eventually('the heading', async () => (await focused()) === 'Where was I?');
  await page.keyboard.press('Escape');
  await page.getByLabel('Order').selectOption('waiting');
  await page.locator('body').press('Escape');
  await page.locator('h1').first().click();
  await page.keyboard.press('g');
  await page.keyboard.press('r');
  await eventually('the heading of the view', async () => (await focused()) === 'Canned replies');
  await page.goBack();
  await page.getByRole('heading', { name: 'Inbox' }).waitFor();
  expect(await page.getByLabel('Order').inputValue()).toBe('waiting');

  // A menu goes with the place it was opened at; the list of keys has those of one's role.
  await page.locator('.rail-user').click();
  await page.getByRole('menu').waitFor();
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByRole('menu').waitFor({ state: 'hidden' });
  await rowOf(page, 'Where was I?').getByRole('link').click();
  await page.getByRole('radio', { name: 'Urgent' }).click();
  await page.keyboard.press('n');
  await page.getByRole('textbox', { name: 'Note for your team' }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).getByText('Write a note').waitFor();
  expect(await page.getByText('Go to the queue').count()).toBe(0);
  await page.keyboard.press('Escape');
  // What is to be hit in the heads is 40 px high, to the eye or not.
  for (const target of ['.tabs a', '.conversation-actions .button']) {
    const hits = await page
      .locator(target)
      .first()
      .evaluate((element) => {
        const { left, top, width, height } = element.getBoundingClientRect();
        const middle = top + height / 2;
        return [middle - 19, middle + 19].map((at) =>
          element.contains(document.elementFromPoint(left + width / 2, at)),
        );
      });
    expect([target, ...hits]).toEqual([target, true, true]);
  }
  // Whoever signs out is signed out, though the address says as whom the page is there.
  await page.locator('.rail-user').click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  await page.waitForTimeout(500);
  expect(await page.locator('.rail').count()).toBe(0);
});

it('320 px show an admin whom, when and under whom, and no form is cut', async () => {
  const { page, person } = await seat('admin', '/people', { viewport: { width: 320, height: 640 } });
  await rowOf(page, 'Agent One').getByText('under Supervisor One').waitFor();
  expect(await rowOf(page, 'Agent One').locator('.person-since').isVisible()).toBe(true);
  await page.getByRole('button', { name: 'New person' }).click();
  await page.getByRole('dialog').waitFor();
  expect(await page.getByRole('dialog').evaluate((element) => element.scrollWidth - element.clientWidth)).toBe(0);
  await picture(page, 'console-320-new-person');
  // Who isn't let in by the filter isn't in the list.
  await page.getByLabel('Name').fill('New Boss');
  await page.getByLabel('E-mail').fill('newboss@example.com');
  await page.getByLabel('Password').fill('long enough now');
  await page.getByLabel('Role').selectOption('supervisor');
  await page.getByRole('button', { name: 'Make' }).click();
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  expect(await rowOf(page, 'New Boss').count()).toBe(0);
  await page.getByRole('link', { name: 'Audit' }).click();
  const rows = page.locator('.audit-row');
  await rows.first().locator('time').waitFor();
  const overlaps = await rows.evaluateAll((all) =>
    all.filter((row) => {
      const [what, who] = [row.querySelector('.audit-what'), row.querySelector('.audit-who')];
      return (what?.getBoundingClientRect().right ?? 0) > (who?.getBoundingClientRect().left ?? 0);
    }),
  );
  expect(overlaps).toHaveLength(0);
  // Whoever comes back to a list is where they were in it.
  const scroller = page.locator('.windowed');
  await scroller.evaluate((element) => {
    element.scrollTop = 160;
  });
  await page.getByRole('link', { name: 'Analytics' }).click();
  await page.getByRole('heading', { name: 'Analytics' }).waitFor();
  await page.goBack();
  await rows.first().waitFor();
  expect(await scroller.evaluate((element) => element.scrollTop)).toBe(160);
  person.expectNoFaults();
});

it('an admin makes somebody, is told what is wrong, hands over a link, and ends them', async () => {
  const { page, person } = await seat('admin', '/people');
  person.tolerate(/status of (400|401|409)/);
  await page.getByRole('button', { name: 'New person' }).click();
  await page.getByLabel('Name').fill('New Agent');
  await page.getByLabel('E-mail').fill('agent1@example.com');
  await page.getByLabel('Password').fill('short');
  await page.getByLabel('Supervisor', { exact: true }).selectOption({ label: 'Supervisor One' });
  await page.getByRole('button', { name: 'Make' }).click();
  await page.getByLabel('Password').and(page.locator('[aria-invalid="true"]')).waitFor();
  await page.getByLabel('Password').fill('long enough now');
  await page.getByRole('button', { name: 'Make' }).click();
  await page.getByText('Somebody has this address already.').waitFor();
  expect(await seriousBarriers(page)).toEqual([]);
  await page.getByLabel('E-mail').fill('newagent@example.com');
  await page.getByRole('button', { name: 'Make' }).click();
  await rowOf(page, 'New Agent').getByRole('button').click();
  await page.getByRole('menuitem', { name: 'Password reset link' }).click();
  await page.getByRole('button', { name: 'Make the link' }).click();
  const link = new URL(await page.getByLabel('The link').inputValue());
  await page.getByRole('button', { name: 'Copy' }).click();
  await page
    .getByRole('dialog')
    .getByText(/is copied|doesn’t let this page copy/)
    .waitFor();
  await page.getByRole('button', { name: 'Done' }).click();

  const other = await site.person();
  people.push(other);
  other.tolerate(/status of 401/);
  const resetting = await other.open(`/console${link.hash}`);
  await resetting.getByLabel('New password').fill('a password of their own');
  await resetting.getByRole('button', { name: 'Set the password' }).click();
  await resetting.getByRole('button', { name: 'Back to signing in' }).click();
  await resetting.getByLabel('E-mail').fill('newagent@example.com');
  await resetting.getByLabel('Password').fill('a password of their own');
  await resetting.getByRole('button', { name: 'Sign in' }).click();
  await resetting.getByText('Your inbox is empty').waitFor();

  await rowOf(page, 'New Agent').getByRole('button').click();
  await page.getByRole('menuitem', { name: 'Deactivate' }).click();
  await page.getByRole('button', { name: 'Deactivate' }).click();
  await rowOf(page, 'New Agent').getByText('Deactivated').waitFor();
  await resetting.getByText('Your session has ended').waitFor();
  await page.getByLabel('Who').selectOption('supervisor');
  await rowOf(page, 'Supervisor One').getByRole('button').click();
  await page.getByRole('menuitem', { name: 'Deactivate' }).click();
  await page.getByRole('button', { name: 'Deactivate' }).click();
  await page.getByText('This supervisor still has active agents').waitFor();
});

it('an admin is told that the supervisors could not be read, and makes somebody once they can be', async () => {
  const { page, person } = await seat('admin', '/people');
  person.tolerate(/Failed to load resource/);
  await page.getByRole('button', { name: 'New person' }).waitFor();
  const reading = (url: URL) => url.pathname === '/users' && url.searchParams.get('role') === 'supervisor';
  await page.route(reading, (route) => route.abort());
  await page.reload();
  await page.getByRole('button', { name: 'New person' }).click();
  const told = page.getByRole('alert').filter({ hasText: 'The supervisors could not be read.' });
  await told.waitFor();
  await expectInBothColours(page, 'people-no-supervisors');
  await page.unroute(reading);
  await told.getByRole('button', { name: 'Try again' }).click();
  await page.getByLabel('Supervisor', { exact: true }).selectOption({ label: 'Supervisor One' });
  await told.waitFor({ state: 'detached' });
});

it('analytics are charts, a table and a file; the audit says who', async () => {
  const { page } = await seat('admin', '/analytics?range=7');
  await page.getByRole('img', { name: /Conversations a day/ }).waitFor();
  await page.getByRole('table').first().waitFor();
  expect(await seriousBarriers(page)).toEqual([]);
  await picture(page, 'console-analytics');
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'CSV' }).first().click();
  const file = await (await download).path();
  const text = await readFile(file, 'utf8');
  expect(text.split('\r\n')[0]).toBe(
    '\uFEFFSupervisor,Agent,Agents now,Closed,"First answer, median s","Resolution, median s",Ratings,Mean rating',
  );
  expect(text).toContain('Supervisor One,Agent One,');
  await page.getByLabel('Range').selectOption('custom');
  await page.getByLabel('From').fill('2026-03-02');
  await page.getByLabel('To', { exact: true }).fill('2026-03-01');
  await page.getByText('The first day comes after the last one.').waitFor();
  await page.getByLabel('To', { exact: true }).fill('2026-03-09');
  await page.getByRole('button', { name: 'Show' }).click();
  await page.getByText('Nothing happened in this range').waitFor();
  expect(new URL(page.url()).searchParams.get('from')).toBe('2026-03-02');

  await page.getByRole('link', { name: 'Audit' }).click();
  await page.getByLabel('What').selectOption('signed_in');
  await page.getByRole('list', { name: 'Audit' }).getByText('Signed in').first().waitFor();
  expect(await seriousBarriers(page)).toEqual([]);
});

describe('everywhere', () => {
  const views: readonly (readonly [string, string])[] = [
    ['agent1', '/inbox'],
    ['agent1', '/replies'],
    ['agent1', '/settings'],
    ['supervisor1', '/queue'],
    ['admin', '/people'],
    ['admin', '/analytics'],
    ['admin', '/audit'],
  ];

  // 720 × 450 is a laptop's screen at 200 %.
  it.each([
    ['light', 320, 640],
    ['dark', 720, 450],
  ] as const)(
    'in %s, %i wide, nothing is cut off, and nothing serious bars anybody',
    async (colorScheme, width, height) => {
      const view = await assigned(
        'Narrow',
        'agent1',
        `${'Donaudampfschifffahrt'.repeat(12)} https://example.com/${'long/'.repeat(40)}`,
      );
      for (const [name, path] of [...views, ['agent1', `/inbox/${view.id}`] as const]) {
        const { page, person } = await seat(name, path, { viewport: { width, height }, colorScheme });
        await page.getByRole('heading', { level: 1 }).first().waitFor();
        await eventually('nothing to be on its way', async () => (await page.locator('.skeletons').count()) === 0);
        const overflowing = await page.evaluate(() =>
          [...document.querySelectorAll('main, main *')]
            .filter((element) => {
              const { right, width: wide } = element.getBoundingClientRect();
              const scrolls = element.closest('.table-scroll, .visually-hidden, svg');
              return wide > 0 && right > innerWidth + 1 && !scrolls;
            })
            .map((element) => element.className || element.tagName),
        );
        expect([path, overflowing]).toEqual([path, []]);
        expect([path, await seriousBarriers(page)]).toEqual([path, []]);
        await picture(page, `console-${width}-${path.split('/')[1]}${path.split('/').length > 2 ? '-open' : ''}`);
        person.expectNoFaults();
        await person.leave();
        people.splice(0);
      }
    },
  );

  it('every state is there to look at, from right to left too', async () => {
    const person = await site.person({ viewport: { width: 1440, height: 900 } });
    people.push(person);
    const page = await person.open('/console/states');
    await page.getByRole('heading', { name: 'Every state' }).waitFor();
    expect(await seriousBarriers(page)).toEqual([]);
    await page.getByLabel('Right to left').check();
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
    await page.getByLabel('Theme').selectOption('dark');
    expect(await seriousBarriers(page)).toEqual([]);
  });

  it('? lists the keys; a role is told what is not open to it; two people are there side by side', async () => {
    const { page } = await seat('agent1', '/audit');
    await page.getByText('This isn’t open to your role').waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    const beside = await page.context().newPage();
    await beside.goto('/console/beside');
    // In the rail: both are signed in.
    const [left, right] = [beside.frameLocator('iframe').first(), beside.frameLocator('iframe').last()];
    await left.locator('.rail-user').getByText('Supervisor One').waitFor({ state: 'attached' });
    await right.locator('.rail-user').getByText('Agent One').waitFor({ state: 'attached' });
  });
});

describe('nothing that somebody has written or asked for goes astray', () => {
  it('in a conversation that is taken away, and in one that is given back', async () => {
    const view = await assigned('أين طلبي؟ (48213)', 'agent1', 'مرحبا!', 'هل من أحد هنا؟');
    const { page } = await seat('agent1', `/inbox/${view.id}`);
    const log = page.getByRole('log');
    await log.getByText('هل من أحد هنا؟').waitFor();
    // Every message and subject goes the way of its own letters, and stands where the others do.
    const directions = await page
      .locator('h1, .row-subject, .bubble > div')
      .filter({ hasText: /\p{Script=Arabic}/u })
      .evaluateAll((all) => all.map((one) => getComputedStyle(one).direction));
    expect(directions.length).toBeGreaterThanOrEqual(4);
    expect(new Set(directions)).toEqual(new Set(['rtl']));
    const edge = (selector: string) => page.locator(selector).evaluate((one) => getComputedStyle(one).textAlign);
    expect(await edge('h1[dir]')).toBe('left');

    // Until it is read, what has arrived says so.
    await messageField(page).fill('On its way');
    await page.keyboard.press('Enter');
    await log.getByText('On its way').waitFor();
    await log.getByText('Sent', { exact: true }).waitFor();
    expect(await log.locator('.pending').count()).toBe(0);

    // "New" stands where one looked away, and goes with the answer.
    await view.send('While you look').accepted;
    await log.getByText('While you look').waitFor();
    expect(await log.locator('.new-line').count()).toBe(0);
    await page.evaluate(() => dispatchEvent(new Event('blur')));
    await view.send('While you are away').accepted;
    await log.locator('div:has(> .new-line)').getByText('While you are away').waitFor();
    await picture(page, 'console-new-line');
    await messageField(page).fill('Here again');
    await page.keyboard.press('Enter');
    await log.locator('.new-line').waitFor({ state: 'detached' });

    await messageField(page).fill('Wait, I');
    const [{ api: supervisor }, { user }] = await Promise.all([staff('supervisor1'), staff('agent2')]);
    const params = { conversationId: view.id };
    await supervisor.http.assignConversation({ params, body: { agentId: user.id } });
    const written = page.getByLabel('What you had written');
    await written.waitFor();
    expect(await written.inputValue()).toBe('Wait, I');
    expect(await written.evaluate((field) => field === document.activeElement)).toBe(true);
    expect(await seriousBarriers(page)).toEqual([]);
    await page.getByRole('button', { name: 'Discard' }).click();
    await written.waitFor({ state: 'detached' });

    const back = await assigned('Back with it');
    await rowOf(page, 'Back with it').getByRole('link').click();
    await log.getByText('Hello?').waitFor();
    await messageField(page).press('Escape');
    await page.keyboard.press('u');
    await page.keyboard.press('Enter');
    await page.getByText(/went back to the queue\.$/).waitFor();
    await eventually('the list', async () => new URL(page.url()).pathname === '/console/inbox');
    expect(await page.getByText('isn’t yours to see').count()).toBe(0);
    await supervisor.http.closeConversation({ params: { conversationId: back.id } });
  });

  it('without a connection: what can’t be done says so, and signing out says what is not sent', async () => {
    const view = await assigned('No line');
    const waits = await (await customer('Lee Park')).open({ subject: 'Still waits', message: 'Hello?' });
    const sit = async (name: string, path: string) => {
      const person = await site.person({ viewport: { width: 1440, height: 900 } });
      people.push(person);
      person.tolerate(/WebSocket connection to|Failed to load resource/);
      const network = await cuttable(person.context);
      return { network, page: await person.open(`/console${path}?as=${name}`) };
    };
    const agent = await sit('agent1', `/inbox/${view.id}`);
    await agent.page.getByRole('log').getByText('Hello?').waitFor();
    // What the service says is for programs.
    await agent.page.route('**/notes', (route) => route.abort());
    await agent.page.getByRole('button', { name: 'Note', exact: true }).click();
    await agent.page.keyboard.type('For the team');
    await agent.page.getByRole('button', { name: 'Add the note' }).click();
    await agent.page.getByText('Not noted. The service can’t be reached.').waitFor();
    await agent.network.cut();
    await agent.page.getByText('no connection', { exact: true }).waitFor();
    await agent.page.getByRole('button', { name: 'Reply', exact: true }).click();
    await messageField(agent.page).fill('On paper');
    await agent.page.keyboard.press('Enter');
    await agent.page.getByText('1 message waits to be sent').waitFor();
    expect(await agent.page.getByRole('radio', { name: 'Urgent' }).isDisabled()).toBe(true);
    await agent.page.getByRole('complementary', { name: 'Details' }).getByText('There is no connection.').waitFor();
    await picture(agent.page, 'console-cut');
    await agent.page.locator('.rail-user').click();
    await agent.page.getByRole('menuitem', { name: 'Sign out' }).click();
    await agent.page.getByText('1 message is not sent yet.').waitFor();

    const { page, network } = await sit('supervisor1', '/queue');
    await rowOf(page, 'Still waits').waitFor();
    await network.cut();
    await page.getByText(/^As of .* It is read anew when you are back/).waitFor();
    expect(await page.getByRole('button', { name: 'Assign “Still waits”' }).isDisabled()).toBe(true);
    await page.keyboard.press('j');
    await page.keyboard.press('a');
    const dialog = page.getByRole('dialog', { name: 'Assign' });
    await dialog.getByText('There is no connection.').waitFor();
    await page.keyboard.press('Enter');
    expect(await dialog.isVisible()).toBe(true);
    await picture(page, 'console-assign-cut');
    const { api } = await staff('supervisor1');
    await api.http.closeConversation({ params: { conversationId: waits.id } });
  });

  it('of a supervisor: what is said is read again, a link is for whoever may see it, a row says why it left', async () => {
    const view = await assigned('Read along');
    const person = await site.person({ viewport: { width: 1440, height: 900 } });
    people.push(person);
    await person.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await person.context.clock.install();
    const page = await person.open(`/console/queue/${view.id}?as=supervisor1`);
    const log = page.getByRole('log');
    await log.getByText('Hello?').waitFor();
    await view.send('By the button').accepted;
    const conversation = page.getByRole('region', { name: /^Conversation with/ });
    await conversation.getByText(/^As of \d/).waitFor();
    await conversation.getByRole('button', { name: 'Refresh' }).click();
    await log.getByText('By the button').waitFor();
    await view.send('By itself').accepted;
    await page.clock.fastForward(21_000);
    await log.getByText('By itself').waitFor();
    await picture(page, 'console-read-along');
    await page.getByRole('button', { name: 'More', exact: true }).click();
    await page.getByRole('menuitem', { name: 'Copy the link' }).click();
    await page.getByText('The link is copied.').waitFor();
    const link = new URL(await page.evaluate(() => navigator.clipboard.readText()));
    expect(link.pathname).toBe(`/console/inbox/${view.id}`);
    const agent = await seat('agent1', `/queue/${view.id}`);
    await agent.page.getByRole('log').getByText('By itself').waitFor();
    expect(new URL(agent.page.url()).pathname).toBe(link.pathname);

    await page.goto('/console/queue?as=supervisor1');
    const taken = await (await customer('Lee Park')).open({ subject: 'Taken from you', message: 'Hello?' });
    await rowOf(page, 'Taken from you').hover();
    const [{ api }, { user }] = await Promise.all([staff('supervisor1'), staff('agent1')]);
    await api.http.assignConversation({ params: { conversationId: taken.id }, body: { agentId: user.id } });
    const row = rowOf(page, 'Taken from you');
    await row.getByText('Given to Agent One').waitFor();
    await page.clock.fastForward(6_000);
    await page.getByText('The list has changed').waitFor();
    await row.getByText('Given to Agent One').waitFor();
  });

  it('in a form: a stray click closes nothing, and all that is wrong is said at once', async () => {
    const { page, person } = await seat('admin', '/people');
    person.tolerate(/status of 400/);
    await page.getByRole('button', { name: 'New person' }).click();
    const dialog = page.getByRole('dialog', { name: 'New person' });
    await dialog.getByLabel('Name').fill('Typed with care');
    await page.mouse.click(5, 5);
    await dialog.getByRole('button', { name: 'Make' }).click();
    await dialog.getByText('Choose a supervisor.').waitFor();
    expect(await dialog.locator('[aria-invalid="true"]').count()).toBe(3);
    expect(await dialog.getByLabel('Name').inputValue()).toBe('Typed with care');
    await dialog.getByLabel('Name').fill('');
    await page.mouse.click(5, 5);
    await dialog.waitFor({ state: 'detached' });
  });
});

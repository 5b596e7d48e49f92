import type { Page } from 'playwright-core';
import type { StaffConversation } from '../../lib/protocol/objects/conversations.ts';
import { DEMO_PASSWORD } from '../../local/demoPeople.ts';
import { eventually, within } from '../support/deadline.ts';
import { siteToken } from '../support/identity.ts';
import type { Socket } from '../support/socket.ts';
import { Desk, type Person as Staff } from '../support/system.ts';
import { type CompanySite, startCompanySite } from './support/companySite.ts';
import { tellLongStory } from './support/longStory.ts';
import { expectInBothColours, type Person, type Site, startSite } from './support/pages.ts';

/** The widget on a company's page: of another origin, under a strict policy, with styles that reach for everything. */

/** What a page does with the element: web/widget/README.md. */
interface Chat extends HTMLElement {
  readonly unread: number;
  strings: Record<string, string> | null;
  context: Record<string, string>;
  open(): Promise<void>;
  close(): void;
  identify(identity: { readonly token: string | (() => Promise<string>) }): void;
  reset(): Promise<void>;
}

let host: CompanySite;
let site: Site;
let desk: Desk;
let supervisor: Staff;
let agent: Staff;
let person: Person;
/** The staff's sockets of this test. */
const open = new Set<Socket>();

beforeAll(async () => {
  host = await startCompanySite();
  site = await startSite({ ALLOWED_ORIGINS: host.origin });
  host.serve({ address: site.address, webSocket: `ws://localhost:${site.system.ports.webSocket}` });
  desk = await new Desk(site.system).openAs('admin@example.com', DEMO_PASSWORD);
  supervisor = await desk.login('supervisor1@example.com', DEMO_PASSWORD);
  agent = await desk.login('agent1@example.com', DEMO_PASSWORD);
});
afterAll(async () => {
  await site?.stop();
  await host?.stop();
});

beforeEach(async () => {
  person = await site.person({ baseURL: host.origin }, [host.origin]);
});
afterEach(async () => {
  for (const socket of open) socket.close();
  open.clear();
  await person.leave();
});

const launcher = (page: Page) => page.getByRole('button', { name: /Chat with us/ });
const field = (page: Page) => page.getByLabel('Your message');

async function openPanel(page: Page): Promise<void> {
  await launcher(page).click();
  await page.getByRole('dialog', { name: 'Chat' }).waitFor();
}

/** What has the focus in the page: the element, where it is anything in it. */
const focused = (page: Page) => page.evaluate(() => document.activeElement?.localName);

async function say(page: Page, text: string): Promise<void> {
  await field(page).fill(text);
  await field(page).press('Enter');
}

const identify = (page: Page, token: string) =>
  page.evaluate(async (given) => {
    await customElements.whenDefined('live-support-chat');
    (document.querySelector('live-support-chat') as Chat).identify({ token: given });
  }, token);

const bubble = (page: Page, text: string) => page.locator('.bubble', { hasText: text });
const asked = (subject: string): Promise<StaffConversation> =>
  eventually(`the conversation "${subject}"`, async () => {
    const { items } = await desk.ok('GET', '/conversations?status=open', supervisor.token);
    return (items as StaffConversation[]).find((conversation) => conversation.subject === subject);
  });

/** Somebody of the staff takes the conversation. */
async function taken({ id }: StaffConversation): Promise<Socket> {
  await desk.assign(supervisor, id, agent);
  const socket = await desk.join(agent, id);
  open.add(socket);
  return socket;
}

it('from the first message to the rating, on a page of another origin', async () => {
  const page = await person.open('/products/42?secret=token#reviews');
  const requests: string[] = [];
  page.on('request', (request) => requests.push(new URL(request.url()).pathname));
  await page.reload();
  await launcher(page).waitFor();
  // Until somebody wants it, the page pays for nothing but the loader.
  expect(requests.filter((path) => path.startsWith('/assets'))).toEqual([]);
  await openPanel(page);
  await page.getByText('We are away right now').waitFor();
  await expectInBothColours(page, 'widget-start');
  // Somebody changes their mind twice. There is no socket yet, and there must be one later.
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await openPanel(page);
  // Nothing was asked, and nobody was made, before the first message.
  expect(requests.filter((path) => path.startsWith('/auth') || path.startsWith('/conversations'))).toEqual([]);

  await page.evaluate(() => {
    (document.querySelector('live-support-chat') as Chat).context = { order: '1042' };
  });
  await say(page, 'My mug\narrived with a crack');
  const conversation = await asked('My mug arrived with a crack');
  expect(conversation.context).toEqual({ page: `${host.origin}/products/42`, language: 'en-US', order: '1042' });
  await page.getByText('Nobody is here right now', { exact: false }).waitFor();
  const staff = await taken(conversation);
  await page.getByRole('heading', { name: 'Agent One' }).waitFor();
  await page.getByText('Here now').waitFor();
  staff.send('SEND_MESSAGE', {
    conversationId: conversation.id,
    content: '<b>Sorry!</b> See https://example.com/returns.',
  });
  // As text, whatever it looks like; read out once.
  await bubble(page, '<b>Sorry!</b>').waitFor();
  await page.getByRole('status').getByText('Agent One: <b>Sorry!</b>', { exact: false }).waitFor();
  const link = page.getByRole('link', { name: 'https://example.com/returns' });
  expect(await link.getAttribute('href')).toBe('https://example.com/returns');
  expect(await link.getAttribute('rel')).toBe('noopener noreferrer');
  await staff.next('MESSAGES_READ', ({ seq }) => seq === 2);
  staff.send('TYPING', { conversationId: conversation.id, typing: true });
  await page.getByText('Agent One is typing').waitFor();
  await say(page, 'Thank you');
  await staff.next('NEW_MESSAGE', ({ content }) => content === 'Thank you');
  staff.send('MARK_READ', { conversationId: conversation.id, seq: 3 });
  await page.getByText('Read', { exact: true }).waitFor();
  await expectInBothColours(page, 'widget-chat');

  // What comes while the panel is closed is counted.
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  expect(await launcher(page).evaluate((element) => element.matches(':focus'))).toBe(true);
  staff.send('SEND_MESSAGE', { conversationId: conversation.id, content: 'It is on its way' });
  await page.getByRole('button', { name: 'Chat with us, 1 unread' }).click();
  await page.getByText('New', { exact: true }).waitFor();
  await staff.next('MESSAGES_READ', ({ seq }) => seq === 4);

  await staff.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', { conversationId: conversation.id });
  await page.getByRole('group', { name: 'How did we do?' }).waitFor();
  await bubble(page, 'It is on its way').waitFor();
  await page.getByRole('radio', { name: 'Very good' }).press('Space');
  await page.getByLabel('Anything to add?', { exact: false }).fill('Quick');
  await expectInBothColours(page, 'widget-rating');
  await page.keyboard.press('Escape');
  await openPanel(page);
  expect(await page.getByRole('radio', { name: 'Very good' }).isChecked()).toBe(true);
  expect(await page.getByLabel('Anything to add?', { exact: false }).inputValue()).toBe('Quick');
  // On a phone on its side nothing of it is cut off: it scrolls with what was said.
  const usual = page.viewportSize();
  await page.setViewportSize({ width: 667, height: 375 });
  await page.getByRole('button', { name: 'Ask something else' }).scrollIntoViewIfNeeded();
  await page.getByRole('button', { name: 'Ask something else' }).click({ trial: true });
  await page.getByRole('button', { name: 'Send rating' }).click({ trial: true });
  expect(await page.getByRole('dialog').evaluate((element) => element.scrollTop)).toBe(0);
  await page.setViewportSize(usual ?? { width: 1280, height: 720 });
  await page.getByRole('button', { name: 'Send rating' }).press('Enter');
  await page.getByRole('status').getByText('Thank you for your rating').waitFor();
  // The button is gone, and the keys of the panel are not.
  expect(await focused(page)).toBe('live-support-chat');
  const rated: StaffConversation = await desk.ok('GET', `/conversations/${conversation.id}`, supervisor.token);
  expect(rated.rating).toMatchObject({ score: 4, comment: 'Quick' });

  await page.getByRole('button', { name: 'Ask something else' }).click();
  await page.getByRole('heading', { name: 'How can we help?' }).waitFor();
  expect(await field(page).evaluate((element) => element.matches(':focus'))).toBe(true);

  // The next conversation is as live as the first.
  await say(page, 'And a plate');
  const next = await taken(await asked('And a plate'));
  await next.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', {
    conversationId: next.frames('CONVERSATION_JOINED')[0]?.conversation.id,
    content: 'Which one?',
  });
  await bubble(page, 'Which one?').waitFor();
  await say(page, 'The blue one');
  await next.next('NEW_MESSAGE', ({ content }) => content === 'The blue one');
  person.expectNoFaults();
});

it('a network that is cut in the middle of a sentence, a reload with unsent text, and a message that was refused', async () => {
  const page = await person.open('/');
  await openPanel(page);
  await field(page).fill('Where is');
  person.tolerate(/ERR_INTERNET_DISCONNECTED|WebSocket connection/);
  await person.context.setOffline(true);
  await field(page).press('End');
  await field(page).pressSequentially(' my parcel?');
  await field(page).press('Enter');
  await page.getByText('You are offline', { exact: false }).waitFor();
  expect(await page.getByText('We have your message', { exact: false }).count()).toBe(0);
  await say(page, 'It was due on Monday');
  await person.context.setOffline(false);
  const conversation = await asked('Where is my parcel?');
  await page.getByText('You are offline', { exact: false }).waitFor({ state: 'hidden' });
  const staff = await taken(conversation);
  await page.getByText('Here now').waitFor();
  await person.context.setOffline(true);
  await say(page, 'Hello?');
  await page.getByText('Sending', { exact: true }).last().waitFor();
  await field(page).fill('And one more thi');
  await person.context.setOffline(false);
  await staff.next('NEW_MESSAGE', ({ content }) => content === 'Hello?');

  // What has come meanwhile is read out together, and nobody is said to be there or to type.
  await person.context.setOffline(true);
  await page.getByText('You are offline', { exact: false }).waitFor();
  expect(await page.getByText('Here now').count()).toBe(0);
  const answers = ['One moment', 'It comes today', 'Before noon'];
  for (const content of answers) {
    await staff.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId: conversation.id, content });
  }
  await person.context.setOffline(false);
  const read = page.getByRole('status').filter({ hasText: 'Before noon' });
  await read.waitFor({ state: 'attached' });
  expect(await read.innerText()).toMatch(new RegExp(answers.join('[^]*')));

  await page.reload();
  await page.getByRole('dialog', { name: 'Chat' }).waitFor();
  await bubble(page, 'Hello?').waitFor();
  expect(await page.locator('.bubble').count()).toBe(6);
  expect(await field(page).inputValue()).toBe('And one more thi');
  // The count is read out at steps, not with every key.
  const told = () => page.getByRole('status').filter({ hasText: 'characters left' }).textContent();
  await field(page).fill('x'.repeat(3_850));
  expect(await told()).toBe('150 characters left');
  await field(page).press('x');
  await page.locator('#count', { hasText: '149 characters left' }).waitFor();
  expect(await told()).toBe('150 characters left');
  await field(page).fill('And one more thi');

  // Written while the conversation was closed: it is not lost.
  await person.context.setOffline(true);
  await say(page, 'Too late');
  await field(page).fill('And one more thing');
  await staff.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', { conversationId: conversation.id });
  await person.context.setOffline(false);
  await page.getByText('Not sent: the conversation was closed').waitFor();
  await page.getByRole('button', { name: 'Ask something else' }).click();
  expect(await field(page).inputValue()).toBe('Too late\n\nAnd one more thing');
  person.expectNoFaults();
});

it('two tabs share one socket, and what one knows the other knows; when one goes, the other goes on', async () => {
  const sockets: string[] = [];
  const closes: ((reason: unknown) => void)[] = [];
  person.context.on('page', (page) =>
    page.on('websocket', (socket) => {
      sockets.push(socket.url());
      socket.on('close', () => {
        for (const close of closes) close(undefined);
      });
    }),
  );
  const one = await person.open('/');
  await openPanel(one);
  expect(sockets).toEqual([]);
  await say(one, 'From two tabs');
  const conversation = await asked('From two tabs');
  const staff = await taken(conversation);
  await one.getByText('Here now').waitFor();
  const two = await person.open('/');
  await openPanel(two);
  await bubble(two, 'From two tabs').waitFor();
  await say(two, 'Said in the second');
  await bubble(one, 'Said in the second').waitFor();
  expect(sockets).toHaveLength(1);

  // Read in one tab, it is read in the other.
  await two.keyboard.press('Escape');
  await one.keyboard.press('Escape');
  staff.send('SEND_MESSAGE', { conversationId: conversation.id, content: 'An answer' });
  for (const page of [one, two]) await page.getByRole('button', { name: 'Chat with us, 1 unread' }).waitFor();
  await openPanel(one);
  await two.getByRole('button', { name: 'Chat with us', exact: true }).waitFor();

  // The tab that has the socket.
  await one.close();
  staff.send('SEND_MESSAGE', { conversationId: conversation.id, content: 'Another one' });
  await two.getByRole('button', { name: 'Chat with us, 1 unread' }).click();
  await bubble(two, 'Another one').waitFor();
  expect(sockets).toHaveLength(2);
  // Without a conversation that goes on there is none.
  const last = new Promise<unknown>((resolve) => {
    closes.push(resolve);
  });
  await staff.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', { conversationId: conversation.id });
  await two.getByRole('status').getByText('This conversation is closed.').waitFor();
  await within('the end of the last socket', last);
  person.expectNoFaults();
});

it('a visitor who turns out to be a customer goes on; whoever signs out leaves nothing', async () => {
  const page = await person.open('/');
  await openPanel(page);
  await say(page, 'Asked by a visitor');
  const { id } = await asked('Asked by a visitor');
  await bubble(page, 'Asked by a visitor').waitFor();
  // The visitor's session ends, maybe while its socket is being opened, or a request of its is under way.
  person.tolerate(/HTTP Authentication failed|status of 401/);
  const token = siteToken({ sub: 'widget-1', name: 'Ada Customer' });
  await page.evaluate(
    (given) => (document.querySelector('live-support-chat') as Chat).identify({ token: async () => given }),
    token,
  );
  await eventually('the customer’s name', async () => {
    const conversation: StaffConversation = await desk.ok('GET', `/conversations/${id}`, supervisor.token);
    return conversation.candidate.name === 'Ada Customer';
  });
  const staff = await taken(await desk.ok('GET', `/conversations/${id}`, supervisor.token));
  await say(page, 'Now as myself');
  await staff.next('NEW_MESSAGE', ({ content }) => content === 'Now as myself');

  await page.keyboard.press('Escape');

  // On another device, by the company's word alone.
  const elsewhere = await site.person({ baseURL: host.origin }, [host.origin]);
  const other = await elsewhere.open('/');
  await other.evaluate(
    async (given) => {
      await customElements.whenDefined('live-support-chat');
      document.querySelector('live-support-chat')?.setAttribute('token', given);
    },
    siteToken({ sub: 'widget-1' }),
  );
  staff.send('SEND_MESSAGE', { conversationId: id, content: 'Welcome' });
  await other.getByRole('button', { name: 'Chat with us, 1 unread' }).click();
  await bubble(other, 'Asked by a visitor').waitFor();
  elsewhere.expectNoFaults();
  await elsewhere.leave();

  // A page goes elsewhere in the same moment.
  const accessToken = await page.evaluate(() => {
    const kept = JSON.parse(localStorage.getItem('live-support-chat:session') ?? '{}');
    void (document.querySelector('live-support-chat') as Chat).reset();
    location.assign('/signed-out');
    return kept.session?.accessToken as string;
  });
  await page.waitForURL('**/signed-out');
  await openPanel(page);
  await page.getByRole('heading', { name: 'How can we help?' }).waitFor();
  expect(await page.evaluate(() => Object.keys(localStorage).filter((key) => /session|outbox/.test(key)))).toEqual([]);
  await eventually('the end of the session', async () => {
    const { status } = await desk.call('GET', '/auth/me', accessToken);
    return status === 401;
  });
  person.expectNoFaults();
});

it('the next person at a computer finds nothing of the one before, however late an answer comes', async () => {
  person.tolerate(/status of 401|HTTP Authentication failed/);
  const page = await person.open('/');
  // The page signs its customer out while their first question is on its way.
  let isAsked = false;
  await person.context.route('**/auth/visitor', async (route) => {
    isAsked = true;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await route.continue().catch(() => undefined);
  });
  await openPanel(page);
  await say(page, 'Private to Ada');
  await eventually('the visitor to be asked for', async () => isAsked);
  await page.evaluate(() => void (document.querySelector('live-support-chat') as Chat).reset());
  await openPanel(page);
  expect([await page.locator('.bubble').count(), await field(page).inputValue()]).toEqual([0, '']);
  await page.waitForTimeout(1_500);
  const { items } = await desk.ok('GET', '/conversations?status=open', supervisor.token);
  expect((items as StaffConversation[]).filter(({ subject }) => subject === 'Private to Ada')).toEqual([]);
  expect(await page.evaluate(() => localStorage.getItem('live-support-chat:session'))).toBe(null);

  // Another customer, whom the page names without a reset: at once where it has a text, and after a while where it has to fetch one.
  const tokenOf = (name: string) => siteToken({ sub: `widget-${name}`, name });
  await identify(page, tokenOf('Ada'));
  await say(page, 'Asked by Ada');
  const staff = await taken(await asked('Asked by Ada'));
  staff.send('SEND_MESSAGE', {
    conversationId: staff.frames('CONVERSATION_JOINED')[0]?.conversation.id,
    content: 'Dear Ada',
  });
  await bubble(page, 'Dear Ada').waitFor();
  await field(page).fill('My illness');
  await identify(page, tokenOf('Bert'));
  await page.getByRole('heading', { name: 'How can we help?' }).waitFor();
  expect([await page.locator('.bubble').count(), await field(page).inputValue()]).toEqual([0, '']);
  expect(await page.locator('live-support-chat').getByText('Dear Ada').count()).toBe(0);
  await say(page, 'Asked by Bert');
  expect((await asked('Asked by Bert')).candidate.name).toBe('Bert');
  await bubble(page, 'Asked by Bert').waitFor();

  await page.goto('/another-page');
  await page.evaluate(async (given) => {
    await customElements.whenDefined('live-support-chat');
    let calls = 0;
    const token = async () => {
      calls += 1;
      await new Promise((resolve) => setTimeout(resolve, 500));
      if (calls === 1) throw new Error('the page is out of order');
      return given;
    };
    (document.querySelector('live-support-chat') as Chat).identify({ token });
  }, tokenOf('Cleo'));
  await page.getByText('Loading the conversation').waitFor();
  expect([await page.locator('.bubble').count(), await field(page).count()]).toEqual([0, 0]);
  await page.getByText('We could not make sure who you are', { exact: false }).waitFor();
  expect([await page.locator('.bubble').count(), await field(page).count()]).toEqual([0, 0]);
  await page.getByRole('heading', { name: 'How can we help?' }).waitFor();
  await say(page, 'Asked by Cleo');
  expect((await asked('Asked by Cleo')).candidate.name).toBe('Cleo');
  await bubble(page, 'Asked by Cleo').waitFor();

  // Signed out in one tab, whose access token has lasted its time, they are signed out in the other.
  const other = await person.open('/');
  await bubble(page, 'Asked by Cleo').waitFor();
  await openPanel(other);
  await bubble(other, 'Asked by Cleo').waitFor();
  await field(other).fill('My illness');
  const kept = await page.evaluate(async () => {
    const text = localStorage.getItem('live-support-chat:session') ?? '{}';
    const old = JSON.parse(text);
    localStorage.setItem('live-support-chat:session', text.replace(old.session.accessToken, 'of long ago'));
    await (document.querySelector('live-support-chat') as Chat).reset();
    return old.session.accessToken as string;
  });
  expect((await desk.call('GET', '/auth/me', kept)).status).toBe(401);
  await bubble(other, 'Asked by Cleo').waitFor({ state: 'hidden' });
  expect(await field(other).inputValue()).toBe('');
  // What is kept of a session may be anybody's text.
  await field(other).fill('Half a sentence');
  const left = await other.evaluate(async () => {
    localStorage.setItem('live-support-chat:session', '{}');
    await (document.querySelector('live-support-chat') as Chat).reset();
    return [...Object.keys(localStorage), ...Object.keys(sessionStorage)];
  });
  expect(left).toEqual(['live-support-chat:state']);
  person.expectNoFaults();
});

it('where no WebSocket opens, the question stays in sight and the answer comes all the same', async () => {
  await person.context.addInitScript(() => {
    class Refused {
      static readonly OPEN = 1;
      onclose: ((event: { readonly code: number }) => void) | null = null;
      readonly readyState = 3;
      constructor() {
        setTimeout(() => this.onclose?.({ code: 1006 }));
      }
      send() {}
      close() {}
    }
    Object.assign(window, { WebSocket: Refused });
  });
  person.tolerate(/ALLOWED_ORIGINS/);
  const page = await person.open('/');
  await openPanel(page);
  await say(page, 'Is anybody there?');
  const conversation = await asked('Is anybody there?');
  await page.getByText('Sent', { exact: true }).waitFor();
  await bubble(page, 'Is anybody there?').waitFor();
  await page.getByText('We have your message', { exact: false }).waitFor();
  const staff = await taken(conversation);
  staff.send('SEND_MESSAGE', { conversationId: conversation.id, content: 'We are' });
  await page.getByText('answers may take longer', { exact: false }).waitFor();
  await bubble(page, 'We are').waitFor();
  expect(await page.locator('.bubble').count()).toBe(2);
  person.expectNoFaults();
});

it('earlier messages are not new when they come in', async () => {
  const page = await person.open('/');
  await openPanel(page);
  await say(page, 'A long story');
  const conversation = await asked('A long story');
  const staff = await taken(conversation);
  for (let number = 1; number <= 60; number += 1) {
    const data = { conversationId: conversation.id, content: `Part ${number}.` };
    await staff.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', data);
  }
  await bubble(page, 'Part 60.').waitFor();
  await page.reload();
  await bubble(page, 'Part 60.').waitFor();
  expect(await bubble(page, 'Part 5.').count()).toBe(0);
  await page.getByRole('button', { name: 'Earlier messages' }).press('Enter');
  await bubble(page, 'Part 5.').waitFor({ state: 'attached' });
  await page.getByRole('button', { name: 'Earlier messages' }).waitFor({ state: 'detached' });
  expect(await page.locator('.news').count()).toBe(0);
  // The button is gone, and the keys of the panel are not.
  expect(await focused(page)).toBe('live-support-chat');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  person.expectNoFaults();
});

it('of a very long story only what is in sight is drawn', async () => {
  const page = await person.open('/');
  await openPanel(page);
  await say(page, 'The longest story');
  const conversation = await asked('The longest story');
  const staff = await taken(conversation);
  await staff.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId: conversation.id, content: 'Tell me.' });
  await bubble(page, 'Tell me.').waitFor();
  await page.goto('about:blank');
  const last = 5_000;
  await tellLongStory(site, conversation.id, last, agent.user);
  await page.goto('/');
  await bubble(page, `Message number ${last}`).waitFor();
  const timeline = page.locator('.timeline');
  // Up to the beginning, as somebody who holds the key down.
  await eventually('the beginning', () =>
    timeline.evaluate((element) => {
      element.scrollTop = 0;
      return element.querySelector('.earlier') === null;
    }),
  );
  await bubble(page, 'The longest story').waitFor();
  const fewAreDrawn = () =>
    eventually('what is out of sight to be undrawn', async () => (await page.locator('.bubble').count()) < 300);
  await fewAreDrawn();
  await say(page, 'And one more');
  await bubble(page, 'And one more').waitFor();
  await timeline.evaluate((element) => {
    element.scrollTop = element.scrollHeight;
  });
  await bubble(page, `Message number ${last}`).waitFor();
  await fewAreDrawn();
  await page.locator('.group.mine', { hasText: 'And one more' }).getByText('Sent', { exact: true }).waitFor();
  person.expectNoFaults();
});

it('a first question waits for the customer to be known, and is then asked with what follows', async () => {
  const page = await person.open('/');
  const requests: string[] = [];
  page.on('request', (request) => requests.push(new URL(request.url()).pathname));
  person.tolerate(/status of 401/);
  const element = page.locator('live-support-chat');
  await openPanel(page);
  await element.evaluate((chat) => chat.setAttribute('visitors', 'off'));
  await page.getByText('Please sign in on this site').waitFor();
  await say(page, 'My cup leaks');
  await page.getByRole('button', { name: 'Try again' }).waitFor();
  await identify(page, 'an old token');
  await page.getByText('We could not make sure who you are', { exact: false }).first().waitFor();
  const told = await element.evaluate(
    async (chat: Chat, token) => {
      const wrong = [undefined, {}, { token: null }, { token: '' }, 'a token'].filter((given) => {
        try {
          chat.identify(given as never);
          return true;
        } catch (error) {
          return !(error instanceof TypeError);
        }
      });
      const codes: string[] = [];
      chat.addEventListener('chat-token', (event) => codes.push((event as CustomEvent<{ code: string }>).detail.code));
      const identified = new Promise((resolve) => chat.addEventListener('chat-identified', resolve));
      let calls = 0;
      chat.identify({
        token: async () => {
          calls += 1;
          if (calls < 3) throw new Error('the page is out of order');
          return token;
        },
      });
      await identified;
      return { wrong, codes };
    },
    siteToken({ sub: 'widget-2', name: 'Grace Customer' }),
  );
  expect(told).toEqual({ wrong: [], codes: ['TOKEN_UNAVAILABLE'] });
  const conversation = await asked('My cup leaks');
  await say(page, 'From the bottom');
  const staff = await taken(conversation);
  await eventually('both to be there', async () => {
    const [joined] = staff.frames('CONVERSATION_JOINED');
    const said = [...(joined?.messages ?? []), ...staff.frames('NEW_MESSAGE')].map(({ content }) => content);
    return said.join() === 'My cup leaks,From the bottom';
  });

  // Whether somebody has asked elsewhere is looked up once in a tab.
  await staff.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', { conversationId: conversation.id });
  await page.getByRole('button', { name: 'Ask something else' }).click();
  await page.keyboard.press('Escape');
  await page.goto('/another-page');
  requests.length = 0;
  await identify(page, siteToken({ sub: 'widget-2', name: 'Grace Customer' }));
  await page.evaluate(() => new Promise((resolve) => requestIdleCallback(() => setTimeout(resolve, 200))));
  expect(requests).toEqual([]);
  person.expectNoFaults();
});

it('a browser that blocks the page’s storage, and with it its locks, keeps nobody from asking', async () => {
  await person.context.addInitScript(() => {
    const refuse = () => {
      throw new DOMException('The request was denied.', 'SecurityError');
    };
    Object.defineProperty(window, 'localStorage', { get: refuse });
    Object.defineProperty(window, 'sessionStorage', { get: refuse });
    // An empty page has none.
    if (navigator.locks) Object.defineProperty(navigator.locks, 'request', { value: async () => refuse() });
  });
  const page = await person.open('/');
  await openPanel(page);
  await say(page, 'Is this private?');
  const staff = await taken(await asked('Is this private?'));
  await field(page).fill('I hope so');
  await page.keyboard.press('Escape');
  await openPanel(page);
  await field(page).press('Enter');
  await staff.next('NEW_MESSAGE', ({ content }) => content === 'I hope so');
  person.expectNoFaults();
});

it('a page that changes its body for another one has the chat again, unless it takes it out', async () => {
  const page = await person.open('/');
  await launcher(page).waitFor();
  const swap = () => page.evaluate(() => document.body.replaceWith(document.createElement('body')));
  await swap();
  await launcher(page).waitFor();
  expect(await page.locator('live-support-chat').count()).toBe(1);
  await page.evaluate(() => document.querySelector('live-support-chat')?.remove());
  await page.evaluate(() => document.head.append(document.createElement('meta')));
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve)));
  expect(await page.locator('live-support-chat').count()).toBe(0);
  person.expectNoFaults();
});

it('no rule of the page’s moves it, no shortcut takes what is typed, and the focus is where somebody works', async () => {
  const page = await person.open('/');
  const style = (css: string) =>
    page.evaluate((rules) => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(rules);
      document.adoptedStyleSheets = [sheet];
    }, css);
  await launcher(page).waitFor();
  const before = await launcher(page).boundingBox();
  for (const css of [
    'body > * { position: relative; z-index: 1; transform: translateX(9px); max-width: 90px; opacity: 0.2 }',
    '* { all: unset !important; letter-spacing: 4px !important }',
    'body > * { filter: grayscale(1); overflow: hidden; contain: strict; transition: all 9s }',
    'body > :empty { display: none }',
  ]) {
    await style(css);
    expect([css, await launcher(page).boundingBox()]).toEqual([css, before]);
    const seen = await page.locator('live-support-chat').evaluate((element) => {
      const { opacity, filter, letterSpacing } = getComputedStyle(element);
      element.toggleAttribute('hidden', true);
      const { display } = getComputedStyle(element);
      element.toggleAttribute('hidden', false);
      return [opacity, filter, letterSpacing, display];
    });
    expect([css, ...seen]).toEqual([css, '1', 'none', 'normal', 'none']);
  }
  await style('');

  await page.evaluate(() => {
    for (const name of ['keydown', 'keypress', 'keyup', 'paste']) {
      document.addEventListener(name, (event) => {
        event.preventDefault();
        document.title += name;
      });
    }
  });
  await openPanel(page);
  await field(page).pressSequentially('a/b');
  await field(page).dispatchEvent('paste', { bubbles: true, composed: true });
  expect(await field(page).inputValue()).toBe('a/b');
  expect(await page.title()).toBe('A company');
  // An input method's Escape is not the panel's. That on the launcher is.
  await field(page).dispatchEvent('keydown', { key: 'Escape', keyCode: 229, bubbles: true, composed: true });
  await page.getByRole('dialog').waitFor();
  await page.getByRole('button', { name: 'Chat with us' }).press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });

  // One that opens itself again takes the focus when it is asked to, and gives it back only if it has it.
  await openPanel(page);
  await page.reload();
  await page.getByRole('dialog').waitFor();
  expect(await focused(page)).toBe('body');
  await page.evaluate(() => (document.querySelector('live-support-chat') as Chat).open());
  expect(await focused(page)).toBe('live-support-chat');
  await page.getByRole('link', { name: 'A link' }).focus();
  await page.evaluate(() => (document.querySelector('live-support-chat') as Chat).close());
  expect(await focused(page)).toBe('a');
  person.expectNoFaults();
});

it('there is one element, one panel and one opening, however often a page makes, moves and asks', async () => {
  let letGo: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  await person.context.route('**/assets/**', async (route) => {
    await held;
    await route.continue();
  });
  person.tolerate(/this page has two/);
  const page = await person.open('/');
  await launcher(page).click();
  await page.locator('.launcher[aria-busy="true"]').waitFor();
  await launcher(page).click();
  await page.evaluate(() => {
    const count = document.documentElement.dataset;
    document.addEventListener('chat-open', () => {
      count['opened'] = `${count['opened'] ?? ''}x`;
    });
    const chat = document.querySelector('live-support-chat') as Chat;
    void chat.open();
    void chat.open();
    // Out for longer than the panel waits, and in again.
    const { body } = document;
    chat.remove();
    setTimeout(() => body.append(chat), 1_200);
  });
  await launcher(page).waitFor({ state: 'detached' });
  await launcher(page).click();
  letGo();
  await page.getByRole('dialog', { name: 'Chat' }).waitFor();
  await eventually('the first panel to be gone', async () => (await page.locator('.place').count()) === 1);
  expect(await page.evaluate(() => document.documentElement.dataset['opened'])).toBe('x');

  // The application draws its own element late; then, by mistake, a second one, which takes over when the first has gone.
  await page.evaluate(() => {
    for (const id of ['first', 'second']) {
      const chat = document.createElement('live-support-chat');
      chat.id = id;
      document.body.append(chat);
    }
  });
  expect(await page.locator('live-support-chat').count()).toBe(2);
  await page.locator('#first .launcher').waitFor();
  expect(await page.locator('.launcher').count()).toBe(1);
  await page.evaluate(() => document.querySelector('#first')?.remove());
  await page.locator('#second .launcher').waitFor();
  person.expectNoFaults();
});

it('a module finds its service beside another vendor’s widget.js', async () => {
  const page = await person.open('/module');
  await openPanel(page);
  person.expectNoFaults();
});

it('a page that is refused is told why', async () => {
  // As a browser does it where ALLOWED_ORIGINS doesn't name the page: the emulator lets every page ask.
  await person.context.route('**/assets/**', (route) => route.abort());
  person.tolerate(/ERR_FAILED|ALLOWED_ORIGINS/);
  const page = await person.open('/');
  const told = page.waitForEvent('console', (message) => message.text().includes('ALLOWED_ORIGINS'));
  await launcher(page).click();
  expect((await told).text()).toContain(host.origin);
  await page.getByRole('status').getByText('The chat can’t be reached right now.', { exact: false }).waitFor();

  // What can be loaded, and may ask nothing.
  await person.context.unroute('**/assets/**');
  const stranger = await site.person({ baseURL: host.otherOrigin }, [host.otherOrigin]);
  stranger.tolerate(/CORS|ERR_FAILED|ALLOWED_ORIGINS/);
  const other = await stranger.open('/');
  await openPanel(other);
  const toldToo = other.waitForEvent('console', (message) => message.text().includes('ALLOWED_ORIGINS'));
  await say(other, 'From elsewhere');
  expect((await toldToo).text()).toContain(host.otherOrigin);
  stranger.expectNoFaults();
  await stranger.leave();
});

it('at 320 px, in the dark, from right to left, taken out and put back', async () => {
  const page = await person.open('/');
  await openPanel(page);
  await say(page, `A long word: ${'Donaudampfschifffahrt'.repeat(6)}`);
  await page.getByText('Sent', { exact: true }).waitFor();
  await page.getByRole('link', { name: 'A link' }).focus();
  await page.setViewportSize({ width: 320, height: 568 });
  // What the panel covers now has not the focus.
  await eventually('the focus in the panel', async () => (await focused(page)) === 'live-support-chat');
  await page.emulateMedia({ colorScheme: 'dark' });
  await expectInBothColours(page, 'widget-320');
  // The whole screen, whatever the page has round the element, and nothing sticks out of it.
  const panel = page.getByRole('dialog', { name: 'Chat' });
  expect(await panel.boundingBox()).toMatchObject({ x: 0, y: 0, width: 320, height: 568 });
  expect(await panel.locator('.timeline').evaluate((element) => element.scrollWidth - element.clientWidth)).toBe(0);
  // Tab goes round in it.
  for (let presses = 0; presses < 8; presses += 1) {
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('live-support-chat');
  }
  // Another page is not covered by what was open on this one.
  await page.reload();
  await openPanel(page);
  await bubble(page, 'A long word').waitFor();

  await page.evaluate(() => {
    document.documentElement.lang = 'ar';
    document.documentElement.dir = 'rtl';
  });
  await page.getByRole('dialog', { name: 'المحادثة' }).waitFor();
  await expectInBothColours(page, 'widget-ar');
  await page.setViewportSize({ width: 900, height: 800 });
  const box = await page.getByRole('dialog').boundingBox();
  expect(box?.x).toBeLessThan(100);

  // Its own language goes before the page's; the page's own words before all.
  await page.evaluate(() => {
    const chat = document.querySelector('live-support-chat') as Chat;
    chat.lang = 'de';
    chat.strings = { send: 'Abschicken' };
  });
  await page.getByRole('button', { name: 'Abschicken' }).waitFor();
  await page.getByRole('button', { name: 'Chat schließen' }).waitFor();
  // Words of ours are not said to be in a language of which there are none.
  await page.evaluate(() => {
    const chat = document.querySelector('live-support-chat') as Chat;
    chat.lang = 'nl';
    chat.strings = { launcher: 'Vraag het ons' };
  });
  await page.getByRole('dialog', { name: 'Chat' }).waitFor();
  expect(await page.getByRole('dialog').getAttribute('lang')).toMatch(/^en/);
  expect(await page.getByRole('button', { name: 'Vraag het ons' }).getAttribute('lang')).toBe('nl');
  await page.evaluate(() => {
    (document.querySelector('live-support-chat') as Chat).strings = null;
  });
  expect(await launcher(page).getAttribute('lang')).toBe('en');

  // A single-page application moves it, and then makes another one.
  await page.evaluate(() => {
    const chat = document.querySelector('live-support-chat') as Chat;
    chat.remove();
    document.body.append(chat);
  });
  await bubble(page, 'A long word').waitFor();
  await page.evaluate(() => {
    history.pushState(null, '', '/other');
    document.querySelector('live-support-chat')?.remove();
    document.body.append(document.createElement('live-support-chat'));
  });
  await bubble(page, 'A long word').waitFor();
  person.expectNoFaults();
});

it('the demo’s shop says who its customer is, as a company’s page does', async () => {
  const shopper = await site.person();
  // Sockets are for the company's site only, in this start.
  shopper.tolerate(/403|ALLOWED_ORIGINS/);
  const page = await shopper.open('/demo');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await openPanel(page);
  await say(page, 'Asked in the shop');
  expect((await asked('Asked in the shop')).candidate).toMatchObject({
    name: 'Ada Customer',
    email: 'ada@example.com',
  });
  // In a small window the panel lies over the shop's own button.
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  shopper.expectNoFaults();
  await shopper.leave();
});

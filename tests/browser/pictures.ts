import {
  type AnyConversation,
  type ConversationView,
  createClient,
  type DayFigures,
  type LiveSupportClient,
  memoryStorage,
  type SupervisorAnalytics,
} from '../../client/src/index.ts';
import { DEMO_PASSWORD } from '../../local/demoPeople.ts';
import { eventually } from '../support/deadline.ts';
import globalSetup from '../support/globalSetup.ts';
import globalTeardown from '../support/globalTeardown.ts';
import { withDatabase } from './support/longStory.ts';
import { type Person, picture, startSite } from './support/pages.ts';

/**
 * `npm run docs:pictures`: takes the pictures of docs/screenshots anew. It starts the service, has a shop's customers and staff talk,
 * and looks at their pages. Run it after a change that the pictures show, look at each of them, and commit them.
 */

/** How many minutes ago who said what. */
type Line = readonly [ago: number, who: 'customer' | 'agent' | 'note', text: string];
interface Story {
  readonly name: string;
  readonly subject: string;
  readonly lines: readonly Line[];
  readonly priority?: AnyConversation['priority'];
  readonly tags?: string[];
  readonly context?: Record<string, string>;
}
const MARA: Story = {
  ...{ name: 'Mara Lindqvist', subject: 'The large serving bowl arrived in three pieces' },
  ...{ priority: 'high', tags: ['damaged'] },
  context: { page: '/orders/48213', order: '48213', language: 'en-GB' },
  lines: [
    [14, 'customer', 'Hello, the serving bowl from my order came in three pieces. The box was open on one side.'],
    [14, 'customer', 'The rest of it is fine.'],
    [12, 'agent', 'Hello Mara, I am sorry about that. May I ask for the order’s number?'],
    [10, 'customer', 'It is 48213, ordered last Tuesday.'],
    [7, 'agent', 'Thank you. A new bowl leaves us this afternoon, and it costs you nothing.'],
    [6, 'agent', 'You can follow it here: https://track.example.com/48213'],
    [5, 'note', 'Second broken parcel from this carrier this week. Told the warehouse.'],
    [2, 'customer', 'That is quick! It is a birthday present, so I am glad.'],
    [1, 'customer', 'Do you need the pieces back?'],
  ],
};
/** Somebody asks no more than the subject; then somebody says one thing besides. */
const asks = (ago: number, name: string, subject: string, more: Partial<Story> = {}, ...then: Line[]): Story => ({
  ...{ name, subject, lines: [[ago, 'customer', subject], ...then], ...more },
});
const URGING: Line = [3, 'customer', 'You had promised it for Monday.'];
const MARENS = [
  asks(31, 'Yuki Tanaka', 'Can I change the delivery address?', { priority: 'high' }, [28, 'agent', 'You can!']),
  asks(16, 'Aïcha Benali', 'Glaze came off after the first wash', { tags: ['quality'] }, [12, 'customer', 'Hello?']),
  asks(22, 'Lena Köhler', 'Invoice with VAT number', { priority: 'low', tags: ['billing'] }, [8, 'agent', 'Done.']),
  asks(5, 'Tomás Herrera', 'Refund for order 47790', { priority: 'urgent', tags: ['refund', 'vip'] }, URGING),
];
const NOORS = [asks(20, 'Hugo Lefèvre', 'Gift wrapping'), asks(9, 'Nadia Rahman', 'Mugs for a café')];
const QUEUE = [
  asks(1.4, 'Jonas Weber', 'Bestellung doppelt abgebucht', { priority: 'urgent', tags: ['billing', 'review'] }),
  asks(3.8, 'Sam O’Connor', 'Subscription: how do I pause it?', { priority: 'high' }),
  asks(11.7, 'Dmitri Volkov', 'Which plates are oven safe?'),
  asks(7.3, 'Priya Raghunathan', 'Discount code does not work', { tags: ['promo'] }),
  asks(4.6, 'Chloé Dubois', 'Missing lid', { tags: ['delivery'] }),
  asks(0.6, 'Wei Zhang', 'Wholesale prices', { tags: ['b2b'] }),
];
const REPLIES = [
  ['hello', 'A warm hello', 'Hello {{customer.name}}, thank you for writing to us. I am {{agent.name}}.'],
  ['refund', 'Refund is on its way', 'Hi {{customer.name}}, the refund is on its way. It takes three to five days.'],
  ['address', 'Change of address', 'We can change the address as long as the parcel has not left us.'],
  ['express', 'Express at our cost', 'We send it by express at our cost, {{customer.name}}: it is with you tomorrow.'],
] as const;

/** What is said in the widget: the customer begins, and has the last word. */
const ADA: readonly Line[] = [
  [9, 'customer', 'Hello! My Harbour mug arrived with a crack in the handle. Can you send another one?'],
  [7, 'agent', 'Oh no, I am sorry, Ada! Of course.'],
  [7, 'agent', 'Could you send us a photo of it? https://ton-and-tide.example/returns'],
  [2, 'customer', 'Done. Thank you, that was quick!'],
];
const ARABIC: readonly Line[] = [
  [8, 'customer', 'مرحبًا! هل يمكن استخدام هذا الوعاء في الفرن؟'],
  [6, 'agent', 'أهلًا بك! نعم، حتى حرارة 220 درجة.'],
  [6, 'agent', 'ويمكن غسله في غسالة الصحون أيضًا.'],
  [2, 'customer', 'رائع، شكرًا جزيلًا لك!'],
];

/** Where it is the middle of a working day, whenever this runs: the pictures' times are of this zone. */
const hourIn = (timeZone: string) =>
  Number(new Intl.DateTimeFormat('en', { hour: 'numeric', hourCycle: 'h23', timeZone }).format());
const ZONES = ['Europe/Berlin', 'America/New_York', 'Pacific/Auckland', 'Asia/Tokyo'];
const timezoneId = ZONES.find((zone) => hourIn(zone) >= 9 && hourIn(zone) < 18) ?? 'Europe/Berlin';

const TEAMS = [
  { name: 'Ines Carvalho', names: ['Maren Petersen', 'Noor Haddad', 'Julien Moreau'] },
  { name: 'Björn Ek', names: ['Hanna Vogt', 'Elif Demir'] },
];
/** How many a day are closed, from Sunday on, and who closes how many of ten. */
const WEEK = [11, 49, 54, 46, 42, 37, 15];
const SHARES = [0, 0, 0, 3, 3, 1, 1, 2, 4, 4];

/** Thirty days of a desk. All figures are made of one list of closed conversations, so that they agree with each other. */
function thirtyDays(): { days: DayFigures[]; teams: SupervisorAnalytics } {
  let seed = 7;
  const chance = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const agents = TEAMS.flatMap(({ names }) => names);
  const dayOf = new Intl.DateTimeFormat('en-CA', { timeZone: timezoneId });
  const dates = Array.from({ length: 30 }, (_, index) => dayOf.format(Date.now() - (29 - index) * 86_400_000));
  const closed = dates.flatMap((date) => {
    const busy = 1 + chance();
    const count = Math.round((WEEK[new Date(date).getUTCDay()] ?? 0) * (0.88 + 0.24 * chance()));
    return Array.from({ length: count }, () => ({
      date,
      agent: agents[SHARES[Math.floor(chance() * SHARES.length)] ?? 0] ?? '',
      firstAnswer: 20 + 90 * busy * chance(),
      resolution: 300 + 2_600 * busy * chance(),
      score: chance() < 0.4 ? [3, 4, 4, 4, 5, 5, 5, 5, 5, 5][Math.floor(chance() * 10)] : undefined,
    }));
  });
  const median = (values: number[]) => values.sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? null;
  const sumUp = (some: typeof closed) => {
    const scores = some.flatMap(({ score }) => score ?? []);
    const mean = scores.length === 0 ? null : scores.reduce((sum, score) => sum + score, 0) / scores.length;
    return {
      medianFirstResponseSeconds: median(some.map(({ firstAnswer }) => firstAnswer)),
      medianResolutionSeconds: median(some.map(({ resolution }) => resolution)),
      ratings: { count: scores.length, mean },
    };
  };
  const days = dates.map((date) => {
    const some = closed.filter((one) => one.date === date);
    return { date, opened: some.length + Math.floor(chance() * 5), closed: some.length, ...sumUp(some) };
  });
  const supervisors = TEAMS.map(({ name, names }) => {
    const theirs = closed.filter(({ agent }) => names.includes(agent));
    const own = names.map((one) => {
      const some = theirs.filter(({ agent }) => agent === one);
      return { id: one, name: one, closedConversations: some.length, ratings: sumUp(some).ratings };
    });
    const supervisor = { id: name, name, email: '' };
    return { supervisor, agentCount: own.length, closedConversations: theirs.length, ...sumUp(theirs), agents: own };
  });
  const totals = { supervisors: TEAMS.length, agents: agents.length, closedConversations: closed.length };
  return { days, teams: { from: null, to: null, supervisors, totals } };
}

await globalSetup();
const site = await startSite().catch(async (error: unknown) => {
  await globalTeardown();
  throw error;
});
const clients: LiveSupportClient[] = [];
const client = (): LiveSupportClient => {
  const websocketUrl = `ws://localhost:${site.system.ports.webSocket}`;
  const made = createClient({ httpUrl: site.address, websocketUrl, storage: memoryStorage() });
  clients.push(made);
  return made;
};

/** A demo person, by a name that somebody in a shop has. */
async function staff(login: string, name: string) {
  const api = client();
  const user = await api.signIn({ email: `${login}@example.com`, password: DEMO_PASSWORD });
  await (login === 'admin' ? api : admin.api).http.updateUser({ params: { userId: user.id }, body: { name } });
  return { api, user };
}
type Staff = { readonly api: LiveSupportClient; readonly user: { readonly id: string } };
let admin: Staff;
let supervisor: Staff;

/** The agent is given the conversation, and what is left to be said is said. */
async function goOn(id: string, agent: Staff, lines: readonly Line[], customer?: ConversationView) {
  const params = { conversationId: id };
  await supervisor.api.http.assignConversation({ params, body: { agentId: agent.user.id } });
  const view = agent.api.conversation(id);
  await view.join();
  for (const [, who, text] of lines) {
    const side = who === 'agent' ? view : customer;
    if (who === 'note') await agent.api.http.addNote({ params, body: { content: text } });
    else {
      side?.markRead();
      await side?.send(text).accepted;
    }
  }
  return view;
}

/** Puts the times of a conversation back to when it is to have been. */
const putBack = (id: string, lines: readonly Line[]) =>
  withDatabase(site, async (database) => {
    const ago = (line: Line | undefined) => new Date(Date.now() - (line?.[0] ?? 0) * 60_000);
    const said = lines.filter(([, who]) => who !== 'note');
    for (const [index, line] of said.entries()) {
      const message = { conversationId: id, seq: index + 1 };
      await database.collection('active_messages').updateOne(message, { $set: { sentAt: ago(line) } });
    }
    const createdAt = ago(lines.find(([, who]) => who === 'note'));
    await database.collection('notes').updateMany({ conversationId: id }, { $set: { createdAt } });
    const answer = said.find(([, who]) => who === 'agent');
    const answered = answer && { firstResponseAt: ago(answer), answeredAt: ago(answer) };
    const times = { createdAt: ago(said[0]), lastMessageAt: ago(said.at(-1)), ...answered };
    await database.collection<{ _id: string }>('conversations').updateOne({ _id: id }, { $set: times });
  });

/** Has a story told, to this agent or to nobody yet. */
async function tell({ name, subject, priority = 'normal', tags = [], context, lines }: Story, agent?: Staff) {
  const api = client();
  const plain = name
    .toLowerCase()
    .normalize('NFD')
    .replaceAll(/[^a-z ]/g, '');
  await api.register({ name, email: `${plain.replace(' ', '@')}.example`, password: DEMO_PASSWORD });
  const view = await api.open({ subject, message: lines[0]?.[2] ?? '', ...(context && { context }) });
  await admin.api.http.editConversation({ params: { conversationId: view.id }, body: { priority, addTags: tags } });
  await view.join();
  if (agent) await goOn(view.id, agent, lines.slice(1), view);
  await putBack(view.id, lines);
  return view;
}

type Page = Awaited<ReturnType<Person['open']>>;
const DARK = { colorScheme: 'dark' } as const;
/** Somebody at a window of this size, as long as they look. */
async function at(
  [width, height]: readonly [number, number],
  options: Parameters<typeof site.person>[0],
  look: (person: Person) => Promise<void>,
): Promise<void> {
  const person = await site.person({ viewport: { width, height }, timezoneId, locale: 'en-GB', ...options });
  await look(person);
  await person.leave();
}

/** The other side types until the page sees it. */
const typing = (view: ConversationView, page: Page, sign: string) =>
  eventually('somebody to be seen typing', () => {
    view.typing();
    const seen = page.locator(sign).first().waitFor({ timeout: 500 });
    return seen.then(
      () => true,
      () => false,
    );
  });

async function takeConsole(mara: ConversationView): Promise<void> {
  const read = async (person: Person) => {
    const page = await person.open(`/console/inbox/${mara.id}?as=agent1`);
    await page.getByRole('log').getByText('Do you need the pieces back?').waitFor();
    await page.getByRole('switch', { name: 'Available', checked: true }).waitFor();
    return page;
  };
  for (const [size, name] of [
    [[1440, 900], 'console-inbox'],
    [[390, 844], 'console-phone'],
  ] as const) {
    await at(size, {}, async (person) => {
      const page = await read(person);
      await typing(mara, page, '[role="log"] >> text=Mara Lindqvist is typing');
      await picture(page, name);
    });
  }
  await at([1320, 820], DARK, async (person) => {
    const page = await read(person);
    await page.getByRole('textbox', { name: /^Message to/ }).fill('/');
    await page.getByRole('option', { name: /express/ }).waitFor();
    await picture(page, 'console-inbox-dark');
  });
  const queue = async (person: Person) => {
    const page = await person.open('/console/queue?as=supervisor1');
    await page.getByText('Wei Zhang').waitFor();
    await page.getByText('Julien Moreau').waitFor();
    await page.keyboard.press('j');
    return page;
  };
  await at([1440, 900], {}, async (person) => picture(await queue(person), 'console-queue'));
  await at([1440, 900], DARK, async (person) => {
    const page = await queue(person);
    await page.keyboard.press('a');
    await page.getByRole('option', { name: /Noor Haddad/ }).waitFor();
    await picture(page, 'console-queue-dark');
  });
  await at([1440, 1100], {}, async (person) => {
    const { days, teams } = thirtyDays();
    await person.context.route('**/analytics/timeline?*', (route) => route.fulfill({ json: { days } }));
    await person.context.route('**/analytics/supervisors?*', (route) => route.fulfill({ json: teams }));
    const page = await person.open('/console/analytics?range=30&as=admin');
    await page.getByRole('table').first().waitFor();
    await picture(page, 'console-analytics');
  });
}

/** The demo's shop, with the widget open: signed in, or as a visitor. */
async function shopping(person: Person, lang = 'en'): Promise<Page> {
  const page = await person.open('/demo');
  await page.evaluate((given) => document.documentElement.setAttribute('lang', given), lang);
  const signIn = page.getByRole('button', { name: 'Sign in' });
  if (lang === 'en' && (await signIn.isVisible())) await signIn.click();
  await page.locator('live-support-chat button').first().click();
  await page.getByRole('dialog').waitFor();
  await page.mouse.move(0, 0);
  return page;
}

/** At the page the customer asks and has the last word; between, the agent says the rest. Then it was some minutes ago. */
async function ask(page: Page, agent: Staff, lines: readonly Line[]): Promise<ConversationView> {
  const bubble = (text = '') => page.locator('.bubble', { hasText: text.slice(0, 30) });
  const say = async (text = '') => {
    await page.getByRole('dialog').getByRole('textbox').fill(text);
    await page.keyboard.press('Enter');
    await bubble(text).waitFor();
  };
  const [question, ...answers] = lines.map(([, , text]) => text);
  const thanks = answers.pop();
  await say(question);
  const { id, candidateId } = await eventually('the question', async () => {
    const { items } = await supervisor.api.http.listConversations({ query: { status: 'open' } });
    return items.find(({ subject }) => question?.startsWith(subject.slice(0, 20)));
  });
  const view = await goOn(id, agent, lines.slice(1, -1));
  await bubble(answers.at(-1)).waitFor();
  await eventually('the answers to be read', async () => view.snapshot.readSeqs[candidateId] === lines.length - 1);
  await say(thanks);
  await eventually('the thanks', async () => view.snapshot.messages.length === lines.length);
  await agent.api.http.markRead({ params: { conversationId: id }, body: { seq: lines.length } });
  await putBack(id, lines);
  return view;
}

/** The agent has read all, is there, and types. */
async function answering(view: ConversationView, page: Page, ...words: readonly string[]): Promise<void> {
  for (const word of words) await page.getByText(word, { exact: true }).first().waitFor();
  await typing(view, page, '.typing');
}

async function takeWidget(maren: Staff, noor: Staff): Promise<void> {
  await at([1280, 800], {}, async (person) => {
    const start = await shopping(person);
    await start.getByText('We are here').waitFor();
    await picture(start, 'widget-start');
    const mug = await ask(start, maren, ADA);
    await start.close();
    const page = await shopping(person);
    await answering(mug, page, 'Read', 'Here now');
    await picture(page, 'widget');
    await at([390, 844], DARK, async (onPhone) => {
      const phone = await shopping(onPhone);
      await answering(mug, phone, 'Read', 'Here now');
      await picture(phone, 'widget-phone-dark');
    });
    await mug.send('A new mug is on its way to you. Keep the old one for your pencils!').accepted;
    await page.locator('.bubble', { hasText: 'pencils' }).waitFor();
    await mug.close();
    await page.getByRole('radio', { name: 'Excellent' }).press('Space');
    await page.getByLabel('Anything to add?', { exact: false }).fill('Quick and kind. Thank you!');
    await page.locator('.timeline').hover({ position: { x: 60, y: 60 } });
    await page.mouse.wheel(0, 1_000);
    await page.mouse.move(0, 0);
    await picture(page, 'widget-rating');
  });
  await at([390, 844], { locale: 'ar' }, async (person) => {
    const bowl = await ask(await shopping(person, 'ar'), noor, ARABIC);
    for (const page of person.context.pages()) await page.close();
    const page = await shopping(person, 'ar');
    await answering(bowl, page, 'قُرئت', 'موجود الآن');
    await picture(page, 'widget-ar');
  });
}

try {
  admin = await staff('admin', 'Ruth Adler');
  supervisor = await staff('supervisor1', 'Ines Carvalho');
  const maren = await staff('agent1', 'Maren Petersen');
  const noor = await staff('agent2', 'Noor Haddad');
  const julien = { name: 'Julien Moreau', email: 'julien@example.com', password: DEMO_PASSWORD } as const;
  await admin.api.http.createUser({ body: { ...julien, role: 'agent', supervisorId: supervisor.user.id } });
  for (const { api } of [maren, noor]) await api.availability.set('available');
  for (const [shortcut, title, content] of REPLIES) {
    await admin.api.http.createReply({ body: { shortcut, title, content, scope: 'all' } });
  }
  for (const one of QUEUE) await tell(one);
  for (const one of NOORS) await tell(one, noor);
  for (const one of MARENS) await tell(one, maren);
  await takeConsole(await tell(MARA, maren));
  await takeWidget(maren, noor);
} finally {
  for (const one of clients) one.close();
  await site.stop();
  await globalTeardown();
}

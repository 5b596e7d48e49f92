import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Clock,
  type ConversationView,
  createClient,
  type LiveSupportClient,
  type Locks,
  localLocks,
  type Message,
  type Sending,
} from '../../../client/src/index.ts';
import { Random } from '../../faults/historyChecker/random.ts';
import { eventually } from '../../support/deadline.ts';
import type { InProcess } from '../../support/inProcess.ts';
import type { Desk, Person } from '../../support/system.ts';
import { FakePage, sharedStorage } from '../support/fakes.ts';
import { CALM, Network } from './network.ts';

/** The clients' time, which goes faster than the handlers', until there is only to be waited for the end. */
class FastClock implements Clock {
  #from = Date.now();
  #at = this.#from;
  #speed = 10;

  now(): number {
    return this.#at + (Date.now() - this.#from) * this.#speed;
  }

  after(ms: number, run: () => void): () => void {
    const timer = setTimeout(run, ms / this.#speed);
    return () => clearTimeout(timer);
  }

  /** On a busy machine everything would be late, and be tried again, for ever. */
  slowDown(): void {
    this.#at = this.now();
    this.#from = Date.now();
    this.#speed = 3;
  }
}

/** Somebody's browser: tabs that share what is kept. It outlives its tabs. */
export interface Browser {
  readonly person: Person;
  readonly storage: ReturnType<typeof sharedStorage>;
  readonly locks: Locks;
}

export async function browserOf(person: Person): Promise<Browser> {
  return { person, storage: sharedStorage(), locks: localLocks() };
}

/** One page in a browser, from its opening to its end. */
class Tab {
  readonly name: string;
  readonly client: LiveSupportClient;
  /** The view of now: `forget` makes another one. */
  view: ConversationView;
  readonly page = new FakePage();
  /** What the application was told, message by message, of this view. */
  told: Message[] = [];
  /** What the application has read by `for await`, of this view. */
  read: Message[] = [];
  readonly #conversationId: string;
  /** With how many of the last messages the screen begins; 0 for all. */
  readonly #last: number;
  #reading: Promise<void> = Promise.resolve();
  readonly #stop = new AbortController();

  constructor(
    desk: Desk,
    name: string,
    browser: Browser,
    network: Network,
    conversationId: string,
    random: Random,
    clock: Clock,
    last: number,
  ) {
    this.name = name;
    this.#conversationId = conversationId;
    this.#last = last;
    this.client = createClient({
      httpUrl: 'http://localhost',
      websocketUrl: 'ws://localhost',
      storage: browser.storage.tab(),
      locks: browser.locks,
      page: this.page,
      // Under load a refresh may not come through in its time: the person signs in again.
      getSession: async () => {
        return (await desk.login(browser.person.email, browser.person.password)).session;
      },
      clock,
      random: () => random.fraction(),
      fetch: network.fetch,
      WebSocket: network.WebSocket,
      backoff: { firstMs: 500, mostMs: 2_000 },
      connectTimeoutMs: 20_000,
      commandTimeoutMs: 20_000,
      pingEveryMs: 10_000,
      pongTimeoutMs: 20_000,
      // Sockets are replaced in the middle of it all.
      replaceAfterMs: 25_000,
    });
    this.view = this.client.conversation(conversationId);
    this.#begin();
    // Whoever signs in is told everything.
    this.client.session.on('change', ({ user }) => {
      if (user) this.told = [];
    });
  }

  get beginsLate(): boolean {
    return this.#last > 0;
  }

  /** As a page does that takes a conversation from the screen and shows it again at once. */
  forget(): void {
    void this.client.forget(this.#conversationId);
    this.view = this.client.conversation(this.#conversationId);
    this.#begin();
  }

  /** Leaves, and comes back before that is done. */
  comeBack(): void {
    void this.view.leave();
    void this.view.join().catch(() => undefined);
  }

  #begin(): void {
    const told: Message[] = [];
    const read: Message[] = [];
    this.told = told;
    this.read = read;
    const { view } = this;
    view.on('message', (message) => {
      if (view === this.view) this.told.push(message);
    });
    // The screen begins with the last ones, beside what reads from the first one on.
    if (this.#last > 0) void view.join({ last: this.#last }).catch(() => undefined);
    this.#reading = Promise.all([this.#reading, this.#read(view, read)]).then(() => undefined);
  }

  /** What has ended the reading of a page that is still there: nothing should. */
  readingEndedBy: unknown = null;

  /** Ends as a page does that is closed or reloaded: what it hasn't sent yet is what it has kept. */
  async end(): Promise<void> {
    this.#stop.abort();
    this.client.close();
    await this.#reading;
  }

  async #read(view: ConversationView, read: Message[]): Promise<void> {
    try {
      for await (const message of view.messages({ signal: this.#stop.signal })) read.push(message);
    } catch (error) {
      // Where the page is closed, what it has read until then counts.
      if (!this.#stop.signal.aborted) this.readingEndedBy = error;
    }
  }
}

/** Something that somebody has said, in which life of a tab. */
interface Said {
  readonly content: string;
  readonly by: 'candidate' | 'agent';
  readonly sending: Sending;
}

/** More bytes than a frame may have. */
const TOO_LONG = '€'.repeat(11_000);

/** Plays one seed: two people, one of them in two tabs, through a network at its worst. Returns what is wrong. */
export async function playSeed(
  { system, desk }: { system: InProcess; desk: Desk },
  { candidate, agent, supervisor }: { candidate: Browser; agent: Browser; supervisor: Person },
  seed: number,
): Promise<string[]> {
  const random = new Random(seed);
  const network = new Network(system.gateway, random);
  const { id } = await desk.conversation(candidate.person, 'the first');
  await desk.assign(supervisor, id, agent.person);
  const clock = new FastClock();
  const trace: string[] = [];
  const note = (line: string) => trace.push(line);
  const said: Said[] = [];
  const gone: Tab[] = [];
  let lives = 0;
  const open = (browser: Browser, name: string) => {
    lives += 1;
    const last = random.pick([0, 0, 1, 3]);
    return new Tab(desk, `${name} ${lives}`, browser, network, id, random, clock, last);
  };
  const tabs = [open(candidate, 'candidate'), open(candidate, 'candidate'), open(agent, 'agent')];
  await Promise.all(tabs.map((tab) => tab.client.session.restore()));

  network.weather = {
    loss: random.pick([0, 0.02, 0.06, 0.15]),
    doubling: random.pick([0, 0.1, 0.4]),
    delay: random.pick([5, 20, 60]),
  };
  note(`weather ${JSON.stringify(network.weather)}`);
  let restarting: Promise<void> = Promise.resolve();
  const steps = random.between(12, 30);
  for (let step = 0; step < steps; step += 1) {
    const at = random.between(0, 2);
    const tab = tabs[at] as Tab;
    const does = random.weighted({
      send: 12,
      burst: 4,
      cut: 2,
      kill: 2,
      restart: 1,
      expire: 1,
      reload: 2,
      forget: 1,
      comeBack: 1,
      tooLong: 1,
      blink: 1,
      wait: 4,
    });
    note(`${does} ${tab.name}`);
    switch (does) {
      case 'send':
      case 'burst':
        for (let count = does === 'send' ? 1 : random.between(2, 6); count > 0; count -= 1) {
          const content = `${tab.name} says ${said.length + 1}`;
          said.push({ content, by: at === 2 ? 'agent' : 'candidate', sending: tab.view.send(content) });
        }
        break;
      case 'cut':
        network.cutAll(random.pick([1000, 1001, 1006]));
        break;
      case 'kill':
        network.killAll();
        break;
      case 'restart':
        restarting = network.restart(random.between(10, 150));
        break;
      case 'expire':
        network.expireTokens();
        break;
      case 'reload':
        await tab.end();
        gone.push(tab);
        tabs[at] = open(at === 2 ? agent : candidate, at === 2 ? 'agent' : 'candidate');
        await tabs[at]?.client.session.restore();
        break;
      case 'forget':
        tab.forget();
        break;
      case 'comeBack':
        tab.comeBack();
        break;
      case 'tooLong':
        tab.view.send(TOO_LONG);
        break;
      case 'blink':
        tab.page.become({ focused: !tab.page.isFocused() });
        break;
      default:
        await sleep(random.between(5, 80));
    }
    // What another tab has put into the outbox is heard of by then, as between two keys that a person presses.
    await sleep(random.between(1, 12));
  }

  // The weather clears up, and everything comes to its end.
  await restarting;
  network.weather = CALM;
  clock.slowDown();
  for (const tab of tabs) tab.page.become({ focused: true });
  const quiet = () => tabs.every(({ view }) => view.snapshot.outbox.every(({ state }) => state !== 'sending'));
  const complaints: string[] = [];
  try {
    await eventually('the outboxes to be empty', async () => quiet());
    // What is refused stays until somebody looks at it, in whichever tab.
    for (const { view } of tabs) {
      for (const { clientMessageId, state } of view.snapshot.outbox)
        if (state === 'failed') view.discard(clientMessageId);
    }
    await (tabs[2] as Tab).view.close();
    await eventually('the views to end', async () => tabs.every(({ view }) => view.snapshot.state === 'ended'));
    await eventually('the applications to have read', async () =>
      tabs.every(({ read, view }) => read.length >= view.snapshot.messages.length),
    );
  } catch (error) {
    complaints.push(error instanceof Error ? error.message : String(error));
    for (const { name, view, client } of tabs) {
      const { state, reason, error: why, messages, outbox } = view.snapshot;
      complaints.push(
        `${name}: ${JSON.stringify({ state, reason, why: why?.code, messages: messages.length, outbox: outbox.filter(({ state: its }) => its === 'sending').length, status: client.connection.status })}`,
      );
    }
  }
  const stored: Message[] = await history(desk, candidate.person, id);
  complaints.push(...compare(stored, said, [...gone, ...tabs], tabs));
  const left = await candidate.storage.tab().keys('live-support:outbox:');
  if (left.length > 0) complaints.push(`kept in the outbox: ${left.join(' ')}`);
  await Promise.all(tabs.map((tab) => tab.end()));
  return complaints.length === 0 ? [] : [...complaints.map((complaint) => `  ✗ ${complaint}`), ...trace];
}

async function history(desk: Desk, { email, password }: Person, id: string): Promise<Message[]> {
  const { token } = await desk.login(email, password);
  const items: Message[] = [];
  for (let afterSeq: number | null = 0; afterSeq !== null; ) {
    const page: { items: Message[]; nextAfterSeq: number | null } = await desk.ok(
      'GET',
      `/conversations/${id}/messages?limit=200&afterSeq=${afterSeq}`,
      token,
    );
    items.push(...page.items);
    afterSeq = page.nextAfterSeq;
  }
  return items;
}

/** What is handed to an application is what is stored, from the first message on, in order; all of it, where the page is still open. */
function compare(
  stored: readonly Message[],
  said: readonly Said[],
  all: readonly Tab[],
  open: readonly Tab[],
): string[] {
  const complaints: string[] = [];
  const text = (messages: readonly unknown[]) => JSON.stringify(messages);
  for (const tab of all) {
    for (const [how, handed] of [
      ['told', tab.told],
      ['read', tab.read],
      ['shown', tab.view.snapshot.messages],
    ] as const) {
      if (how === 'shown' && !open.includes(tab)) continue;
      // What a screen that begins with the last ones leaves out is read, and not told.
      const first = how === 'told' && tab.beginsLate ? (handed[0]?.seq ?? 1) - 1 : 0;
      const expected = stored.slice(first, open.includes(tab) ? undefined : first + handed.length);
      if (text(handed) !== text(expected)) {
        const why = tab.readingEndedBy === null ? '' : `: ${String(tab.readingEndedBy)}`;
        complaints.push(`${tab.name} was ${how} ${handed.map(({ seq }) => seq).join(' ')}, of ${stored.length}${why}`);
      }
    }
  }
  const contents = stored.map(({ content }) => content);
  for (const by of ['candidate', 'agent'] as const) {
    const theirs = said.filter((one) => one.by === by).map(({ content }) => content);
    const kept = contents.filter((content) => theirs.includes(content));
    if (text(kept) !== text(theirs)) complaints.push(`${by} said ${text(theirs)}, and stored is ${text(kept)}`);
  }
  if (stored.length !== said.length + 1) complaints.push(`${said.length + 1} were said, ${stored.length} are stored`);
  return complaints;
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Message } from '../../../client/src/index.ts';
import { Random } from '../../faults/historyChecker/random.ts';
import { eventually } from '../../support/deadline.ts';
import type { InProcess } from '../../support/inProcess.ts';
import type { Desk, Person } from '../../support/system.ts';
import { CALM, Network } from './network.ts';
import { type Browser, FastClock, patiently, signedInAnew, Tab, type World } from './tab.ts';

/** Something that somebody has said. */
interface Said {
  readonly content: string;
  readonly by: 'candidate' | 'agent' | 'guest';
}

/** More bytes than a frame may have. */
const TOO_LONG = '€'.repeat(11_000);

/** Who is there, in every seed. */
export interface People {
  readonly supervisor: Person;
  readonly candidate: Browser;
  readonly agent: Browser;
}

/**
 * Plays one seed: two people, one of them in two tabs of a browser that somebody else uses, too, through a network at its worst.
 * Returns what is wrong.
 */
export async function playSeed(
  { system, desk }: { system: InProcess; desk: Desk },
  people: People,
  seed: number,
): Promise<string[]> {
  const random = new Random(seed);
  // A person has 50 sessions at most, and many seeds make more: these are new.
  const [owner, guest] = await Promise.all(
    [people.candidate.owner, people.candidate.guest].map((person) => signedInAnew(desk, person)),
  );
  const { id } = await patiently(() => desk.conversation(owner as Person, 'the first'));
  const { id: guestsId } = await patiently(() => desk.conversation(guest as Person));
  const network = new Network(system.gateway, random);
  const play = new Play({ desk, network, clock: new FastClock(), random, conversationId: id }, guestsId, people);
  try {
    await play.give();
    await play.storm();
    await play.calm();
    await play.compare();
  } finally {
    await play.end();
  }
  return play.complaints.length === 0 ? [] : [...play.complaints.map((one) => `  ✗ ${one}`), ...play.trace];
}

class Play {
  readonly trace: string[] = [];
  readonly complaints: string[] = [];
  readonly #world: World;
  readonly #guestsId: string;
  readonly #people: People;
  /** Two of the candidate's, and the agent's. */
  readonly #tabs: Tab[] = [];
  readonly #gone: Tab[] = [];
  readonly #said: Said[] = [];
  /** In most seeds everything that the agent says is taken: the agent has the conversation all the time. */
  readonly #moves: boolean;
  /** What goes on for a while. */
  readonly #under: Promise<unknown>[] = [];

  constructor(world: World, guestsId: string, people: People) {
    this.#world = world;
    this.#guestsId = guestsId;
    this.#people = people;
    this.#moves = world.random.chance(0.3);
  }

  get #agents(): Tab {
    return this.#tabs[2] as Tab;
  }

  #open(browser: Browser): Tab {
    const number = this.#tabs.length + this.#gone.length + 1;
    return new Tab(this.#world, `${browser === this.#people.agent ? 'agent' : 'candidate'} ${number}`, browser);
  }

  /** Gives the conversation to the agent. */
  async give(): Promise<void> {
    const { supervisor, agent } = this.#people;
    const { desk, conversationId } = this.#world;
    await patiently(() => desk.assign(supervisor, conversationId, agent.owner));
  }

  async storm(): Promise<void> {
    const { random, network } = this.#world;
    const { candidate, agent } = this.#people;
    for (const browser of [candidate, candidate, agent]) this.#tabs.push(this.#open(browser));
    await Promise.all(this.#tabs.map((tab) => tab.client.session.restore()));
    network.weather = {
      faults: random.pick([0, 0, 0.03, 0.1]),
      loss: random.pick([0, 0.02, 0.06, 0.15]),
      doubling: random.pick([0, 0.1, 0.4]),
      delay: random.pick([5, 20, 60]),
    };
    this.trace.push(`weather ${JSON.stringify(network.weather)}`);
    for (let steps = random.between(12, 30); steps > 0; steps -= 1) {
      await this.#step(random.between(0, 2));
      // What another tab has put into the outbox is heard of by then, as between two keys that a person presses.
      await sleep(random.between(1, 12));
    }
  }

  async #step(at: number): Promise<void> {
    const { random, network } = this.#world;
    const tab = this.#tabs[at] as Tab;
    const does = random.weighted({
      send: 12,
      burst: 4,
      cut: 2,
      kill: 2,
      restart: 1,
      outage: 1,
      expire: 1,
      reload: 2,
      forget: 1,
      comeBack: 1,
      tooLong: 1,
      blink: 1,
      doze: 1,
      changePlaces: 1,
      move: 1,
      wait: 4,
    });
    if (tab.sleeper.isAsleep) {
      // Nobody can do anything in it, but wake it.
      if (!random.chance(0.2)) return;
      this.trace.push(`wake ${tab.name}`);
      return tab.sleeper.wake();
    }
    this.trace.push(`${does} ${tab.name}`);
    switch (does) {
      case 'send':
        return this.#say(tab, 1);
      case 'burst':
        return this.#say(tab, random.between(2, 6));
      case 'cut':
        return network.cutAll(random.pick([1000, 1001, 1006]));
      case 'kill':
        return network.killAll();
      case 'restart':
        this.#under.push(network.restart(random.between(10, 150)));
        return;
      case 'outage':
        this.#under.push(network.outage(random.between(10, 300)));
        return;
      case 'expire':
        return network.expireTokens();
      case 'reload':
        await tab.end();
        this.#gone.push(tab);
        this.#tabs[at] = this.#open(tab.browser);
        await this.#tabs[at].client.session.restore();
        return;
      case 'forget':
        return tab.forget();
      case 'comeBack':
        return tab.comeBack();
      case 'tooLong':
        if (tab.isOwners) tab.view.send(TOO_LONG);
        return;
      case 'blink':
        return tab.page.become({ focused: !tab.page.isFocused() });
      case 'doze':
        return tab.sleeper.sleep();
      case 'changePlaces':
        return this.#changePlaces(tab);
      case 'move':
        return this.#moves ? this.#move() : undefined;
      default:
        await sleep(random.between(5, 80));
    }
  }

  #say(tab: Tab, count: number): void {
    for (let left = count; left > 0; left -= 1) {
      const content = `${tab.name} says ${this.#said.length + 1}`;
      if (tab.isOwners) {
        tab.view.send(content);
        this.#said.push({ content, by: tab === this.#agents ? 'agent' : 'candidate' });
      } else if (tab.client.session.user) {
        tab.client.conversation(this.#guestsId).send(content);
        this.#said.push({ content, by: 'guest' });
      }
    }
  }

  async #changePlaces(tab: Tab): Promise<void> {
    const { owner, guest, present } = tab.browser;
    if (owner === guest) return;
    const next = present === owner ? guest : owner;
    if (this.#world.random.chance(0.5)) await tab.signIn(next);
    else this.#under.push(tab.changePlaces(next));
  }

  async #move(): Promise<void> {
    const { desk, random, conversationId } = this.#world;
    await desk.call('POST', `/conversations/${conversationId}/requeue`, this.#people.supervisor.token);
    await sleep(random.between(0, 20));
    await this.give();
  }

  /** The weather clears up, and everything comes to its end. */
  async calm(): Promise<void> {
    const { network, clock } = this.#world;
    for (const tab of this.#tabs) tab.sleeper.wake();
    await Promise.all(this.#under);
    network.weather = CALM;
    clock.slowDown();
    for (const tab of this.#tabs) tab.page.become({ focused: true });
    await this.#waitFor(async () => {
      const tabs = this.#tabs;
      await tabs[0]?.signIn(this.#people.candidate.owner);
      await eventually('the owners to be signed in', async () => tabs.every((tab) => tab.isOwners));
      for (const tab of tabs) tab.openAgain();
      await eventually('the outboxes to be empty', async () => tabs.every((tab) => tab.isQuiet));
      // What is refused stays until somebody looks at it, in whichever tab.
      for (const tab of tabs) {
        for (const { clientMessageId, content, state } of tab.view.snapshot.outbox) {
          if (state !== 'failed') continue;
          if (content === TOO_LONG) tab.view.discard(clientMessageId);
          else if (this.#moves && tab === this.#agents) tab.view.retry(clientMessageId);
        }
      }
      await eventually('what was refused to be sent after all', async () => tabs.every((tab) => tab.isQuiet));
      await this.#agents.view.close();
      await eventually('the views to end', async () => tabs.every(({ view }) => view.snapshot.state === 'ended'));
      await eventually('the applications to have read', async () =>
        tabs.every(({ reading, view }) => reading.messages.length >= view.snapshot.messages.length),
      );
    });
  }

  async compare(): Promise<void> {
    const { desk, conversationId } = this.#world;
    const { owner, guest, storage } = this.#people.candidate;
    const stored = await history(desk, owner, conversationId);
    for (const tab of this.#gone) this.complaints.push(...compareHanded(stored, tab, false));
    for (const tab of this.#tabs) this.complaints.push(...compareHanded(stored, tab, true));
    this.#compareSaid(stored, 'candidate', true);
    this.#compareSaid(stored, 'agent', !this.#moves);
    const said = this.#said.filter(({ by }) => by !== 'guest').length;
    if (stored.length !== said + 1) this.complaints.push(`${said + 1} were said, ${stored.length} are stored`);
    const keptOf = ({ user }: Person) => storage.tab().keys(`live-support:outbox:${user.id}:`);
    const kept = await keptOf(owner);
    if (kept.length > 0) this.complaints.push(`kept in the outbox: ${kept.join(' ')}`);

    // What the guest has left is sent when they come back.
    const [tab] = this.#tabs as [Tab];
    await this.#waitFor(async () => {
      await tab.signIn(guest);
      await eventually('what the guest has said to be sent', async () => (await keptOf(guest)).length === 0);
    });
    this.#compareSaid(await history(desk, guest, this.#guestsId), 'guest', true);
    await tab.signIn(owner);
  }

  async end(): Promise<void> {
    await Promise.all(this.#tabs.map((tab) => tab.end()));
    for (const { name, complaints } of [...this.#gone, ...this.#tabs])
      this.complaints.push(...complaints.map((one) => `${name}: ${one}`));
  }

  async #waitFor(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.complaints.push(error instanceof Error ? error.message : String(error));
      this.complaints.push(...this.#tabs.map((tab) => tab.describe()));
    }
  }

  /** What somebody has said is stored once, and in the order in which it was said. */
  #compareSaid(stored: readonly Message[], by: Said['by'], inOrder: boolean): void {
    const theirs = this.#said.filter((one) => one.by === by).map(({ content }) => content);
    const kept = stored.map(({ content }) => content).filter((content) => theirs.includes(content));
    const isRight = inOrder ? isSame(kept, theirs) : isSame([...kept].sort(), [...theirs].sort());
    if (!isRight) this.complaints.push(`${by} said ${JSON.stringify(theirs)}, and stored is ${JSON.stringify(kept)}`);
  }
}

async function history(desk: Desk, person: Person, id: string): Promise<Message[]> {
  const { token } = await signedInAnew(desk, person);
  const items: Message[] = [];
  for (let afterSeq: number | null = 0; afterSeq !== null; ) {
    const page: { items: Message[]; nextAfterSeq: number | null } = await patiently(() =>
      desk.ok('GET', `/conversations/${id}/messages?limit=200&afterSeq=${afterSeq}`, token),
    );
    items.push(...page.items);
    afterSeq = page.nextAfterSeq;
  }
  return items;
}

/** What is handed to an application is what is stored, from the first message on, in order; all of it, where the page is still open. */
function compareHanded(stored: readonly Message[], tab: Tab, isOpen: boolean): string[] {
  const complaints: string[] = [];
  for (const [how, handed, isWhole] of [
    ['told', tab.told, isOpen],
    ...tab.readings.map((reading) => ['read', reading.messages, isOpen && reading === tab.reading] as const),
    ...(isOpen ? [['shown', tab.view.snapshot.messages, true] as const] : []),
  ] as const) {
    // What a screen that begins with the last ones leaves out is read, and not told.
    const first = how === 'told' && tab.beginsLate ? (handed[0]?.seq ?? 1) - 1 : 0;
    if (!isSame(handed, stored.slice(first, isWhole ? undefined : first + handed.length)))
      complaints.push(`${tab.name} was ${how} ${handed.map(({ seq }) => seq).join(' ')}, of ${stored.length}`);
  }
  return complaints;
}

const isSame = (one: readonly unknown[], other: readonly unknown[]): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

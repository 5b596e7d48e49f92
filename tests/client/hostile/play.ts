import { setTimeout as sleep } from 'node:timers/promises';
import type { Message, Sending } from '../../../client/src/index.ts';
import { Random } from '../../faults/historyChecker/random.ts';
import { eventually } from '../../support/deadline.ts';
import type { InProcess } from '../../support/inProcess.ts';
import type { Desk, Person } from '../../support/system.ts';
import { CALM, Network } from './network.ts';
import { type Browser, FastClock, Tab, type World } from './tab.ts';

type Side = 'candidate' | 'agent';

/** Something that somebody has said, in which life of a tab. */
interface Said {
  readonly content: string;
  readonly by: Side | 'guest';
  readonly sending: Sending;
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
  { candidate, agent, supervisor }: People,
  seed: number,
): Promise<string[]> {
  const random = new Random(seed);
  const network = new Network(system.gateway, random);
  const [owner, guest] = await Promise.all([signedInAnew(desk, candidate.owner), signedInAnew(desk, candidate.guest)]);
  const { id } = await desk.conversation(owner, 'the first');
  const { id: guestsId } = await desk.conversation(guest);
  await desk.assign(supervisor, id, agent.owner);
  const clock = new FastClock();
  const world: World = { desk, network, clock, random, conversationId: id };
  const trace: string[] = [];
  const note = (line: string) => trace.push(line);
  const said: Said[] = [];
  const gone: Tab[] = [];
  let lives = 0;
  const open = (browser: Browser) => {
    lives += 1;
    return new Tab(world, `${browser === agent ? 'agent' : 'candidate'} ${lives}`, browser);
  };
  const tabs = [open(candidate), open(candidate), open(agent)];
  await Promise.all(tabs.map((tab) => tab.client.session.restore()));

  network.weather = {
    faults: random.pick([0, 0, 0.03, 0.1]),
    loss: random.pick([0, 0.02, 0.06, 0.15]),
    doubling: random.pick([0, 0.1, 0.4]),
    delay: random.pick([5, 20, 60]),
  };
  note(`weather ${JSON.stringify(network.weather)}`);
  // In most seeds everything that the agent says is taken: they have the conversation all the time.
  const moves = random.chance(0.3);
  const under: Promise<unknown>[] = [];
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
      if (random.chance(0.2)) {
        note(`wake ${tab.name}`);
        tab.sleeper.wake();
      }
    } else {
      note(`${does} ${tab.name}`);
      switch (does) {
        case 'send':
        case 'burst':
          for (let count = does === 'send' ? 1 : random.between(2, 6); count > 0; count -= 1) {
            const content = `${tab.name} says ${said.length + 1}`;
            if (tab.isOwners) {
              said.push({ content, by: at === 2 ? 'agent' : 'candidate', sending: tab.view.send(content) });
            } else if (tab.client.session.user)
              said.push({ content, by: 'guest', sending: tab.client.conversation(guestsId).send(content) });
          }
          break;
        case 'cut':
          network.cutAll(random.pick([1000, 1001, 1006]));
          break;
        case 'kill':
          network.killAll();
          break;
        case 'restart':
          under.push(network.restart(random.between(10, 150)));
          break;
        case 'outage':
          under.push(network.outage(random.between(10, 300)));
          break;
        case 'expire':
          network.expireTokens();
          break;
        case 'reload':
          await tab.end();
          gone.push(tab);
          tabs[at] = open(tab.browser);
          await tabs[at]?.client.session.restore();
          break;
        case 'forget':
          tab.forget();
          break;
        case 'comeBack':
          tab.comeBack();
          break;
        case 'tooLong':
          if (tab.isOwners) tab.view.send(TOO_LONG);
          break;
        case 'blink':
          tab.page.become({ focused: !tab.page.isFocused() });
          break;
        case 'doze':
          tab.sleeper.sleep();
          break;
        case 'changePlaces': {
          const { browser } = tab;
          const next = browser.present === browser.owner ? browser.guest : browser.owner;
          if (next === browser.present) break;
          if (random.chance(0.5)) await tab.signIn(next, desk);
          else tab.changePlaces(next);
          break;
        }
        case 'move':
          if (!moves) break;
          await desk.ok('POST', `/conversations/${id}/requeue`, supervisor.token);
          await sleep(random.between(0, 20));
          await desk.assign(supervisor, id, agent.owner);
          break;
        default:
          await sleep(random.between(5, 80));
      }
    }
    // What another tab has put into the outbox is heard of by then, as between two keys that a person presses.
    await sleep(random.between(1, 12));
  }

  // The weather clears up, and everything comes to its end.
  await Promise.all(under);
  network.weather = CALM;
  clock.slowDown();
  for (const tab of tabs) {
    tab.sleeper.wake();
    tab.page.become({ focused: true });
  }
  const complaints: string[] = [];
  const quiet = () => tabs.every(({ view }) => view.snapshot.outbox.every(({ state }) => state !== 'sending'));
  const failed = (tab: Tab) => tab.view.snapshot.outbox.filter(({ state }) => state === 'failed');
  try {
    await (tabs[0] as Tab).signIn(candidate.owner, desk);
    await eventually('the owners to be signed in', async () => tabs.every((tab) => tab.isOwners));
    for (const tab of tabs) tab.openAgain();
    await eventually('the outboxes to be empty', async () => quiet());
    // What is refused stays until somebody looks at it, in whichever tab.
    for (const tab of tabs) {
      for (const { clientMessageId, content } of failed(tab)) {
        if (content === TOO_LONG) tab.view.discard(clientMessageId);
        else if (moves && tab === tabs[2]) tab.view.retry(clientMessageId);
      }
    }
    await eventually('what was refused to be sent after all', async () => quiet());
    await (tabs[2] as Tab).view.close();
    await eventually('the views to end', async () => tabs.every(({ view }) => view.snapshot.state === 'ended'));
    await eventually('the applications to have read', async () =>
      tabs.every(({ reading, view }) => reading.messages.length >= view.snapshot.messages.length),
    );
  } catch (error) {
    complaints.push(error instanceof Error ? error.message : String(error));
    for (const { name, view, client } of tabs) {
      const { state, reason, error: why, messages, outbox } = view.snapshot;
      complaints.push(
        `${name}: ${JSON.stringify({ state, reason, why: why?.code, messages: messages.length, outbox: outbox.map(({ state: its, error }) => error?.code ?? its), status: client.connection.status, user: client.session.user?.email })}`,
      );
    }
  }
  const stored = await history(desk, candidate.owner, id);
  complaints.push(...compare(stored, [...gone, ...tabs], tabs));
  complaints.push(...compareSaid(stored, said, 'candidate', true), ...compareSaid(stored, said, 'agent', !moves));
  const ours = said.filter(({ by }) => by !== 'guest');
  if (stored.length !== ours.length + 1) complaints.push(`${ours.length + 1} were said, ${stored.length} are stored`);
  // What the guest has left is sent when they come back, and by nobody else.
  const { storage } = candidate;
  const left = async (person: Person) => storage.tab().keys(`live-support:outbox:${person.user.id}:`);
  const kept = await left(candidate.owner);
  if (kept.length > 0) complaints.push(`kept in the outbox: ${kept.join(' ')}`);
  try {
    await (tabs[0] as Tab).signIn(candidate.guest, desk);
    await eventually('what the guest has said to be sent', async () => (await left(candidate.guest)).length === 0);
  } catch (error) {
    complaints.push(error instanceof Error ? error.message : String(error));
  }
  complaints.push(...compareSaid(await history(desk, candidate.guest, guestsId), said, 'guest', true));
  await (tabs[0] as Tab).signIn(candidate.owner, desk);
  await Promise.all(tabs.map((tab) => tab.end()));
  for (const { name, complaints: its } of [...gone, ...tabs]) complaints.push(...its.map((one) => `${name}: ${one}`));
  return complaints.length === 0 ? [] : [...complaints.map((complaint) => `  ✗ ${complaint}`), ...trace];
}

/** A person has 50 sessions at most, and many seeds make more: this one is new. */
const signedInAnew = (desk: Desk, { email, password }: Person): Promise<Person> => desk.login(email, password);

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
function compare(stored: readonly Message[], all: readonly Tab[], open: readonly Tab[]): string[] {
  const complaints: string[] = [];
  for (const tab of all) {
    const isOpen = open.includes(tab);
    for (const [how, handed, isWhole] of [
      ['told', tab.told, isOpen],
      ...tab.readings.map(({ messages }) => ['read', messages, isOpen && messages === tab.reading.messages] as const),
      ...(isOpen ? [['shown', tab.view.snapshot.messages, true] as const] : []),
    ] as const) {
      // What a screen that begins with the last ones leaves out is read, and not told.
      const first = how === 'told' && tab.beginsLate ? (handed[0]?.seq ?? 1) - 1 : 0;
      const expected = stored.slice(first, isWhole ? undefined : first + handed.length);
      if (!isSame(handed, expected))
        complaints.push(`${tab.name} was ${how} ${handed.map(({ seq }) => seq).join(' ')}, of ${stored.length}`);
    }
  }
  return complaints;
}

/** What somebody has said is stored once, and in the order in which it was said. */
function compareSaid(stored: readonly Message[], said: readonly Said[], by: Said['by'], inOrder: boolean): string[] {
  const theirs = said.filter((one) => one.by === by).map(({ content }) => content);
  const kept = stored.map(({ content }) => content).filter((content) => theirs.includes(content));
  const isRight = inOrder ? isSame(kept, theirs) : isSame([...kept].sort(), [...theirs].sort());
  return isRight ? [] : [`${by} said ${JSON.stringify(theirs)}, and stored is ${JSON.stringify(kept)}`];
}

const isSame = (one: readonly unknown[], other: readonly unknown[]): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

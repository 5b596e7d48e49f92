import {
  type Clock,
  type ConversationView,
  createClient,
  type LiveSupportClient,
  type Locks,
  localLocks,
  type Message,
} from '../../../client/src/index.ts';
import type { Random } from '../../faults/historyChecker/random.ts';
import type { Desk, Person } from '../../support/system.ts';
import { FakePage, sharedStorage } from '../support/fakes.ts';
import { type Network, Sleeper } from './network.ts';

/** The clients' time, which goes faster than the handlers', until there is only to be waited for the end. */
export class FastClock {
  #from = Date.now();
  #at = this.#from;
  #speed = 10;

  now(): number {
    return this.#at + (Date.now() - this.#from) * this.#speed;
  }

  /** On a busy machine everything would be late, and be tried again, for ever. */
  slowDown(): void {
    this.#at = this.now();
    this.#from = Date.now();
    this.#speed = 3;
  }

  /** This time as a page has it. */
  of(page: Sleeper): Clock {
    return {
      now: () => this.now(),
      after: (ms, run) => {
        let isOver = false;
        const timer = setTimeout(() => page.run(() => isOver || run()), ms / this.#speed);
        return () => {
          isOver = true;
          clearTimeout(timer);
        };
      },
    };
  }
}

export const signedInAnew = (desk: Desk, { email, password }: Person): Promise<Person> =>
  patiently(() => desk.login(email, password));

/** On a machine that is busy with something else the service gives up at times. */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!/: 503 /.test(String(error))) throw error;
    }
  }
}

/** Somebody's browser: tabs that share what is kept. It outlives its tabs. */
export class Browser {
  readonly owner: Person;
  /** Who signs in here at times. */
  readonly guest: Person;
  readonly storage = sharedStorage();
  readonly #locks: Locks = localLocks();
  /** Who sits before it. */
  present: Person;

  constructor(owner: Person, guest: Person = owner) {
    this.owner = owner;
    this.guest = guest;
    this.present = owner;
  }

  locks(page: Sleeper): Locks {
    return { request: (name, work) => this.#locks.request(name, () => page.awake().then(work)) };
  }
}

/** What surrounds the pages of one seed. */
export interface World {
  readonly desk: Desk;
  readonly network: Network;
  readonly clock: FastClock;
  readonly random: Random;
  /** What the owner of each browser, and the other side, talk in. */
  readonly conversationId: string;
}

/** What an application has read by `for await`, from the first message on. */
interface Reading {
  readonly messages: Message[];
  readonly stop: AbortController;
  /** It may have ended: the owner was not signed in meanwhile, or the conversation was not theirs. */
  isOver: boolean;
}

/** One page in a browser, from its opening to its end. */
export class Tab {
  readonly name: string;
  readonly browser: Browser;
  readonly client: LiveSupportClient;
  readonly page = new FakePage();
  readonly sleeper = new Sleeper();
  /** The view of now: `forget` makes another one. */
  view: ConversationView;
  /** What the application was told, message by message, since its person is signed in. */
  told: Message[] = [];
  /** What should not have happened. */
  readonly complaints: string[] = [];
  readonly readings: Reading[] = [];
  readonly #desk: Desk;
  readonly #conversationId: string;
  /** With how many of the last messages the screen begins; 0 for all. */
  readonly #last: number;
  #reads: Promise<void> = Promise.resolve();
  #isEnded = false;

  constructor(world: World, name: string, browser: Browser) {
    const { desk, network, clock, random, conversationId } = world;
    this.name = name;
    this.browser = browser;
    this.#desk = desk;
    this.#conversationId = conversationId;
    this.#last = random.pick([0, 0, 1, 3]);
    const { sleeper } = this;
    const storage = browser.storage.tab();
    this.client = createClient({
      httpUrl: 'http://localhost',
      websocketUrl: 'ws://localhost',
      storage: { ...storage, subscribe: (listener) => storage.subscribe?.(() => sleeper.run(listener)) ?? (() => {}) },
      locks: browser.locks(sleeper),
      page: this.page,
      // Under load a refresh may not come through in its time: the person signs in again.
      getSession: async () => {
        const { session } = await signedInAnew(desk, browser.present);
        await sleeper.awake();
        return session;
      },
      clock: clock.of(sleeper),
      random: () => random.fraction(),
      ...network.of(sleeper),
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
    this.client.session.on('change', () => this.#personChanged());
  }

  get beginsLate(): boolean {
    return this.#last > 0;
  }

  /** What the application reads now. */
  get reading(): Reading {
    return this.readings.at(-1) as Reading;
  }

  get isOwners(): boolean {
    return this.client.session.user?.id === this.browser.owner.user.id;
  }

  /** Nothing is on its way. */
  get isQuiet(): boolean {
    return this.view.snapshot.outbox.every(({ state }) => state !== 'sending');
  }

  /** How it is, where something doesn't come to its end. */
  describe(): string {
    const { state, reason, error, messages, outbox } = this.view.snapshot;
    const { connection, session } = this.client;
    const how = {
      ...{ state, reason, error: error?.code, messages: messages.length },
      outbox: outbox.map((one) => one.error?.code ?? one.state),
      ...{ status: connection.status, user: session.user?.email },
    };
    return `${this.name}: ${JSON.stringify(how)}`;
  }

  get #isGuests(): boolean {
    return this.client.session.user !== null && !this.isOwners;
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

  /** The person opens once more what was not theirs for a while. */
  openAgain(): void {
    if (this.view.snapshot.reason === 'lost') void this.view.join().catch(() => undefined);
  }

  /** Somebody takes the place of who was signed in. */
  async signIn(person: Person): Promise<void> {
    this.browser.present = person;
    const { session } = await signedInAnew(this.#desk, person);
    await this.client.session.use(session);
  }

  /** Who was signed in signs out, and somebody else signs in. */
  async changePlaces(person: Person): Promise<void> {
    const { email, password } = person;
    this.browser.present = person;
    try {
      await this.client.signOut();
      // Somebody was faster, in another tab.
      if (this.browser.present === person) await this.client.signIn({ email, password });
    } catch {
      // The next attempt to connect makes good what has failed.
      this.client.connection.connect();
    }
  }

  /** Ends as a page does that is closed or reloaded: what it hasn't sent yet is what it has kept. */
  async end(): Promise<void> {
    this.#isEnded = true;
    this.sleeper.wake();
    for (const { stop } of this.readings) stop.abort();
    this.client.close();
    await this.#reads;
  }

  /** Whoever signs in is told everything, from the beginning; and a guest nothing. */
  #personChanged(): void {
    if (!this.isOwners) this.reading.isOver = true;
    else if (this.reading.isOver) this.#read();
    if (this.client.session.user) this.told = [];
  }

  #begin(): void {
    const { view } = this;
    this.told = [];
    view.on('message', (message) => {
      if (view !== this.view) return;
      if (this.#isGuests) this.complaints.push(`a guest was told ${message.seq}`);
      this.told.push(message);
    });
    view.on('change', ({ messages, conversation, outbox, state }) => {
      if (this.#isGuests && (messages.length > 0 || conversation !== null || outbox.length > 0)) {
        this.complaints.push(`a guest was shown ${messages.length} messages, ${outbox.length} on their way`);
      }
      // Given back to the agent who had it.
      const isBack = state === 'joining' || state === 'live';
      if (view === this.view && this.isOwners && isBack && this.reading.isOver) this.#read();
    });
    view.on('ended', ({ reason }) => {
      if (view === this.view && reason === 'lost') this.reading.isOver = true;
    });
    // The screen begins with the last ones, beside what reads from the first one on.
    if (this.#last > 0) void view.join({ last: this.#last }).catch(() => undefined);
    this.#read();
  }

  #read(): void {
    this.readings.at(-1)?.stop.abort();
    const reading: Reading = { messages: [], stop: new AbortController(), isOver: !this.isOwners };
    this.readings.push(reading);
    this.#reads = Promise.all([this.#reads, this.#readOn(this.view, reading)]).then(() => undefined);
  }

  async #readOn(view: ConversationView, reading: Reading): Promise<void> {
    try {
      for await (const message of view.messages({ signal: reading.stop.signal })) reading.messages.push(message);
    } catch (error) {
      // Where the page is closed, what it has read until then counts.
      if (!reading.stop.signal.aborted && !reading.isOver && !this.#isEnded && view === this.view)
        this.complaints.push(`reading has ended: ${String(error)}`);
    }
  }
}

import { toCursor } from '../../lib/store/queue.ts';
import { within } from '../../tests/support/deadline.ts';
import type { Person } from '../../tests/support/system.ts';
import { type Ours, startOurs, stopAll } from '../harness/contestants.ts';
import { type Link, openFrames } from '../harness/link.ts';
import type { Progress } from '../harness/progress.ts';
import { openDatabase } from '../harness/seeding.ts';
import type { DeskResult, DeskSize } from '../report/results.ts';
import { spread } from '../report/statistics.ts';

/** A desk where little waits beside one where much does: opening, watching, assigning, and the clock. */

interface Size {
  readonly waiting: number;
  readonly agents: number;
  /** Supervisors who watch, each with an automatic team of as many agents as the others. */
  readonly watchers: number;
}

const SIZES: readonly Size[] = [
  { waiting: 10, agents: 10, watchers: 10 },
  { waiting: 10_000, agents: 500, watchers: 50 },
];
const ROUNDS = 60;
const TICKS = 5;
const WARM_UP = 10;
/** Conversations in the answer to a watcher. */
const PAGE = 10;
/** So many are signed in, or connect, at once. */
const AT_ONCE = 5;
const BATCH = 1_000;
const DAY_MS = 24 * 3600 * 1000;

export async function measureDesk(
  progress: Progress,
  { sizes = SIZES, rounds = ROUNDS, ticks = TICKS, warmUp = WARM_UP } = {},
): Promise<DeskResult> {
  const starting = sizes.map(() => startOurs());
  const desks: BusyDesk[] = [];
  try {
    for (const [index, size] of sizes.entries()) {
      progress.at(`desk: ${size.waiting} waiting`, index, sizes.length);
      desks.push(await BusyDesk.at((await starting[index]) as Ours, size));
    }
    const times = desks.map(() => ({
      ...{ open: [] as number[], told: [] as number[], watch: [] as number[], assign: [] as number[] },
      ...{ given: [] as number[], tick: [] as number[], idleTick: [] as number[] },
    }));
    const inTurn = async (
      what: string,
      count: number,
      work: (desk: BusyDesk, note: (name: keyof (typeof times)[number], ms: number) => void) => Promise<void>,
    ) => {
      // A tick is long enough to be warm after one.
      const before = Math.min(warmUp, Math.ceil(count / 5));
      for (let round = -before; round < count; round += 1) {
        progress.at(`desk: ${what}`, Math.max(0, round), count);
        for (let turn = 0; turn < desks.length; turn += 1) {
          const lane = (turn + round + before) % desks.length;
          await work(desks[lane] as BusyDesk, (name, ms) => {
            if (round >= 0) times[lane]?.[name].push(ms);
          });
          await desks[lane]?.settle();
        }
      }
    };
    await inTurn('open', rounds, async (desk, note) => {
      const { openMs, toldMs } = await desk.open();
      note('open', openMs);
      note('told', toldMs);
    });
    await inTurn('watch', rounds, async (desk, note) => note('watch', await desk.watch()));
    await inTurn('assign', rounds, async (desk, note) => note('assign', await desk.assign()));
    await inTurn('given', rounds, async (desk, note) => note('given', await desk.give()));
    // A tick that has given more than twenty tells each watcher one thing, and one that has given ten tells ten.
    await Promise.all(desks.map((desk) => desk.unwatch()));
    await inTurn('tick', ticks, async (desk, note) => {
      note('idleTick', (await desk.tick(0)).ms);
      note('tick', (await desk.tick(1)).ms);
    });
    return {
      rounds,
      ticks,
      sizes: desks.map(
        ({ size }, lane): DeskSize => ({
          ...size,
          assigned: Math.min(size.agents, size.waiting),
          ...(Object.fromEntries(
            Object.entries(times[lane] ?? {}).map(([name, values]) => [name, spread(values)]),
          ) as Pick<DeskSize, keyof (typeof times)[number]>),
        }),
      ),
    };
  } finally {
    await Promise.all(desks.map((desk) => desk.close()));
    await stopAll(starting);
  }
}

type Documents = Record<string, unknown> & { _id: string };
type Waiting = Documents & { createdAt: Date };
type Opened = Awaited<ReturnType<typeof openDatabase>>;

/** A desk of one size, in a database of its own. Nobody has room between two measures. */
class BusyDesk {
  readonly size: Size;
  readonly #ours: Ours;
  readonly #database: Opened;
  readonly #watchers: readonly Link[];
  readonly #supervisor: Person;
  readonly #agent: Person;
  readonly #agentLink: Link;
  readonly #candidate: Person;
  /** How the last ten that wait are asked for. */
  readonly #page: object;
  readonly #firstId: string;

  private constructor(
    ours: Ours,
    size: Size,
    database: Opened,
    people: { watchers: readonly Link[]; supervisor: Person; agent: Person; agentLink: Link; candidate: Person },
    queue: { page: object; firstId: string },
  ) {
    this.#ours = ours;
    this.size = size;
    this.#database = database;
    this.#watchers = people.watchers;
    this.#supervisor = people.supervisor;
    this.#agent = people.agent;
    this.#agentLink = people.agentLink;
    this.#candidate = people.candidate;
    this.#page = queue.page;
    this.#firstId = queue.firstId;
  }

  /**
   * One of each kind is made as clients make them. The others are copies of what those left in the database, under their own keys:
   * hashing five hundred passwords takes a minute.
   */
  static async at(ours: Ours, size: Size): Promise<BusyDesk> {
    const { desk, address } = ours;
    const database = await openDatabase(ours.databaseUri);
    const supervisors = await someAtOnce(size.watchers, () => desk.supervisor());
    const [supervisor] = supervisors as [Person];
    const [agent, candidate] = await Promise.all([desk.agent(supervisor), desk.candidate()]);
    await someAtOnce(size.watchers, (index) =>
      desk.ok('PUT', '/routing', supervisors[index]?.token, {
        mode: 'automatic',
        requeueAfterSeconds: 3600,
        answerWithinSeconds: 3600,
      }),
    );
    const users = database.db.collection<Documents>('users');
    const found = await users.findOne({ _id: agent.user.id });
    await copies(
      (all) => users.insertMany(all),
      size.agents - 1,
      (index) => ({
        ...found,
        _id: `agent-${index}`,
        email: `copy-${index}@example.com`,
        emailKey: `copy-${index}@example.com`,
        supervisorId: supervisors[index % supervisors.length]?.user.id,
        availabilities: 1,
        leased: true,
        availableSince: new Date(),
        availableUntil: new Date(Date.now() + DAY_MS),
      }),
    );
    await users.updateMany({ role: 'agent' }, { $set: { maxConversations: 0 } });

    const { id: firstId } = await desk.conversation(candidate, 'hello');
    await ours.server.ask('idle');
    const conversations = database.db.collection<Waiting>('conversations');
    const first = await conversations.findOne({ _id: firstId });
    if (!first) throw new Error('the conversation is not where it was');
    const begun = first.createdAt.getTime();
    await copies(
      (all) => conversations.insertMany(all as Waiting[]),
      size.waiting - 1,
      (index) => ({
        ...first,
        _id: `waiting-${index}`,
        createdAt: new Date(begun + index + 1),
      }),
    );

    const before = size.waiting - PAGE - 1;
    const last = await conversations.findOne({ _id: before === 0 ? firstId : `waiting-${before - 1}` });
    const page = last
      ? { cursor: toCursor({ urgency: Number(last['urgency']), createdAt: last.createdAt, id: last._id }) }
      : {};

    const watchers = await someAtOnce(size.watchers, (index) => openFrames(address, supervisors[index]?.token ?? ''));
    const agentLink = await openFrames(address, agent.token);
    await someAtOnce(size.watchers, async (index) => watchers[index]?.ask('WATCH_QUEUE', {}));
    return new BusyDesk(ours, size, database, { watchers, supervisor, agent, agentLink, candidate }, { firstId, page });
  }

  /** Opens one: until the answer, and until the last watcher is told. It waits no longer when the next measure begins. */
  async open(): Promise<{ openMs: number; toldMs: number }> {
    let missing = this.#watchers.length;
    const told = new Promise<number>((fulfil) => {
      for (const link of this.#watchers) {
        link.onTold = (event) => {
          if (event !== 'QUEUE_CHANGED') return;
          missing -= 1;
          if (missing === 0) fulfil(performance.now());
        };
      }
    });
    const begun = performance.now();
    const { id } = await this.#ours.desk.conversation(this.#candidate, 'hello');
    const openMs = performance.now() - begun;
    const toldMs = (await within('every watcher to be told', told)) - begun;
    await this.settle();
    await this.#conversations.deleteOne({ _id: id });
    return { openMs, toldMs };
  }

  /** A watcher reads the last ten that wait. */
  async watch(): Promise<number> {
    const [link] = this.#watchers as [Link];
    return timed(async () => {
      const { conversations } = (await link.ask('WATCH_QUEUE', this.#page)) as { conversations: unknown[] };
      if (conversations.length !== PAGE) throw new Error(`${conversations.length} conversations instead of ${PAGE}`);
    });
  }

  /** From now on nobody is told. */
  async unwatch(): Promise<void> {
    for (const link of this.#watchers) await link.ask('UNWATCH_QUEUE', {});
  }

  async assign(): Promise<number> {
    const ms = await timed(() => this.#ours.desk.assign(this.#supervisor, this.#firstId, this.#agent));
    await this.#takeBack();
    return ms;
  }

  /** The one agent who has a connection, and now room, becomes available. Until that agent is told. */
  async give(): Promise<number> {
    await this.#users.updateOne({ _id: this.#agent.user.id }, { $set: { maxConversations: 1 } });
    const told = new Promise<void>((fulfil) => {
      this.#agentLink.onTold = (event) => event === 'CONVERSATION_ASSIGNED' && fulfil();
    });
    const ms = await timed(async () => {
      await this.#agentLink.ask('SET_AVAILABILITY', { status: 'available' });
      await within('the agent to be told', told);
    });
    await this.settle();
    await this.#agentLink.ask('SET_AVAILABILITY', { status: 'away' });
    await this.#takeBack();
    return ms;
  }

  /** The clock ticks while every available agent has so much room. */
  async tick(room: number): Promise<{ ms: number }> {
    // The one with a connection is available too.
    await this.#agentLink.ask('SET_AVAILABILITY', { status: 'available' });
    await this.settle();
    await this.#users.updateMany({ role: 'agent' }, { $set: { maxConversations: room } });
    const begun = performance.now();
    const { assigned } = (await this.#ours.operate('dispatch', { tick: true })) as { assigned: number };
    const ms = performance.now() - begun;
    const due = room * Math.min(this.size.agents, this.size.waiting);
    if (assigned !== due) throw new Error(`the clock gave ${assigned} instead of ${due}`);
    await this.#takeBack();
    return { ms };
  }

  /** Until nothing runs any more. */
  async settle(): Promise<void> {
    await this.#ours.server.ask('idle');
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  /** All wait again, and nobody has room. */
  async #takeBack(): Promise<void> {
    await this.settle();
    await this.#users.updateMany({ role: 'agent' }, { $set: { assignedCount: 0, maxConversations: 0 } });
    await this.#conversations.updateMany(
      { status: 'assigned' },
      { $set: { status: 'open', agentId: null, supervisorId: null, assignedAt: null, answeredAt: null } },
    );
  }

  get #users() {
    return this.#database.db.collection<Documents>('users');
  }

  get #conversations() {
    return this.#database.db.collection<Documents>('conversations');
  }
}

async function copies(
  insert: (all: Documents[]) => Promise<unknown>,
  count: number,
  of: (index: number) => Documents,
): Promise<void> {
  for (let from = 0; from < count; from += BATCH) {
    await insert(Array.from({ length: Math.min(BATCH, count - from) }, (_, index) => of(from + index)));
  }
}

async function someAtOnce<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  while (made.length < count) {
    const indexes = Array.from({ length: Math.min(AT_ONCE, count - made.length) }, (_, index) => made.length + index);
    made.push(...(await Promise.all(indexes.map(make))));
  }
  return made;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerFrame } from '../../../lib/protocol/events.ts';
import { finishHandingOver } from '../../../lib/services/users/finishHandingOver.ts';
import { type ConversationRecord, countAssigned } from '../../../lib/store/conversations.ts';
import type { UserRecord } from '../../../lib/store/users.ts';
import type { Socket } from '../../support/socket.ts';
import { type HttpResult, type Person, UpgradeRefused } from '../../support/system.ts';
import { KEY_HEADER } from '../historyChecker/announced.ts';
import { type Disturbance, Invocation } from '../historyChecker/disturbance.ts';
import type { DeskHistory } from './check.ts';
import type { ConversationState, UserState } from './ledger.ts';
import { QueueView } from './queueView.ts';
import {
  AGENTS,
  type AgentName,
  describe,
  type PlayerName,
  type Scenario,
  type Step,
  SUPERVISORS,
  type SupervisorName,
  WATCHERS,
  type WatcherName,
} from './scenario.ts';
import type { World } from './world.ts';

/** One client at a time, with the connection it has. */
interface Client {
  readonly name: PlayerName;
  socket: Socket | undefined;
  readonly answers: Map<string, ServerFrame>;
}

interface Watcher extends Client {
  readonly name: WatcherName;
  readonly view: QueueView;
  readonly frames: ServerFrame[];
  /** It has been told to watch again, or does so. */
  watching: Promise<void> | undefined;
}

/** How everything stood when the scenario began. */
interface Begun {
  readonly users: ReadonlyMap<string, UserState>;
  readonly conversations: ReadonlyMap<string, ConversationState>;
}

/** Longer ago than any rule of a routing asks for. */
const LONG_MS = 120_000;

let serial = 0;
const nextKey = (): string => {
  serial += 1;
  return `desk-${serial}`;
};

/** Plays one scenario from a quiet moment to a quiet moment, and writes down what happened. */
export class Play {
  readonly trace: string[] = [];
  readonly #world: World;
  readonly #scenario: Scenario;
  readonly #begun: Begun;
  readonly #complaints: string[] = [];
  readonly #clients: ReadonlyMap<AgentName, Client>;
  readonly #watchers: ReadonlyMap<WatcherName, Watcher>;
  readonly #start = Date.now();
  readonly #invocations: Invocation[] = [];
  #dispatches = 0;
  #asked = 0;

  private constructor(world: World, scenario: Scenario, begun: Begun) {
    this.#world = world;
    this.#scenario = scenario;
    this.#begun = begun;
    this.#clients = new Map(AGENTS.map((name) => [name, { name, socket: undefined, answers: new Map() }]));
    this.#watchers = new Map(
      WATCHERS.map((name) => [
        name,
        { name, socket: undefined, answers: new Map(), view: new QueueView(), frames: [], watching: undefined },
      ]),
    );
  }

  static async start(world: World, scenario: Scenario): Promise<Play> {
    const { database } = world.witness;
    const { players } = world;
    for (const name of ['conversations', 'active_messages', 'messages', 'audit', 'connections']) {
      await database.collection(name).deleteMany({});
    }
    const users = database.collection<UserRecord>('users');
    for (const name of SUPERVISORS) {
      await users.updateOne({ _id: players[name].user.id }, { $set: { routing: scenario.routings[name] } });
    }
    for (const [index, name] of AGENTS.entries()) {
      const team = SUPERVISORS[index < 2 ? 0 : 1] as SupervisorName;
      await users.updateOne(
        { _id: players[name].user.id },
        {
          $set: {
            active: true,
            supervisorId: players[team].user.id,
            automatic: scenario.routings[team].mode === 'automatic',
            maxConversations: scenario.capacities[name],
            assignedCount: 0,
          },
          $unset: {
            leased: 1,
            availableUntil: 1,
            availableSince: 1,
            availabilities: 1,
            lastGivenAt: 1,
            handingOverSince: 1,
            handingOverRetryAt: 1,
            handingOverFailures: 1,
          },
        },
      );
    }
    const play = new Play(world, scenario, await world.witness.begin());
    world.choose({
      machine: () => {
        play.#asked += 1;
        return scenario.machines[play.#asked % scenario.machines.length] ?? 0;
      },
      dispatch: () => {
        const disturbance = scenario.dispatches[play.#dispatches];
        play.#dispatches += 1;
        return disturbance && play.#invocation(disturbance);
      },
    });
    return play;
  }

  async run(): Promise<void> {
    for (const [index, { steps, settles }] of this.#scenario.bursts.entries()) {
      this.#note(`burst ${index + 1}`);
      await Promise.all(steps.map((step) => this.#step(step)));
      if (settles) await this.#settle();
    }
  }

  /** No more faults: everything comes to its end, and everybody who watches does so once more. */
  async finish(): Promise<DeskHistory> {
    this.#world.choose(undefined);
    await this.#settle();
    const watchers = [...this.#watchers.values()];
    for (const watcher of watchers) {
      for (let attempt = 0; !(await this.#watch(watcher)); attempt += 1) {
        if (attempt === 10) throw new Error(`${watcher.name} can't watch`);
      }
    }
    await this.#world.witness.mark();
    const { players, witness } = this.#world;
    const users = witness.database.collection<UserRecord>('users');
    const recounts = await Promise.all(
      AGENTS.map(async (name) => {
        const agentId = players[name].user.id;
        const record = await users.findOne({ _id: agentId });
        return { agentId, assignedCount: record?.assignedCount ?? -1, counted: await countAssigned(agentId) };
      }),
    );
    return {
      ...this.#begun,
      commits: witness.commits,
      recounts,
      complaints: this.#complaints,
      watchers: watchers.map(({ name, frames, view }) => ({
        userId: players[name].user.id,
        role: name === 'admin' ? 'admin' : 'supervisor',
        frames,
        believed: view.open,
      })),
    };
  }

  /** Whether a disturbance has struck. */
  get wasStruck(): boolean {
    return this.#invocations.some(({ struck }) => struck);
  }

  /** Leaves nothing for the next scenario to stumble over. */
  async leave(): Promise<void> {
    this.#world.choose(undefined);
    for (const { socket } of [...this.#clients.values(), ...this.#watchers.values()]) socket?.close();
    await this.#world.system.gateway.idle();
  }

  #invocation(disturbance?: Disturbance): Invocation {
    const invocation = new Invocation(nextKey(), disturbance);
    this.#invocations.push(invocation);
    return invocation;
  }

  async #step(step: Step): Promise<void> {
    await sleep(step.after);
    this.#note(`  ${describe(step)}`);
    const outcome = await this.#act(step);
    this.#note(`    ${describe(step)} → ${outcome}`);
  }

  #note(line: string): void {
    this.trace.push(`${String(Date.now() - this.#start).padStart(6)} ${line}`);
  }

  async #act(step: Step): Promise<string> {
    const { disturbance } = step;
    switch (step.do) {
      case 'open': {
        const body = { subject: `seed ${this.#scenario.seed}`, ...(step.message && { message: 'hello' }) };
        return this.#http('candidate', 'POST', '/conversations', body, disturbance);
      }
      case 'close': {
        const it = await this.#conversation(step.pick, ['open', 'assigned']);
        if (!it) return 'nothing to close';
        const by = this.#holder(it) ?? 'supervisor1';
        return this.#http(by, 'POST', `/conversations/${it._id}/close`, undefined, disturbance);
      }
      case 'requeue': {
        const it = await this.#conversation(step.pick, ['assigned']);
        const by =
          it && (step.by === 'admin' ? 'admin' : this.#nameOf(step.by === 'agent' ? it.agentId : it.supervisorId));
        return by ? this.#http(by, 'POST', `/conversations/${it._id}/requeue`, undefined, disturbance) : 'nothing';
      }
      case 'assign': {
        const it = await this.#conversation(step.pick, ['open', 'open', 'assigned']);
        const body = { agentId: this.#idOf(step.to) };
        return it ? this.#http(step.by, 'POST', `/conversations/${it._id}/assign`, body, disturbance) : 'nothing';
      }
      case 'edit': {
        const it = await this.#conversation(step.pick, ['open', 'assigned']);
        const by = step.by === 'agent' ? it && this.#holder(it) : step.by;
        const body = { priority: step.priority };
        return it && by ? this.#http(by, 'PATCH', `/conversations/${it._id}`, body, disturbance) : 'nothing';
      }
      case 'available':
      case 'away':
      case 'renew':
        return this.#setAvailability(step.agent, step.do, disturbance);
      case 'rest': {
        const held = await this.#conversations.find({ agentId: this.#idOf(step.agent), status: 'assigned' }).toArray();
        for (const { _id } of held) await this.#http(step.agent, 'POST', `/conversations/${_id}/requeue`, undefined);
        await this.#setAvailability(step.agent, 'away');
        return this.#setAvailability(step.agent, 'available', disturbance);
      }
      case 'renewLate': {
        const hasLapsed = await this.#lapse(step.agent, 1_000);
        return `${hasLapsed} ${await this.#setAvailability(step.agent, 'renew', disturbance)}`;
      }
      case 'sendAway': {
        const by = await this.#supervisorOf(step.agent);
        const path = `/users/${this.#idOf(step.agent)}/availability`;
        return this.#http(by, 'PUT', path, { status: 'away' }, disturbance);
      }
      case 'lapse':
        return String(await this.#lapse(step.agent, step.long ? LONG_MS : 1_000));
      case 'age': {
        const held = { agentId: this.#idOf(step.agent), status: 'assigned' as const };
        const earlier = { $subtract: ['$assignedAt', LONG_MS] };
        const { modifiedCount } = await this.#conversations.updateMany(held, [{ $set: { assignedAt: earlier } }]);
        return String(modifiedCount);
      }
      case 'move': {
        const body = { supervisorId: this.#idOf(step.to) };
        return this.#http('admin', 'PATCH', `/users/${this.#idOf(step.agent)}`, body, disturbance);
      }
      case 'deactivate':
      case 'reactivate': {
        const body = { active: step.do === 'reactivate' };
        return this.#http('admin', 'PATCH', `/users/${this.#idOf(step.agent)}`, body, disturbance);
      }
      case 'capacity': {
        const by = step.most % 2 === 0 ? 'admin' : await this.#supervisorOf(step.agent);
        const path = `/users/${this.#idOf(step.agent)}/capacity`;
        return this.#http(by, 'PUT', path, { maxConversations: step.most }, disturbance);
      }
      case 'route':
        return this.#http(step.supervisor, 'PUT', '/routing', step.routing, disturbance);
      case 'tick':
        return this.#tick(disturbance);
      case 'handOver':
        await this.#handOver();
        return 'done';
      case 'watch':
        return (await this.#watch(this.#watcher(step.watcher))) ? 'watching' : 'refused';
      case 'unwatch': {
        const watcher = this.#watcher(step.watcher);
        const answer = watcher.socket && (await this.#ask(watcher, 'UNWATCH_QUEUE', {}));
        return answer?.event ?? 'no answer';
      }
      case 'heal':
        this.#heal(this.#watcher(step.watcher));
        return 'done';
      case 'drop': {
        const { socket } = this.#watcher(step.watcher);
        if (!socket || socket.isClosed) return 'not connected';
        if (!step.told) this.#world.loseDisconnect(this.#world.system.gateway.connectionId(socket));
        socket.close();
        return 'closed';
      }
      case 'fault': {
        const { socket } = this.#watcher(step.watcher);
        if (!socket || socket.isClosed) return 'not connected';
        this.#world.system.gateway.fault(socket, step.fault);
        return 'done';
      }
    }
  }

  /** Everything under way comes to its end, then the clock ticks, and nothing is under way again. */
  async #settle(): Promise<void> {
    const { gateway } = this.#world.system;
    for (const watcher of this.#watchers.values()) this.#heal(watcher);
    await gateway.idle();
    await this.#handOver();
    await gateway.idle();
    this.#note(`  the clock → ${await this.#tick()}`);
    await gateway.idle();
    await Promise.all([...this.#watchers.values()].map(({ watching }) => watching));
    await this.#world.witness.mark({ is: 'settled' });
  }

  /** What the sweep does for agents who have changed. */
  async #handOver(): Promise<void> {
    for (const name of AGENTS) await finishHandingOver(this.#idOf(name), Date.now() + 30_000);
  }

  async #tick(disturbance?: Disturbance): Promise<string> {
    const tick = { tick: true };
    if (!disturbance) return JSON.stringify(await this.#world.carry('dispatch', tick));
    const outcome = await this.#invocation(disturbance)
      .run<unknown>(
        () => this.#world.carry('dispatch', tick, 'here'),
        () => 'killed',
      )
      .catch((error: unknown) => String(error));
    return JSON.stringify(outcome);
  }

  get #conversations() {
    return this.#world.witness.database.collection<ConversationRecord>('conversations');
  }

  readonly #idOf = (name: PlayerName): string => this.#world.players[name].user.id;

  #nameOf(userId: string | null | undefined): PlayerName | undefined {
    const players = Object.entries(this.#world.players) as [PlayerName, Person][];
    return players.find(([, { user }]) => user.id === userId)?.[0];
  }

  readonly #holder = ({ agentId }: ConversationRecord): PlayerName | undefined => this.#nameOf(agentId);

  async #supervisorOf(agent: AgentName): Promise<PlayerName> {
    const users = this.#world.witness.database.collection<UserRecord>('users');
    const record = await users.findOne({ _id: this.#idOf(agent) });
    return this.#nameOf(record?.supervisorId) ?? 'supervisor1';
  }

  /** One of the conversations that are like that now. */
  async #conversation(pick: number, statuses: ConversationRecord['status'][]): Promise<ConversationRecord | undefined> {
    const status = statuses[pick % statuses.length] as ConversationRecord['status'];
    const found = await this.#conversations.find({ status }).sort({ _id: 1 }).toArray();
    return found[pick % Math.max(1, found.length)];
  }

  async #http(by: PlayerName, method: string, path: string, body: unknown, disturbance?: Disturbance): Promise<string> {
    const call = async (): Promise<HttpResult | undefined> => {
      const invocation = this.#invocation(disturbance);
      this.#world.expect(invocation);
      const { token } = this.#world.players[by];
      const headers = { [KEY_HEADER]: invocation.key };
      try {
        return await this.#world.system.http({ method, path, token, headers, ...(body !== undefined && { body }) });
      } catch (error) {
        if (!invocation.dead) this.#complaints.push(`${method} ${path} by ${by}: ${String(error)}`);
        return undefined;
      }
    };
    let answer = await call();
    if (answer?.status === 401 && (await this.#signIn(by))) answer = await call();
    if (answer?.status === 500) this.#complaints.push(`${method} ${path} by ${by}: ${JSON.stringify(answer.body)}`);
    return answer ? `${answer.status} ${(answer.body as { code?: string } | undefined)?.code ?? ''}` : 'no answer';
  }

  /** Who was deactivated signs in again. Returns whether they are let in. */
  async #signIn(name: PlayerName): Promise<boolean> {
    const { email, password } = this.#world.players[name];
    try {
      this.#world.players[name] = await this.#world.desk.login(email, password);
      return true;
    } catch {
      return false;
    }
  }

  /** The client's connection, a new one where it has none. */
  async #connected(client: Client): Promise<Socket | undefined> {
    if (client.socket && !client.socket.isClosed) return client.socket;
    for (const attempt of ['first', 'again']) {
      try {
        const socket = await this.#world.system.connect({ token: this.#world.players[client.name].token });
        // Another step was faster.
        if (client.socket && !client.socket.isClosed) {
          socket.close();
          return client.socket;
        }
        client.socket = socket;
        this.#listen(client, socket);
        return socket;
      } catch (error) {
        if (!(error instanceof UpgradeRefused)) throw error;
        if (attempt === 'again' || error.status !== 401 || !(await this.#signIn(client.name))) return undefined;
      }
    }
    return undefined;
  }

  #listen(client: Client, socket: Socket): void {
    const receive = socket.receive.bind(socket);
    socket.receive = (text) => {
      receive(text);
      const frame = socket.received.at(-1);
      if (!frame) return;
      if (frame.requestId !== undefined) client.answers.set(frame.requestId, frame);
      if (isWatcher(client)) this.#observe(client, frame);
    };
  }

  #observe(watcher: Watcher, frame: ServerFrame): void {
    watcher.frames.push(frame);
    watcher.view.receive(frame);
    if (frame.event === 'QUEUE_STALE') watcher.watching = this.#watch(watcher).then(() => undefined);
  }

  async #ask(
    client: Client,
    event: string,
    data: unknown,
    disturbance?: Disturbance,
  ): Promise<ServerFrame | undefined> {
    const { socket } = client;
    if (!socket || socket.isClosed) return undefined;
    const invocation = this.#invocation(disturbance);
    this.#world.expect(invocation);
    socket.send(event, data, invocation.key);
    await invocation.ended;
    return client.answers.get(invocation.key);
  }

  /** Time passes: the lease has run out so long ago. Returns whether there was one. */
  async #lapse(agent: AgentName, ago: number): Promise<boolean> {
    const users = this.#world.witness.database.collection<UserRecord>('users');
    const availableUntil = new Date(Date.now() - ago);
    const filter = { _id: this.#idOf(agent), leased: true as const };
    return (await users.updateOne(filter, { $set: { availableUntil } })).modifiedCount === 1;
  }

  async #setAvailability(
    agent: AgentName,
    wish: 'available' | 'away' | 'renew',
    disturbance?: Disturbance,
  ): Promise<string> {
    const client = this.#clients.get(agent);
    if (!client || !(await this.#connected(client))) return 'not connected';
    const agentId = this.#idOf(agent);
    if (wish === 'available') await this.#world.witness.note({ is: 'asking', agentId });
    const data = wish === 'away' ? { status: 'away' } : { status: 'available', renew: wish === 'renew' };
    const answer = await this.#ask(client, 'SET_AVAILABILITY', data, disturbance);
    // Without an answer it may still come about.
    if (wish === 'available' && answer) await this.#world.witness.note({ is: 'answered', agentId });
    if (answer?.event === 'ERROR' && answer.data.code === 'INTERNAL') this.#complaints.push(JSON.stringify(answer));
    // The agent was deactivated: the next wish needs a new connection.
    if (answer?.event === 'ERROR' && answer.data.code === 'INVALID_TOKEN') client.socket?.close();
    return answer?.event === 'AVAILABILITY_SET' ? answer.data.status : JSON.stringify(answer);
  }

  #watcher(name: WatcherName): Watcher {
    const watcher = this.#watchers.get(name);
    if (!watcher) throw new Error(`no watcher ${name}`);
    return watcher;
  }

  #heal({ socket }: Watcher): void {
    if (socket && !socket.isClosed) this.#world.system.gateway.fault(socket, undefined);
  }

  /** Watches, and reads the queue to its end. Returns whether that was possible. */
  async #watch(watcher: Watcher): Promise<boolean> {
    const socket = await this.#connected(watcher);
    if (!socket) return false;
    watcher.view.restart();
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const answer = await this.#ask(watcher, 'WATCH_QUEUE', cursor === undefined ? {} : { cursor });
      if (answer?.event === 'ERROR' && answer.data.code === 'INTERNAL') this.#complaints.push(JSON.stringify(answer));
      if (answer?.event !== 'QUEUE_WATCHED') {
        // Of a post that failed, or of a connection that the server has forgotten, the client makes a new one.
        socket.close();
        return false;
      }
      cursor = answer.data.nextCursor;
    }
    return true;
  }
}

const isWatcher = (client: Client): client is Watcher => 'view' in client;

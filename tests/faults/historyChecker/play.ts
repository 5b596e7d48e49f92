import { setTimeout as sleep } from 'node:timers/promises';
import { isUnavailable } from '../../../lib/errors/faults.ts';
import type { ServerData, ServerFrame } from '../../../lib/protocol/events.ts';
import type { Conversation, Message } from '../../../lib/protocol/objects/conversations.ts';
import { finishClosing } from '../../../lib/services/conversations/finishClosing.ts';
import { type ConversationRecord, findConversation } from '../../../lib/store/conversations.ts';
import { isMember } from '../../../lib/store/rooms.ts';
import type { Socket } from '../../support/socket.ts';
import { type HttpResult, UpgradeRefused } from '../../support/system.ts';
import { KEY_HEADER } from './announced.ts';
import { misled } from './check.ts';
import { type Disturbance, Invocation, tick } from './disturbance.ts';
import type { CloseAttempt, History, Link, OpenAttempt, Outcome } from './history.ts';
import { describe, type Opening, type RoleName, type Scenario, type Step } from './scenario.ts';
import type { Players, World } from './world.ts';

interface Open {
  readonly link: Link;
  readonly socket: Socket;
  readonly answers: Map<string, ServerFrame>;
}

interface Tab {
  readonly name: string;
  readonly of: RoleName;
  readonly seen: Map<number, Message>;
  open: Open | undefined;
  opening: Promise<Open | undefined> | undefined;
}

const PATIENCE = 40;

/**
 * Again until it is done. What goes wrong with the database here is the doing of histories played beside this one: they
 * share a driver, and a connection it takes for lost is lost to all.
 */
async function patiently(work: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < PATIENCE; attempt += 1) {
    try {
      if (await work()) return;
    } catch (error) {
      if (!isUnavailable(error)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 5 * attempt));
  }
  throw new Error('it could not be closed');
}
let serial = 0;

/** What somebody has said under a `clientMessageId`, to be said again in the same words. */
interface Named {
  readonly clientMessageId: string;
  readonly after: string | null;
  readonly content: string;
}

function newMessage({ name }: Tab): Named {
  serial += 1;
  return { clientMessageId: `m${serial}`, after: null, content: `${name} says ${serial}` };
}

const isToRepeat = (answer: ServerFrame | undefined): boolean =>
  !answer || (answer.event === 'ERROR' && ['UNAVAILABLE', 'OUT_OF_ORDER'].includes(answer.data.code));

function announced(world: World, disturbance?: Disturbance): Invocation {
  serial += 1;
  const invocation = new Invocation(`invocation-${serial}`, disturbance);
  world.expect(invocation);
  return invocation;
}

/** Plays one scenario to its end and writes down what happened. */
export class Play {
  readonly history: History;
  readonly #world: World;
  readonly #players: Players;
  readonly #tabs: ReadonlyMap<string, Tab>;
  readonly #named = new Map<RoleName, Named[]>();

  private constructor(
    world: World,
    players: Players,
    scenario: Scenario,
    conversationId: string,
    opens: readonly OpenAttempt[],
  ) {
    this.#world = world;
    this.#players = players;
    this.#tabs = new Map(
      scenario.tabs.map((plan) => [plan.name, { ...plan, seen: new Map(), open: undefined, opening: undefined }]),
    );
    this.history = {
      scenario,
      players,
      conversationId,
      trace: [],
      complaints: [],
      opens,
      links: [],
      sends: [],
      assigns: [],
      closes: [],
      reads: [],
    };
  }

  static async start(world: World, players: Players, scenario: Scenario): Promise<Play> {
    serial += 1;
    const request = {
      method: 'POST',
      path: '/conversations',
      token: players.candidate.token,
      body: { subject: `seed ${scenario.seed}`, clientConversationId: `${scenario.seed}-${serial}` },
    };
    const opens: OpenAttempt[] = [];
    const open = async ({ after, disturbance }: Opening): Promise<void> => {
      await sleep(after);
      const invocation = announced(world, disturbance);
      const answer = await world.system
        .http({ ...request, headers: { [KEY_HEADER]: invocation.key } })
        .catch((error: unknown) => {
          if (invocation.dead) return undefined;
          throw error;
        });
      opens.push({ invocation, answer });
    };
    await Promise.all(scenario.openings.map(open));
    const answered = () => opens.find(({ answer }) => answer && answer.status < 400)?.answer;
    await patiently(async () => {
      if (!answered()) await open({ after: 0 });
      return answered() !== undefined;
    });
    const first = answered();
    if (!first) throw new Error('it could not be opened');
    return new Play(world, players, scenario, (first.body as Conversation).id, opens);
  }

  async run(): Promise<void> {
    for (const [index, burst] of this.history.scenario.bursts.entries()) {
      this.#note(`burst ${index + 1}`);
      await Promise.all(burst.map((step) => this.#step(step)));
      await this.#compareBeliefs();
    }
  }

  /** Nothing is under way: who is still connected is where it was told last that it is. */
  async #compareBeliefs(): Promise<void> {
    const links = [...this.#tabs.values()].flatMap(({ open }) => (open && !open.socket.isClosed ? [open.link] : []));
    const { database } = this.#world.witness;
    const conversation = await database
      .collection<ConversationRecord>('conversations')
      .findOne({ _id: this.history.conversationId });
    const alive = await database
      .collection<{ _id: string }>('connections')
      .distinct('_id', { _id: { $in: links.map(({ connectionId }) => connectionId) } });
    for (const link of links) {
      const isIn = !!conversation && alive.includes(link.connectionId) && isMember(conversation, link.connectionId);
      const complaint = misled(link, this.history, isIn);
      if (complaint) this.history.complaints.push(complaint);
    }
  }

  /** No more faults: reads what can be read, closes, finishes, and reads it all again. */
  async finish(): Promise<Outcome> {
    const { conversationId: id } = this.history;
    for (const tab of this.#tabs.values()) if (tab.open && !tab.open.socket.isClosed) this.#heal(tab.open);
    await this.#catchUp();
    await this.#closeForGood();
    // As the sweep does, but for this conversation alone: others are being played beside it.
    await patiently(async () => {
      const record = await findConversation(id);
      return !record || finishClosing(record, { until: Date.now() + 5_000 });
    });
    const { database } = this.#world.witness;
    const byConversation = { conversationId: id };
    const messages = await this.#readAll(50);
    // On every other seed the copies are left to the TTL monitor itself.
    if (this.history.scenario.seed % 2 === 0) await this.#expire();
    const remembered = await database
      .collection<{ _id: string }>('connections')
      .find({ _id: { $in: this.history.links.map((link) => link.connectionId) } })
      .toArray();
    return {
      conversation: (await this.#http('candidate', 'GET', '')).body as Conversation,
      opened: await database.collection('conversations').countDocuments(await this.#sameName()),
      messages,
      messagesLater: await this.#readAll(3),
      permanent: await database.collection('messages').countDocuments(byConversation),
      active: await database
        .collection('active_messages')
        .countDocuments({ ...byConversation, expiresAt: { $exists: false } }),
      versions: await this.#world.witness.testimony(id),
      remembered: new Set(remembered.map(({ _id }) => _id)),
    };
  }

  async #sameName(): Promise<{ candidateId: string; clientConversationId: unknown }> {
    const record = await this.#world.witness.database
      .collection<{ _id: string; clientConversationId?: string }>('conversations')
      .findOne({ _id: this.history.conversationId });
    return { candidateId: this.#players.candidate.user.id, clientConversationId: record?.clientConversationId };
  }

  /** Leaves nothing for the next scenario to stumble over. */
  async leave(): Promise<void> {
    for (const { open } of this.#tabs.values()) open?.socket.close();
    const users = Object.values(this.#players).map(({ user }) => user.id);
    await this.#world.witness.database.collection('connections').deleteMany({ userId: { $in: users } });
    this.#world.witness.forget(this.history.conversationId);
  }

  async #step(step: Step): Promise<void> {
    await sleep(step.after);
    this.#note(`  ${describe(step)}`);
    const outcome = await this.#act(step);
    this.#note(`    ${describe(step)} → ${outcome}`);
  }

  async #act(step: Step): Promise<string> {
    const { disturbance } = step;
    switch (step.do) {
      case 'connect':
        return (await this.#opened(this.#tab(step.tab), disturbance)) ? 'open' : 'refused';
      case 'join': {
        const tab = this.#tab(step.tab);
        const open = await this.#opened(tab);
        return open ? said(await this.#join(tab, open, step.from === 'seen' ? contiguous(tab) : 0, disturbance)) : 'no';
      }
      case 'send':
      case 'resend':
        return this.#send(step);
      case 'chain':
        return this.#chain(step);
      case 'leave': {
        const { open } = this.#tab(step.tab);
        if (!open || open.socket.isClosed) return 'not connected';
        open.link.troubles.push({ at: tick(), why: 'leave' });
        const { invocation, ask } = this.#asking(open, 'LEAVE_CONVERSATION', this.#here(), disturbance);
        const leave: Link['leaves'][number] = { invocation, answer: undefined };
        open.link.leaves.push(leave);
        leave.answer = await ask;
        return said(leave.answer);
      }
      case 'drop': {
        const { open } = this.#tab(step.tab);
        if (!open || open.socket.isClosed) return 'not connected';
        open.link.troubles.push({ at: tick(), why: 'drop' });
        if (!step.told) this.#world.loseDisconnect(open.link.connectionId);
        open.socket.close();
        return 'closed';
      }
      case 'fault': {
        const { open } = this.#tab(step.tab);
        if (!open || open.socket.isClosed) return 'not connected';
        open.link.troubles.push({ at: tick(), why: 'fault' });
        this.#world.system.gateway.fault(open.socket, step.fault);
        return 'done';
      }
      case 'heal': {
        const { open } = this.#tab(step.tab);
        if (open) this.#heal(open);
        return 'done';
      }
      case 'assign':
        return this.#assign(step.by, step.to, disturbance);
      case 'requeue':
        return this.#assign(step.by, null, disturbance);
      case 'close':
        return this.#close(step.by, disturbance);
      case 'closeBySocket': {
        const open = await this.#opened(this.#tab(step.tab));
        if (!open) return 'not connected';
        const after = step.ordered ? this.#named.get(this.#tab(step.tab).of)?.at(-1)?.clientMessageId : undefined;
        const data = { ...this.#here(), ...(after !== undefined && { after }) };
        const { invocation, ask } = this.#asking(open, 'CLOSE_CONVERSATION', data, disturbance);
        const attempt = this.#closing(invocation, open.link, after);
        const answer = await ask;
        attempt.won = answer?.event === 'CONVERSATION_CLOSED';
        return said(answer);
      }
      case 'read':
        return this.#read(step.by, step.limit, disturbance);
      case 'sweep':
        return this.#sweep(disturbance);
      case 'expire':
        await this.#expire();
        return 'done';
    }
  }

  #tab(name: string): Tab {
    const tab = this.#tabs.get(name);
    if (!tab) throw new Error(`no tab ${name}`);
    return tab;
  }

  readonly #here = () => ({ conversationId: this.history.conversationId });

  #heal({ socket }: Open): void {
    this.#world.system.gateway.fault(socket, undefined);
  }

  #note(line: string): void {
    this.history.trace.push(`${String(tick()).padStart(7)} ${line}`);
  }

  #invocation(disturbance?: Disturbance): Invocation {
    return announced(this.#world, disturbance);
  }

  /** The tab's connection, a new one where it has none. */
  async #opened(tab: Tab, disturbance?: Disturbance): Promise<Open | undefined> {
    if (tab.open && !tab.open.socket.isClosed) return tab.open;
    tab.opening ??= this.#open(tab, disturbance).finally(() => {
      tab.opening = undefined;
    });
    return tab.opening;
  }

  async #open(tab: Tab, disturbance?: Disturbance): Promise<Open | undefined> {
    const { token } = this.#players[tab.of];
    const invocation = this.#invocation(disturbance);
    try {
      const socket = await this.#world.system.connect({ token, headers: { [KEY_HEADER]: invocation.key } });
      const connectionId = this.#world.system.gateway.connectionId(socket);
      const link: Link = { tab: tab.name, of: tab.of, connectionId, frames: [], joins: [], leaves: [], troubles: [] };
      const open: Open = { link, socket, answers: new Map() };
      const receive = socket.receive.bind(socket);
      socket.receive = (text) => {
        receive(text);
        const frame = socket.received.at(-1);
        if (frame) this.#observe(tab, open, frame);
      };
      this.history.links.push(link);
      tab.open = open;
      return open;
    } catch (error) {
      if (!invocation.dead && !(error instanceof UpgradeRefused)) throw error;
      return undefined;
    }
  }

  #observe(tab: Tab, { link, answers }: Open, frame: ServerFrame): void {
    link.frames.push({ at: tick(), frame });
    if (frame.requestId !== undefined) answers.set(frame.requestId, frame);
    if (frame.event === 'NEW_MESSAGE') tab.seen.set(frame.data.seq, frame.data);
    if (frame.event === 'CONVERSATION_JOINED') for (const it of frame.data.messages) tab.seen.set(it.seq, it);
  }

  #asking(open: Open, event: string, data: unknown, disturbance?: Disturbance) {
    const invocation = this.#invocation(disturbance);
    const ask = async () => {
      if (open.socket.isClosed) return undefined;
      open.socket.send(event, data, invocation.key);
      await invocation.ended;
      return open.answers.get(invocation.key);
    };
    return { invocation, ask: ask() };
  }

  async #ask(open: Open, event: string, data: unknown, disturbance?: Disturbance) {
    const { invocation, ask } = this.#asking(open, event, data, disturbance);
    return { invocation, answer: await ask };
  }

  async #join(tab: Tab, open: Open, afterSeq: number, disturbance?: Disturbance): Promise<ServerFrame | undefined> {
    const data = { ...this.#here(), ...((afterSeq > 0 || tab.name.endsWith('1')) && { afterSeq }) };
    const { invocation, ask } = this.#asking(open, 'JOIN_CONVERSATION', data, disturbance);
    const join: Link['joins'][number] = { invocation, afterSeq, answer: undefined };
    open.link.joins.push(join);
    join.answer = await ask;
    return join.answer;
  }

  async #send(step: Extract<Step, { do: 'send' | 'resend' }>): Promise<string> {
    const tab = this.#tab(step.tab);
    const fresh = !tab.open || tab.open.socket.isClosed;
    const open = await this.#opened(tab);
    if (!open) return 'not connected';
    if (fresh) await this.#join(tab, open, contiguous(tab));
    const named = this.#namedBy(tab);
    let draft: (Omit<Named, 'clientMessageId'> & { clientMessageId: string | null }) | undefined;
    if (step.do === 'resend') {
      draft = named[named.length - 1 - (step.pick % Math.max(1, named.length))];
      if (!draft) return 'nothing to repeat';
    } else {
      const message = newMessage(tab);
      if (step.named) named.push(message);
      draft = step.named ? message : { ...message, clientMessageId: null };
    }
    const answer = await this.#say(tab, open, draft, step.disturbance);
    return `${draft.clientMessageId ?? 'unnamed'} ${said(answer)}`;
  }

  #namedBy({ of }: Tab): Named[] {
    const named = this.#named.get(of) ?? [];
    this.#named.set(of, named);
    return named;
  }

  /**
   * As a client does that sends without waiting: what isn't answered is sent again, and what came too early once the one
   * before it is there.
   */
  async #chain(step: Extract<Step, { do: 'chain' }>): Promise<string> {
    const tab = this.#tab(step.tab);
    const open = await this.#opened(tab);
    if (!open) return 'not connected';
    let after: string | null = null;
    const chain = step.order.map(() => {
      const message: Named = { ...newMessage(tab), after };
      after = message.clientMessageId;
      return message;
    });
    const sent: Promise<ServerFrame | undefined>[] = [];
    for (const [index, place] of step.order.entries()) {
      const message = chain[place] as Named;
      sent[place] = (async () => {
        let answer = await this.#say(tab, open, message, index === 0 ? step.disturbance : undefined);
        for (let again = 0; again < 4 && isToRepeat(answer) && !open.socket.isClosed; again += 1) {
          const isEarly = answer?.event === 'ERROR' && answer.data.code === 'OUT_OF_ORDER';
          if (isEarly && (await sent[place - 1])?.event !== 'MESSAGE_ACCEPTED') break;
          answer = await this.#say(tab, open, message);
        }
        // What was refused isn't said again.
        if (answer?.event !== 'ERROR') this.#namedBy(tab).push(message);
        return answer;
      })();
    }
    const answers = await Promise.all(sent);
    return answers.map((answer, place) => `${chain[place]?.clientMessageId} ${said(answer)}`).join(', ');
  }

  async #say(
    tab: Tab,
    open: Open,
    { clientMessageId, after, content }: Omit<Named, 'clientMessageId'> & { readonly clientMessageId: string | null },
    disturbance?: Disturbance,
  ): Promise<ServerFrame | undefined> {
    const data = {
      ...this.#here(),
      content,
      ...(clientMessageId !== null && { clientMessageId }),
      ...(after !== null && { after }),
    };
    const { invocation, answer } = await this.#ask(open, 'SEND_MESSAGE', data, disturbance);
    this.history.sends.push({ of: tab.of, link: open.link, clientMessageId, after, content, invocation, answer });
    return answer;
  }

  async #http(
    by: RoleName,
    method: string,
    path: string,
    body?: unknown,
    invocation?: Invocation,
  ): Promise<HttpResult> {
    return this.#world.system.http({
      method,
      path: `/conversations/${this.history.conversationId}${path}`,
      token: this.#players[by].token,
      ...(body !== undefined && { body }),
      ...(invocation && { headers: { [KEY_HEADER]: invocation.key } }),
    });
  }

  /** `undefined` when the handler was killed: the client hears nothing it can rely on. */
  async #tryHttp(
    invocation: Invocation,
    ...request: readonly [by: RoleName, method: string, path: string, body?: unknown]
  ): Promise<HttpResult | undefined> {
    const [by, method, path, body] = request;
    try {
      return await this.#http(by, method, path, body, invocation);
    } catch (error) {
      if (!invocation.dead) this.history.complaints.push(`${method} ${path} by ${by}: ${String(error)}`);
      return undefined;
    }
  }

  async #assign(by: RoleName, to: RoleName | null, disturbance?: Disturbance): Promise<string> {
    const invocation = this.#invocation(disturbance);
    const attempt: History['assigns'][number] = { to, invocation, answer: undefined };
    this.history.assigns.push(attempt);
    attempt.answer = await (to === null
      ? this.#tryHttp(invocation, by, 'POST', '/requeue')
      : this.#tryHttp(invocation, by, 'POST', '/assign', { agentId: this.#players[to].user.id }));
    return status(attempt.answer);
  }

  #closing(invocation: Invocation, link?: Link, after?: string): CloseAttempt {
    const running = this.history.closes.filter((other) => other.invocation.endedAt === Number.POSITIVE_INFINITY);
    for (const other of running) other.overlapped = true;
    const attempt = {
      invocation,
      ...(link && { link }),
      ...(after !== undefined && { after }),
      overlapped: running.length > 0,
      won: false,
    };
    this.history.closes.push(attempt);
    return attempt;
  }

  async #close(by: RoleName, disturbance?: Disturbance): Promise<string> {
    const invocation = this.#invocation(disturbance);
    const attempt = this.#closing(invocation);
    const answer = await this.#tryHttp(invocation, by, 'POST', '/close');
    attempt.won = answer?.status === 200;
    return status(answer);
  }

  async #read(by: RoleName, limit: number, disturbance?: Disturbance): Promise<string> {
    const outcomes: string[] = [];
    for (let afterSeq: number | null = 0; afterSeq !== null; ) {
      const invocation = this.#invocation(afterSeq === 0 ? disturbance : undefined);
      const path = `/messages?afterSeq=${afterSeq}&limit=${limit}`;
      const answer = await this.#tryHttp(invocation, by, 'GET', path);
      outcomes.push(status(answer));
      if (!answer) break;
      this.history.reads.push({ of: by, invocation, afterSeq, answer });
      afterSeq = answer.status === 200 ? (answer.body as { nextAfterSeq: number | null }).nextAfterSeq : null;
    }
    return outcomes.join(' ');
  }

  async #sweep(disturbance?: Disturbance): Promise<string> {
    const record = await findConversation(this.history.conversationId);
    if (!record?.closing) return 'nothing to do';
    const invocation = this.#invocation(disturbance);
    this.#closing(invocation);
    const killed = Symbol('killed');
    const outcome = await invocation
      .run<boolean | symbol>(
        () => finishClosing(record, { until: Date.now() + 5_000 }),
        () => killed,
      )
      .catch((error: unknown) => String(error));
    return outcome === killed ? 'killed' : `finished: ${String(outcome)}`;
  }

  async #expire(): Promise<void> {
    const expiring = { ...this.#here(), expiresAt: { $exists: true } };
    await this.#world.witness.database.collection('active_messages').deleteMany(expiring);
  }

  /** Whoever is still connected joins again with what they have seen last, and reads to the end. */
  async #catchUp(): Promise<void> {
    const now = await findConversation(this.history.conversationId);
    if (!now || now.status === 'closed') return;
    for (const tab of this.#tabs.values()) {
      const { user } = this.#players[tab.of];
      const { open } = tab;
      if (!open || open.socket.isClosed || (user.id !== now.candidateId && user.id !== now.agentId)) continue;
      let more = true;
      for (let attempt = 0; more && attempt < PATIENCE; attempt += 1) {
        const answer = await this.#join(tab, open, contiguous(tab));
        // Posts to it answered 410 once: the server has forgotten it, and the client has to connect anew.
        if (answer?.event === 'ERROR' && answer.data.code === 'INVALID_TOKEN') break;
        more = answer?.event !== 'CONVERSATION_JOINED' || answer.data.nextAfterSeq !== null;
      }
      if (more) continue;
      const missing = now.lastSeq - contiguous(tab);
      if (missing > 0) this.history.complaints.push(`${tab.name} joined again and still misses ${missing} messages`);
    }
  }

  async #closeForGood(): Promise<void> {
    await patiently(async () => {
      const now = await findConversation(this.history.conversationId);
      if (now?.status === 'closed') return true;
      const agent = Object.entries(this.#players).find(([, { user }]) => user.id === now?.agentId)?.[0];
      await this.#close((agent ?? 'supervisor1') as RoleName);
      return false;
    });
  }

  async #readAll(limit: number): Promise<Message[]> {
    const all: Message[] = [];
    for (let afterSeq: number | null = 0; afterSeq !== null; ) {
      const { status: code, body } = await this.#http(
        'candidate',
        'GET',
        `/messages?afterSeq=${afterSeq}&limit=${limit}`,
      );
      if (code === 503) continue;
      if (code !== 200) {
        this.history.complaints.push(`the final history can't be read: ${code} ${JSON.stringify(body)}`);
        return all;
      }
      const page = body as { items: Message[]; nextAfterSeq: number | null };
      all.push(...page.items);
      afterSeq = page.nextAfterSeq;
    }
    return all;
  }
}

/** The last seq up to which a tab has seen everything. */
function contiguous({ seen }: Tab): number {
  let last = 0;
  while (seen.has(last + 1)) last += 1;
  return last;
}

const status = (answer: HttpResult | undefined): string =>
  answer ? `${answer.status} ${(answer.body as { code?: string } | undefined)?.code ?? ''}` : 'no answer';

function said(frame: ServerFrame | undefined): string {
  if (!frame) return 'no answer';
  if (frame.event === 'ERROR') return frame.data.code;
  if (frame.event !== 'MESSAGE_ACCEPTED') return frame.event;
  const { seq, duplicate }: ServerData<'MESSAGE_ACCEPTED'> = frame.data;
  return `accepted as ${seq}${duplicate ? ', a duplicate' : ''}`;
}

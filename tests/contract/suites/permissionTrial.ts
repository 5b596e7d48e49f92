import type { Operation } from '../../../lib/domain/permissions.ts';
import { type ClientEventName, clientEvents } from '../../../lib/protocol/events.ts';
import type { Route } from '../../../lib/protocol/route.ts';
import { routes } from '../../../lib/protocol/routes.ts';
import { CLIENT_EVENT_EXAMPLES, routeExample } from '../../../tools/examples.ts';
import { siteToken } from '../../support/identity.ts';
import { linkIn } from '../../support/ses.ts';
import type { Socket } from '../../support/socket.ts';
import { type Desk, PASSWORD, type Person, UpgradeRefused } from '../../support/system.ts';
import {
  type CallerKind,
  type ConversationObject,
  type Outcome,
  objectsOf,
  type PersonObject,
  refusal,
} from './permissionTable.ts';

/** Two teams and two customers: the people the permission table speaks of. */
interface People {
  readonly admin: Person;
  readonly supervisor: Person;
  readonly agent: Person;
  readonly teammate: Person;
  readonly candidate: Person;
  readonly otherSupervisor: Person;
  readonly otherAgent: Person;
  readonly otherCandidate: Person;
}

/** A conversation as the table describes it. `lastStep` is what takes the caller's place in it away, where something does. */
interface Prepared {
  readonly conversationId: string;
  readonly lastStep: () => Promise<unknown>;
}

/** Of routes that want one. */
const QUERIES: Partial<Record<Operation, string>> = {
  timeline: '?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z',
};

/** What makes another object of a conversation, or can be done once only. */
const CHANGING: ReadonlySet<Operation> = new Set([
  'assignConversation',
  'requeueConversation',
  'closeConversation',
  'CLOSE_CONVERSATION',
  'rateConversation',
  'eraseUser',
]);

const NOBODYS_ID = 'no-such-thing';
const nothing = async () => undefined;

/** Sets up what a cell of the permission table speaks of, tries the operation, and says what came of it. */
export class PermissionTrial {
  readonly desk: Desk;
  readonly people: People;
  /** Conversations that are still what the table calls them serve for the next cell. */
  readonly #untouched = new Map<string, string>();
  readonly #sockets = new Map<Person, Socket>();
  #serial = 0;

  private constructor(desk: Desk, people: People) {
    this.desk = desk;
    this.people = people;
  }

  static async open(desk: Desk): Promise<PermissionTrial> {
    const [admin, supervisor, otherSupervisor, candidate, otherCandidate] = await Promise.all([
      desk.anotherAdmin(),
      desk.supervisor(),
      desk.supervisor(),
      desk.candidate(),
      desk.candidate(),
    ]);
    const [agent, teammate, otherAgent] = await Promise.all([
      desk.agent(supervisor),
      desk.agent(supervisor),
      desk.agent(otherSupervisor),
    ]);
    return new PermissionTrial(desk, {
      admin,
      supervisor,
      agent,
      teammate,
      candidate,
      otherSupervisor,
      otherAgent,
      otherCandidate,
    });
  }

  /** What the table's cell is about: the ids its paths and frames will name. */
  async target(operation: Operation, object: string, caller: CallerKind): Promise<Prepared> {
    const kind = objectsOf(operation);
    if (kind[0] === '-') return { conversationId: NOBODYS_ID, lastStep: nothing };
    if (operation === 'eraseUser' && object === 'customer') {
      // Somebody the other rows can do without.
      return { conversationId: (await this.desk.candidate()).user.id, lastStep: nothing };
    }
    if (kind.includes('self')) {
      return { conversationId: this.#personId(object as PersonObject, caller), lastStep: nothing };
    }
    const untouched = this.#untouched.get(object);
    if (untouched) return { conversationId: untouched, lastStep: nothing };
    const made = await this.#conversation(object as ConversationObject);
    // One joins it before that, so that it serves this cell alone.
    if (needsRoom(operation) && made.lastStep !== nothing) return made;
    await made.lastStep();
    this.#untouched.set(object, made.conversationId);
    return { ...made, lastStep: nothing };
  }

  /** Tries it. A conversation that has changed its state serves no other cell. */
  async attempt(operation: Operation, object: string, caller: CallerKind, target: Prepared): Promise<Outcome> {
    const outcome =
      operation in clientEvents
        ? await this.#overSocket(operation as ClientEventName, object, caller, target)
        : await this.#overHttp(routes[operation as keyof typeof routes], caller, target.conversationId);
    if (CHANGING.has(operation) && /^(2|ok)/.test(outcome)) this.#untouched.delete(object);
    return outcome;
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
  }

  async #conversation(object: ConversationObject): Promise<Prepared> {
    const { desk } = this;
    const { supervisor, agent, teammate, candidate, otherSupervisor, otherAgent, otherCandidate } = this.people;
    const make = async (of: Person, by?: Person, to?: Person): Promise<string> => {
      const { id } = await desk.conversation(of);
      if (by && to) await desk.assign(by, id, to);
      return id;
    };
    const ready = (conversationId: string, lastStep: () => Promise<unknown> = nothing) => ({
      conversationId,
      lastStep,
    });
    const closedBy = (person: Person, id: string) => () => desk.ok('POST', `/conversations/${id}/close`, person.token);
    switch (object) {
      case 'own':
      case 'unjoined':
        return ready(await make(candidate, supervisor, agent));
      case 'team':
        return ready(await make(otherCandidate, supervisor, teammate));
      case 'another':
        return ready(await make(otherCandidate, otherSupervisor, otherAgent));
      case 'former': {
        const id = await make(candidate, supervisor, agent);
        return ready(id, () => desk.assign(supervisor, id, teammate));
      }
      case 'open':
        return ready(await make(candidate));
      case 'closed': {
        const id = await make(candidate, supervisor, agent);
        return ready(id, closedBy(agent, id));
      }
      case 'closedByS':
      case 'closedByS2': {
        const id = await make(candidate);
        return ready(id, closedBy(object === 'closedByS' ? supervisor : otherSupervisor, id));
      }
      case 'none':
        return ready(NOBODYS_ID);
    }
  }

  #personId(object: PersonObject, caller: CallerKind): string {
    switch (object) {
      case 'self':
        return (this.#person(caller) ?? this.people.admin).user.id;
      case 'ownAgent':
        return this.people.teammate.user.id;
      case 'otherAgent':
        return this.people.otherAgent.user.id;
      case 'customer':
        return this.people.otherCandidate.user.id;
      case 'none':
        return NOBODYS_ID;
    }
  }

  #person(caller: CallerKind): Person | undefined {
    return caller === 'nobody' ? undefined : this.people[caller];
  }

  async #overHttp(route: Route, caller: CallerKind, id: string): Promise<Outcome> {
    const path = route.path.replace(/\{\w+\}/, id) + (QUERIES[route.operation] ?? '');
    const token = (await this.#signedIn(route.operation, caller))?.token;
    const body = route.body && (await this.#body(route.operation, caller, id));
    const result = await this.desk.call(route.method, path, token, body);
    return result.status < 400 ? String(result.status) : refusal(result.body.code);
  }

  /** Those who end their own session, or their others, are somebody new of that role. */
  async #signedIn(operation: Operation, caller: CallerKind): Promise<Person | undefined> {
    if (operation !== 'logout' && operation !== 'changePassword') return this.#person(caller);
    switch (caller) {
      case 'admin':
        return this.desk.anotherAdmin();
      case 'supervisor':
        return this.desk.supervisor();
      case 'agent':
        return this.desk.agent(this.people.supervisor);
      case 'candidate':
        return this.desk.candidate();
      case 'nobody':
        return undefined;
    }
  }

  /** A request nothing is wrong with, so that what is refused is refused for who asks. */
  async #body(operation: Operation, caller: CallerKind, id: string): Promise<unknown> {
    this.#serial += 1;
    const email = `permission-${this.#serial}@example.com`;
    switch (operation) {
      case 'register':
        return { name: 'New', email, password: PASSWORD };
      case 'login':
        return { email: (this.#person(caller) ?? this.people.admin).email, password: PASSWORD };
      case 'refreshSession':
        return { refreshToken: (await this.desk.login(this.people.candidate.email)).session.refreshToken };
      case 'exchangeIdentity':
        return { token: siteToken({ sub: email }) };
      case 'changePassword':
        return { currentPassword: PASSWORD, newPassword: 'another good one' };
      case 'resetPassword': {
        const { user } = await this.desk.candidate();
        const { url } = await this.desk.ok('POST', `/users/${user.id}/password-reset`, this.people.admin.token);
        return { token: linkIn(url).token, newPassword: PASSWORD };
      }
      case 'createUser':
        return { name: 'New', email, password: PASSWORD, role: 'supervisor' };
      case 'assignConversation':
        return { agentId: await this.#agentWithout(id) };
      default:
        return routeExample(routes[operation as keyof typeof routes]).request;
    }
  }

  /** What has no answer is refused, or nothing comes before the answer to what was asked after it. */
  async #unanswered(socket: Socket, event: ClientEventName, data: object): Promise<Outcome> {
    const asked = socket.received.length;
    socket.send(event, data, 'unanswered');
    const { gateway } = this.desk.system as { gateway?: { idle(): Promise<void> } };
    await gateway?.idle();
    // Elsewhere nobody can say when it is through: what takes as long, asked after it, is answered after it, nearly always.
    if (!gateway) await socket.ask('LEAVE_CONVERSATION', { conversationId: NOBODYS_ID });
    await socket.settle();
    const refused = socket.received.slice(asked).find((frame) => frame.requestId === 'unanswered');
    return refused?.event === 'ERROR' ? refusal(refused.data.code) : 'silent';
  }

  /** An agent of S's who doesn't have the conversation: giving it to the one who has it is refused for that alone. */
  async #agentWithout(conversationId: string): Promise<string> {
    const { agent, teammate } = this.people;
    const { body } = await this.desk.call('GET', `/conversations/${conversationId}`, this.desk.admin.token);
    return body.agentId === agent.user.id ? teammate.user.id : agent.user.id;
  }

  async #overSocket(
    event: ClientEventName,
    object: string,
    caller: CallerKind,
    { conversationId, lastStep }: Prepared,
  ): Promise<Outcome> {
    const person = this.#person(caller);
    if (!person) {
      await lastStep();
      return this.desk.system.connect({}).then(
        () => 'ok',
        (error: unknown) => (error instanceof UpgradeRefused && error.status === 401 ? refusal('INVALID_TOKEN') : '?'),
      );
    }
    const socket = this.#sockets.get(person) ?? (await this.desk.connect(person));
    this.#sockets.set(person, socket);
    // Who may not join is told so here already; the table is about what they are told next.
    if (needsRoom(event) && object !== 'unjoined') await socket.ask('JOIN_CONVERSATION', { conversationId });
    await lastStep();
    const example: Readonly<Record<string, unknown>> = CLIENT_EVENT_EXAMPLES[event];
    const data = {
      ...example,
      ...('conversationId' in example && { conversationId }),
      // Each is another message.
      ...(event === 'SEND_MESSAGE' && { clientMessageId: undefined }),
    };
    if (clientEvents[event].answer === null) return this.#unanswered(socket, event, data);
    const answer = await socket.ask(event, data);
    if (answer.event === 'ERROR') return answer.data.event === event ? refusal(answer.data.code) : '?';
    return answer.event === clientEvents[event].answer ? 'ok' : answer.event;
  }
}

/** What is tried from within the room depends on having been in it. */
const needsRoom = (operation: Operation): boolean =>
  ['SEND_MESSAGE', 'LEAVE_CONVERSATION', 'CLOSE_CONVERSATION', 'TYPING'].includes(operation);

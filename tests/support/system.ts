import { ERRORS, type ErrorCode } from '../../lib/protocol/errors.ts';
import type { Conversation, OwnConversation, StaffConversation } from '../../lib/protocol/objects/conversations.ts';
import type { Session, User } from '../../lib/protocol/objects/users.ts';
import type { Route } from '../../lib/protocol/route.ts';
import { routes } from '../../lib/protocol/routes.ts';
import { checkCandidatesAnswer, isCandidates } from './candidateSees.ts';
import type { Socket } from './socket.ts';

export interface HttpRequest {
  readonly method: string;
  /** With the query string. */
  readonly path: string;
  readonly token?: string | undefined;
  readonly sourceIp?: string | undefined;
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly raw?: string | Buffer<ArrayBuffer> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface HttpResult {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at whatever came back.
  readonly body: any;
}

export interface Upgrade {
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly protocols?: readonly string[] | undefined;
  readonly query?: string | undefined;
}

/** The upgrade of a socket was refused with this status. */
export class UpgradeRefused extends Error {
  override readonly name = 'UpgradeRefused';
  readonly status: number;

  constructor(status: number) {
    super(`upgrade refused with ${status}`);
    this.status = status;
  }
}

/** The system under test, whatever carries it: the handlers alone, the emulator, the packages as deployed. */
export interface System {
  readonly name: string;
  readonly databaseUri: string;
  http(request: HttpRequest): Promise<HttpResult>;
  /** Rejects with `UpgradeRefused`. */
  connect(upgrade: Upgrade): Promise<Socket>;
  stop(): Promise<void>;
}

/** The access token of an upgrade: a browser's is its second subprotocol. */
export const tokenOf = ({ token, protocols }: Upgrade): string | undefined => token ?? protocols?.[1];

/** Throws unless an answer is what the contract says such an answer looks like, to whom this token is. */
export function checkAnswer(route: Route | undefined, result: HttpResult, token: string | undefined): HttpResult {
  const { status, headers, body } = result;
  if (!headers['x-request-id']) throw new Error('an answer without x-request-id');
  if (status >= 400) {
    if (!headers['content-type']?.startsWith('application/problem+json'))
      throw new Error(`${status} is no problem document`);
    const known = ERRORS[body.code as ErrorCode];
    if (known?.status !== status || body.status !== status) throw new Error(`${status} with code ${body.code}`);
    for (const key of Object.keys(body)) {
      if (!['type', 'title', 'status', 'detail', 'code', 'requestId', 'errors'].includes(key)) {
        throw new Error(`a problem document with ${key}`);
      }
    }
    if (status === 401 && headers['www-authenticate'] !== 'Bearer') throw new Error('401 without WWW-Authenticate');
    if ((status === 429 || status === 503) && !headers['retry-after']) throw new Error(`${status} without Retry-After`);
    if (body.code === 'VALIDATION_FAILED' && !body.errors?.length) throw new Error('VALIDATION_FAILED without errors');
  } else if (route) {
    if (status !== route.status && status !== route.repeatedStatus)
      throw new Error(`${route.operation} answered ${status}, not ${route.status}`);
    const isFile = route.files !== undefined && typeof body === 'string';
    if (isFile) {
      if (!headers['content-disposition']?.startsWith('attachment; filename='))
        throw new Error('a file without a name');
    } else if (route.response === null ? body !== undefined : !route.response().safeParse(body).success) {
      throw new Error(`${route.operation} answered what its schema doesn't allow: ${JSON.stringify(body)}`);
    }
    if (isCandidates(token ?? body?.accessToken)) checkCandidatesAnswer(route.operation, body);
  }
  return result;
}

/** The route a request goes to, as API Gateway matches it. */
export function matchRoute(method: string, path: string): { route: Route; params: Record<string, string> } | undefined {
  for (const route of Object.values(routes) as Route[]) {
    if (route.method !== method) continue;
    const pattern = new RegExp(`^${route.path.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`);
    const match = pattern.exec(path);
    if (match) {
      const params = Object.entries(match.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]);
      return { route, params: Object.fromEntries(params) };
    }
  }
  return undefined;
}

/** Somebody signed in. */
export interface Person {
  readonly user: User;
  readonly token: string;
  readonly session: Session;
  readonly email: string;
  readonly password: string;
}

export const PASSWORD = 'correct horse battery';

/** What the staff are told of a conversation beyond what everybody in it is, as long as nobody has noted anything. */
export const NOTHING_NOTED = { priority: 'normal', tags: [], requeues: 0, context: null, rating: null } as const;

/** What a conversation's room is told of it, where the staff see it so. */
export function asTheRoomSees(seen: StaffConversation & { unread?: unknown }): Conversation {
  const {
    priority: _p,
    tags: _t,
    requeues: _r,
    context: _c,
    rating: _g,
    unread: _u,
    candidate,
    ...conversation
  } = seen;
  const { email: _e, ...person } = candidate;
  return { ...conversation, candidate: person };
}

/** What its candidate is told of it over HTTP. */
export const asCandidateSees = (seen: StaffConversation, unread = 0): OwnConversation => ({
  ...asTheRoomSees(seen),
  unread,
  rating: seen.rating,
});

/** What a test does over and over, in the words of the contract. Each throws when it isn't answered with success. */
export class Desk {
  readonly system: System;
  #admin: Person | undefined;
  #serial = 0;

  constructor(system: System) {
    this.system = system;
  }

  /** `createAdmin` makes the first admin by the operation that has no route. */
  async open(
    createAdmin: (admin: { name: string; email: string; password: string }) => Promise<unknown>,
  ): Promise<this> {
    const email = this.#email('admin');
    await createAdmin({ name: 'Ada Admin', email, password: PASSWORD });
    this.#admin = await this.login(email, PASSWORD);
    return this;
  }

  /** With an admin who is there already, as on a database with the demo people. */
  async openAs(email: string, password: string): Promise<this> {
    this.#admin = await this.login(email, password);
    return this;
  }

  /** The same desk, reached otherwise. */
  through(system: System): Desk {
    const desk = new Desk(system);
    desk.#admin = this.admin;
    return desk;
  }

  get admin(): Person {
    if (!this.#admin) throw new Error('the desk is not open');
    return this.#admin;
  }

  async call(method: string, path: string, token?: string, body?: unknown): Promise<HttpResult> {
    return this.system.http({ method, path, token, body });
  }

  // biome-ignore lint/suspicious/noExplicitAny: a test looks at whatever came back.
  async ok(method: string, path: string, token?: string, body?: unknown): Promise<any> {
    const result = await this.call(method, path, token, body);
    if (result.status >= 400) throw new Error(`${method} ${path}: ${result.status} ${JSON.stringify(result.body)}`);
    return result.body;
  }

  async login(email: string, password = PASSWORD): Promise<Person> {
    const session: Session = await this.ok('POST', '/auth/login', undefined, { email, password });
    return { user: session.user, token: session.accessToken, session, email, password };
  }

  async candidate(name = 'Kim Candidate'): Promise<Person> {
    const email = this.#email('candidate');
    const session: Session | undefined = await this.#make('/auth/register', undefined, {
      name,
      email,
      password: PASSWORD,
    });
    return session
      ? { user: session.user, token: session.accessToken, session, email, password: PASSWORD }
      : this.login(email);
  }

  async supervisor(name = 'Sam Supervisor'): Promise<Person> {
    return this.#staff({ name, role: 'supervisor' });
  }

  async agent(supervisor: Person, name = 'Alex Agent'): Promise<Person> {
    return this.#staff({ name, role: 'agent', supervisorId: supervisor.user.id });
  }

  async anotherAdmin(name = 'Andy Admin'): Promise<Person> {
    return this.#staff({ name, role: 'admin' });
  }

  async conversation(candidate: Person, message?: string): Promise<Conversation> {
    return this.ok('POST', '/conversations', candidate.token, {
      subject: 'It does not work',
      ...(message && { message }),
    });
  }

  async assign(supervisor: Person, conversationId: string, agent: Person): Promise<StaffConversation> {
    return this.ok('POST', `/conversations/${conversationId}/assign`, supervisor.token, { agentId: agent.user.id });
  }

  async connect(person: Person): Promise<Socket> {
    return this.system.connect({ token: person.token });
  }

  /** A socket of this person's that has joined. */
  async join(person: Person, conversationId: string): Promise<Socket> {
    const socket = await this.connect(person);
    await socket.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', { conversationId });
    return socket;
  }

  /** A conversation assigned to an agent, with everybody in it. */
  async assigned(
    message?: string,
  ): Promise<{ candidate: Person; supervisor: Person; agent: Person; conversation: StaffConversation }> {
    const [candidate, supervisor] = await Promise.all([this.candidate(), this.supervisor()]);
    const agent = await this.agent(supervisor);
    const { id } = await this.conversation(candidate, message);
    return { candidate, supervisor, agent, conversation: await this.assign(supervisor, id, agent) };
  }

  async #staff(staff: { name: string; role: string; supervisorId?: string }): Promise<Person> {
    const email = this.#email(staff.role);
    await this.#make('/users', this.admin.token, { ...staff, email, password: PASSWORD });
    return this.login(email);
  }

  /**
   * Makes somebody. On a machine that is busy with something else the service may give up, and doesn't know the outcome: then this
   * does what the answer says, and sends it again until it is answered that somebody has the address. Returns the answer to
   * the making, where there was one.
   */
  async #make<T>(path: string, token: string | undefined, person: object): Promise<T | undefined> {
    for (let tries = 1; ; tries += 1) {
      const { status, body } = await this.call('POST', path, token, person);
      if (status === 201) return body;
      if (tries > 1 && body.code === 'EMAIL_TAKEN') return undefined;
      if (status !== 503 || tries === 5) throw new Error(`POST ${path}: ${status} ${JSON.stringify(body)}`);
    }
  }

  #email(role: string): string {
    this.#serial += 1;
    return `${role}-${this.#serial}-${Math.random().toString(36).slice(2, 8)}@example.com`;
  }
}

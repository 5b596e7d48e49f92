import type { ServerData } from '../../lib/protocol/events.ts';
import type { Conversation } from '../../lib/protocol/objects/conversations.ts';
import { closeConversation } from '../../lib/services/conversations/closeConversation.ts';
import { type ConversationRecord, conversationModel } from '../../lib/store/conversations.ts';
import { eventually } from '../support/deadline.ts';
import type { Invoke } from '../support/gateway.ts';
import type { InProcess } from '../support/inProcess.ts';
import type { Socket } from '../support/socket.ts';
import { type Desk, type Person, UpgradeRefused } from '../support/system.ts';

/** Rate limits on, so that their database step is there to fail, but out of reach; sockets and copies in plenty. */
export const ROOMY = {
  RATE_LIMITS: 'on',
  RATE_LIMIT_MESSAGES_PER_MINUTE: '1000000',
  RATE_LIMIT_CONVERSATIONS_PER_HOUR: '1000000',
  RATE_LIMIT_REGISTRATIONS_PER_HOUR: '1000000',
  RATE_LIMIT_STAFF_WRITES_PER_MINUTE: '1000000',
  RATE_LIMIT_CONNECTS_PER_MINUTE: '1000000',
  RATE_LIMIT_SIGN_INS_PER_HOUR: '1000000',
  MAX_CONNECTIONS_PER_USER: '1000',
} as const;

/** The people of all scenes of a test: making them is slow, for their passwords are hashed. */
export interface Cast {
  readonly candidate: Person;
  readonly supervisor: Person;
  readonly agent: Person;
}

export async function castOf(desk: Desk): Promise<Cast> {
  const [candidate, supervisor] = await Promise.all([desk.candidate(), desk.supervisor()]);
  return { candidate, supervisor, agent: await desk.agent(supervisor) };
}

/** An assigned conversation with one message in it, its candidate and agent in the room. */
export interface Scene extends Cast {
  readonly conversation: Conversation;
  readonly conversationId: string;
  readonly c: Socket;
  readonly a: Socket;
  leave(): void;
}

/** Connecting writes to the user and the session: many at once of one person only wait for each other. */
let last: Promise<unknown> = Promise.resolve();
export function oneByOne<T>(work: () => Promise<T>): Promise<T> {
  const next = last.then(work);
  last = next.catch(() => undefined);
  return next;
}

/** A socket of this person's in the room, got as a client gets it: again while the service is unavailable. */
export async function joined(desk: Desk, person: Person, conversationId: string): Promise<Socket> {
  const connect = async () => {
    try {
      return await desk.connect(person);
    } catch (error) {
      if (error instanceof UpgradeRefused && error.status === 503) return undefined;
      throw error;
    }
  };
  const socket = await oneByOne(() => eventually('a socket', connect));
  const answer = await askUntilAvailable(socket, 'JOIN_CONVERSATION', { conversationId });
  if (answer.event !== 'CONVERSATION_JOINED') throw new Error(`joining was answered ${JSON.stringify(answer)}`);
  return socket;
}

export async function newScene(desk: Desk, cast: Cast): Promise<Scene> {
  const { id } = await desk.conversation(cast.candidate, 'the first');
  const conversation = await desk.assign(cast.supervisor, id, cast.agent);
  const [c, a] = await Promise.all([joined(desk, cast.candidate, id), joined(desk, cast.agent, id)]);
  const leave = () => {
    c.close();
    a.close();
  };
  return { ...cast, conversation, conversationId: id, c, a, leave };
}

/** Closes it, and leaves everything that follows a close undone, as a crash right after the commit does. */
export async function closeUnfinished({ agent, conversationId }: Scene): Promise<ConversationRecord> {
  const { id: userId, name, role, supervisorId } = agent.user;
  const { record } = await closeConversation(
    { userId, name, role, supervisorId, sessionId: 'none', sourceIp: null },
    conversationId,
  );
  return record;
}

/** Asks as a client does: again while the answer is `UNAVAILABLE`. */
export async function askUntilAvailable(socket: Socket, event: string, data: unknown) {
  return eventually(`an answer to ${event} other than UNAVAILABLE`, async () => {
    const frame = await socket.ask(event, data);
    return frame.event === 'ERROR' && frame.data.code === 'UNAVAILABLE' ? undefined : frame;
  });
}

/** Sends messages one after the other, each until it is accepted; collects what was accepted. */
export async function stream(
  socket: Socket,
  conversationId: string,
  name: string,
  goOn: () => boolean,
  accepted: ServerData<'MESSAGE_ACCEPTED'>[],
): Promise<void> {
  for (let index = 0; goOn(); index += 1) {
    const message = { conversationId, content: `${name} ${index}`, clientMessageId: `${name}-${index}` };
    const answer = await askUntilAvailable(socket, 'SEND_MESSAGE', message);
    if (answer.event !== 'MESSAGE_ACCEPTED') throw new Error(`answered ${JSON.stringify(answer)}`);
    accepted.push(answer.data);
  }
}

/** Runs some connections' functions elsewhere. */
export function routeSockets(system: InProcess): Map<string, Invoke> {
  const elsewhere = new Map<string, Invoke>();
  const here = system.carrier;
  system.carrier = (file, event) => {
    const { requestContext } = event as { requestContext?: { connectionId?: string } };
    return (elsewhere.get(requestContext?.connectionId ?? '') ?? here)(file, event);
  };
  return elsewhere;
}

/** Works on the items, some at a time. An error says which item it was. */
export async function inLanes<T>(lanes: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const lane = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      try {
        await work(item);
      } catch (cause) {
        throw new Error(`at ${JSON.stringify(item)}: ${cause instanceof Error ? cause.message : cause}`, { cause });
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: lanes }, lane));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

/** Does `before` and `after` around the next time a connection is put in a room. */
export function aroundEntering({
  before = async () => undefined,
  after = async () => undefined,
}: {
  readonly before?: () => Promise<unknown>;
  readonly after?: () => Promise<unknown>;
}): void {
  type Write = (...given: unknown[]) => Promise<unknown>;
  const collection = conversationModel().collection as unknown as { findOneAndUpdate: Write };
  const { findOneAndUpdate } = collection;
  collection.findOneAndUpdate = async (...given) => {
    collection.findOneAndUpdate = findOneAndUpdate;
    await before();
    const result = await findOneAndUpdate.apply(collection, given);
    await after();
    return result;
  };
}

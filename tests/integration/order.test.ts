import mongoose from 'mongoose';
import type { ServerFrame } from '../../lib/protocol/events.ts';
import { activeMessageModel } from '../../lib/store/messages.ts';
import { rateLimitModel } from '../../lib/store/rateLimits.ts';
import { type Cast, castOf } from '../faults/scene.ts';
import { listening, nameOf } from '../support/commands.ts';
import { eventually, within } from '../support/deadline.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { newDatabaseUri } from '../support/newDatabase.ts';
import type { Socket } from '../support/socket.ts';
import type { Desk, Person } from '../support/system.ts';

/** `after`: what is sent at once is stored in the order it was meant. */

let system: InProcess;
let desk: Desk;
let cast: Cast;
beforeAll(async () => {
  const uri = newDatabaseUri();
  const MONGODB_URI = `${uri}${uri.includes('?') ? '&' : '?'}monitorCommands=true`;
  ({ system, desk } = await startDesk({
    MONGODB_URI,
    RATE_LIMITS: 'on',
    RATE_LIMIT_MESSAGES_PER_MINUTE: '1000',
    RATE_LIMIT_FRAMES_PER_MINUTE: '100000',
    MAX_CONNECTIONS_PER_USER: '1000',
  }));
  cast = await castOf(desk);
});
afterAll(() => system.stop());

interface Named {
  readonly name: string;
  readonly after?: string;
}

const message = (conversationId: string, { name, after }: Named) => ({
  conversationId,
  content: name,
  clientMessageId: name,
  ...(after !== undefined && { after }),
});
const send = (socket: Socket, conversationId: string, named: Named) =>
  socket.ask('SEND_MESSAGE', message(conversationId, named));

/** As a client does: again, after an answer that says so, which on a busy machine comes before the command's turn does. */
async function askInOrder(socket: Socket, event: string, data: unknown): Promise<ServerFrame> {
  return eventually(`${event} to take effect`, async () => {
    const answer = await socket.ask(event, data);
    const isToRepeat = answer.event === 'ERROR' && ['UNAVAILABLE', 'OUT_OF_ORDER'].includes(answer.data.code);
    return isToRepeat ? undefined : answer;
  });
}

const sendInOrder = (socket: Socket, conversationId: string, named: Named) =>
  askInOrder(socket, 'SEND_MESSAGE', message(conversationId, named));

/** A conversation of the one cast, assigned. */
async function assigned(): Promise<Cast & { readonly id: string }> {
  const { id } = await desk.conversation(cast.candidate);
  await desk.assign(cast.supervisor, id, cast.agent);
  return { ...cast, id };
}

async function contents(reader: Person, conversationId: string): Promise<string[]> {
  const { items } = await desk.ok('GET', `/conversations/${conversationId}/messages`, reader.token);
  return items.map(({ content }: { content: string }) => content);
}

const CHAIN: readonly Named[] = [
  { name: 'm1' },
  { name: 'm2', after: 'm1' },
  { name: 'm3', after: 'm2' },
  { name: 'm4', after: 'm3' },
  { name: 'm5', after: 'm4' },
];

describe('messages that name the one before', () => {
  it.each([
    { how: 'as they were meant', order: [0, 1, 2, 3, 4] },
    { how: 'the other way round', order: [4, 3, 2, 1, 0] },
    { how: 'pell-mell', order: [3, 2, 4, 0, 1] },
  ])('are stored in that order, sent at once $how', async ({ order }) => {
    const { candidate, id } = await assigned();
    const socket = await desk.join(candidate, id);
    const answers = await Promise.all(order.map((at) => sendInOrder(socket, id, CHAIN[at] as Named)));
    expect(answers.map(({ event }) => event)).toEqual(order.map(() => 'MESSAGE_ACCEPTED'));
    expect(await contents(candidate, id)).toEqual(['m1', 'm2', 'm3', 'm4', 'm5']);
  });

  it('keep it across connections, of one sender alone, and the close waits for the last', async () => {
    const { candidate, agent, id } = await assigned();
    const [a1, a2, c] = await Promise.all([desk.join(agent, id), desk.join(agent, id), desk.join(candidate, id)]);
    // The candidate's m1 is another one.
    await send(c, id, { name: 'm1' });
    const closed = askInOrder(a2, 'CLOSE_CONVERSATION', { conversationId: id, after: 'm2' });
    const second = sendInOrder(a2, id, { name: 'm2', after: 'm1' });
    const first = sendInOrder(a1, id, { name: 'm1' });
    const events = (await Promise.all([first, second, closed])).map(({ event }) => event);
    expect(events).toEqual(['MESSAGE_ACCEPTED', 'MESSAGE_ACCEPTED', 'CONVERSATION_CLOSED']);
    expect(await contents(candidate, id)).toEqual(['m1', 'm1', 'm2']);
  });
});

describe('a session that ends while a command of its waits', () => {
  it.each([
    { event: 'SEND_MESSAGE', data: { content: 'm2', clientMessageId: 'm2' } },
    { event: 'CLOSE_CONVERSATION', data: {} },
  ])('takes the $event with it', async ({ event, data }) => {
    const supervisor = await desk.supervisor();
    const agent = await desk.agent(supervisor);
    const { id } = await desk.conversation(cast.candidate);
    await desk.assign(supervisor, id, agent);
    const socket = await desk.join(agent, id);
    const connectionId = system.gateway.connectionId(socket);
    const { token: elsewhere } = await desk.login(agent.email, agent.password);
    const command = { event, data: { conversationId: id, after: 'm1', ...data } };
    const watched = await commands(async () => {
      const requestContext = { connectionId, eventType: 'MESSAGE', routeKey: event, requestId: 'waiting' };
      const body = JSON.stringify(command);
      const handled = system.carrier('websocket', { requestContext, body, isBase64Encoded: false });
      await desk.ok('POST', '/auth/logout', agent.token);
      const other = await system.connect({ token: elsewhere });
      await other.expect('CONVERSATION_JOINED', 'JOIN_CONVERSATION', { conversationId: id });
      await send(other, id, { name: 'm1' });
      await within('the end of the command', handled);
      other.close();
      return null;
    });
    // It has waited: it looked for the message, and at the conversation.
    expect(watched.seen).toContain('find conversations');
    expect(await contents(cast.candidate, id)).toEqual(['m1']);
    expect(await desk.ok('GET', `/conversations/${id}`, cast.candidate.token)).toMatchObject({ status: 'assigned' });
  });
});

describe('a message that names another', () => {
  it('and is stored already is answered at once, whatever it names', async () => {
    const { candidate, agent, id } = await assigned();
    const socket = await desk.join(candidate, id);
    await send(socket, id, { name: 'm1' });
    const again = await commands(() => send(socket, id, { name: 'm1', after: 'never sent' }));
    expect(again.answer).toMatchObject({ event: 'MESSAGE_ACCEPTED', data: { seq: 1, duplicate: true } });
    expect(again.seen).not.toContain('find conversations');
    await desk.ok('POST', `/conversations/${id}/close`, agent.token);
    const closed = await send(socket, id, { name: 'm1', after: 'never sent' });
    expect(closed).toMatchObject({ event: 'MESSAGE_ACCEPTED', data: { seq: 1, duplicate: true } });
    // Later too, when the permanent collection alone has it.
    await system.gateway.idle();
    await activeMessageModel().deleteMany({ conversationId: id });
    const later = await send(socket, id, { name: 'm1', after: 'never sent' });
    expect(later).toMatchObject({ event: 'MESSAGE_ACCEPTED', data: { seq: 1, duplicate: true } });
  });

  it('costs one read where that one is there, and nothing where it names none', async () => {
    const { candidate, id } = await assigned();
    const socket = await desk.join(candidate, id);
    const plain = await commands(() => send(socket, id, { name: 'm1' }));
    const named = await commands(() => send(socket, id, { name: 'm2', after: 'm1' }));
    expect(named.seen.toSorted()).toEqual([...plain.seen, 'find active_messages'].toSorted());
  });

  it('in a closed conversation is refused for that, as is a close', async () => {
    const { candidate, agent, id } = await assigned();
    const [c, a] = await Promise.all([desk.join(candidate, id), desk.join(agent, id)]);
    await desk.ok('POST', `/conversations/${id}/close`, agent.token);
    const closing = { conversationId: id, after: 'never sent' };
    const refusals = [
      await c.refused('SEND_MESSAGE', message(id, { name: 'm1', after: 'never sent' })),
      await a.refused('CLOSE_CONVERSATION', closing),
    ];
    expect(refusals.map(({ code }) => code)).toEqual(['CONVERSATION_CLOSED', 'CONVERSATION_CLOSED']);
  });

  it('and waits is refused as soon as the conversation is closed, or is somebody else’s', async () => {
    const { candidate, supervisor, agent, id } = await assigned();
    const [c, a] = await Promise.all([desk.join(candidate, id), desk.join(agent, id)]);
    const former = send(a, id, { name: 'm2', after: 'm1' });
    const formerClose = a.ask('CLOSE_CONVERSATION', { conversationId: id, after: 'm1' });
    await waits('find conversations');
    const next = await desk.agent(supervisor);
    await desk.assign(supervisor, id, next);
    expect([await former, await formerClose]).toMatchObject([
      { event: 'ERROR', data: { code: 'NOT_FOUND' } },
      { event: 'ERROR', data: { code: 'NOT_FOUND' } },
    ]);
    const waiting = send(c, id, { name: 'm2', after: 'm1' });
    await waits('find conversations');
    await desk.ok('POST', `/conversations/${id}/close`, next.token);
    expect(await waiting).toMatchObject({ event: 'ERROR', data: { code: 'CONVERSATION_CLOSED' } });
  });

  it('from without the room, or from somebody it is none of their business, is refused at once', async () => {
    const { candidate, id } = await assigned();
    const [outside, stranger] = [await desk.connect(candidate), await desk.connect(await desk.candidate())];
    const data = message(id, { name: 'm2', after: 'm1' });
    expect((await outside.refused('SEND_MESSAGE', data)).code).toBe('NOT_JOINED');
    expect((await stranger.refused('SEND_MESSAGE', data)).code).toBe('NOT_FOUND');
  });

  it.each([
    { what: 'itself', after: 'm1', detail: 'must not be the message itself' },
    { what: 'nothing', after: '', detail: 'must have 1 to 64 characters' },
  ])('and names $what is invalid', async ({ after, detail }) => {
    const { candidate, id } = await assigned();
    const socket = await desk.join(candidate, id);
    expect(await socket.refused('SEND_MESSAGE', message(id, { name: 'm1', after }))).toMatchObject({
      code: 'VALIDATION_FAILED',
      errors: [{ pointer: '/data/after', detail }],
    });
  });

  it('that does not come is OUT_OF_ORDER, stores nothing, and counts as ten; so does a close', async () => {
    const { candidate, agent, conversation } = await desk.assigned();
    const { id } = conversation;
    const [c, a] = await Promise.all([desk.join(candidate, id), desk.join(agent, id)]);
    const closing = { conversationId: id, after: 'never sent' };
    const refusals = await Promise.all([
      c.refused('SEND_MESSAGE', message(id, { name: 'm2', after: 'never sent' })),
      a.refused('CLOSE_CONVERSATION', closing),
    ]);
    expect(refusals).toMatchObject([
      { code: 'OUT_OF_ORDER', event: 'SEND_MESSAGE' },
      { code: 'OUT_OF_ORDER', event: 'CLOSE_CONVERSATION' },
    ]);
    for (const refusal of refusals) expect(refusal).not.toHaveProperty('retryAfter');
    expect(await contents(candidate, id)).toEqual([]);
    // It is what it always was, once it is sent in its place.
    await send(c, id, { name: 'never sent' });
    expect(await send(c, id, { name: 'm2', after: 'never sent' })).toMatchObject({ event: 'MESSAGE_ACCEPTED' });
    // 1 + 9 in vain, and 2; a close of its own 10.
    // A count isn't waited for by a majority.
    await eventually('the count of the candidate', async () => (await counted(candidate)) === 12);
    await eventually('the count of the agent', async () => (await counted(agent)) === 10);
  });

  it('and has waited in vain too often waits no more', async () => {
    const { agent, conversation } = await desk.assigned();
    const { id } = conversation;
    const a = await desk.join(agent, id);
    // In this minute and the next: one may end in between.
    for (const seconds of [0, 60]) await setCount(agent, 1001, seconds);
    const closing = { conversationId: id, after: 'never sent' };
    const { answer, seen } = await commands(() => a.ask('CLOSE_CONVERSATION', closing));
    expect(answer).toMatchObject({ event: 'ERROR', data: { code: 'RATE_LIMITED', retryAfter: expect.any(Number) } });
    expect(seen.filter((command) => command === 'find conversations')).toHaveLength(1);
  });
});

/** The database commands of what is asked, as name and collection. */
async function commands<T>(ask: () => Promise<T>): Promise<{ answer: T; seen: string[] }> {
  await system.gateway.idle();
  const seen: string[] = [];
  return listening({ started: (event) => void seen.push(nameOf(event)) }, async () => {
    const answer = await ask();
    await system.gateway.idle();
    return { answer, seen };
  });
}

/** The next time this command is sent: who waits looks again and again. */
const waits = (wanted: string) =>
  new Promise<void>((resolve) => {
    const client = mongoose.connection.getClient();
    client.on('commandStarted', function note({ commandName, command }) {
      if (`${commandName} ${String(command[commandName])}` !== wanted) return;
      client.off('commandStarted', note);
      resolve();
    });
  });

const windows = async ({ user }: Person) =>
  (await rateLimitModel().find().lean()).filter(({ _id }) => _id.startsWith(`messages/${user.id}/`));

/** As so many messages in the minute that is so many seconds ahead. */
async function setCount({ user }: Person, count: number, ahead: number): Promise<void> {
  const ends = (Math.floor(Date.now() / 60_000) + 1) * 60_000 + ahead * 1000;
  await rateLimitModel().create({ _id: `messages/${user.id}/${ends}`, count, expiresAt: new Date(ends) });
}

const counted = async (person: Person): Promise<number> =>
  (await windows(person)).reduce((sum, { count }) => sum + count, 0);

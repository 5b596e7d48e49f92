import type { ServerData } from '../../lib/protocol/events.ts';
import { activeMessageModel } from '../../lib/store/messages.ts';
import { eventually, within } from '../support/deadline.ts';
import { itInFull } from '../support/inFull.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { Machine } from '../support/machine.ts';
import { type OwnMongod, startOwnMongod } from '../support/ownMongod.ts';
import type { Socket } from '../support/socket.ts';
import type { Desk } from '../support/system.ts';
import { expectArchived, expectExpired, expectWhole, readHistory, sweepNow } from './invariants.ts';
import { askUntilAvailable, type Cast, castOf, newScene, ROOMY, routeSockets, stream } from './scene.ts';

let mongod: OwnMongod;
let system: InProcess;
let desk: Desk;
let cast: Cast;
beforeAll(async () => {
  mongod = await startOwnMongod();
  ({ system, desk } = await startDesk({ ...ROOMY, MONGODB_URI: mongod.uri }));
  cast = await castOf(desk);
});
afterAll(async () => {
  await Machine.stopAll();
  await system.stop();
  await mongod.remove();
});

/** What became of it nobody knows, it may still be stored when the database goes on, until it is sent again. */
const UNCERTAIN = { content: 'into the void', clientMessageId: 'uncertain' };

/** The database is back: what was uncertain is made certain. */
async function settle(socket: Socket, conversationId: string): Promise<void> {
  await eventually('the database to be back', async () => (await desk.call('GET', '/health')).status === 200);
  const answer = await askUntilAvailable(socket, 'SEND_MESSAGE', { conversationId, ...UNCERTAIN });
  expect(answer.event).toBe('MESSAGE_ACCEPTED');
  await system.gateway.idle();
}

async function expectUnavailable(socket: Socket, conversationId: string): Promise<void> {
  const asked = await Promise.all([
    socket.ask('SEND_MESSAGE', { conversationId, ...UNCERTAIN }),
    socket.ask('JOIN_CONVERSATION', { conversationId }),
  ]);
  for (const answer of asked) expect(answer).toMatchObject({ event: 'ERROR', data: { code: 'UNAVAILABLE' } });
  const http = desk.call('GET', `/conversations/${conversationId}`, cast.candidate.token);
  expect((await within('the answer over HTTP', http)).body).toMatchObject({ code: 'UNAVAILABLE' });
}

describe('a database killed in the middle of sends', () => {
  it('keeps every acknowledged message; commands say UNAVAILABLE, and work again in the same handlers', async () => {
    const { c, a, candidate, conversationId } = await newScene(desk, cast);
    const accepted: ServerData<'MESSAGE_ACCEPTED'>[] = [];
    let on = true;
    const streams = [
      stream(c, conversationId, 'candidate', () => on, accepted),
      stream(a, conversationId, 'agent', () => on, accepted),
    ];
    await eventually('some messages', async () => accepted.length > 20);
    await mongod.kill();
    const before = accepted.length;
    await expectUnavailable(c, conversationId);
    await mongod.restart();
    await eventually('messages after the restart', async () => accepted.length > before + 20);
    on = false;
    await Promise.all(streams);
    await settle(c, conversationId);
    await expectWhole(desk, candidate, conversationId, accepted);
  });
});

describe('a database killed while a conversation is archived', () => {
  itInFull('is archived whole by the sweep after the restart (SOAK=1)', async () => {
    const { a, candidate, conversationId } = await newScene(desk, cast);
    const [template] = await activeMessageModel().find({ conversationId }).lean();
    const copies = Array.from({ length: 9_000 }, (_, index) => ({
      ...template,
      _id: `${conversationId}-${index}`,
      seq: index + 2,
    }));
    await activeMessageModel().collection.insertMany(copies as never);
    await activeMessageModel()
      .db.collection('conversations')
      .updateOne({ _id: conversationId as never }, [{ $set: { lastSeq: copies.length + 1 } }]);
    const before = await readHistory(desk, candidate, conversationId);
    await a.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', { conversationId });
    const permanent = activeMessageModel().db.collection('messages');
    await eventually('the archiving to begin', async () => (await permanent.countDocuments({ conversationId })) > 0);
    await mongod.kill();
    await mongod.restart();
    await system.gateway.idle();
    await eventually('the database to be back', async () => (await desk.call('GET', '/health')).status === 200);
    await sweepNow(system, [conversationId]);
    await expectArchived(desk, candidate, conversationId, before);
    await expectExpired([conversationId]);
    await expectArchived(desk, candidate, conversationId, before);
  });
});

describe('a database that hangs', () => {
  itInFull('makes commands answer UNAVAILABLE, and they work again when it goes on (SOAK=1)', async () => {
    const { c, candidate, conversationId } = await newScene(desk, cast);
    process.kill(mongod.pid, 'SIGSTOP');
    try {
      await expectUnavailable(c, conversationId);
    } finally {
      process.kill(mongod.pid, 'SIGCONT');
    }
    const message = { conversationId, content: 'here again', clientMessageId: 'again' };
    const answer = await askUntilAvailable(c, 'SEND_MESSAGE', message);
    expect(answer.event).toBe('MESSAGE_ACCEPTED');
    await settle(c, conversationId);
    await expectWhole(desk, candidate, conversationId, c.frames('MESSAGE_ACCEPTED'));
  });
});

describe('a cold start while the database is down', () => {
  it('answers UNAVAILABLE, and the same process works once it is up', async () => {
    const { c, candidate, conversationId } = await newScene(desk, cast);
    await mongod.kill();
    const machine = await Machine.start(['websocket']);
    const elsewhere = routeSockets(system).set(system.gateway.connectionId(c), machine.carry);
    const message = { conversationId, content: 'early', clientMessageId: 'early' };
    const early = await c.ask('SEND_MESSAGE', message);
    expect(early).toMatchObject({ event: 'ERROR', data: { code: 'UNAVAILABLE' } });
    await mongod.restart();
    expect((await askUntilAvailable(c, 'SEND_MESSAGE', message)).event).toBe('MESSAGE_ACCEPTED');
    elsewhere.clear();
    await machine.stop();
    await eventually('the database to be back', async () => (await desk.call('GET', '/health')).status === 200);
    await expectWhole(desk, candidate, conversationId, c.frames('MESSAGE_ACCEPTED'));
  });
});

import mongoose from 'mongoose';
import { prepareToTell, type Sent } from '../../lib/services/rooms/sendMessage.ts';
import { listening } from '../support/commands.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { type OwnMongod, startOwnMongod } from '../support/ownMongod.ts';
import type { Desk } from '../support/system.ts';
import { expectWhole } from './invariants.ts';
import { type Cast, castOf, newScene } from './scene.ts';

/** The posts of a message are made ready while the database commits it, and go out once it has. */

const APP = 'prepared';
let mongod: OwnMongod;
let admin: mongoose.mongo.MongoClient;
let system: InProcess;
let desk: Desk;
let cast: Cast;
beforeAll(async () => {
  // A transaction whose commit is refused stays open until the server gives up on it.
  mongod = await startOwnMongod({ transactionLifetimeLimitSeconds: 1 });
  admin = new mongoose.mongo.MongoClient(mongod.uri);
  ({ system, desk } = await startDesk({ MONGODB_URI: `${mongod.uri}&appName=${APP}&monitorCommands=true` }));
  cast = await castOf(desk);
});
afterAll(async () => {
  await admin.close();
  await system.stop();
  await mongod.remove();
});

/** The next commit ends so. */
const nextCommit = (data: object) =>
  admin.db('admin').command({
    configureFailPoint: 'failCommand',
    mode: { times: 1 },
    data: { failCommands: ['commitTransaction'], appName: APP, ...data },
  });

/** The events of the frames that were posted since `gateway.posts` was emptied. */
const posted = (): string[] => system.gateway.posts.map(({ frame }) => (JSON.parse(frame) as { event: string }).event);

it('nothing is posted before the commit has ended', async () => {
  const { c, a, conversationId } = await newScene(desk, cast);
  await system.gateway.idle();
  system.gateway.posts.length = 0;
  await nextCommit({ blockConnection: true, blockTimeMS: 1_000 });
  let ended = false;
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  await listening(
    {
      started: ({ commandName }) => {
        if (commandName === 'commitTransaction') resolve();
      },
      succeeded: ({ commandName }) => {
        if (commandName === 'commitTransaction') ended = true;
      },
    },
    async () => {
      c.send('SEND_MESSAGE', { conversationId, content: 'held' });
      await begun;
      // Two frames of another connection, with their posts: what is made ready has had its time.
      for (let round = 0; round < 2; round += 1) await a.expect('PONG', 'PING', {});
      expect({ ended, posted: posted() }).toEqual({ ended: false, posted: ['PONG', 'PONG'] });
      for (const socket of [c, a]) await socket.next('NEW_MESSAGE', ({ content }) => content === 'held');
      await c.next('MESSAGE_ACCEPTED');
      expect(ended).toBe(true);
    },
  );
});

it('of an attempt that was taken back nothing is posted: the room hears the message that was stored, once', async () => {
  const { c, a, candidate, conversationId } = await newScene(desk, cast);
  // No such transaction: the driver runs it again from its start.
  await nextCommit({ errorCode: 251, errorLabels: ['TransientTransactionError'] });
  const accepted = await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'at the second go' });
  await system.gateway.idle();
  const history = await expectWhole(desk, candidate, conversationId, [accepted]);
  expect(history.at(-1)).toMatchObject({ id: accepted.messageId, content: 'at the second go' });
  for (const socket of [c, a]) expect(socket.frames('NEW_MESSAGE')).toEqual(history.slice(-1));
  expect(c.frames('MESSAGE_ACCEPTED')).toEqual([accepted]);
});

it('of a commit that is refused nothing is posted but that it failed', async () => {
  const { c, a, candidate, conversationId } = await newScene(desk, cast);
  await system.gateway.idle();
  system.gateway.posts.length = 0;
  // A bad value: nothing that may be tried again.
  await nextCommit({ errorCode: 2 });
  expect(await c.refused('SEND_MESSAGE', { conversationId, content: 'never' })).toMatchObject({ code: 'INTERNAL' });
  await system.gateway.idle();
  expect(posted()).toEqual(['ERROR']);
  expect(a.frames('NEW_MESSAGE')).toEqual([]);
  expect(await expectWhole(desk, candidate, conversationId)).toHaveLength(1);
});

it('whoever has left the room while the handler froze is not told', async () => {
  const { c, a, candidate, agent, conversationId } = await newScene(desk, cast);
  const [message] = await expectWhole(desk, candidate, conversationId);
  if (!message) throw new Error('there is no message');
  const connectionIds = [c, a].map((socket) => system.gateway.connectionId(socket));
  const sent: Sent = {
    message,
    room: { conversationId, connectionIds, userIds: [candidate.user.id, agent.user.id], inTurn: [] },
    at: Date.now(),
  };
  const prepared = [sent, { ...sent, at: Date.now() - 60_000 }].map(prepareToTell);
  const [atOnce, afterAFreeze] = prepared;
  await c.expect('CONVERSATION_LEFT', 'LEAVE_CONVERSATION', { conversationId });
  await afterAFreeze?.();
  expect([c, a].map((socket) => socket.frames('NEW_MESSAGE').length)).toEqual([0, 1]);
  // Who was in it at the message's place in the order hears it.
  await atOnce?.();
  expect([c, a].map((socket) => socket.frames('NEW_MESSAGE').length)).toEqual([1, 2]);
});

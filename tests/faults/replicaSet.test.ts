import mongoose from 'mongoose';
import type { ServerData } from '../../lib/protocol/events.ts';
import { eventually, within } from '../support/deadline.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { startOwnReplicaSet } from '../support/ownMongod.ts';
import type { Desk } from '../support/system.ts';
import { expectWhole } from './invariants.ts';
import { castOf, newScene, ROOMY, stream } from './scene.ts';

let set: Awaited<ReturnType<typeof startOwnReplicaSet>>;
let system: InProcess;
let desk: Desk;
beforeAll(async () => {
  set = await startOwnReplicaSet();
  ({ system, desk } = await startDesk({ ...ROOMY, MONGODB_URI: set.uri }));
}, 120_000);
afterAll(async () => {
  await system.stop();
  await set.remove();
});

describe('a primary that steps down in the middle of sends', () => {
  it('loses nothing that was acknowledged, and stores nothing twice', async () => {
    const { c, a, candidate, conversationId } = await newScene(desk, await castOf(desk));
    const accepted: ServerData<'MESSAGE_ACCEPTED'>[] = [];
    let on = true;
    const streams = [
      stream(c, conversationId, 'candidate', () => on, accepted),
      stream(a, conversationId, 'agent', () => on, accepted),
    ];
    await eventually('some messages', async () => accepted.length > 20);
    const admin = mongoose.connection.getClient().db('admin');
    const { me: formerPrimary } = await admin.command({ hello: 1 });
    // Of its own accord it won't be elected again within these seconds.
    await admin.command({ replSetStepDown: 10, force: true });
    const before = accepted.length;
    await eventually('messages after the stepdown', async () => accepted.length > before + 20, 30_000);
    on = false;
    await Promise.all(streams);
    const { me: primary } = await admin.command({ hello: 1 });
    expect(primary).not.toBe(formerPrimary);
    await system.gateway.idle();
    await expectWhole(desk, candidate, conversationId, accepted);
  }, 120_000);
});

describe('a majority that is slow to follow', () => {
  /** Stops the secondaries from fetching what the primary writes, or lets them go on. */
  async function replicate(on: boolean): Promise<void> {
    const { hosts, me } = await mongoose.connection.getClient().db('admin').command({ hello: 1 });
    for (const host of (hosts as string[]).filter((member) => member !== me)) {
      const client = await mongoose.mongo.MongoClient.connect(`mongodb://${host}/?directConnection=true`);
      await client.db('admin').command({ configureFailPoint: 'stopReplProducer', mode: on ? 'off' : 'alwaysOn' });
      await client.close();
    }
  }

  it('does not keep a repeated send from being answered as the first one, and not before a majority has it', async () => {
    const { c, conversationId } = await newScene(desk, await castOf(desk));
    const data = { conversationId, content: 'said once', clientMessageId: 'once' };
    const local = mongoose.connection
      .getClient()
      .db()
      .collection('active_messages', { readConcern: { level: 'local' } });
    await replicate(false);
    try {
      c.send('SEND_MESSAGE', data, 'first');
      await eventually('the primary to have it', async () => local.findOne({ conversationId, content: 'said once' }));
      c.send('SEND_MESSAGE', data, 'second');
      // Whoever answers now answers too early.
      const early = c.next('MESSAGE_ACCEPTED', undefined, 1_000).then(
        () => true,
        () => false,
      );
      expect(await early).toBe(false);
    } finally {
      await replicate(true);
    }
    const answers = await within(
      10_000,
      'both answers',
      Promise.all([c.next('MESSAGE_ACCEPTED'), c.next('MESSAGE_ACCEPTED')]),
    );
    const [first, second] = ['first', 'second'].map((id) => answers.find(({ requestId }) => requestId === id)?.data);
    expect(first).toMatchObject({ duplicate: false });
    expect(second).toEqual({ ...first, duplicate: true });
  }, 60_000);
});

import mongoose from 'mongoose';
import type { ServerData } from '../../lib/protocol/events.ts';
import { eventually } from '../support/deadline.ts';
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

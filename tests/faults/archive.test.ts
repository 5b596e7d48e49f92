import { finishClosing } from '../../lib/services/conversations/finishClosing.ts';
import { activeMessageModel, messageModel, readMessages } from '../../lib/store/messages.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Desk } from '../support/system.ts';
import { expectArchived, expectExpired, expectWhole, recordOf, sweepNow } from './invariants.ts';
import { castOf, closeUnfinished, newScene, type Scene } from './scene.ts';

/** The archive, when something is not where it should be. */

let system: InProcess;
let desk: Desk;
let scene: Scene;
beforeAll(async () => ({ system, desk } = await startDesk({ ACTIVE_MESSAGE_TTL_SECONDS: '1' })));
afterAll(() => system.stop());

beforeEach(async () => {
  scene = await newScene(desk, await castOf(desk));
  const { c, conversationId } = scene;
  await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'the second' });
});
afterEach(() => scene.leave());

it('that lacks a message lets nothing expire, and is whole once it can be', async () => {
  const { candidate, conversationId } = scene;
  const history = await expectWhole(desk, candidate, conversationId);
  const lost = await activeMessageModel().findOneAndDelete({ conversationId, seq: 1 }).lean().orFail();
  const closed = await closeUnfinished(scene);
  await expect(finishClosing(closed, { until: Date.now() + 60_000 })).rejects.toThrow('1 of 2 messages archived');
  expect(await recordOf(conversationId)).toMatchObject({ archivedAt: null, closing: { step: 'archive', through: 0 } });
  const [left] = await activeMessageModel().find({ conversationId }).lean();
  expect(left).toMatchObject({ seq: 2 });
  expect(left).not.toHaveProperty('expiresAt');

  await activeMessageModel().collection.insertOne(lost as never);
  await sweepNow(system, [conversationId]);
  await expectArchived(desk, candidate, conversationId, history);
});

it('has what a reader missed, who looked before it was there', async () => {
  const { candidate, conversationId } = scene;
  const [first, second] = await expectWhole(desk, candidate, conversationId);
  const before = await recordOf(conversationId);
  await finishClosing(await closeUnfinished(scene), { until: Date.now() + 60_000 });
  await expectExpired([conversationId]);
  expect(await readMessages(before, 0, 10)).toEqual([first, second]);
  expect(await readMessages(before, 1, 10)).toEqual([second]);
});

it('takes what another process has copied for copied, and adds the rest', async () => {
  const { candidate, conversationId } = scene;
  const history = await expectWhole(desk, candidate, conversationId);
  const closed = await closeUnfinished(scene);
  const { broadcastAt: _, ...second } = await activeMessageModel().findOne({ conversationId, seq: 2 }).lean().orFail();
  await messageModel().collection.insertOne(second as never);
  const both = [closed, closed].map((record) => finishClosing(record, { until: Date.now() + 60_000 }));
  expect(await Promise.all(both)).toEqual([true, true]);
  await expectArchived(desk, candidate, conversationId, history);
});

it('expires from when it was complete on, however late the copies are released', async () => {
  const { conversationId } = scene;
  await finishClosing(await closeUnfinished(scene), { until: Date.now() + 60_000 });
  const { archivedAt } = await recordOf(conversationId);
  const left = await activeMessageModel().find({ conversationId }).lean();
  for (const { expiresAt } of left) expect(expiresAt?.getTime()).toBe((archivedAt?.getTime() ?? 0) + 1_000);
});

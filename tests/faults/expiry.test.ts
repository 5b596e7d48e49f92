import { activeMessageModel } from '../../lib/store/messages.ts';
import { eventually } from '../support/deadline.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Desk } from '../support/system.ts';
import { expectWhole } from './invariants.ts';
import { castOf, newScene } from './scene.ts';

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk({ ACTIVE_MESSAGE_TTL_SECONDS: '1' })));
afterAll(() => system.stop());

/** The TTL monitor has been here: it took something that had to go. */
async function monitorRan(serial: number): Promise<void> {
  const canary = `canary-${serial}`;
  await activeMessageModel().create({
    _id: canary,
    conversationId: canary,
    seq: 1,
    senderId: canary,
    senderRole: 'candidate',
    content: canary,
    sentAt: new Date(0),
    expiresAt: new Date(0),
  });
  await eventually('the TTL monitor to run', async () => !(await activeMessageModel().exists({ _id: canary })));
}

describe('a conversation left open past its TTL', () => {
  it('loses no message to the TTL monitor, however often it runs', async () => {
    const { c, candidate, conversationId } = await newScene(desk, await castOf(desk));
    await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'I am waiting' });
    const before = await expectWhole(desk, candidate, conversationId);
    for (let run = 1; run <= 3; run += 1) await monitorRan(run);
    expect(await expectWhole(desk, candidate, conversationId, c.frames('MESSAGE_ACCEPTED'))).toEqual(before);
    expect(await activeMessageModel().countDocuments({ conversationId })).toBe(2);
  });
});

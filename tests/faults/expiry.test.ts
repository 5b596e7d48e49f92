import { activeMessageModel } from '../../lib/store/messages.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import type { Desk } from '../support/system.ts';
import { ttlMonitorRan } from '../support/ttlMonitor.ts';
import { expectWhole } from './invariants.ts';
import { castOf, newScene } from './scene.ts';

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk({ ACTIVE_MESSAGE_TTL_SECONDS: '1' })));
afterAll(() => system.stop());

describe('a conversation left open past its TTL', () => {
  it('loses no message to the TTL monitor, however often it runs', async () => {
    const { c, candidate, conversationId } = await newScene(desk, await castOf(desk));
    await c.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: 'I am waiting' });
    const before = await expectWhole(desk, candidate, conversationId);
    for (let run = 1; run <= 3; run += 1) await ttlMonitorRan('active_messages');
    expect(await expectWhole(desk, candidate, conversationId, c.frames('MESSAGE_ACCEPTED'))).toEqual(before);
    expect(await activeMessageModel().countDocuments({ conversationId })).toBe(2);
  });
});

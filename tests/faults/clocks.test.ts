import { jest } from '@jest/globals';
import type { SupervisorAnalytics } from '../../lib/protocol/objects/analytics.ts';
import type { Conversation } from '../../lib/protocol/objects/conversations.ts';
import { countEvent } from '../../lib/store/rateLimits.ts';
import { userModel } from '../../lib/store/users.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { Machine } from '../support/machine.ts';
import type { Desk } from '../support/system.ts';
import { ttlMonitorRan } from '../support/ttlMonitor.ts';
import { expectArchived, expectWhole, readHistory, sweepNow } from './invariants.ts';
import { castOf, newScene, ROOMY } from './scene.ts';

let system: InProcess;
let desk: Desk;
beforeAll(async () => ({ system, desk } = await startDesk(ROOMY)));
afterAll(async () => {
  await Machine.stopAll();
  await system.stop();
});

const ROUNDS = process.env['SOAK'] === '1' ? 6 : 3;
const FIVE_MINUTES_MS = 5 * 60_000;

describe('machines whose clocks are five minutes apart from the database, either way', () => {
  it('keep every time of a conversation in order, and no median is negative', async () => {
    const [ahead, behind] = await Promise.all(
      [FIVE_MINUTES_MS, -FIVE_MINUTES_MS].map((shift) =>
        Machine.start(['websocket'], { CLOCK_SHIFT_MS: String(shift) }),
      ),
    );
    const here = system.carrier;
    const machines = [here, ahead?.carry ?? here, behind?.carry ?? here];
    let turn = 0;
    // Every function in turn on another machine; the turns of the scenes shift, for their number of functions is odd.
    system.carrier = (file, event) => {
      turn += 1;
      return (machines[turn % machines.length] ?? here)(file, event);
    };
    const cast = await castOf(desk);
    for (let round = 0; round < ROUNDS; round += 1) {
      turn = round;
      const { c, a, candidate, agent, conversationId, leave } = await newScene(desk, cast);
      for (let index = 0; index < 4; index += 1) {
        const socket = index % 2 === 0 ? c : a;
        await socket.expect('MESSAGE_ACCEPTED', 'SEND_MESSAGE', { conversationId, content: `message ${index}` });
      }
      const before = await readHistory(desk, candidate, conversationId);
      await a.expect('CONVERSATION_CLOSED', 'CLOSE_CONVERSATION', { conversationId });
      await system.gateway.idle();
      await sweepNow(system, [conversationId]);
      await expectArchived(desk, candidate, conversationId, before);
      await expectWhole(desk, candidate, conversationId, [
        ...c.frames('MESSAGE_ACCEPTED'),
        ...a.frames('MESSAGE_ACCEPTED'),
      ]);
      const closed: Conversation = await desk.ok('GET', `/conversations/${conversationId}`, agent.token);
      // The first message came with the conversation, the next ones once it was assigned.
      const order = [
        closed.createdAt,
        before[0]?.sentAt,
        closed.assignedAt,
        before[1]?.sentAt,
        closed.firstResponseAt,
        before.at(-1)?.sentAt,
        closed.closedAt,
      ];
      expect(order).toEqual(order.toSorted());
      leave();
      const { supervisors }: SupervisorAnalytics = await desk.ok('GET', '/analytics/supervisors', desk.admin.token);
      const [row] = supervisors;
      expect(row).toMatchObject({ closedConversations: round + 1 });
      for (const median of [row?.medianFirstResponseSeconds, row?.medianResolutionSeconds]) {
        expect(median).toBeGreaterThanOrEqual(0);
        expect(median).toBeLessThan(FIVE_MINUTES_MS / 1000);
      }
    }
  });

  it('forget no count while its minute lasts by their own clock', async () => {
    const { now } = Date;
    // The clock stands still, at the beginning of its minute, and the database's goes on: the minute must not end there meanwhile.
    const behind = Math.ceil((now() - FIVE_MINUTES_MS) / 60_000) * 60_000;
    const counts: number[] = [];
    for (let event = 1; event <= 3; event += 1) {
      Date.now = () => behind;
      counts.push((await countEvent('messages/of-somebody', 60)).count);
      Date.now = now;
      await ttlMonitorRan('rate_limits');
    }
    expect(counts).toEqual([1, 2, 3]);
  });
});

it.each([
  ['ahead', FIVE_MINUTES_MS],
  ['behind', -FIVE_MINUTES_MS],
])('availability is as the database’s clock has it, on a machine whose clock is %s', async (_, shift) => {
  const agent = await desk.agent(await desk.supervisor());
  const [socket, watcher] = [await desk.connect(agent), await desk.connect(desk.admin)];
  await watcher.expect('QUEUE_WATCHED', 'WATCH_QUEUE', {});
  const shown = async () => (await desk.ok('GET', `/users/${agent.user.id}`, desk.admin.token)).availability;
  const told = () => watcher.frames('AGENT_CHANGED').map(({ user }) => user.availability);
  const { now } = Date;
  const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + shift);
  try {
    await socket.expect('AVAILABILITY_SET', 'SET_AVAILABILITY', { status: 'available' });
    await system.gateway.idle();
    expect([await shown(), told()]).toEqual(['available', ['available']]);
    const { items } = await desk.ok('GET', '/users?role=agent', desk.admin.token);
    expect(items.find(({ id }: { readonly id: string }) => id === agent.user.id).availability).toBe('available');
    // A minute ago, by the database's clock.
    await userModel().updateOne({ _id: agent.user.id }, { availableUntil: new Date(now() - 60_000) });
    expect(await shown()).toBe('away');
  } finally {
    clock.mockRestore();
    for (const one of [socket, watcher]) one.close();
  }
});

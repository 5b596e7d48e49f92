import { activeMessageModel } from '../../lib/store/messages.ts';
import { eventually, within } from '../support/deadline.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { Machine } from '../support/machine.ts';
import type { Fault } from '../support/machineProtocol.ts';
import { type OwnMongod, startOwnMongod } from '../support/ownMongod.ts';
import type { Desk } from '../support/system.ts';
import { expectArchived, expectExpired, expectWhole, readHistory, recordOf, sweepNow } from './invariants.ts';
import { askUntilAvailable, type Cast, castOf, inLanes, joined, newScene, ROOMY, routeSockets } from './scene.ts';

let mongod: OwnMongod;
let system: InProcess;
let desk: Desk;
let cast: Cast;
let elsewhere: ReturnType<typeof routeSockets>;
beforeAll(async () => {
  // The server aborts the transaction of a frozen machine after a minute by default; the freeze stands for ten.
  mongod = await startOwnMongod({ transactionLifetimeLimitSeconds: 1 });
  ({ system, desk } = await startDesk({ ...ROOMY, MONGODB_URI: mongod.uri }));
  elsewhere = routeSockets(system);
  cast = await castOf(desk);
});
afterAll(async () => {
  await Machine.stopAll();
  await system.stop();
  await mongod.remove();
});

const CASES = [
  {
    event: 'SEND_MESSAGE',
    data: { content: 'late', clientMessageId: 'late' },
    answers: ['MESSAGE_ACCEPTED', 'ERROR'],
  },
  {
    event: 'CLOSE_CONVERSATION',
    data: {},
    answers: ['CONVERSATION_CLOSED', 'ERROR'],
  },
] as const;

/** Frozen ones need no processor: all of them sleep at once. */
const LANES = 8;

describe.each(CASES)('a handler of $event frozen for ten minutes', ({ event, data, answers }) => {
  /**
   * Freezes the handler, has others close and archive the conversation and its active copies expire, and lets the
   * handler go on. Answers its commands.
   */
  async function frozen(fault?: Fault): Promise<readonly string[]> {
    const { a, candidate, agent, conversationId, leave } = await newScene(desk, cast);
    const sleeper = await joined(desk, agent, conversationId);
    const machine = await Machine.start(['websocket']);
    machine.fault = fault;
    let invocation: Promise<unknown> = Promise.resolve();
    let ended = false;
    elsewhere.set(system.gateway.connectionId(sleeper), (name, frame) => {
      invocation = machine.carry(name, frame).finally(() => {
        ended = true;
      });
      return invocation;
    });
    sleeper.send(event, { conversationId, ...data });
    // One that gets by without as many commands, this time, does not freeze.
    const end = eventually('its end', async () => ended);
    await within('the machine to freeze, or to end', fault ? Promise.race([machine.frozen, end]) : end);
    await askUntilAvailable(a, 'CLOSE_CONVERSATION', { conversationId });
    await sweepNow(system, [conversationId]);
    await expectExpired([conversationId]);
    const history = await readHistory(desk, candidate, conversationId);
    const record = await recordOf(conversationId);

    machine.resume();
    await within('the frozen handler to end', invocation);
    elsewhere.delete(system.gateway.connectionId(sleeper));
    // Its answer may have been lost with the connections it slept through: who isn't answered asks again.
    const { event: answered } = await askUntilAvailable(sleeper, event, { conversationId, ...data });
    expect(answers).toContain(answered);
    expect(await recordOf(conversationId)).toEqual(record);
    expect(await activeMessageModel().countDocuments({ conversationId })).toBe(0);
    await expectArchived(desk, candidate, conversationId, history);
    await expectWhole(desk, candidate, conversationId, sleeper.frames('MESSAGE_ACCEPTED'));
    leave();
    const { commands } = machine;
    await machine.stop();
    sleeper.close();
    return commands;
  }

  it('before any of its database steps does no harm when it goes on', async () => {
    const commands = await frozen();
    expect(commands).toContain('findAndModify');
    const faults = commands.map((name, index) => ({
      kind: 'freeze' as const,
      when: 'before' as const,
      command: index + 1,
      name,
    }));
    // Every fifth one; with `SOAK=1` all.
    const chosen = faults.filter((_, index) => process.env['SOAK'] === '1' || index % 5 === 0);
    await inLanes(LANES, chosen, async (fault) => void (await frozen(fault)));
  });
});

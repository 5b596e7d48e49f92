import { within } from '../support/deadline.ts';
import { type InProcess, startDesk } from '../support/inProcess.ts';
import { isOfTheDead, Machine } from '../support/machine.ts';
import type { Fault } from '../support/machineProtocol.ts';
import { type OwnMongod, startOwnMongod } from '../support/ownMongod.ts';
import type { Desk } from '../support/system.ts';
import {
  expectArchived,
  expectExpired,
  expectNothingExpiresEarly,
  expectWhole,
  makeDue,
  readHistory,
  sweepNow,
} from './invariants.ts';
import {
  askUntilAvailable,
  type Cast,
  castOf,
  closeUnfinished,
  inLanes,
  newScene,
  ROOMY,
  routeSockets,
  type Scene,
} from './scene.ts';

let mongod: OwnMongod;
let system: InProcess;
let desk: Desk;
let cast: Cast;
let elsewhere: ReturnType<typeof routeSockets>;
beforeAll(async () => {
  // A transaction whose machine died keeps its conversation locked until the server gives up on it: after a minute,
  // by default.
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

const LANES = 6;

/** What changes nothing. (An aggregation may write what it finds.) */
const READS = ['find', 'getMore', 'count', 'distinct'];

/**
 * Every moment a machine can die at that is another one to the database or to a client: after each write, and before
 * each one that follows on something read, to which posts may have been made by then. Of these
 * every fifth one, from `first` on. With `SOAK=1` before and after each command.
 */
const everyStep = (
  commands: readonly string[],
  first: 0 | 1 | 2 | 3 | 4 = 0,
): (Fault & { name: string | undefined })[] => {
  const reads = (index: number) => READS.includes(commands[index] ?? '');
  const all = commands.flatMap((name, index) =>
    (['before', 'after'] as const)
      .filter((when) => {
        if (process.env['SOAK'] === '1') return true;
        return !reads(index) && (when === 'after' || index === 0 || reads(index - 1));
      })
      .map((when) => ({ kind: 'die' as const, command: index + 1, when, name })),
  );
  return process.env['SOAK'] === '1' ? all : all.filter((_, index) => index % 5 === first);
};

/** It has died of the fault, or has got by, this time, without as many commands. */
async function expectDeath(machine: Machine, result: unknown, fault: Fault): Promise<void> {
  if (isOfTheDead(result)) await within('the machine to die', machine.exited);
  else expect(machine.commands.length).toBeLessThan(fault.command);
}

/** Runs a frame's handler on a machine of its own, which dies of the fault. Answers the commands where there is none. */
async function onMachine(socket: Scene['c'], send: () => void, fault?: Fault): Promise<readonly string[]> {
  const machine = await Machine.start(['websocket']);
  const id = system.gateway.connectionId(socket);
  try {
    machine.fault = fault;
    let returned: (value: unknown) => void = () => undefined;
    const end = new Promise((resolve) => {
      returned = resolve;
    });
    elsewhere.set(id, async (name, event) => {
      const result = await machine.carry(name, event);
      returned(result);
      return result;
    });
    send();
    const result = await within('the handler to end', end);
    if (fault) await expectDeath(machine, result, fault);
    return machine.commands;
  } finally {
    elsewhere.delete(id);
    await machine.stop();
  }
}

describe('a handler killed between any two of its effects', () => {
  it('of a send: sent again, the message is there once, in its place, and the room has heard of it', async () => {
    const sent = async (fault?: Fault) => {
      const { c, a, candidate, conversationId, leave } = await newScene(desk, cast);
      const message = { conversationId, content: 'the second', clientMessageId: 'once' };
      const commands = await onMachine(c, () => c.send('SEND_MESSAGE', message), fault);
      const answers = c.frames('MESSAGE_ACCEPTED');
      await expectWhole(desk, candidate, conversationId, answers);
      const again = await askUntilAvailable(c, 'SEND_MESSAGE', message);
      expect(again).toMatchObject({ event: 'MESSAGE_ACCEPTED', data: { seq: 2, clientMessageId: 'once' } });
      for (const earlier of answers) expect(again.data).toEqual({ ...earlier, duplicate: true });
      for (const socket of [c, a])
        await socket.next('NEW_MESSAGE', ({ clientMessageId }) => clientMessageId === 'once');
      const history = await expectWhole(desk, candidate, conversationId, c.frames('MESSAGE_ACCEPTED'));
      expect(history).toHaveLength(2);
      leave();
      return commands;
    };
    const commands = await sent();
    expect(commands).toContain('commitTransaction');
    const steps = everyStep(commands);
    await inLanes(LANES, steps, async (fault) => void (await sent(fault)));
  });

  it('of a close: the room has heard of it, it is archived whole, and only then do the active copies expire', async () => {
    const ids: string[] = [];
    const closed = async (fault?: Fault) => {
      const { c, a, candidate, agent, conversationId, leave } = await newScene(desk, cast);
      ids.push(conversationId);
      const before = await readHistory(desk, candidate, conversationId);
      const sendClose = () => a.send('CLOSE_CONVERSATION', { conversationId });
      const commands = await onMachine(a, sendClose, fault);
      await expectNothingExpiresEarly(conversationId);
      const acknowledged = a.frames('CONVERSATION_CLOSED').length > 0;
      const again = await askUntilAvailable(a, 'CLOSE_CONVERSATION', { conversationId });
      if (acknowledged) expect(again).toMatchObject({ event: 'ERROR' });
      if (again.event === 'ERROR') expect(again.data.code).toBe('CONVERSATION_CLOSED');
      await sweepNow(system, [conversationId]);
      await c.next('CONVERSATION_CLOSED', ({ closedBy, lastSeq }) => closedBy === agent.user.id && lastSeq === 1);
      await expectArchived(desk, candidate, conversationId, before);
      leave();
      return commands;
    };
    const steps = everyStep(await closed(), 1);
    await inLanes(LANES, steps, async (fault) => void (await closed(fault)));
    await expectExpired(ids);
    for (const id of ids) await expectWhole(desk, cast.candidate, id);
  });

  it('of a sweep: the next one finishes it', async () => {
    const ids: string[] = [];
    const start = () => Machine.start(['sweep']);
    let next = start();
    const swept = async (fault?: Fault) => {
      const machine = await next;
      // Started while this one is at work: a sweep takes whatever there is, so they can't work side by side.
      next = start();
      const scene = await newScene(desk, cast);
      const { c, candidate, conversationId, leave } = scene;
      ids.push(conversationId);
      const before = await readHistory(desk, candidate, conversationId);
      await closeUnfinished(scene);
      await makeDue([conversationId]);
      machine.fault = fault;
      const result = await machine.carry('sweep', {});
      if (fault) await expectDeath(machine, result, fault);
      await machine.stop();
      await expectNothingExpiresEarly(conversationId);
      await sweepNow(system, [conversationId]);
      await c.next('CONVERSATION_CLOSED');
      await expectArchived(desk, candidate, conversationId, before);
      leave();
      return machine.commands;
    };
    try {
      for (const fault of everyStep(await swept())) {
        await swept(fault).catch((cause: unknown) => {
          throw new Error(`at ${JSON.stringify(fault)}: ${cause}`, { cause });
        });
      }
    } finally {
      await (await next).stop();
    }
    await expectExpired(ids);
    for (const id of ids) await expectWhole(desk, cast.candidate, id);
  });
});

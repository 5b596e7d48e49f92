import { randomBytes } from 'node:crypto';
import { databaseUri } from '../../../local/mongod.ts';
import { type InProcess, startDesk } from '../../support/inProcess.ts';
import { Machine } from '../../support/machine.ts';
import type { Desk, Person } from '../../support/system.ts';
import { Announced } from '../historyChecker/announced.ts';
import { type Invocation, installGates } from '../historyChecker/disturbance.ts';
import type { PlayerName } from './scenario.ts';
import { DeskWitness } from './witness.ts';

export type Players = Record<PlayerName, Person>;

/** What may run on any machine. */
const ANYWHERE = ['conversations', 'users', 'desk', 'websocket', 'dispatch'];

/** Where a desk is played: a database, a gateway, and three machines, of which this process is one. */
export interface World {
  readonly system: InProcess;
  readonly desk: Desk;
  readonly witness: DeskWitness;
  readonly players: Players;
  /** Announces an invocation, to be recognized by its key. One to be disturbed runs here. */
  expect(invocation: Invocation): void;
  /** The `$disconnect` of this connection gets lost. */
  loseDisconnect(connectionId: string): void;
  /** Runs a function on a machine. */
  carry(file: string, event: unknown, machine?: 'here'): Promise<unknown>;
  /** Says how to choose: the number of the machine, and what befalls the dispatcher when it is called next. */
  choose(choices: Choices | undefined): void;
  stop(): Promise<void>;
}

export interface Choices {
  machine(): number;
  dispatch(): Invocation | undefined;
}

export async function startWorld(): Promise<World> {
  installGates();
  const announced = new Announced();
  const database = `test_desk_${randomBytes(6).toString('hex')}`;
  const { system, desk } = await startDesk({
    ACCESS_TOKEN_TTL_SECONDS: '86400',
    MAX_CONNECTIONS_PER_USER: '1000',
    MONGODB_POOL_SIZE: '40',
    MONGODB_URI: databaseUri(process.env['TEST_MONGODB_URI'] ?? '', database),
  });
  system.gateway.keepsPosts = false;
  const here = system.carrier;
  const others = Promise.all([Machine.start(ANYWHERE), Machine.start(ANYWHERE)]);
  const players = await makePlayers(desk);
  const machines = await others;
  const carriers = [here, ...machines.map(({ carry }) => carry)];
  let choices: Choices | undefined;
  const carry: World['carry'] = (file, event, machine) => {
    const chosen = machine === 'here' || !ANYWHERE.includes(file) ? 0 : (choices?.machine() ?? 0);
    return (carriers[chosen % carriers.length] ?? here)(file, event);
  };
  system.carrier = (file, raw) => {
    if (file === 'dispatch') {
      const killed = choices?.dispatch();
      if (!killed) return carry(file, raw);
      return killed.run<unknown>(
        () => carry(file, raw, 'here'),
        () => undefined,
      );
    }
    return announced.carry(raw, (invocation) => carry(file, raw, invocation?.disturbance && 'here'));
  };
  const witness = await DeskWitness.start(system.databaseUri);
  return {
    system,
    desk,
    witness,
    players,
    expect: (invocation) => announced.expect(invocation),
    loseDisconnect: (connectionId) => announced.loseDisconnect(connectionId),
    carry,
    choose: (wanted) => {
      choices = wanted;
    },
    stop: async () => {
      await system.gateway.idle();
      await Machine.stopAll();
      await witness.stop();
      await system.stop();
    },
  };
}

async function makePlayers(desk: Desk): Promise<Players> {
  const candidate = await desk.candidate();
  const supervisor1 = await desk.supervisor();
  const supervisor2 = await desk.supervisor();
  return {
    admin: desk.admin,
    candidate,
    supervisor1,
    supervisor2,
    agent1: await desk.agent(supervisor1),
    agent2: await desk.agent(supervisor1),
    agent3: await desk.agent(supervisor2),
    agent4: await desk.agent(supervisor2),
  };
}

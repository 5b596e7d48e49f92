import { randomBytes } from 'node:crypto';
import { databaseUri } from '../../../local/mongod.ts';
import { type InProcess, startDesk } from '../../support/inProcess.ts';
import type { Desk, Person } from '../../support/system.ts';
import { Announced } from './announced.ts';
import { type Invocation, installGates } from './disturbance.ts';
import type { RoleName } from './scenario.ts';
import { Witness } from './witness.ts';

export type Players = Readonly<Record<RoleName, Person>>;

/** Where the scenarios of a file are played: one process, one database, one gateway. */
export interface World {
  readonly system: InProcess;
  readonly witness: Witness;
  /** Announces an invocation, to be recognized by its key. */
  expect(invocation: Invocation): void;
  /** The `$disconnect` of this connection gets lost. */
  loseDisconnect(connectionId: string): void;
  /** Seven people of their own, for scenarios played at the same time must not see each other's frames. */
  players(): Promise<Players>;
  stop(): Promise<void>;
}

export async function startWorld(): Promise<World> {
  installGates();
  const announced = new Announced();
  const database = `test_history_${randomBytes(6).toString('hex')}`;
  const { system, desk } = await startDesk({
    ACCESS_TOKEN_TTL_SECONDS: '86400',
    MAX_CONNECTIONS_PER_USER: '1000',
    MONGODB_POOL_SIZE: '40',
    // After a fault the driver looks again at once, not after half a second: it would only cost time.
    MONGODB_URI: `${databaseUri(process.env['TEST_MONGODB_URI'] ?? '', database)}&minHeartbeatFrequencyMS=5&heartbeatFrequencyMS=500&serverMonitoringMode=poll`,
  });
  const carrier = system.carrier;
  system.carrier = (file, raw) => announced.carry(raw, () => carrier(file, raw));
  const witness = await Witness.start(system.databaseUri);
  return {
    system,
    witness,
    expect: (invocation) => announced.expect(invocation),
    loseDisconnect: (connectionId) => announced.loseDisconnect(connectionId),
    players: () => players(desk),
    stop: async () => {
      await system.gateway.idle();
      await witness.stop();
      await system.stop();
    },
  };
}

/** One after the other: a password is expensive to hash, and a busy machine would run into the deadline. */
async function players(desk: Desk): Promise<Players> {
  const candidate = await desk.candidate();
  const stranger = await desk.candidate();
  const supervisor1 = await desk.supervisor();
  const supervisor2 = await desk.supervisor();
  const agent1 = await desk.agent(supervisor1);
  const agent2 = await desk.agent(supervisor1);
  const agent3 = await desk.agent(supervisor2);
  return { candidate, stranger, supervisor1, supervisor2, agent1, agent2, agent3 };
}

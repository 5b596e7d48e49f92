import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { databaseUri, startMongod } from '../../local/mongod.ts';
import type { Mongod } from '../../local/mongodProcess.ts';
import { portToKeep } from './ports.ts';
import { startReplicaSet } from './replicaSet.ts';

type Parameters = Readonly<Record<string, string | number | boolean>>;

const TTL_EVERY_SECOND: Parameters = { ttlMonitorSleepSecs: 1, enableTestCommands: true };

/** A mongod of a test's own, to be maltreated. */
export interface OwnMongod {
  /** With a database named. */
  readonly uri: string;
  readonly pid: number;
  /** Pulls its plug. */
  kill(): Promise<void>;
  /** Starts it again, on its data, where it was. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  remove(): Promise<void>;
}

export async function startOwnMongod(parameters: Parameters = {}): Promise<OwnMongod> {
  const dbPath = await mkdtemp(join(tmpdir(), 'live-support-fault-'));
  const setParameters = { ...TTL_EVERY_SECOND, ...parameters };
  const port = await portToKeep();
  let mongod: Mongod = await startMongod({ dbPath, port, setParameters });
  const { uri } = mongod;
  return {
    uri: databaseUri(uri, 'faults'),
    get pid() {
      return mongod.pid;
    },
    kill: () => mongod.kill(),
    restart: async () => {
      mongod = await startMongod({ dbPath, port, setParameters });
    },
    remove: async () => {
      await mongod.stop('SIGKILL');
      await rm(dbPath, { recursive: true, force: true });
    },
  };
}

/** Three members, so that one of them can take over. */
export async function startOwnReplicaSet(): Promise<{ uri: string; remove(): Promise<void> }> {
  const dbPath = await mkdtemp(join(tmpdir(), 'live-support-fault-'));
  const { uri, members } = await startReplicaSet({ dbPath, setParameters: TTL_EVERY_SECOND });
  return {
    uri: databaseUri(uri, 'faults'),
    remove: async () => {
      await Promise.all(members.map((member) => member.stop('SIGKILL')));
      await rm(dbPath, { recursive: true, force: true });
    },
  };
}

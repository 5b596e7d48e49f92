import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startMongod } from '../../local/mongod.ts';

/**
 * One mongod for all tests, each file in a database of its own: TTL monitor every second, fail points allowed.
 * `TEST_MONGODB_URI` names another server instead (a replica set).
 */
export default async function globalSetup(): Promise<void> {
  if (process.env['TEST_MONGODB_URI']) return;
  const dbPath = await mkdtemp(join(tmpdir(), 'live-support-test-'));
  const mongod = await startMongod({
    dbPath,
    setParameters: { ttlMonitorSleepSecs: 1, enableTestCommands: true },
    log: (line) => console.log(line),
  });
  process.env['TEST_MONGODB_URI'] = mongod.uri;
  Object.assign(globalThis, {
    stopTestDatabase: async () => {
      await mongod.stop();
      await rm(dbPath, { recursive: true, force: true });
    },
  });
}

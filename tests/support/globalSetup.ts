import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startMongod } from '../../local/mongod.ts';
import { bundleMongoose } from './mongooseBundle.ts';
import { makeScratch } from './scratch.ts';

/**
 * One mongod for all tests, each file in a database that no other uses meanwhile: TTL monitor every second, fail points allowed, and a dropped
 * database's tables gone with the next checkpoint, for mongod looks after thousands of them otherwise.
 * `TEST_MONGODB_URI` names another server instead (a replica set).
 */
export default async function globalSetup(): Promise<void> {
  const [scratch] = await Promise.all([makeScratch(), bundleMongoose()]);
  // What the tests themselves, and the processes they start, take for the system's folder of temporary files.
  process.env['TMPDIR'] = scratch.path;
  const ends = [() => scratch.remove()];
  if (!process.env['TEST_MONGODB_URI']) {
    const dbPath = join(scratch.path, 'mongod');
    await mkdir(dbPath);
    const mongod = await startMongod({
      dbPath,
      setParameters: { ttlMonitorSleepSecs: 1, enableTestCommands: true, minSnapshotHistoryWindowInSeconds: 0 },
      log: (line) => console.log(line),
    });
    process.env['TEST_MONGODB_URI'] = mongod.uri;
    process.env['SPARE_DATABASES'] = join(scratch.path, 'spare');
    ends.unshift(() => mongod.stop());
  }
  Object.assign(globalThis, {
    endTests: async () => {
      for (const end of ends) await end();
    },
  });
}

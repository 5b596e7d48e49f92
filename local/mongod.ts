import { launch, type Mongod, type MongodOptions } from './mongodProcess.ts';
import { joinOwnSet, withDirectConnection } from './replicaSet.ts';

/** Puts the name of a database into a server's address: `mongodb://…/shop?replicaSet=rs0`. */
export function databaseUri(uri: string, database: string): string {
  return uri.replace(/^(mongodb(?:\+srv)?:\/\/[^/?]+)\/?[^?]*/, `$1/${database}`);
}

/**
 * Runs a mongod as the primary of a replica set of its own, so that transactions work. A data folder that belongs to a
 * set rejoins it. Ctrl-C in the terminal doesn't reach the mongod, because functions still at work need it. It ends
 * when told to, or when this process is gone in any way. Throws `LocalError`.
 */
export async function startMongod(options: MongodOptions): Promise<Mongod> {
  const replSet = options.replSet ?? 'rs0';
  const mongod = await launch(options, replSet);
  try {
    await withDirectConnection(mongod, (admin) => joinOwnSet(admin, mongod, replSet, options.signal));
    return mongod;
  } catch (error) {
    await mongod.stop();
    throw error;
  }
}

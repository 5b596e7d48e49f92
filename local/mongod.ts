import { launch, type Mongod, type MongodOptions } from './mongodProcess.ts';
import { joinOwnSet, withDirectConnection } from './replicaSet.ts';

/** The same server, with a database named: `mongodb://…/shop?replicaSet=rs0`. */
export function databaseUri(uri: string, database: string): string {
  return uri.replace(/^(mongodb(?:\+srv)?:\/\/[^/?]+)\/?[^?]*/, `$1/${database}`);
}

/**
 * Runs a mongod that is the primary of a replica set of its own (or rejoins the one its data folder belongs to), so that
 * there are transactions. It is not reached by Ctrl-C in our terminal, for functions still at work need it; it ends
 * when told to, or when this process is gone in whatever way. Throws `LocalError`.
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

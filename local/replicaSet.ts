import mongoose from 'mongoose';
import { HOST, type Mongod, until } from './mongodProcess.ts';

const { MongoClient, MongoServerError } = mongoose.mongo;
type Db = mongoose.mongo.Db;

const NOT_YET_INITIATED = 94;
/** The set was initiated while this server had another port. */
const NOT_A_MEMBER = 93;

export async function joinOwnSet(admin: Db, mongod: Mongod, replSet: string, signal?: AbortSignal): Promise<void> {
  const self = `${HOST}:${mongod.port}`;
  try {
    await admin.command({ replSetGetStatus: 1 });
  } catch (error) {
    const code = error instanceof MongoServerError ? error.code : undefined;
    if (code === NOT_YET_INITIATED) await initiate(admin, replSet, [self]);
    else if (code === NOT_A_MEMBER) await takeOver(admin, self);
    else throw error;
  }
  await settled(admin, mongod, signal);
}

export async function initiate(admin: Db, replSet: string, hosts: readonly string[]): Promise<void> {
  await admin.command({
    replSetInitiate: {
      _id: replSet,
      members: hosts.map((host, index) => ({ _id: index, host })),
      settings: { electionTimeoutMillis: 2000, heartbeatIntervalMillis: 500 },
    },
  });
}

/** Makes this server the only member, under its new port. */
async function takeOver(admin: Db, host: string): Promise<void> {
  const { config } = await admin.command({ replSetGetConfig: 1 });
  await admin.command({
    replSetReconfig: { ...config, version: config.version + 1, members: [{ _id: 0, host }] },
    force: true,
  });
}

/** Waits until the server is the primary or, beside others, a secondary. */
export async function settled(admin: Db, mongod: Mongod, signal?: AbortSignal): Promise<void> {
  await until(`mongod on port ${mongod.port} to take its place in the replica set`, signal, async () => {
    const hello = await admin.command({ hello: 1 });
    const members: unknown = hello['hosts'];
    return (
      hello['isWritablePrimary'] === true ||
      (hello['secondary'] === true && Array.isArray(members) && members.length > 1)
    );
  });
}

export async function withDirectConnection<T>({ port }: Mongod, work: (admin: Db) => Promise<T>): Promise<T> {
  const client = new MongoClient(`mongodb://${HOST}:${port}/`, {
    directConnection: true,
    serverSelectionTimeoutMS: 10_000,
    maxPoolSize: 1,
  });
  try {
    return await work(client.db('admin'));
  } finally {
    await client.close();
  }
}

import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import mongoose from 'mongoose';
import { databaseUri } from '../../local/mongod.ts';
import { newDatabaseUri } from './newDatabase.ts';

const { EJSON } = mongoose.mongo.BSON;

/**
 * A database is made with a hundred indexes, which costs the server and a test file more than many a test. One that a file is
 * done with is emptied, and serves the next one: a file in `SPARE_DATABASES` names it and says what was in it when it was new.
 */
interface Fresh {
  readonly documents: Readonly<Record<string, readonly mongoose.mongo.Document[]>>;
  readonly indexes: number;
}

/** More than this takes longer to delete than a database to make. */
const MOST_OBJECTS = 3_000;
/** A transaction of somebody who was killed may be in the way for a minute. */
const PATIENCE_MS = 5_000;

export interface TestDatabase {
  readonly uri: string;
  /** Whether it is migrated already. If not, `migrated` says that it is now. */
  readonly isReady: boolean;
  migrated(): Promise<void>;
  /** Nobody uses it any more: the next one may, or it is dropped. */
  release(): Promise<void>;
}

/** A database that nobody else uses meanwhile, with nothing in it. */
export async function takeDatabase(): Promise<TestDatabase> {
  const folder = process.env['SPARE_DATABASES'];
  const spare = folder === undefined ? undefined : await takeSpare(folder);
  const uri = spare ? databaseUri(process.env['TEST_MONGODB_URI'] ?? '', spare.name) : newDatabaseUri();
  let fresh = spare?.fresh;
  return {
    uri,
    isReady: fresh !== undefined,
    migrated: async () => {
      if (folder !== undefined) fresh = await lookAt(mongoose.connection.db as mongoose.mongo.Db);
    },
    release: async () => {
      const client = await mongoose.mongo.MongoClient.connect(uri);
      try {
        const database = client.db();
        const isEmptied = fresh !== undefined && (await empty(database, fresh).catch(() => false));
        if (isEmptied && folder !== undefined) {
          await writeFile(join(folder, database.databaseName), EJSON.stringify(fresh));
        } else await database.dropDatabase();
      } finally {
        await client.close();
      }
    },
  };
}

/** Of those who look at the same time one gets it. */
async function takeSpare(folder: string): Promise<{ name: string; fresh: Fresh } | undefined> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) {
    const taken = join(folder, '..', `taken-${name}`);
    try {
      await rename(join(folder, name), taken);
    } catch {
      continue;
    }
    const fresh = EJSON.parse(await readFile(taken, 'utf8')) as Fresh;
    await rm(taken);
    return { name, fresh };
  }
  return undefined;
}

async function lookAt(database: mongoose.mongo.Db): Promise<Fresh> {
  const { indexes } = await database.stats();
  const names = (await database.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name);
  const found = names.map(async (name) => [name, await database.collection(name).find().toArray()] as const);
  return { documents: Object.fromEntries(await Promise.all(found)), indexes: Number(indexes) };
}

/** Makes it as it was, and says whether it could. */
async function empty(database: mongoose.mongo.Db, { documents, indexes }: Fresh): Promise<boolean> {
  const stats = await database.stats();
  const collections = Object.entries(documents);
  const isAsItWas = Number(stats['indexes']) === indexes && Number(stats['collections']) === collections.length;
  if (!isAsItWas || Number(stats['objects']) > MOST_OBJECTS) return false;
  await Promise.all(
    collections.map(async ([name, initial]) => {
      const collection = database.collection(name);
      await collection.deleteMany({}, { maxTimeMS: PATIENCE_MS });
      if (initial.length > 0) await collection.insertMany([...initial]);
    }),
  );
  return true;
}

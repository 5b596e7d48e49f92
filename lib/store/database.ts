import mongoose from 'mongoose';
import { config } from '../runtime/config.ts';
import { commandEnds, DeadlineExceeded, operationMs } from '../runtime/deadline.ts';
import { mongodbUri } from '../runtime/secrets.ts';
import { SingleFlight } from '../runtime/singleFlight.ts';
import { makeModels } from './model.ts';

/** The longest to wait for a primary, or for a socket to say something. The command's own limit is `deadline.ts`'s. */
const PATIENCE_MS = 4_000;
/** The longest to wait for a word from the server: longer than it may work at one operation. */
const SILENCE_MS = 10_000;

const connecting = new SingleFlight<void>();
let isConnected = false;

/**
 * Connects once per process. A failed attempt is not kept: the next call tries again. `silenceMs` is the longest an
 * operation may go without a word from the server; 0 is for ever, for building an index.
 */
export async function connect(silenceMs = SILENCE_MS): Promise<void> {
  if (!isConnected) await connecting.run(() => open(silenceMs));
}

async function open(silenceMs: number): Promise<void> {
  // Nothing else is to be done while the address is on its way.
  const uri = await mongodbUri(makeModels);
  await mongoose.connect(uri, {
    autoCreate: false,
    autoIndex: false,
    bufferCommands: false,
    maxPoolSize: config().MONGODB_POOL_SIZE,
    // A Lambda sleeps between invocations: sockets that idled are closed by the other side without our noticing.
    maxIdleTimeMS: 60_000,
    serverSelectionTimeoutMS: PATIENCE_MS,
    connectTimeoutMS: PATIENCE_MS,
    waitQueueTimeoutMS: PATIENCE_MS,
    socketTimeoutMS: silenceMs,
    // Acknowledged means durable, and nobody is shown what a failover could still roll back.
    writeConcern: { w: 'majority' },
    readConcernLevel: 'majority',
    readPreference: 'primary',
  });
  isConnected = true;
}

/**
 * Begins connecting while the function's code is being loaded, which AWS runs at full speed; the first request then finds
 * the connection made, or on its way. A failure shows itself when a request needs it.
 */
export function connectAhead(): void {
  connect().catch(() => undefined);
}

export async function disconnect(): Promise<void> {
  // It waits for a connect that is under way, which then notes that it has connected.
  await mongoose.disconnect();
  isConnected = false;
}

export type Transaction = mongoose.mongo.ClientSession;

/** Another transaction has written first what this one was to write. */
class Overtaken extends Error {
  override readonly name = 'Overtaken';
}

const WRITE_CONFLICT = 112;

function overtaken(error: unknown): never {
  const isConflict = error instanceof mongoose.mongo.MongoServerError && error.code === WRITE_CONFLICT;
  throw isConflict ? new Overtaken(undefined, { cause: error }) : error;
}

/** A transaction takes about half as many times as long as it takes to find out that another one is under way. */
const TIMES_AS_LONG = 8;
const LONGEST_PAUSE_MS = 250;

/**
 * Lets another one go first, for as long as it needs, by how fast the database is just now. The driver's own pause only
 * knows how often it has waited: 36 at one document made twice as many attempts, and took half as long again.
 */
async function letOthersGo(tookMs: number): Promise<void> {
  const pause = Math.random() * Math.min(LONGEST_PAUSE_MS, tookMs * TIMES_AS_LONG);
  await new Promise((resolve) => setTimeout(resolve, pause));
}

/**
 * Runs `work` in a transaction and commits it to a majority. `work` is run again, from the start, when the transaction
 * lost to another one or the primary changed; it must not touch anything but the database. What many write at once is
 * best written first: who has to wait then has done nothing in vain.
 */
export async function transaction<T>(work: (session: Transaction) => Promise<T>): Promise<T> {
  const end = commandEnds();
  const inTime = () => {
    if (Date.now() > end) throw new DeadlineExceeded();
  };
  const attempt = (session: Transaction) =>
    session.withTransaction(
      async () => {
        // The driver would go on for two minutes, long after the caller was told to try again …
        inTime();
        const result = await work(session).catch(overtaken);
        // … and what they were told has failed must not be done after all.
        inTime();
        return result;
      },
      {
        readConcern: { level: 'majority' },
        writeConcern: { w: 'majority' },
        readPreference: 'primary',
        // Read at each attempt. The operations have their own limit each.
        get maxCommitTimeMS() {
          return operationMs() ?? 0;
        },
      },
    );
  return mongoose.connection.getClient().withSession(async (session) => {
    for (;;) {
      const begun = performance.now();
      try {
        return await attempt(session);
      } catch (error) {
        if (!(error instanceof Overtaken)) throw error;
        await letOthersGo(performance.now() - begun);
      }
    }
  });
}

/** Sends the database a ping, connecting first if need be. Throws when the database can't be reached. */
export async function ping(): Promise<void> {
  await connect();
  await mongoose.connection.db?.command({ ping: 1, maxTimeMS: operationMs() });
}

const INDEX_NOT_FOUND = 27;

/** For migrations: drops an index of an earlier release, if it is there. */
export async function dropIndex(
  collection: { dropIndex(name: string): Promise<unknown> },
  name: string,
): Promise<void> {
  await collection.dropIndex(name).catch((error: unknown) => {
    if (!(error instanceof mongoose.mongo.MongoServerError) || error.code !== INDEX_NOT_FOUND) throw error;
  });
}

/**
 * How long a majority may take to have what the primary has. A unique index refuses the second of two writes as soon as
 * the primary has the first, which a failover could still take back: an answer that rests on it waits for the majority.
 */
export const DURABLE_MS = 3_000;

/** A collection as the driver has it, for who needs no model of it. */
export function collectionOf<T extends { _id: string }>(name: string): mongoose.mongo.Collection<T> {
  const { db } = mongoose.connection;
  if (!db) throw new Error('not connected');
  return db.collection<T>(name);
}

const DUPLICATE_KEY = 11_000;

/** Whether a unique index refused the write. With `fields`: whether that index has all of them in its key. */
export function isDuplicateKey(error: unknown, ...fields: string[]): boolean {
  if (!(error instanceof mongoose.mongo.MongoServerError) || error.code !== DUPLICATE_KEY) return false;
  const key: unknown = error['keyPattern'];
  return fields.length === 0 || (typeof key === 'object' && key !== null && fields.every((field) => field in key));
}

/**
 * Marks a filter built here, not by a client, as one that may hold operators: with `sanitizeFilter` mongoose takes any
 * other object in a filter for a value. The mark is looked for on every operator object, so each one gets it.
 */
export function trusted<T extends object>(filter: T): T {
  for (const value of Array.isArray(filter) ? filter : Object.values(filter)) {
    if (Array.isArray(value) || isPlainObject(value)) trusted(value);
  }
  return Array.isArray(filter) ? filter : mongoose.trusted(filter);
}

const isPlainObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

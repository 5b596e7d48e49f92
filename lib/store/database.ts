import mongoose from 'mongoose';
import { config } from '../runtime/config.ts';
import { commandEnds, DeadlineExceeded, operationMs } from '../runtime/deadline.ts';
import { mongodbUri } from '../runtime/secrets.ts';
import { SingleFlight } from '../runtime/singleFlight.ts';
import { makeModels } from './model.ts';

/** The longest wait for a primary, or for a socket to connect. The limit of a command is in `deadline.ts`. */
const PATIENCE_MS = 4_000;
/** The longest wait for a word from the server: longer than the server may work at one operation. */
const SILENCE_MS = 10_000;

const connecting = new SingleFlight<void>();
let isConnected = false;

/**
 * Connects once per process. A failed attempt is not kept: the next call tries again. `silenceMs` is the longest that
 * an operation may go without a word from the server; 0 means for ever, for building an index.
 */
export async function connect(silenceMs = SILENCE_MS): Promise<void> {
  if (!isConnected) await connecting.run(() => open(silenceMs));
}

async function open(silenceMs: number): Promise<void> {
  // Make the models while the address is on its way.
  const uri = await mongodbUri(makeModels);
  await mongoose.connect(uri, {
    autoCreate: false,
    autoIndex: false,
    bufferCommands: false,
    maxPoolSize: config().MONGODB_POOL_SIZE,
    // A Lambda is frozen between invocations: the other side closes idle sockets, and nobody here notices.
    maxIdleTimeMS: 60_000,
    serverSelectionTimeoutMS: PATIENCE_MS,
    connectTimeoutMS: PATIENCE_MS,
    waitQueueTimeoutMS: PATIENCE_MS,
    socketTimeoutMS: silenceMs,
    // Acknowledged means durable, and no reader sees data that a failover could still roll back.
    writeConcern: { w: 'majority' },
    readConcernLevel: 'majority',
    readPreference: 'primary',
  });
  isConnected = true;
}

/**
 * Begins to connect while the function's code is loading, which AWS runs at full speed. The first request then finds
 * the connection made, or on its way. A failure shows when a request needs the connection.
 */
export function connectAhead(): void {
  connect().catch(() => undefined);
}

export async function disconnect(): Promise<void> {
  // This waits for a connect that is under way, which then notes that it has connected.
  await mongoose.disconnect();
  isConnected = false;
}

export type Transaction = mongoose.mongo.ClientSession;

/** Another transaction has first written a document that this one was to write. */
class Overtaken extends Error {
  override readonly name = 'Overtaken';
}

const WRITE_CONFLICT = 112;

function overtaken(error: unknown): never {
  const isConflict = error instanceof mongoose.mongo.MongoServerError && error.code === WRITE_CONFLICT;
  throw isConflict ? new Overtaken(undefined, { cause: error }) : error;
}

/**
 * How many times longer a transaction takes than finding out that another one is under way; doubled, because the pause
 * is random.
 */
const TIMES_AS_LONG = 8;
const LONGEST_PAUSE_MS = 250;

/**
 * Lets another transaction go first, for as long as it needs at the database's present speed. The driver's own pause
 * grows with every wait instead. With it, 36 transactions at one document made twice as many attempts and took half as
 * long again.
 */
async function letOthersGo(tookMs: number): Promise<void> {
  const pause = Math.random() * Math.min(LONGEST_PAUSE_MS, tookMs * TIMES_AS_LONG);
  await new Promise((resolve) => setTimeout(resolve, pause));
}

/**
 * Runs `work` in a transaction and commits it to a majority. When the transaction loses to another one, or the primary
 * changes, `work` runs again from the start, so it must touch nothing but the database. Write a contended document
 * first: a transaction that has to wait has then done nothing in vain.
 */
export async function transaction<T>(work: (session: Transaction) => Promise<T>): Promise<T> {
  const end = commandEnds();
  const inTime = () => {
    if (Date.now() > end) throw new DeadlineExceeded();
  };
  const attempt = (session: Transaction) =>
    session.withTransaction(
      async () => {
        // The driver would go on for two minutes, long after the caller was answered `UNAVAILABLE` …
        inTime();
        const result = await work(session).catch(overtaken);
        // … and what the caller was told has failed must not happen after all.
        inTime();
        return result;
      },
      {
        readConcern: { level: 'majority' },
        writeConcern: { w: 'majority' },
        readPreference: 'primary',
        // Read at each attempt. Each operation has its own limit.
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

/** For migrations: drops an index of an earlier release, if it exists. */
export async function dropIndex(
  collection: { dropIndex(name: string): Promise<unknown> },
  name: string,
): Promise<void> {
  await collection.dropIndex(name).catch((error: unknown) => {
    if (!(error instanceof mongoose.mongo.MongoServerError) || error.code !== INDEX_NOT_FOUND) throw error;
  });
}

/**
 * How long a majority may take to have a write that the primary has. A unique index refuses the second of two writes as
 * soon as the primary has the first, and a failover could still take that one back. So an answer about the first write
 * waits for the majority.
 */
export const DURABLE_MS = 3_000;

/** Returns a collection of the driver, for code that needs no model. */
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
 * Marks a filter that the code builds, not a client, as one that may have operators. With `sanitizeFilter` mongoose
 * takes any other object in a filter for a value. mongoose looks for the mark on every operator object, so each gets
 * one.
 */
export function trusted<T extends object>(filter: T): T {
  for (const value of Array.isArray(filter) ? filter : Object.values(filter)) {
    if (Array.isArray(value) || isPlainObject(value)) trusted(value);
  }
  return Array.isArray(filter) ? filter : mongoose.trusted(filter);
}

const isPlainObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

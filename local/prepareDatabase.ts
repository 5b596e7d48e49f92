import mongoose from 'mongoose';
import { hashPassword } from '../lib/auth/passwords.ts';
import { ConfigError, resetConfig } from '../lib/runtime/config.ts';
import { withoutDeadline } from '../lib/runtime/deadline.ts';
import { NO_DATABASE, namesDatabase } from '../lib/runtime/secrets.ts';
import { connect, disconnect, transaction } from '../lib/store/database.ts';
import { newId } from '../lib/store/ids.ts';
import { migrate } from '../lib/store/migrations.ts';
import { countUsers, findCredentialsByEmail, userModel, userRecord } from '../lib/store/users.ts';
import { DEMO_PASSWORD, demoPeople } from './demoPeople.ts';
import { LocalError } from './localError.ts';

const { MongoClient } = mongoose.mongo;

/**
 * Whether to make the demo people in an empty database. The embedded database (`isOurs`) gets them unless `DEMO_PEOPLE`
 * is `off`. A database that `MONGODB_URI` names gets them only with `on` and on stage `local`, because everybody knows
 * their password. Throws `LocalError`.
 */
export function wantsDemoPeople(isOurs: boolean): boolean {
  const given = process.env['DEMO_PEOPLE'] || (isOurs ? 'on' : 'off');
  if (given !== 'on' && given !== 'off') throw new LocalError('DEMO_PEOPLE must be on or off');
  if (given === 'on' && !isOurs && (process.env['STAGE'] || 'local') !== 'local') {
    throw new LocalError('DEMO_PEOPLE: demo people are made on stage local only');
  }
  return given === 'on';
}

/**
 * Migrates the database, and makes the demo people where they are wanted and nobody exists yet. Expects `MONGODB_URI`
 * in the environment. Returns whether the demo people are there.
 */
export async function prepareDatabase(demoPeopleWanted: boolean): Promise<boolean> {
  try {
    // The server says nothing while it builds an index on a large collection.
    await connect(0);
    await withoutDeadline((await countUsers()) === 0 ? () => quietly(migrate) : migrate);
    if (demoPeopleWanted && (await countUsers()) === 0) await insertDemoPeople();
    return (await findCredentialsByEmail(demoPeople[0]?.email ?? '')) !== null;
  } catch (error) {
    if (error instanceof ConfigError) throw new LocalError(error.message);
    throw error;
  } finally {
    await disconnect();
  }
}

/**
 * Runs `work` with only warnings in the log: a new database has nothing to migrate, so its progress interests nobody.
 */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const given = process.env['LOG_LEVEL'];
  process.env['LOG_LEVEL'] = given || 'warn';
  resetConfig();
  try {
    return await work();
  } finally {
    if (given === undefined) delete process.env['LOG_LEVEL'];
    else process.env['LOG_LEVEL'] = given;
    resetConfig();
  }
}

async function insertDemoPeople(): Promise<void> {
  const passwordHash = await hashPassword(DEMO_PASSWORD);
  const ids = new Map<string, string>();
  const routed = new Set<string>();
  const records = demoPeople.map(({ under, ...person }) => {
    const supervisorId = under === undefined ? null : (ids.get(under) ?? null);
    const automatic = under !== undefined && routed.has(under);
    if (person.routing?.mode === 'automatic') routed.add(person.email);
    const record = userRecord({ ...person, id: newId(), supervisorId, passwordHash, ...(automatic && { automatic }) });
    ids.set(person.email, record._id);
    return record;
  });
  // All of them or none: if anybody exists, the next start adds nobody.
  await transaction(async (session) => void (await userModel().insertMany(records, { session })));
}

/**
 * Throws a `LocalError` unless there is a database at `uri` that has transactions. The error never repeats the
 * credentials in `uri`.
 */
export async function checkDatabase(uri: string): Promise<void> {
  const client = open(uri);
  if (!namesDatabase(uri)) throw new LocalError(NO_DATABASE);
  try {
    const hello = await client.db('admin').command({ hello: 1 });
    if (hello['setName'] === undefined && hello['msg'] !== 'isdbgrid') {
      throw new LocalError(
        'MONGODB_URI: that is a standalone server, and transactions need a replica set: ' +
          'start it with --replSet rs0 and run rs.initiate() once, or unset MONGODB_URI to use the embedded one',
      );
    }
  } catch (error) {
    if (error instanceof LocalError) throw error;
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new LocalError(
      `MONGODB_URI: the database does not answer (${reason}): check the address, or unset it to use the embedded one`,
    );
  } finally {
    await client.close();
  }
}

function open(uri: string): mongoose.mongo.MongoClient {
  try {
    return new MongoClient(uri, { serverSelectionTimeoutMS: 5000, connectTimeoutMS: 5000 });
  } catch (error) {
    // The driver's message about a malformed address may quote the address.
    throw new LocalError(
      `MONGODB_URI: not an address of MongoDB (${error instanceof Error ? error.name : 'unreadable'})`,
    );
  }
}

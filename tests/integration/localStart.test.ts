import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mongoose from 'mongoose';
import { demoPeople } from '../../local/demoPeople.ts';
import { databaseUri } from '../../local/mongod.ts';
import { prepareDatabase } from '../../local/prepareDatabase.ts';
import { localSigningKeys } from '../../local/signingKeys.ts';

/** What a start that was ended in the middle leaves to the next one. */

const DATABASE = `test_${randomBytes(6).toString('hex')}`;
const SERVER = process.env['TEST_MONGODB_URI'] ?? '';
const before = { ...process.env };
let outside: mongoose.mongo.MongoClient;
beforeAll(() => {
  outside = new mongoose.mongo.MongoClient(databaseUri(SERVER, DATABASE));
  process.env['MONGODB_URI'] = `${databaseUri(SERVER, DATABASE)}&appName=${DATABASE}`;
});
afterAll(async () => {
  process.env = before;
  await outside.db().dropDatabase();
  await outside.close();
});

it('the demo people are all there, or none of them', async () => {
  const users = outside.db().collection('users');
  const failPoint = { configureFailPoint: 'failCommand' };
  const data = { failCommands: ['insert'], appName: DATABASE, errorCode: 8_000 };
  for (const skip of [1, 0]) {
    await outside.db('admin').command({ ...failPoint, mode: { skip }, data });
    await prepareDatabase(true).catch(() => undefined);
    await outside.db('admin').command({ ...failPoint, mode: 'off' });
    expect([0, demoPeople.length]).toContain(await users.countDocuments({}));
  }
  await prepareDatabase(true);
  expect(await users.distinct('email')).toEqual(demoPeople.map(({ email }) => email).toSorted());
});

it('the signing keys are whole, or made anew', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'live-support-keys-'));
  try {
    const path = join(folder, 'jwt-keys');
    await writeFile(path, '');
    const keys = await localSigningKeys(path);
    expect(keys).toMatch(/^local:[\w-]{43}$/);
    expect(await localSigningKeys(path)).toBe(keys);
    expect((await readFile(path, 'utf8')).trim()).toBe(keys);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

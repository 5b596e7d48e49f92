import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mongoose from 'mongoose';
import { verifyIdentityToken } from '../../lib/auth/identityTokens.ts';
import { demoPeople } from '../../local/demoPeople.ts';
import { identityToken } from '../../local/identityToken.ts';
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

describe('npm run identity:token', () => {
  let folder: string;
  const given = { ...process.env };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'live-support-keys-'));
    process.env['LOCAL_DIR'] = folder;
    delete process.env['JWT_KEYS'];
    delete process.env['IDENTITY_KEYS'];
  });
  afterEach(async () => {
    process.env = { ...given };
    await rm(folder, { recursive: true, force: true });
  });

  it('makes a token that the service takes, with the key that npm start takes', async () => {
    const token = await identityToken([
      '--sub',
      '42',
      '--name',
      'Ada',
      '--email',
      'ada@example.com',
      '--expires-in',
      '3600',
    ]);
    process.env['IDENTITY_KEYS'] = await localSigningKeys(join(folder, 'identity-keys'));
    expect(await verifyIdentityToken(token)).toEqual({ sub: '42', name: 'Ada', email: 'ada@example.com' });
  });

  it('makes one with the first of the keys that are given', async () => {
    process.env['IDENTITY_KEYS'] = ['one', 'two']
      .map((kid, i) => `${kid}:${Buffer.alloc(32, i).toString('base64url')}`)
      .join();
    const token = await identityToken(['--sub', 'x']);
    expect(JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())).toMatchObject({ kid: 'one' });
    expect(await verifyIdentityToken(token)).toMatchObject({ sub: 'x' });
  });

  it.each([
    [[], '--sub is missing'],
    [['--sub', 'x', '--expires-in', '3601'], '--expires-in must be a number of seconds'],
    [['--sub', 'x', '--expires-in', 'soon'], '--expires-in must be a number of seconds'],
    [['--who', 'x'], 'identity:token -- --sub 42'],
  ])('says what is wrong: %j', async (args, complaint) => {
    await expect(identityToken(args)).rejects.toThrow(complaint);
  });
});

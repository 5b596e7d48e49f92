import mongoose from 'mongoose';
import { demoPeople } from '../../local/demoPeople.ts';
import { checkDatabase, prepareDatabase, wantsDemoPeople } from '../../local/prepareDatabase.ts';
import { newDatabaseUri } from '../support/newDatabase.ts';

/** What `npm start` does to a database, and what it refuses to. */

const before = process.env;
const given = (env: Readonly<Record<string, string>>) => {
  process.env = { ...before, STAGE: '', DEMO_PEOPLE: '', ...env };
};
afterEach(() => {
  process.env = before;
});

describe('demo people are wanted', () => {
  it.each<[string, Readonly<Record<string, string>>, boolean, boolean]>([
    ['on a database of our own', {}, true, true],
    ['on one that MONGODB_URI names, not by itself', {}, false, false],
    ['on one that MONGODB_URI names, where they are asked for', { DEMO_PEOPLE: 'on' }, false, true],
    ['nowhere, where they are not', { DEMO_PEOPLE: 'off' }, true, false],
  ])('%s', (_where, env, isOurs, wanted) => {
    given(env);
    expect(wantsDemoPeople(isOurs)).toBe(wanted);
  });

  it.each([
    ['yes', '', 'DEMO_PEOPLE must be on or off'],
    ['on', 'prod', 'DEMO_PEOPLE: demo people are made on stage local only'],
  ])('DEMO_PEOPLE=%s on stage “%s”: never', (wish, stage, complaint) => {
    given({ DEMO_PEOPLE: wish, STAGE: stage });
    expect(() => wantsDemoPeople(false)).toThrow(complaint);
  });
});

it('are made where they are wanted and there is nobody, and only there', async () => {
  const uri = newDatabaseUri();
  given({ MONGODB_URI: uri });
  const client = await mongoose.mongo.MongoClient.connect(uri);
  const users = client.db().collection<{ _id: string; name: string }>('users');
  try {
    expect(await prepareDatabase(false)).toBe(false);
    expect(await users.countDocuments()).toBe(0);
    await users.insertOne({ _id: 'somebody', name: 'Somebody' });
    expect(await prepareDatabase(true)).toBe(false);
    expect(await users.countDocuments()).toBe(1);
    await users.deleteMany({});
    expect(await prepareDatabase(true)).toBe(true);
    expect(await users.countDocuments()).toBe(demoPeople.length);
    expect(await prepareDatabase(false)).toBe(true);
  } finally {
    await client.db().dropDatabase();
    await client.close();
  }
});

it.each(['mongodb://user:secret@127.0.0.1:1/?replicaSet=rs0', 'mongodb+srv://user:secret@host.invalid'])(
  'an address that names no database is refused in one line, before anything is asked: %s',
  async (uri) => {
    await expect(checkDatabase(uri)).rejects.toMatchObject({
      name: 'LocalError',
      message: 'MONGODB_URI names no database: write one after the host, as in mongodb+srv://…/live-support',
    });
  },
);

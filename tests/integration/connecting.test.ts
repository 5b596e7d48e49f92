import mongoose from 'mongoose';
import { connect, connectAhead, disconnect, ping } from '../../lib/store/database.ts';
import { userModel } from '../../lib/store/users.ts';
import { databaseUri } from '../../local/mongod.ts';
import { eventually } from '../support/deadline.ts';
import { ParameterStore, values } from '../support/parameterStore.ts';

/** From nothing to a database that answers. */

const URI = databaseUri(process.env['TEST_MONGODB_URI'] ?? '', 'connecting');
const PARAMETER = '/test/mongodb-uri';

let store: ParameterStore;
const before = { ...process.env };

beforeAll(async () => {
  store = await ParameterStore.start();
  delete process.env['MONGODB_URI'];
  Object.assign(process.env, store.environment, { MONGODB_URI_PARAMETER: PARAMETER });
});
afterEach(() => disconnect());
afterAll(async () => {
  process.env = before;
  await store.stop();
});

it('makes the models while the address is on its way', async () => {
  expect(mongoose.modelNames()).toEqual([]);
  const made = () => eventually('the models', async () => mongoose.modelNames().includes('User'));
  store.answers = [
    (response, names) =>
      void made().then(
        () => values({ [PARAMETER]: URI })(response, names),
        () => response.destroy(),
      ),
  ];
  await connect();
  expect(await userModel().countDocuments({})).toBe(0);
});

describe('with an address that was given', () => {
  beforeEach(() => {
    process.env['MONGODB_URI'] = URI;
  });

  it('connects again after a disconnect in the middle of connecting', async () => {
    connectAhead();
    const isUnderWay = () => mongoose.connection.readyState === mongoose.ConnectionStates.connecting;
    for (let turn = 0; turn < 100 && !isUnderWay(); turn += 1) await Promise.resolve();
    expect(isUnderWay()).toBe(true);
    await disconnect();
    await connect();
    await ping();
  });

  it('tells whoever waits why it cannot, and then finds the way', async () => {
    // Nobody is there.
    process.env['MONGODB_URI'] = 'mongodb://127.0.0.1:1/connecting?replicaSet=rs0';
    connectAhead();
    const waiting = [connect(), connect()];
    process.env['MONGODB_URI'] = URI;
    const refused = {
      name: 'MongooseServerSelectionError',
      message: expect.stringContaining('ECONNREFUSED') as unknown,
    };
    for (const attempt of waiting) await expect(attempt).rejects.toMatchObject(refused);
    await connect();
    await ping();
  });
});

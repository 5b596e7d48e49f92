import { jest } from '@jest/globals';
import { identityKeys, jwtKeys, jwtKeysAhead, mongodbUri, trustedProxySecrets } from '../../lib/runtime/secrets.ts';
import { within } from '../support/deadline.ts';
import { type Answer, broken, held, json, ParameterStore, values } from '../support/parameterStore.ts';
import { tapStdout } from '../support/stdout.ts';

/** What is read from the Parameter Store when, and what becomes of it when the store fails. */

const URI = 'mongodb://db.example.com/support';
const KEYS = `a:${Buffer.alloc(32, 1).toString('base64url')}`;
const MINUTE = 60_000;

let store: ParameterStore;
/** Every test has parameters of its own: a process remembers what it has read. */
let folder = 0;
let uriPath: string;
let keysPath: string;
let both: Answer;
const before = { ...process.env };

beforeAll(async () => {
  store = await ParameterStore.start();
});

beforeEach(() => {
  folder += 1;
  uriPath = `/test/${folder}/mongodb-uri`;
  keysPath = `/test/${folder}/jwt-keys`;
  both = values({ [uriPath]: URI, [keysPath]: KEYS });
  store.asked = [];
  store.answers = [];
  delete process.env['MONGODB_URI'];
  delete process.env['JWT_KEYS'];
  Object.assign(process.env, store.environment, { MONGODB_URI_PARAMETER: uriPath, JWT_KEYS_PARAMETER: keysPath });
});

afterEach(() => jest.restoreAllMocks());
afterAll(async () => {
  process.env = before;
  await store.stop();
});

/** From now on it is so much later. */
function pass(ms: number): void {
  const now = Date.now();
  jest.spyOn(Date, 'now').mockImplementation(() => now + ms);
}

const refused = json(400, { __type: 'AccessDeniedException' });

it('reads what is asked for in one go with one request', async () => {
  store.answers = [both];
  const [uri, keys] = await Promise.all([mongodbUri(), jwtKeys()]);
  expect([uri, keys[0].kid]).toEqual([URI, 'a']);
  expect(store.names).toEqual([[uriPath, keysPath]]);
});

it('has what was read ahead of time for whoever comes while it is on its way', async () => {
  store.answers = [both];
  jwtKeysAhead();
  await store.next();
  expect((await jwtKeys())[0].kid).toBe('a');
  expect(store.names).toEqual([[keysPath]]);
});

describe('when what was read ahead of time fails', () => {
  /** Two who come so much later, and wait for a read that is then refused. */
  async function twoWaiting(ms: number): Promise<PromiseSettledResult<unknown>[]> {
    const late = held(refused);
    store.answers = [late.answer, both];
    jwtKeysAhead();
    await store.next();
    pass(ms);
    const waiting = Promise.allSettled([jwtKeys(), jwtKeys()]);
    late.release();
    return waiting;
  }

  it('those who came at once are told why, and nobody asks a second time', async () => {
    const failed = {
      status: 'rejected',
      reason: expect.objectContaining({ code: 'AccessDeniedException' }) as unknown,
    };
    expect(await twoWaiting(900)).toEqual([failed, failed]);
    expect(store.names).toEqual([[keysPath]]);
  });

  it('it is read once more for those who came after a freeze', async () => {
    const read = { status: 'fulfilled', value: [expect.objectContaining({ kid: 'a' })] };
    expect(await twoWaiting(1_000)).toEqual([read, read]);
    expect(store.names).toEqual([[keysPath], [keysPath]]);
  });
});

it('takes a value for as old as the question, however late it is met', async () => {
  const late = held(both);
  store.answers = [late.answer, values({ [keysPath]: KEYS.replace('a:', 'b:') })];
  jwtKeysAhead();
  await store.next();
  pass(5 * MINUTE);
  late.release();
  expect((await jwtKeys())[0].kid).toBe('a');
  expect((await jwtKeys())[0].kid).toBe('b');
});

it('keeps quiet about what fails ahead of time, and reads it when it is needed', async () => {
  store.answers = [refused, both];
  jwtKeysAhead();
  await expect(jwtKeys()).rejects.toMatchObject({ code: 'AccessDeniedException' });
  expect((await jwtKeys())[0].kid).toBe('a');
});

it('does other work while the address is on its way', async () => {
  const late = held(both);
  store.answers = [late.answer];
  expect(await within('the address', mongodbUri(late.release))).toBe(URI);
});

it('reads again what is five minutes old, and not before', async () => {
  store.answers = [both];
  await jwtKeys();
  pass(5 * MINUTE - 1_000);
  await jwtKeys();
  expect(store.asked).toHaveLength(1);
  store.answers = [values({ [keysPath]: KEYS.replace('a:', 'b:') })];
  pass(2_000);
  expect((await jwtKeys())[0].kid).toBe('b');
});

it('makes do with what it has while it cannot be read again', async () => {
  store.answers = [both];
  await jwtKeys();
  pass(5 * MINUTE);
  store.answers = [refused, values({}), values({ [keysPath]: '' }), both];
  const lines: string[] = [];
  const stopTapping = tapStdout((text) => lines.push(text) > 0);
  try {
    for (const _ of store.answers.slice()) expect((await jwtKeys())[0].kid).toBe('a');
  } finally {
    stopTapping();
  }
  expect(store.asked).toHaveLength(5);
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(
    Array.from({ length: 3 }, () => expect.objectContaining({ level: 'warn', parameter: keysPath })),
  );
  expect(lines.join()).not.toContain(KEYS);
});

it.each([
  ['does not exist', () => values({}), 'ConfigError', () => `Configuration: there is no parameter ${uriPath}`],
  [
    'is empty',
    () => values({ [uriPath]: '' }),
    'ConfigError',
    () => `Configuration: the parameter ${uriPath} is empty`,
  ],
  ['is not its to read', () => refused, 'ParameterStoreError', () => 'the Parameter Store: AccessDeniedException'],
])('says that a parameter %s, and asks anew the next time', async (_what, answer, name, message) => {
  store.answers = [answer(), both];
  await expect(mongodbUri()).rejects.toMatchObject({ name, message: message() });
  expect(await mongodbUri()).toBe(URI);
});

it('says that neither the secret nor where it is kept was given', async () => {
  delete process.env['MONGODB_URI_PARAMETER'];
  await expect(mongodbUri()).rejects.toMatchObject({
    name: 'ConfigError',
    message: 'Configuration: MONGODB_URI is missing, and so is MONGODB_URI_PARAMETER',
  });
});

it('asks nobody for what was given', async () => {
  process.env['MONGODB_URI'] = 'mongodb://localhost/laptop';
  store.answers = [broken];
  expect(await mongodbUri()).toBe('mongodb://localhost/laptop');
  expect(store.asked).toEqual([]);
});

it.each([
  ['mongodb://host', false],
  ['mongodb://host/', false],
  ['mongodb://user:p%2Fss@a:27017,b:27018/?replicaSet=rs0', false],
  ['mongodb+srv://host?retryWrites=true', false],
  ['mongodb+srv://host/?x=/live-support', false],
  ['mongodb://host/live-support', true],
  ['mongodb+srv://user:p%2Fss@host/live-support?retryWrites=true', true],
  ['mongodb://a:27017,b:27018/live-support?replicaSet=rs0', true],
  ['mongodb://%2Ftmp%2Fmongodb-27017.sock/live-support', true],
])('an address has to name a database: %s', async (uri, isTaken) => {
  process.env['MONGODB_URI'] = uri;
  if (isTaken) return expect(await mongodbUri()).toBe(uri);
  // Nothing of the address: it may hold a password.
  return expect(mongodbUri()).rejects.toMatchObject({
    name: 'ConfigError',
    message:
      'Configuration: MONGODB_URI names no database: write one after the host, as in mongodb+srv://…/live-support',
  });
});

describe('what a trusted proxy proves itself with', () => {
  const secret = 'a'.repeat(32);

  afterEach(() => delete process.env['TRUSTED_PROXY_SECRET']);

  it.each([
    [secret, [secret]],
    [`${secret},${secret}b`, [secret, `${secret}b`]],
    [` ${secret} , ${secret}b `, [secret, `${secret}b`]],
  ])('is one secret or several: "%s"', async (given, secrets) => {
    process.env['TRUSTED_PROXY_SECRET'] = given;
    expect(await trustedProxySecrets()).toEqual(secrets);
  });

  it.each(['short', `${secret},`, `${secret},short`, `a ${secret}`, `ä${secret}`])(
    'is refused, unsaid, where it could be guessed or is no header: "%s"',
    async (given) => {
      process.env['TRUSTED_PROXY_SECRET'] = given;
      const error = await trustedProxySecrets().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ name: 'ConfigError', message: expect.stringContaining('TRUSTED_PROXY_SECRET') });
      expect(String(error)).not.toContain(given);
    },
  );

  it('is read from its parameter', async () => {
    const path = `/test/${folder}/trusted-proxy-secret`;
    process.env['TRUSTED_PROXY_SECRET_PARAMETER'] = path;
    store.answers = [values({ [path]: secret })];
    expect(await trustedProxySecrets()).toEqual([secret]);
    expect(store.names).toEqual([[path]]);
  });
});

describe('the keys of the company', () => {
  const SITE = `s:${Buffer.alloc(32, 2).toString('base64url')}`;
  let path: string;

  beforeEach(() => {
    path = `/test/${folder}/identity-keys`;
    process.env['IDENTITY_KEYS_PARAMETER'] = path;
  });
  afterEach(() => {
    delete process.env['IDENTITY_KEYS'];
    delete process.env['IDENTITY_KEYS_PARAMETER'];
  });

  it('are read together with those of the service', async () => {
    store.answers = [values({ [keysPath]: KEYS, [path]: SITE })];
    expect((await identityKeys())?.map(({ kid }) => kid)).toEqual(['s']);
    expect(store.names.map((names) => new Set(names))).toEqual([new Set([keysPath, path])]);
  });

  it('may be missing, which is asked once in five minutes; then they may be there, or be gone again', async () => {
    const none = values({ [keysPath]: KEYS });
    store.answers = [none, values({ [keysPath]: KEYS, [path]: SITE }), none];
    expect([await identityKeys(), await identityKeys()]).toEqual([null, null]);
    expect(store.names).toHaveLength(1);
    pass(5 * MINUTE);
    expect(await identityKeys()).toHaveLength(1);
    pass(5 * MINUTE);
    expect(await identityKeys()).toBeNull();
    expect(store.names).toHaveLength(3);
  });

  it('are needed by nobody where neither is named', async () => {
    delete process.env['IDENTITY_KEYS_PARAMETER'];
    store.answers = [values({ [keysPath]: KEYS })];
    expect(await identityKeys()).toBeNull();
  });

  it('are checked anew when the service changes its own', async () => {
    process.env['IDENTITY_KEYS'] = SITE;
    process.env['JWT_KEYS'] = KEYS;
    expect(await identityKeys()).toHaveLength(1);
    process.env['JWT_KEYS'] = `${KEYS},${SITE}`;
    await expect(identityKeys()).rejects.toMatchObject({
      message: 'IDENTITY_KEYS: key s is in JWT_KEYS too: make one for each',
    });
    delete process.env['JWT_KEYS'];
  });
});

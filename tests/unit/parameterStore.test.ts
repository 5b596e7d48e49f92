import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest, ServerResponse } from 'node:http';
import { jest } from '@jest/globals';
import { asAppError } from '../../lib/errors/faults.ts';
import { readParameters } from '../../lib/runtime/parameterStore.ts';
import { within } from '../support/deadline.ts';
import {
  type Asked,
  broken,
  held,
  json,
  ParameterStore,
  silent,
  throttled,
  values,
} from '../support/parameterStore.ts';
import { signatureFault } from '../support/sigv4.ts';

/** Parameters, read as AWS wants to be asked, from a server that answers as AWS does. */

const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const VALUE = 'mongodb://user:päss@host/db';
const value = values({ '/a/b': VALUE, '/a/c': 'another' });

let store: ParameterStore;
const before = { ...process.env };

beforeAll(async () => {
  store = await ParameterStore.start();
});

beforeEach(() => {
  store.asked = [];
  store.answers = [];
  Object.assign(process.env, store.environment, {
    AWS_SECRET_ACCESS_KEY: SECRET,
    AWS_SESSION_TOKEN: 'a session+token/=',
  });
});

afterAll(async () => {
  process.env = before;
  await store.stop();
});

const read = async () => (await readParameters(['/a/b'])).get('/a/b');

const failure = async (patienceMs?: number) => {
  const error: unknown = await readParameters(['/a/b'], { patienceMs }).then(
    () => Promise.reject(new Error('it was read')),
    (thrown: unknown) => thrown,
  );
  expect(JSON.stringify([error, String(error), (error as Error).stack])).not.toMatch(/päss|wJalr|session\+token/);
  return error;
};

it('asks as AWS wants to be asked, signed as the function', async () => {
  store.answers = [value];
  expect(await read()).toBe(VALUE);
  expect(store.asked).toHaveLength(1);
  const [request] = store.asked as [Asked];
  expect(request).toMatchObject({
    method: 'POST',
    url: '/',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'AmazonSSM.GetParameters',
      'x-amz-security-token': 'a session+token/=',
    },
  });
  expect(JSON.parse(request.body.toString())).toEqual({ Names: ['/a/b'], WithDecryption: true });
  expect(request.headers.authorization).toMatch(/Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/ssm\/aws4_request/);
  expect(signatureFault(request, SECRET)).toBeNull();
});

it('would be found out with another secret, or another body', async () => {
  store.answers = [value];
  await read();
  const [request] = store.asked as [Asked];
  expect(signatureFault(request, `${SECRET}x`)).toBe('signature does not match');
  expect(signatureFault({ ...request, body: Buffer.from('{}') }, SECRET)).toBe('signature does not match');
  expect(signatureFault({ ...request, headers: { ...request.headers, host: 'elsewhere' } }, SECRET)).not.toBeNull();
});

it.each([
  ['an empty value', values({ '/a/b': '' }), ''],
  ['nothing of what isn’t there', values({}), undefined],
  ['a value after a pause', throttled, VALUE],
  ['a value after a fault of theirs', json(500, { __type: 'InternalServerError' }), VALUE],
  ['a value after a broken connection', broken, VALUE],
])('reads %s', async (_what, first, expected) => {
  store.answers = [first, value];
  expect(await read()).toBe(expected);
});

it.each([
  ['AccessDeniedException', json(400, { __type: 'AccessDeniedException' })],
  ['InvalidKeyId', json(400, { __type: 'com.amazonaws.ssm#InvalidKeyId' })],
  ['HTTP 403', (response: ServerResponse) => void response.writeHead(403).end('<html>')],
  ['HTTP 200', json(200, { Parameters: {} })],
  ['HTTP 200', json(200, null)],
])('takes a refusal for an answer: %s', async (code, answer) => {
  store.answers = [answer, value];
  const error = await failure();
  expect(error).toMatchObject({ name: 'ParameterStoreError', code });
  expect(asAppError(error).code).toBe('INTERNAL');
  expect(store.asked).toHaveLength(1);
});

it.each([
  ['ThrottlingException', throttled],
  ['HTTP 503', (response: ServerResponse) => void response.writeHead(503).end()],
  ['HTTP 429', (response: ServerResponse) => void response.writeHead(429).end()],
  ['ECONNRESET', broken],
])('gives up after three tries: %s', async (code, answer) => {
  store.answers = [answer, answer, answer, value];
  const error = await failure();
  expect(error).toMatchObject({ name: 'ParameterStoreUnavailable', code });
  // Whoever asked may ask again.
  expect(asAppError(error).code).toBe('UNAVAILABLE');
  expect(store.asked).toHaveLength(3);
});

it('waits no longer than it has patience', async () => {
  store.answers = [silent, value];
  const error = await failure(200);
  expect(error).toMatchObject({ name: 'ParameterStoreUnavailable', code: 'TimeoutError' });
  expect(asAppError(error).code).toBe('UNAVAILABLE');
  expect(store.asked).toHaveLength(1);
});

it('reads several at once', async () => {
  store.answers = [value];
  const read = await readParameters(['/a/c', '/a/b', '/a/d']);
  expect([...read]).toEqual([
    ['/a/b', VALUE],
    ['/a/c', 'another'],
  ]);
  expect(store.names).toEqual([['/a/c', '/a/b', '/a/d']]);
});

it('leaves time for other work while the answer is on its way', async () => {
  let request: ClientRequest | undefined;
  const onStart = (message: unknown) => {
    ({ request } = message as { readonly request: ClientRequest });
  };
  subscribe('http.client.request.start', onStart);
  try {
    // No answer before that work is done.
    const late = held(value);
    store.answers = [late.answer];
    let isSent: boolean | undefined;
    const meanwhile = () => {
      isSent = request?.writableFinished;
      late.release();
    };
    const values = await within('the answer', readParameters(['/a/b'], { meanwhile }));
    expect(values.get('/a/b')).toBe(VALUE);
    expect(isSent).toBe(true);
  } finally {
    unsubscribe('http.client.request.start', onStart);
  }
});

it.each(['AWS_ENDPOINT_URL_SSM', 'AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'])(
  'says that %s is missing',
  async (name) => {
    delete process.env[name];
    expect(await failure()).toMatchObject({ name: 'ConfigError', message: `Configuration: ${name} is missing` });
    expect(store.asked).toEqual([]);
  },
);

it('says what the store said where there is no time for another try', async () => {
  const random = jest.spyOn(Math, 'random').mockReturnValue(0.99);
  try {
    store.answers = [throttled, value];
    expect(await failure(150)).toMatchObject({ name: 'ParameterStoreUnavailable', code: 'ThrottlingException' });
    expect(store.asked).toHaveLength(1);
  } finally {
    random.mockRestore();
  }
});

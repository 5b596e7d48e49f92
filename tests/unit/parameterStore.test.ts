import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ParameterStoreError, readParameter } from '../../lib/parameterStore.ts';
import { asAppError } from '../../lib/store/faults.ts';
import { signatureFault } from '../support/sigv4.ts';

/** One parameter, read as AWS wants to be asked, from a server that answers as AWS does. */

const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const VALUE = 'mongodb://user:päss@host/db';

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

type Answer = (response: ServerResponse) => void;

const json =
  (status: number, body: unknown): Answer =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
const value = json(200, { Parameter: { Name: '/a/b', Type: 'SecureString', Value: VALUE, Version: 1 } });
const throttled = json(400, { __type: 'ThrottlingException', message: 'Rate exceeded' });
const broken: Answer = (response) => response.destroy();
const silent: Answer = () => undefined;

let server: Server;
let asked: Asked[];
let answers: Answer[];
const before = { ...process.env };

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = request;
    asked.push({ method, url, headers, body: Buffer.concat(chunks) });
    (answers.shift() ?? broken)(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

beforeEach(() => {
  asked = [];
  answers = [];
  Object.assign(process.env, {
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: SECRET,
    AWS_SESSION_TOKEN: 'a session+token/=',
    AWS_ENDPOINT_URL_SSM: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  });
});

afterAll(async () => {
  process.env = before;
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const failure = async (patienceMs?: number) => {
  const error: unknown = await readParameter('/a/b', patienceMs).then(
    () => Promise.reject(new Error('it was read')),
    (thrown: unknown) => thrown,
  );
  expect(JSON.stringify([error, String(error), (error as Error).stack])).not.toMatch(/päss|wJalr|session\+token/);
  return error;
};

it('asks as AWS wants to be asked, signed as the function', async () => {
  answers = [value];
  expect(await readParameter('/a/b')).toBe(VALUE);
  expect(asked).toHaveLength(1);
  const [request] = asked as [Asked];
  expect(request).toMatchObject({
    method: 'POST',
    url: '/',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'AmazonSSM.GetParameter',
      'x-amz-security-token': 'a session+token/=',
    },
  });
  expect(JSON.parse(request.body.toString())).toEqual({ Name: '/a/b', WithDecryption: true });
  expect(request.headers.authorization).toMatch(/Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/ssm\/aws4_request/);
  expect(signatureFault(request, SECRET)).toBeNull();
});

it('would be found out with another secret, or another body', async () => {
  answers = [value];
  await readParameter('/a/b');
  const [request] = asked as [Asked];
  expect(signatureFault(request, `${SECRET}x`)).toBe('signature does not match');
  expect(signatureFault({ ...request, body: Buffer.from('{}') }, SECRET)).toBe('signature does not match');
  expect(signatureFault({ ...request, headers: { ...request.headers, host: 'elsewhere' } }, SECRET)).not.toBeNull();
});

it.each([
  ['an empty value', json(200, { Parameter: { Value: '' } }), ''],
  ['a value after a pause', throttled, VALUE],
  ['a value after a fault of theirs', json(500, { __type: 'InternalServerError' }), VALUE],
  ['a value after a broken connection', broken, VALUE],
])('reads %s', async (_what, first, expected) => {
  answers = [first, value];
  expect(await readParameter('/a/b')).toBe(expected);
});

it.each([
  ['AccessDeniedException', json(400, { __type: 'AccessDeniedException' })],
  ['ParameterNotFound', json(400, { __type: 'com.amazonaws.ssm#ParameterNotFound' })],
  ['HTTP 403', (response: ServerResponse) => void response.writeHead(403).end('<html>')],
  ['HTTP 200', json(200, { Parameter: {} })],
  ['HTTP 200', json(200, null)],
])('takes a refusal for an answer: %s', async (code, answer) => {
  answers = [answer, value];
  const error = await failure();
  expect(error).toMatchObject({ name: 'ParameterStoreError', code });
  expect(asAppError(error).code).toBe('INTERNAL');
  expect(asked).toHaveLength(1);
});

it.each([
  ['ThrottlingException', throttled],
  ['HTTP 503', (response: ServerResponse) => void response.writeHead(503).end()],
  ['HTTP 429', (response: ServerResponse) => void response.writeHead(429).end()],
  ['ECONNRESET', broken],
])('gives up after three tries: %s', async (code, answer) => {
  answers = [answer, answer, answer, value];
  const error = await failure();
  expect(error).toMatchObject({ name: 'ParameterStoreUnavailable', code });
  // Whoever asked may ask again.
  expect(asAppError(error).code).toBe('UNAVAILABLE');
  expect(asked).toHaveLength(3);
});

it('waits no longer than it has patience', async () => {
  answers = [silent, value];
  const error = await failure(200);
  expect(error).toMatchObject({ name: 'ParameterStoreUnavailable', code: 'TimeoutError' });
  expect(asAppError(error).code).toBe('UNAVAILABLE');
  expect(asked).toHaveLength(1);
});

it('says what the store said where there is no time for another try', async () => {
  answers = [throttled, throttled, throttled];
  expect(await failure(1_000)).toMatchObject({ name: 'ParameterStoreUnavailable', code: 'ThrottlingException' });
  answers = [throttled, value];
  asked = [];
  // The shortest pause is none at all: whether there is a second try, chance decides.
  await readParameter('/a/b', 1).catch((error: unknown) => expect(error).toBeInstanceOf(ParameterStoreError));
});

it.each(['AWS_ENDPOINT_URL_SSM', 'AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'])(
  'says that %s is missing',
  async (name) => {
    delete process.env[name];
    expect(await failure()).toMatchObject({ name: 'ConfigError', message: `Configuration: ${name} is missing` });
    expect(asked).toEqual([]);
  },
);

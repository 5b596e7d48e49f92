import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { jest } from '@jest/globals';
import { cut } from '../../lib/realtime/cut.ts';
import { post, preparePost } from '../../lib/realtime/gateway.ts';
import { resetConfig } from '../../lib/runtime/config.ts';
import { atOneMoment } from '../support/clock.ts';
import { within } from '../support/deadline.ts';

/** The management API over a network that loses connections, as it is after Lambda has frozen a function for a while. */

/** One request as the server met it. */
interface Met {
  readonly id: string;
  readonly socket: Socket;
  /** Which request of its socket, from 1. */
  readonly nth: number;
  readonly method: string;
}

/** What the server does with a request: answer a status, say nothing, or reset the connection. */
type Answer = number | 'silence' | 'reset';

const ERRORS: Readonly<Record<number, string>> = {
  403: 'ForbiddenException',
  410: 'GoneException',
  413: 'PayloadTooLargeException',
  429: 'LimitExceededException',
  500: 'InternalServerException',
};

let server: Server;
let met: Met[];
let answerTo: (request: Met) => Answer;

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  await buffer(request);
  const { socket, method = '' } = request;
  const id = decodeURIComponent(request.url?.split('/').at(-1)?.split('?')[0] ?? '');
  const one = { id, socket, nth: met.filter((other) => other.socket === socket).length + 1, method };
  met.push(one);
  const answer = answerTo(one);
  if (answer === 'silence') return;
  if (answer === 'reset') return void socket.resetAndDestroy();
  const error = ERRORS[answer];
  response.writeHead(answer, error ? { 'x-amzn-errortype': error, 'content-type': 'application/json' } : {});
  response.end(answer >= 400 ? JSON.stringify({ message: 'no' }) : undefined);
}

const before = process.env;

beforeEach(async () => {
  met = [];
  answerTo = () => 200;
  server = createServer((request, response) => void serve(request, response));
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  process.env = {
    ...before,
    LOG_LEVEL: 'silent',
    // Another server each time: nothing is left of the sockets of the test before.
    WEBSOCKET_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  };
  resetConfig();
});
afterEach(async () => {
  jest.restoreAllMocks();
  process.env = before;
  resetConfig();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const PONG = { event: 'PONG', data: {} } as const;
const deliver = (id = 'c1') => within('the post to end', post(id, PONG));
const statuses = (...answers: Answer[]) => {
  const left = [...answers];
  answerTo = () => left.shift() ?? 200;
};

it('uses a socket again', async () => {
  expect([await deliver(), await deliver()]).toEqual(['delivered', 'delivered']);
  expect(met.map(({ nth }) => nth)).toEqual([1, 2]);
});

describe.each(['reset', 'silence'] as const)('a socket that was kept, and then meets %s', (fault) => {
  beforeEach(async () => {
    expect(await deliver()).toBe('delivered');
    met = met.slice(-1);
    answerTo = ({ nth }) => (nth > 1 ? fault : 200);
  });

  it('costs no frame: the post is made again over another one', async () => {
    // A post's two seconds don't pass, on however busy a machine; its attempts end by timers.
    expect(await atOneMoment(() => deliver())).toBe('delivered');
    const [, first, second] = met;
    expect(met).toHaveLength(3);
    expect(first?.nth).toBe(2);
    expect(second).toMatchObject({ id: 'c1', nth: 1 });
    expect(second?.socket).not.toBe(first?.socket);
  });

  it('costs no cut: it is made again over another one', async () => {
    await within(
      'the cut to end',
      atOneMoment(() => cut('c1')),
    );
    expect(met.slice(1)).toMatchObject([
      { method: 'DELETE', nth: 2 },
      { method: 'DELETE', nth: 1 },
    ]);
  });
});

it('delivers to a whole room though every socket that was kept is dead', async () => {
  // Few enough that each has its time, on however busy a machine.
  const room = Array.from({ length: 8 }, (_, index) => `c${index}`);
  const toAll = () => Promise.all(room.map((id) => deliver(id)));
  await toAll();
  const old = new Set(met.map(({ socket }) => socket));
  answerTo = ({ nth }) => (nth > 1 ? 'reset' : 200);
  expect(await toAll()).toEqual(room.map(() => 'delivered'));
  const again = met.slice(room.length).filter(({ socket }) => !old.has(socket));
  expect(new Set(again.map(({ id }) => id))).toEqual(new Set(room));
});

it('uses no socket again that has idled long: the process may have been frozen', async () => {
  await deliver();
  const now = Date.now();
  jest.spyOn(Date, 'now').mockReturnValue(now + 11_000);
  answerTo = ({ nth }) => (nth > 1 ? 'silence' : 200);
  expect(await deliver()).toBe('delivered');
  expect(met.map(({ nth }) => nth)).toEqual([1, 1]);
});

it.each<[string, readonly Answer[]]>([
  ['a reset', ['reset', 200]],
  ['silence', ['silence', 200]],
  ['a 500', [500, 200]],
  ['a 503', [503, 200]],
  ['a 429', [429, 200]],
  ['a reset and a 500', ['reset', 500, 200]],
])('delivers after %s', async (_what, answers) => {
  statuses(...answers);
  expect(await deliver()).toBe('delivered');
  expect(met).toHaveLength(answers.length);
});

it.each<[Answer, string]>([
  [410, 'gone'],
  [403, 'failed'],
  [413, 'failed'],
])('asks once where the answer is %s', async (answer, delivery) => {
  answerTo = () => answer;
  expect(await deliver()).toBe(delivery);
  expect(met).toHaveLength(1);
});

it('takes an answer that came while the process got no processor, though its time was up by then', async () => {
  await deliver();
  answerTo = () => {
    // The server and the post share this process: neither gets anywhere, and the post's timer is due.
    const end = performance.now() + 1_200;
    while (performance.now() < end);
    return 200;
  };
  expect(await deliver()).toBe('delivered');
  expect(met).toHaveLength(2);
});

it('finds a connection gone that its first attempt could not tell of', async () => {
  statuses('reset', 410);
  expect(await deliver()).toBe('gone');
});

it.each<Answer>(['reset', 'silence', 500, 429])('gives up where %s is all there is', async (answer) => {
  answerTo = () => answer;
  const [delivery] = await Promise.all([deliver(), within('the cut to end', cut('c2'))]);
  expect(delivery).toBe('failed');
  for (const method of ['POST', 'DELETE']) {
    const attempts = met.filter((one) => one.method === method);
    expect(attempts.length).toBeGreaterThan(1);
    expect(attempts.length).toBeLessThanOrEqual(4);
  }
});

it('gives up where nobody listens', async () => {
  await new Promise((resolve) => server.close(resolve));
  expect(await deliver()).toBe('failed');
});

describe('a post that is ready', () => {
  it('is not on the wire until it is made, and never where it is not', async () => {
    const ready = preparePost('c1', PONG);
    preparePost('c2', PONG);
    // What goes out meanwhile has all the time that those would have needed.
    expect([await deliver('c3'), await deliver('c4')]).toEqual(['delivered', 'delivered']);
    expect(met.map(({ id }) => id)).toEqual(['c3', 'c4']);
    expect(await within('the post to end', ready())).toBe('delivered');
    expect(met.map(({ id }) => id)).toEqual(['c3', 'c4', 'c1']);
  });

  it('has its time from when it is made', async () => {
    const ready = preparePost('c1', PONG);
    const now = Date.now();
    jest.spyOn(Date, 'now').mockReturnValue(now + 60_000);
    // Were its time over, there would be no second attempt.
    statuses(500, 200);
    expect(await within('the post to end', ready())).toBe('delivered');
    expect(met).toHaveLength(2);
  });

  it('is made again where its socket turns out to be dead', async () => {
    await deliver();
    const ready = preparePost('c1', PONG);
    answerTo = ({ nth }) => (nth > 1 ? 'reset' : 200);
    expect(await within('the post to end', ready())).toBe('delivered');
    expect(met.map(({ nth }) => nth)).toEqual([1, 2, 1]);
  });

  it('uses no socket that has idled long by then', async () => {
    await deliver();
    const ready = preparePost('c1', PONG);
    const now = Date.now();
    jest.spyOn(Date, 'now').mockReturnValue(now + 11_000);
    answerTo = ({ nth }) => (nth > 1 ? 'silence' : 200);
    expect(await within('the post to end', ready())).toBe('delivered');
    expect(met.map(({ nth }) => nth)).toEqual([1, 1]);
  });
});

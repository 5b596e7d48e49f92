import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cutAll } from '../../lib/realtime/cut.ts';
import { resetConfig } from '../../lib/runtime/config.ts';
import { atOneMoment } from '../support/clock.ts';

/** Ending many sessions at once cuts many sockets, a few at a time. */

const thousand = Array.from({ length: 1_000 }, (_, index) => `connection-${index}`);

let server: Server;
let seen: { asked: number; atOnce: number; sockets: Set<string | undefined> };
let answer: (response: ServerResponse) => void;

const before = process.env;
beforeEach(async () => {
  seen = { asked: 0, atOnce: 0, sockets: new Set() };
  let underWay = 0;
  server = createServer((request, response) => {
    seen.asked += 1;
    seen.sockets.add(request.url);
    underWay += 1;
    seen.atOnce = Math.max(seen.atOnce, underWay);
    response.once('close', () => {
      underWay -= 1;
    });
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  process.env = {
    ...before,
    LOG_LEVEL: 'silent',
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    WEBSOCKET_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  };
  resetConfig();
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  process.env = before;
  resetConfig();
});

it('cuts many sockets, no more than fifty at once', async () => {
  answer = (response) => setImmediate(() => response.writeHead(204).end());
  // The two seconds don't pass, on however busy a machine; an attempt that takes long is made again.
  await atOneMoment(() => cutAll(thousand.slice(0, 150)));
  expect(seen.sockets.size).toBe(150);
  expect(seen.atOnce).toBeLessThanOrEqual(50);
});

it('gives up on the rest when the gateway doesn’t answer', async () => {
  answer = () => undefined;
  await cutAll(thousand);
  // Some attempts for each of the first fifty; the others are not begun, for the time for all of them is over.
  expect(seen.asked).toBeLessThanOrEqual(50 * 4);
});

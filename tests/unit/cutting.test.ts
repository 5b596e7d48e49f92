import { ApiGatewayManagementApiClient } from '@aws-sdk/client-apigatewaymanagementapi';
import { jest } from '@jest/globals';
import { cutAll } from '../../lib/realtime/cut.ts';
import { resetConfig } from '../../lib/runtime/config.ts';

/** Ending many sessions at once cuts many sockets, a few at a time. */

const thousand = Array.from({ length: 1_000 }, (_, index) => `connection-${index}`);

/** Stands in for the gateway; answers how many it was asked to cut, and how many at once. */
function gateway(answer: (signal: AbortSignal) => Promise<void>) {
  const seen = { asked: 0, atOnce: 0 };
  let underWay = 0;
  jest.spyOn(ApiGatewayManagementApiClient.prototype, 'send').mockImplementation((async (
    _: unknown,
    { abortSignal }: { abortSignal: AbortSignal },
  ) => {
    seen.asked += 1;
    underWay += 1;
    seen.atOnce = Math.max(seen.atOnce, underWay);
    await answer(abortSignal).finally(() => {
      underWay -= 1;
    });
  }) as never);
  return seen;
}

const before = process.env;
beforeEach(() => {
  process.env = { ...before, LOG_LEVEL: 'silent' };
  resetConfig();
});
afterEach(() => {
  jest.restoreAllMocks();
  process.env = before;
  resetConfig();
});

it('cuts a thousand sockets, no more than fifty at once', async () => {
  const seen = gateway(() => new Promise((resolve) => setImmediate(resolve)));
  await cutAll(thousand);
  expect(seen).toEqual({ asked: 1_000, atOnce: 50 });
});

it('gives up on the rest when the gateway doesn’t answer', async () => {
  const seen = gateway(
    (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))),
  );
  await cutAll(thousand);
  // Some attempts for each of the first fifty; the others are not begun, for the time for all of them is over.
  expect(seen.atOnce).toBe(50);
  expect(seen.asked).toBeLessThanOrEqual(50 * 4);
});

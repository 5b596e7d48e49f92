import { setTimeout as sleep } from 'node:timers/promises';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { httpEndpoint } from '../../lib/http/endpoint.ts';
import { SEND_MESSAGE, type ServerFrame } from '../../lib/protocol/events.ts';
import * as routes from '../../lib/protocol/routes/operations.ts';
import { COMMAND_MS } from '../../lib/runtime/deadline.ts';
import { disconnect } from '../../lib/store/database.ts';
import { onFrame } from '../../lib/websocket/frameHandler.ts';
import type { SocketEvent } from '../../lib/websocket/frames.ts';
import { databaseUri } from '../../local/mongod.ts';
import { within } from '../support/deadline.ts';

/** A command that never ends, on either API. */

const before = { ...process.env };
beforeAll(() => {
  process.env['MONGODB_URI'] = databaseUri(process.env['TEST_MONGODB_URI'] ?? '', 'deadline');
  process.env['LOG_LEVEL'] = 'silent';
});
afterAll(async () => {
  process.env = before;
  await disconnect();
});

const context = { awsRequestId: 'request' } as Context;
const never = () => new Promise<never>(() => undefined);

const http = { headers: {}, requestContext: { http: { sourceIp: '192.0.2.1' } } } as unknown as APIGatewayProxyEventV2;
const frame = { requestContext: { connectionId: 'c', requestId: 'r' }, body: '{"requestId":"mine"}' } as SocketEvent;

/** Work that follows the command, and takes longer than it may. */
function following() {
  const state = { done: false };
  const handle = (outlet: { waitUntil(work: () => Promise<unknown>): void }, then: () => void = () => undefined) => {
    outlet.waitUntil(async () => {
      await sleep(COMMAND_MS + 300);
      then();
      state.done = true;
    });
    return never();
  };
  return { state, handle };
}

// All at once, for each takes as long as a command may.
it('is answered all the same, on either API, once what follows it has ended', async () => {
  const sent: ServerFrame[] = [];
  const to = (frames: ServerFrame[]) => (_to: string, given: ServerFrame) => async () => {
    frames.push(given);
    return 'delivered' as const;
  };
  const sentLate: ServerFrame[] = [];
  const [overSocket, overHttp] = [following(), following()];
  const [socketAnswer, httpAnswer] = await within(
    'an end of each',
    Promise.all([
      onFrame(SEND_MESSAGE, to(sent), never).handle(frame, context),
      httpEndpoint(routes.health, never).handle(http, context),
      // An answer that was ready before the command was given up.
      onFrame(SEND_MESSAGE, to(sentLate), (_, outlet) =>
        overSocket.handle(outlet, outlet.prepareReply('PONG', {})),
      ).handle(frame, context),
      httpEndpoint(routes.health, overHttp.handle).handle(http, context),
    ]),
  );
  expect(socketAnswer).toEqual({ statusCode: 200 });
  for (const frames of [sent, sentLate]) {
    expect(frames).toMatchObject([{ event: 'ERROR', data: { code: 'UNAVAILABLE' }, requestId: 'mine' }]);
  }
  expect(httpAnswer).toMatchObject({ statusCode: 503, headers: { 'retry-after': expect.any(String) as unknown } });
  expect([overSocket.state.done, overHttp.state.done]).toEqual([true, true]);
});

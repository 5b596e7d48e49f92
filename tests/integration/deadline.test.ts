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

it('is answered over the socket all the same', async () => {
  const sent: ServerFrame[] = [];
  const send = async (_to: string, frame: ServerFrame) => {
    sent.push(frame);
    return 'delivered' as const;
  };
  const { handle } = onFrame(SEND_MESSAGE, send, never);
  const event = { requestContext: { connectionId: 'c', requestId: 'r' }, body: '{"requestId":"mine"}' };
  expect(await within('an end', handle(event as SocketEvent, context))).toEqual({ statusCode: 200 });
  expect(sent).toMatchObject([{ event: 'ERROR', data: { code: 'UNAVAILABLE' }, requestId: 'mine' }]);
});

it('is answered over HTTP all the same', async () => {
  const { handle } = httpEndpoint(routes.health, never);
  const event = { headers: {}, requestContext: { http: { sourceIp: '192.0.2.1' } } };
  const answer = await within('an end', handle(event as unknown as APIGatewayProxyEventV2, context));
  expect(answer).toMatchObject({ statusCode: 503, headers: { 'retry-after': expect.any(String) as unknown } });
});

it.each(['socket', 'HTTP'])('ends once what follows it has, over %s too', async (way) => {
  let done = false;
  const handle = (outlet: { waitUntil(work: () => Promise<unknown>): void }) => {
    outlet.waitUntil(async () => {
      await sleep(COMMAND_MS + 300);
      done = true;
    });
    return never();
  };
  const http = { headers: {}, requestContext: { http: { sourceIp: '192.0.2.1' } } };
  const frame = { requestContext: { connectionId: 'c', requestId: 'r' }, body: '{}' };
  const handled =
    way === 'HTTP'
      ? httpEndpoint(routes.health, handle).handle(http as unknown as APIGatewayProxyEventV2, context)
      : onFrame(
          SEND_MESSAGE,
          async () => 'delivered',
          (_, outlet) => handle(outlet),
        ).handle(frame as SocketEvent, context);
  await within('an end', handled);
  expect(done).toBe(true);
});

import { PostToConnectionCommand } from '@aws-sdk/client-apigatewaymanagementapi';
import type { ServerFrame } from '../protocol/events.ts';
import { type Delivery, persist } from './managementApi.ts';

export type { Delivery } from './managementApi.ts';

/**
 * Posts a frame to a connection. Never throws, and never takes longer than two seconds. A post whose answer was lost is
 * made again, so the frame may arrive twice.
 */
export async function post(connectionId: string, frame: ServerFrame): Promise<Delivery> {
  const Data = Buffer.from(JSON.stringify(frame));
  return persist('post failed', connectionId, (client, abortSignal) =>
    client.send(new PostToConnectionCommand({ ConnectionId: connectionId, Data }), { abortSignal }),
  );
}

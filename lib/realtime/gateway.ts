import { PostToConnectionCommand } from '@aws-sdk/client-apigatewaymanagementapi';
import type { ServerFrame } from '../protocol/events.ts';
import { type Delivery, persist } from './managementApi.ts';

export type { Delivery } from './managementApi.ts';

/** The bytes that API Gateway carries in one frame, less room for the envelope and a `requestId`. */
export const FRAME_BYTES = 32 * 1024 - 512;

/**
 * Posts a frame to a connection. Never throws, and never takes longer than two seconds, nor beyond `end`, in epoch
 * milliseconds. A post whose answer was lost is made again, so the frame may arrive twice.
 */
export async function post(connectionId: string, frame: ServerFrame, end?: number): Promise<Delivery> {
  const Data = Buffer.from(JSON.stringify(frame));
  const send: Parameters<typeof persist>[2] = (client, abortSignal) =>
    client.send(new PostToConnectionCommand({ ConnectionId: connectionId, Data }), { abortSignal });
  return persist('post failed', connectionId, send, end);
}

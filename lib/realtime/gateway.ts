import { PostToConnectionCommand } from '@aws-sdk/client-apigatewaymanagementapi';
import type { ServerFrame } from '../protocol/events.ts';
import { type Delivery, prepare } from './managementApi.ts';

export type { Delivery } from './managementApi.ts';

/** The bytes that API Gateway carries in one frame, less room for the envelope and a `requestId`. */
const FRAME_BYTES = 32 * 1024 - 512;

/**
 * Returns as many of these, from the first on, as fit one frame beside so many bytes. One at least: a long `context` may fill the
 * frame alone, and a post may have four frames.
 */
export function asManyAsFit<T>(items: readonly T[], besideBytes = 0): T[] {
  let bytes = besideBytes;
  const end = items.findIndex((item, index) => {
    bytes += Buffer.byteLength(JSON.stringify(item)) + 1;
    return bytes > FRAME_BYTES && index > 0;
  });
  return items.slice(0, end === -1 ? items.length : end);
}

/** A post that is ready: calling it, once, makes it. Until then nothing is on the wire. */
export type Post = (end?: number) => Promise<Delivery>;

/**
 * Makes ready to post a frame to a connection, which takes longer than to post it then. The post never throws, and never
 * takes longer than two seconds, nor beyond `end`, in epoch milliseconds. A post whose answer was lost is made again, so the
 * frame may arrive twice.
 */
export function preparePost(connectionId: string, frame: ServerFrame): Post {
  const input = { ConnectionId: connectionId, Data: Buffer.from(JSON.stringify(frame)) };
  return prepare({
    input,
    send: (client) => client.send(new PostToConnectionCommand(input)),
    complaint: 'post failed',
  });
}

/** Posts a frame to a connection: see `preparePost`. */
export const post = (connectionId: string, frame: ServerFrame): Promise<Delivery> => preparePost(connectionId, frame)();

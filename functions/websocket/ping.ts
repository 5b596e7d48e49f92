import { PING } from '../../lib/protocol/events.ts';
import { preparePost } from '../../lib/realtime/gateway.ts';
import { onFrame } from '../../lib/websocket/frameHandler.ts';
import { validateFrame } from '../../lib/websocket/frames.ts';

/** Needs no database: every connection may ping, and a ping changes nothing. */
export const ping = onFrame(PING, preparePost, async (raw, { reply }) => {
  validateFrame(PING, raw);
  reply('PONG', {});
});

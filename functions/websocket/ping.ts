import { PING } from '../../lib/protocol/events.ts';
import { post } from '../../lib/realtime/gateway.ts';
import { onFrame } from '../../lib/websocket/frameHandler.ts';
import { validateFrame } from '../../lib/websocket/frames.ts';

/** Needs no database: whoever holds the connection may ping, and it changes nothing. */
export const ping = onFrame(PING, post, async (raw, { reply }) => {
  validateFrame(PING, raw);
  reply('PONG', {});
});

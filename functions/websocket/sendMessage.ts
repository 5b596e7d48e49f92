import { SEND_MESSAGE } from '../../lib/protocol/events.ts';
import { accepted, sendMessage, tellRoom } from '../../lib/services/rooms/sendMessage.ts';
import { onClientEvent } from '../../lib/websocket/clientEvent.ts';

export const handler = onClientEvent(SEND_MESSAGE, async ({ caller, data, reply, waitUntil }) => {
  const sent = await sendMessage(caller, data);
  reply('MESSAGE_ACCEPTED', accepted(sent));
  waitUntil(() => tellRoom(sent));
});

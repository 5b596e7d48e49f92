import { SEND_MESSAGE } from '../../lib/protocol/events.ts';
import * as service from '../../lib/services/rooms/sendMessage.ts';
import { onClientEvent } from '../../lib/websocket/clientEvent.ts';

export const sendMessage = onClientEvent(SEND_MESSAGE, async ({ caller, data, reply, waitUntil }) => {
  const sent = await service.sendMessage(caller, data);
  reply('MESSAGE_ACCEPTED', service.accepted(sent));
  waitUntil(() => service.tellRoom(sent));
});
